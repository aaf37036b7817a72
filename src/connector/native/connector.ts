// The native connector: connections to the edge on one side, origins on the other, and the live rules between them.
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Clock } from '../../clock.ts';
import type { Connector } from '../../contracts.ts';
import { AppError, EdgeError } from '../../errors.ts';
import { createIngressTable, type IngressTable } from '../../ingress/table.ts';
import type { Logger } from '../../logger.ts';
import type { EdgeConnectionInfo, IngressRule, TunnelCredentials } from '../../model.ts';
import type { AccessTeams } from '../../origin/access/team.ts';
import { createOrigins } from '../../origin/open.ts';
import { streamKind } from '../../protocol/streams.ts';
import { type AddressSlots, createAddressSlots } from './address-slots.ts';
import { serveConfigurationPush } from './configuration-push.ts';
import { keepConnected, type LoopContext } from './connection-loop.ts';
import { type ConnectorMetrics, Counters } from './counters.ts';
import type { EdgeAddresses } from './edge-addresses.ts';
import { defaultEdgeTimings, type EdgeConnection, type EdgeTimings } from './edge-connection.ts';
import { edgeTrust } from './edge-trust.ts';
import { findEdges } from './find-edges.ts';
import { localConfiguration } from './local-configuration.ts';
import { goArch } from './registration-request.ts';
import { type RequestContext, refuseTcp, serveRequest } from './request-stream.ts';

/** How to build a native connector. */
export interface NativeConnectorOptions {
  readonly credentials: TunnelCredentials;
  /** `staticEdges` or `discoverEdges`. */
  readonly edges: EdgeAddresses;
  /** Whom to trust as the edge; undefined: the system's roots. */
  readonly caPem: string | undefined;
  /** Connections wanted; there are never more than edge addresses. */
  readonly haConnections?: number;
  readonly rules?: readonly IngressRule[];
  readonly logger: Logger;
  readonly clock: Clock;
  readonly version: string;
  /** What to do when the edge pushes a configuration; `refuse` unless the tunnel is managed there. */
  readonly onConfiguration?: 'refuse' | 'apply';
  /** Where the teams of `originRequest.access` are; Cloudflare's unless given. */
  readonly accessTeams?: AccessTeams;
  readonly timings?: Partial<EdgeTimings & { readonly backoffFirstMs: number; readonly backoffMaxMs: number }>;
}

/** A connector in this process. */
export interface NativeConnector extends Connector {
  readonly name: 'native';
  /** A UUID, new for each connector. */
  readonly connectorId: string;
  readonly table: IngressTable;
  /** At least one connection is registered. */
  readonly ready: boolean;
  metrics(): ConnectorMetrics;
  /** Calls back when a connection changes its state or the rules change; returns the way to stop. */
  onChange(listener: () => void): () => void;
}

/** Builds the connector; nothing happens before `start`. */
export function createNativeConnector(options: NativeConnectorOptions): NativeConnector {
  return new Native(options);
}

class Native implements NativeConnector {
  readonly name = 'native';
  readonly connectorId = randomUUID();
  readonly table: IngressTable;
  private readonly options: NativeConnectorOptions;
  private readonly counters = new Counters();
  private readonly requests: RequestContext;
  private readonly push: Parameters<typeof serveConfigurationPush>[1];
  private readonly states = new Map<number, EdgeConnectionInfo>();
  /** Registered connections by index; an older one may still be finishing its streams. */
  private readonly registered = new Map<number, EdgeConnection>();
  private readonly open = new Set<EdgeConnection>();
  private readonly listeners = new Set<() => void>();
  /** Ends the loops: no new connection is made. */
  private readonly stopping = new AbortController();
  private readonly loops: Promise<void>[] = [];
  private stopped: Promise<void> | undefined;
  private established = false;
  private reporting: Promise<void> | undefined;
  private reportAgain = false;

  constructor(options: NativeConnectorOptions) {
    this.options = options;
    this.table = createIngressTable(options.rules);
    this.requests = {
      table: this.table,
      origins: createOrigins(options),
      counters: this.counters,
      logger: options.logger,
      clock: options.clock,
      connectorId: this.connectorId,
    };
    this.push = {
      mode: options.onConfiguration ?? 'refuse',
      version: -1,
      apply: (rules) => this.swap(rules),
    };
  }

  get ready(): boolean {
    for (const state of this.states.values()) if (state.state === 'connected') return true;
    return false;
  }

