// The nouns of the pipeline. No imports, no code: read this file first.

/** Stable name of a service across restarts and recreation: `docker/immich/immich-server`. */
export type ServiceId = `${string}/${string}`;

/** A running thing we could expose, as a source describes it. Nothing here knows about tunnels. */
export interface Service {
  readonly id: ServiceId;
  /** Default hostname label: the Compose service name, else the container's name. */
  readonly name: string;
  /** Which source listed it: `docker`, `file`, `builtin`. */
  readonly source: string;
  /** Image repository without registry default, tag or digest: `grafana/grafana`. */
  readonly image?: string;
  /** Where the connector can reach it, a host without a port; absent when there is no reachable address. */
  readonly address?: string;
  /** Why there is no address, where the source knows: a clause after the service's name, and how to mend it. */
  readonly unreachable?: { readonly reason: string; readonly hint: string };
  /** How its source knows it must be spoken to; the app's plugin and the user come before it, and `noTLSVerify` counts only for TLS. */
  readonly originRequest?: OriginRequest;
  /** Ports at `address`; `target` is the port inside the container when a published one stands in for it. */
  readonly ports: readonly Port[];
  /** What the user asked for on the container as a whole. */
  readonly hints: ServiceHints;
  /** Further named entries: `sallyport.<name>.hostname=…`; each is routed as a service of its own. */
  readonly entries?: Readonly<Record<string, ServiceHints>>;
  readonly state: 'running' | 'unhealthy' | 'stopped';
}

/** A port a service listens on, reachable as `number` at the service's address. */
export interface Port {
  readonly number: number;
  readonly protocol: 'tcp' | 'udp';
  /** The port inside the container, when it differs from `number` (published ports). */
  readonly target?: number;
  /** What is spoken there, where the source knows it for this very port. */
  readonly speaks?: 'http' | 'https';
}

/** What the user asked for on the container or in the settings, already validated and typed. */
export interface ServiceHints {
  readonly enable?: boolean;
  /** A plugin's id, or `none` to switch detection off. */
  readonly plugin?: string;
  readonly hostname?: string;
  /** cloudflared's path regex. */
  readonly path?: string;
  /** The port inside the container. */
  readonly port?: number;
  readonly protocol?: OriginProtocol;
  /** A full cloudflared service URL instead of the detected one. */
  readonly service?: string;
  /** Which of the container's networks to use. */
  readonly network?: string;
  /** A policy's name, or `public`. */
  readonly access?: string;
  readonly bypassPaths?: readonly string[];
  readonly originRequest?: OriginRequest;
  /** Which of these the operator chose himself, rather than a label: those may weaken what a label may not. */
  readonly chosen?: { readonly access?: boolean; readonly bypassPaths?: boolean };
  /** What guards it for another tool and does not come along: never public, unless its own labels say so. */
  readonly guarded?: string;
  /** Why this must not be published: something written to guard it could not be read. */
  readonly held?: string;
}

/** How the origin is spoken to. */
export type OriginProtocol = 'http' | 'https' | 'tcp' | 'ssh' | 'rdp' | 'smb' | 'unix';

/** One line of the tunnel's routing table; same shape and meaning as cloudflared's. */
export interface IngressRule {
  readonly hostname?: string;
  readonly path?: string;
  /** `http://10.0.0.5:3000`, `ssh://…:22`, `unix:/run/x.sock`, `http_status:404`. */
  readonly service: string;
  readonly originRequest?: OriginRequest;
}

/** Field names are cloudflared's, so documentation and search results carry over. Durations are seconds. */
export interface OriginRequest {
  readonly connectTimeout?: number;
  readonly tlsTimeout?: number;
  readonly tcpKeepAlive?: number;
  readonly keepAliveConnections?: number;
  readonly keepAliveTimeout?: number;
  readonly httpHostHeader?: string;
  readonly originServerName?: string;
  readonly matchSNItoHost?: boolean;
  readonly caPool?: string;
  readonly noTLSVerify?: boolean;
  readonly http2Origin?: boolean;
  readonly disableChunkedEncoding?: boolean;
  readonly noHappyEyeballs?: boolean;
  readonly bastionMode?: boolean;
  readonly proxyAddress?: string;
  readonly proxyPort?: number;
  readonly proxyType?: string;
  readonly ipRules?: readonly IpRule[];
  readonly access?: OriginAccess;
}

/** One line of cloudflared's `ipRules`: which addresses the socks proxy may reach. */
export interface IpRule {
  readonly prefix?: string;
  readonly ports?: readonly number[];
  readonly allow?: boolean;
}

/** cloudflared's `originRequest.access`: a JWT required at the connector. */
export interface OriginAccess {
  readonly required?: boolean;
  readonly teamName?: string;
  readonly audTag?: readonly string[];
}

/** What a plugin returns: a rule, who wants it, and how it is protected. */
export interface IngressEntry {
  readonly serviceId: ServiceId;
  readonly plugin: string;
  readonly rule: IngressRule & { readonly hostname: string };
  /** Never optional: a service is open to the internet only where someone wrote 'public'. */
  readonly access: AccessSpec | 'public';
  /** True when the hostname was written by a person, false when it is a default; decides conflicts. */
  readonly explicit: boolean;
}

