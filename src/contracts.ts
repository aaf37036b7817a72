// The extension interfaces: what a source, a plugin, a reconciler and a connector promise.
import type {
  DesiredState,
  Diagnostic,
  EdgeConnectionInfo,
  IngressEntry,
  IngressRule,
  Plan,
  Service,
  ServiceId,
} from './model.ts';

/** Where services come from. `list` is the truth; `watch` only says "look again". */
export interface Source {
  readonly name: string;
  /** Everything the source sees now; rejects with a SourceError when it cannot be asked. */
  list(signal: AbortSignal): Promise<SourceResult>;
  /** Calls `notify` whenever a list may have changed, reconnecting by itself; resolves when `signal` aborts. */
  watch(notify: (reason: string) => void, signal: AbortSignal): Promise<void>;
}

/** What one source saw, and what is wrong with single services. */
export interface SourceResult {
  readonly services: readonly Service[];
  readonly diagnostics: readonly Diagnostic[];
}

/** The optional code beside an app's plugin.yaml. Pure: same service in, same entries out. */
export interface Plugin {
  route(service: Service, defaults: readonly IngressEntry[], context: PluginContext): readonly IngressEntry[];
}

/** All a plugin's code may know and do. */
export interface PluginContext {
  readonly domain: string;
  /** The edge listens on loopback only, so `public` means "this machine". */
  readonly loopbackOnly: boolean;
  /** The policy name that applies: the label's, else the default; absent when there is none. */
  readonly access: string | undefined;
  /** Builds an entry for this service; hostname, access and originRequest default to what the user asked for. */
  entry(fields: {
    service: string;
    subdomain?: string;
    hostname?: string;
    path?: string;
    access?: string;
    bypassPaths?: readonly string[];
  }): IngressEntry;
  /** Shows a warning beside the service. */
  warn(message: string): void;
}

/** One kind of remote object kept in line with the desired state. */
export interface Reconciler<T> {
  readonly target: Plan<T>['target'];
  /** Reads reality and says what differs; changes nothing. */
  plan(desired: DesiredState, signal: AbortSignal): Promise<Plan<T>>;
  /** Resolves to the services whose changes failed; throws only when nothing could be done at all. */
  apply(plan: Plan<T>, phase: 'upsert' | 'delete', signal: AbortSignal): Promise<readonly ServiceId[]>;
  /** What the last plan and its applies have to tell the user beyond what was held. */
  diagnostics?(): readonly Diagnostic[];
}

/** Carries traffic between the edge and origins. */
export interface Connector {
  readonly name: 'native' | 'cloudflared';
  /** Begins connecting; resolves once the first connection is registered, or rejects on a permanent error. */
  start(signal: AbortSignal): Promise<void>;
  /** New requests use these rules once this resolves; requests in flight finish on the old ones. */
  updateIngress(rules: readonly IngressRule[]): Promise<void>;
  connections(): readonly EdgeConnectionInfo[];
  /** Unregisters, lets requests in flight finish for at most `gracePeriodMs`, then closes. */
  stop(gracePeriodMs: number): Promise<void>;
}