  async start(signal: AbortSignal): Promise<void> {
    const ending = AbortSignal.any([signal, this.stopping.signal]);
    const slots = createAddressSlots(await findEdges({ ...this.options, backoff: this.backoff() }, ending));
    const first = Promise.withResolvers<void>();
    const context = this.loopContext(slots, first.resolve);
    const giveUp = () => this.stopping.abort(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      const loop = keepConnected(0, context, this.stopping.signal);
      // A refusal at start is the caller's; what ends the loop later is a bug, and nobody else would see it.
      this.loops.push(
        loop.catch((error: unknown) => {
          if (this.established) throw error;
        }),
      );
      await Promise.race([first.promise, loop]);
      // The loop only returns early when it was told to.
      this.stopping.signal.throwIfAborted();
    } catch (error) {
      await this.stop(0);
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
    for (let index = 1; index < Math.min(this.options.haConnections ?? 4, slots.size); index++)
      this.loops.push(keepConnected(index, context, this.stopping.signal));
  }

  updateIngress(rules: readonly IngressRule[]): Promise<void> {
    // A rejection, never a throw: that is what the contract's callers wait for.
    return new Promise((resolve) => {
      this.swap(rules);
      resolve();
    });
  }

  connections(): readonly EdgeConnectionInfo[] {
    return [...this.states.values()].sort((a, b) => a.index - b.index);
  }

  metrics(): ConnectorMetrics {
    return this.counters;
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  stop(gracePeriodMs: number): Promise<void> {
    this.stopped ??= this.drain(gracePeriodMs);
    return this.stopped;
  }

  private async drain(gracePeriodMs: number): Promise<void> {
    this.stopping.abort(new EdgeError({ code: 'E_CONNECTOR', message: 'the connector was stopped' }));
    const connections = [...this.open];
    for (const info of this.states.values()) this.setState({ ...info, state: 'draining' });
    const over = new AbortController();
    const grace = this.options.clock.sleep(gracePeriodMs, over.signal).catch(() => undefined);
    const drained = connections.map((connection) => this.drainConnection(connection, gracePeriodMs));
    await Promise.race([Promise.all(drained), grace]);
    over.abort();
    for (const connection of this.open) connection.destroy();
    await Promise.all(this.loops);
    this.requests.origins.close();
    for (const info of this.states.values()) this.setState({ ...info, state: 'stopped' });
  }

  /** Resolves when the edge has closed the connection, as it does when its last request is answered. */
  private async drainConnection(connection: EdgeConnection, timeoutMs: number): Promise<void> {
    if (timeoutMs <= 0) return;
    try {
      await connection.unregister(timeoutMs);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      // The edge learns of the end from the closed connection instead.
      this.options.logger.debug({ reason: error.message }, 'a connection could not be unregistered');
    }
    await connection.closed;
  }

  private loopContext(slots: AddressSlots, onFirst: () => void): LoopContext {
    const { options } = this;
    return {
      identity: {
        credentials: options.credentials,
        connectorId: this.connectorId,
        version: options.version,
        arch: goArch(process.platform, process.arch),
        takesConfiguration: options.onConfiguration === 'apply',
      },
      slots,
      findEdges: options.edges,
      trust: edgeTrust(options.caPem),
      timings: { ...defaultEdgeTimings, ...options.timings },
      clock: options.clock,
      logger: options.logger,
      backoff: this.backoff(),
      onStream: (stream, headers, flags, rawHeaders) => this.onStream(stream, headers, flags, rawHeaders),
      onRegistered: (index, connection) => {
        this.established = true;
        this.registered.set(index, connection);
        this.open.add(connection);
        if (index === 0) this.report();
        onFirst();
      },
      onClosed: (connection) => this.open.delete(connection),
      onState: (info) => this.setState(info),
      isEstablished: () => this.established,
    };
  }

  private backoff(): LoopContext['backoff'] {
    const { timings } = this.options;
    return { firstMs: timings?.backoffFirstMs ?? 500, maxMs: timings?.backoffMaxMs ?? 30_000 };
  }

  private onStream(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    flags: number,
    rawHeaders: readonly string[],
  ): void {
    const kind = streamKind(headers);
    if (kind === 'update-configuration')
      serveConfigurationPush(stream, this.push, (answer) =>
        this.options.logger.info(
          { version: answer.lastAppliedVersion, refused: answer.err },
          'the edge pushed a configuration',
        ),
      );
    else if (kind === 'tcp') refuseTcp(stream, this.requests);
    else serveRequest({ stream, headers, flags, rawHeaders }, kind === 'websocket', this.requests);
  }

  private swap(rules: readonly IngressRule[]): void {
    if (!this.table.swap(rules)) return;
    this.requests.origins.retain(this.table.rules());
    this.report();
    this.changed();
  }

  /** Tells the edge the rules of a locally managed tunnel; while one report is under way, only the newest waits. */
  private report(): void {
    this.reportAgain = true;
    this.reporting ??= this.reportWhileNeeded().finally(() => {
      this.reporting = undefined;
    });
  }

  private async reportWhileNeeded(): Promise<void> {
    while (this.reportAgain) {
      this.reportAgain = false;
      const connection = this.registered.get(0);
      if (connection === undefined || connection.details.tunnelIsRemotelyManaged) return;
      try {
        await connection.reportConfiguration(localConfiguration(this.table.rules()));
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        // Only shown in a dashboard; the next registration reports again.
        this.options.logger.debug({ reason: error.message }, 'the rules could not be reported to the edge');
      }
    }
  }

  private setState(info: EdgeConnectionInfo): void {
    this.states.set(info.index, info);
    this.changed();
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }
}
