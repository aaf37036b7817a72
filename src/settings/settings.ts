// What the program is configured with: the file's shape, and the resolved form the rest of the program reads. Types only.
import type { LogLevel } from '../logger.ts';
import type { ListenAddress } from '../model.ts';
import type { DialectName } from '../sources/dialects/dialect.ts';
import type { FileService } from '../sources/file.ts';

/** `30s`, `10m`, `1h30m`, or seconds as a number. */
export type Duration = string | number;

/** `sallyport.yml` as `settings.schema.json` accepts it; environment and platform options have the same shape. */
export interface SettingsFile {
  readonly domain: string;
  readonly edge: 'embedded' | 'cloudflare';
  readonly connector: 'auto' | 'native' | 'cloudflared';
  readonly mode: 'sync' | 'upsert-only' | 'dry-run';
  readonly grace: Duration;
  readonly owner?: string;
  readonly data_dir?: string;
  readonly cloudflare?: CloudflareFile;
  readonly docker?: { readonly endpoints?: readonly (string | EndpointFile)[] };
  readonly expose: 'labelled' | 'known' | 'all';
  readonly services?: readonly FileService[];
  readonly access?: {
    readonly default?: string;
    readonly zone_default?: string;
    readonly policies?: Readonly<Record<string, PolicySetting>>;
  };
  readonly labels?: LabelsFile;
  readonly plugins?: { readonly dir?: string; readonly allow_code?: boolean };
  readonly embedded_edge?: EmbeddedEdgeFile;
  readonly web?: {
    readonly listen?: string;
    readonly password_hash?: string;
    readonly password_hash_file?: string;
    readonly ingress_proxy?: string;
  };
  readonly log?: { readonly level?: LogLevel; readonly format?: 'auto' | 'pretty' | 'json' };
}

/** One of the file's `docker.endpoints`. */
export interface EndpointFile {
  readonly name?: string;
  readonly url: string;
  /** PEM files. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** Where the ports its containers publish answer; default: the host of the url. */
  readonly address?: string;
}

/** The file's `cloudflare:`. */
export interface CloudflareFile {
  readonly api_token?: string;
  readonly api_token_file?: string;
  readonly tokens?: readonly {
    readonly zones: readonly string[];
    readonly api_token?: string;
    readonly api_token_file?: string;
  }[];
  readonly account?: string;
  readonly zones?: readonly string[];
  readonly ownership?: 'comment' | 'txt';
  readonly tunnel?: {
    readonly name?: string;
    readonly id?: string;
    readonly credentials_file?: string;
    readonly token?: string;
    readonly token_file?: string;
  };
  readonly api_url?: string;
  readonly edge?: readonly string[];
  readonly edge_ca?: string;
}

/** The file's `labels:`. */
export interface LabelsFile {
  readonly prefix?: string;
  readonly dialects?: readonly DialectName[];
  readonly allow?: {
    readonly public?: boolean;
    readonly people?: boolean;
    readonly no_tls_verify?: boolean;
    readonly other_origins?: boolean;
  };
}

/** The file's `embedded_edge:`; listeners as `host:port`. */
export interface EmbeddedEdgeFile {
  readonly http?: string;
  readonly https?: string;
  readonly tunnel?: string;
  readonly api?: string;
  readonly certificates?: string;
  readonly login?: {
    readonly users?: readonly { readonly email: string; readonly password_hash: string }[];
    readonly session?: Duration;
  };
}

/** One Access policy as the settings describe it: one of `allow`, all of `require`, none of `exclude`. */
export interface PolicySetting {
  readonly allow: PolicyConditions & {
    /** Everyone who can log in. */
    readonly everyone?: boolean;
    /** By name or id. */
    readonly service_tokens?: readonly string[];
  };
  readonly require?: PolicyConditions;
  readonly exclude?: PolicyConditions;
  readonly session?: Duration;
}

/** What a policy may ask of a visitor. */
export interface PolicyConditions {
  readonly emails?: readonly string[];
  readonly email_domains?: readonly string[];
  /** Access groups, by name or id. */
  readonly groups?: readonly string[];
  readonly ip_ranges?: readonly string[];
  /** Two-letter codes. */
  readonly countries?: readonly string[];
  /** Identity providers, by name or id. */
  readonly login_methods?: readonly string[];
}

/** The settings with defaults, secrets read and paths made absolute: what `app.ts` hands out. Secrets must never be logged. */
export interface Settings {
  readonly domain: string;
  readonly edge: 'embedded' | 'cloudflare';
  readonly connector: 'auto' | 'native' | 'cloudflared';
  readonly mode: 'sync' | 'upsert-only' | 'dry-run';
  readonly graceMs: number;
  readonly owner: string | undefined;
  readonly dataDir: string;
  readonly cloudflare: {
    readonly apiToken: string | undefined;
    /** The file it is kept in: what stands there later counts from then on. */
    readonly apiTokenFile: string | undefined;
    /** Tokens for single zones. */
    readonly tokens: readonly {
      readonly zones: readonly string[];
      readonly apiToken: string;
      readonly apiTokenFile: string | undefined;
    }[];
    readonly account: string | undefined;
    readonly zones: readonly string[];
    /** Where the mark of a DNS record is kept: its comment, or a TXT record as external-dns writes it. */
    readonly ownership: 'comment' | 'txt';
    readonly tunnel: TunnelSetting;
    readonly apiUrl: string | undefined;
    readonly edge: readonly string[] | undefined;
    readonly edgeCaFile: string | undefined;
  };
  /** Undefined: the usual socket, when it is there. */
  readonly dockerEndpoints: readonly (EndpointFile & { readonly name: string })[] | undefined;
  readonly expose: 'labelled' | 'known' | 'all';
  readonly services: readonly FileService[];
  /** A policy's name, `public`, or undefined for none. */
  readonly accessDefault: string | undefined;
  /** The policy of every name of our zones that nothing else guards; undefined: those have none. */
  readonly accessZoneDefault: string | undefined;
  readonly policies: Readonly<Record<string, PolicySetting>>;
  readonly labels: {
    readonly prefix: string;
    readonly dialects: readonly DialectName[];
    readonly allow: {
      readonly public: boolean;
      /** May a label name who comes in. */
      readonly people?: boolean;
      readonly noTlsVerify: boolean;
      readonly otherOrigins: boolean;
    };
  };
  readonly plugins: { readonly dir: string | undefined; readonly allowCode: boolean };
  readonly embeddedEdge: {
    readonly http: ListenAddress;
    readonly https: ListenAddress;
    readonly tunnel: ListenAddress;
    readonly api: ListenAddress;
    readonly certificatesDir: string;
    /** How people log in where a policy asks them to. */
    readonly login: {
      /** The hashes are secrets. */
      readonly users: readonly { readonly email: string; readonly passwordHash: string }[];
      /** The longest a login lasts; undefined: as the policy says. */
      readonly sessionMs: number | undefined;
    };
  };
  /** The embedded edge is in use and none of its public listeners leaves this machine. */
  readonly loopbackOnly: boolean;
  readonly webListen: ListenAddress;
  /** Who may use the page. */
  readonly webLogin: {
    /** A secret; undefined: only the token of the data directory lets in. */
    readonly passwordHash: string | undefined;
    /** Home Assistant's ingress; undefined: there is none. */
    readonly ingressProxy: string | undefined;
  };
  readonly log: { readonly level: LogLevel; readonly format: 'auto' | 'pretty' | 'json' };
}

/** Which tunnel the connector serves. */
export type TunnelSetting =
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'existing'; readonly id: string; readonly credentialsFile: string }
  | { readonly kind: 'token'; readonly token: string };