/** The policy that guards an entry, and the paths that need no login. */
export interface AccessSpec {
  readonly policy: string;
  readonly bypassPaths?: readonly string[];
}

/** Everything the outside world should look like after a pass. */
export interface DesiredState {
  /** In matching order; the catch-all is added when the table is built. */
  readonly ingress: readonly IngressEntry[];
  readonly dnsRecords: readonly DnsRecord[];
  readonly accessApplications: readonly AccessApplication[];
}

/** A DNS record as we want it or found it. */
export interface DnsRecord {
  readonly id?: string;
  readonly zone: string;
  readonly name: string;
  readonly type: string;
  readonly content: string;
  readonly proxied: boolean;
  /** Absent on a record that is not marked as any instance's. */
  readonly owner?: Owner;
}

/** An Access application as we want it or found it. */
export interface AccessApplication {
  readonly id?: string;
  readonly name: string;
  readonly domain: string;
  /** By name; in a desired state as the settings call them. */
  readonly policies: readonly string[];
  /** It has, or must have, an authority for short-lived SSH certificates; absent where that does not matter or is not known. */
  readonly sshCa?: boolean;
  readonly owner?: Owner;
}

/** One condition of an Access policy, in Cloudflare's words: `{ email: { email: 'a@example.com' } }`. */
export type AccessRule = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A reusable Access policy of ours as we want it or found it. */
export interface AccessPolicy {
  readonly id?: string;
  /** As the settings call it; `family/service-tokens` is the part of `family` that programs pass. */
  readonly name: string;
  /** `allow` asks for a login, `non_identity` for a service token, `bypass` for nothing. */
  readonly decision: string;
  /** One of these is enough. */
  readonly include: readonly AccessRule[];
  /** All of these must hold. */
  readonly require: readonly AccessRule[];
  /** None of these may hold. */
  readonly exclude: readonly AccessRule[];
  /** How long a login lasts, in seconds. */
  readonly session?: number;
  /** The services that rely on it. */
  readonly users: readonly ServiceId[];
}

/** What the Access reconciler keeps: an application has a domain, a policy a decision. */
export type AccessObject = AccessApplication | AccessPolicy;

/** Who created a remote object. We only ever change objects carrying our own id. */
export interface Owner {
  readonly id: string;
  readonly resource: ServiceId;
}

/** One difference between reality and the desired state, and the service it is for. */
export type Change<T> = { readonly serviceId: ServiceId } & (
  | { readonly action: 'create'; readonly desired: T }
  | { readonly action: 'update'; readonly current: T; readonly desired: T; readonly fields: readonly string[] }
  /** With `onlyMark` the object stays as it is, because somebody else has it now: only our mark on it goes. */
  | { readonly action: 'delete'; readonly current: T; readonly onlyMark?: true }
);

/** A change that will not be made now, and why. */
export interface HeldChange<T> {
  readonly change: Change<T>;
  readonly reason: string;
}

/** What one reconciler would do: a value that can be printed, tested or held back. */
export interface Plan<T> {
  readonly target: 'ingress' | 'dns' | 'access';
  readonly changes: readonly Change<T>[];
  /** Changes the policy or ownership held back, with the reason shown to the user. */
  readonly held: readonly HeldChange<T>[];
  /** How many objects of ours there are now, to judge how many deletes are many; unknown counts as few. */
  readonly owned?: number;
  /** How many of the deletes only follow from others, of what nothing uses any more: they do not count among many. */
  readonly following?: number;
}

/** A tunnel as the API knows it. */
export interface Tunnel {
  readonly id: string;
  readonly name: string;
  readonly accountTag: string;
}

/** What a connector proves itself with. The secret must never be logged. */
export interface TunnelCredentials {
  readonly accountTag: string;
  readonly tunnelId: string;
  readonly tunnelSecret: Uint8Array;
}

/** Where a server listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** One place a connector can dial. */
export interface EdgeAddress {
  readonly host: string;
  readonly port: number;
  readonly region: string;
  readonly family: 4 | 6;
}

/** One of the connector's connections to the edge. */
export interface EdgeConnectionInfo {
  readonly index: number;
  readonly state: 'dialing' | 'registering' | 'connected' | 'backing-off' | 'draining' | 'stopped';
  readonly edge?: EdgeAddress;
  readonly location?: string;
  readonly since: Date;
  readonly lastError?: string;
}

/** Something the user should see next to the service it concerns. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning' | 'info';
  /** Stable code, `E_…` or `W_…`; listed in the README. */
  readonly code: string;
  readonly message: string;
  /** How to mend it, when there is a way. */
  readonly hint?: string;
  readonly serviceId?: ServiceId;
}

/** One finished pass; the UI renders this and nothing else. */
export interface Snapshot {
  readonly revision: number;
  readonly finishedAt: Date;
  readonly reasons: readonly string[];
  /** Every source answered and the start-up grace is over: the pass may delete. */
  readonly complete: boolean;
  readonly services: readonly Service[];
  readonly entries: readonly IngressEntry[];
  readonly desired: DesiredState;
  readonly plans: readonly Plan<unknown>[];
  readonly diagnostics: readonly Diagnostic[];
  /** Services for which something could not be done that may work later: worth another pass. */
  readonly failed: readonly ServiceId[];
  /** Something could not be done, if only taking down what no service has any more: worth another pass. */
  readonly isUndone: boolean;
}
