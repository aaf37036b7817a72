// The embedded edge, put together: tunnel port, public ports, and what they share.

import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { ListenAddress } from '../model.ts';
import { type Certificates, createCertificates } from './certificates/certificates.ts';
import { createDeadlines, type Deadlines } from './deadlines.ts';
import type { Gate } from './gate/gate.ts';
import type { ConnectionRegistry, EdgeDirectory } from './model.ts';
import { createConfigurationPush } from './tunnels/configuration-push.ts';
import { type ConnectednessListener, createRegistry, type Registry } from './tunnels/registry.ts';
import type { TunnelConnection } from './tunnels/tunnel-connection.ts';
import { createTunnelListener, type TunnelListener, type TunnelTimeouts } from './tunnels/tunnel-listener.ts';
import { type ForwardContext, forward } from './visitors/forward.ts';
import { createPublicListener, type PublicListener, type VisitorTimeouts } from './visitors/public-listener.ts';

/** Every time limit of the edge (ms). */
export interface EdgeTimeouts {
  /** From a request to the origin's response headers; Cloudflare's is 120 s. */
  readonly response: number;
  /** For a visitor to read some of what was sent to him. */
  readonly stall: number;
  readonly visitor: VisitorTimeouts;
  readonly tunnel: TunnelTimeouts;
}

/** What the edge is made of. */
export interface EmbeddedEdgeOptions {
  readonly directory: EdgeDirectory;
  /** A listener that is left out is not opened. */
  readonly http?: ListenAddress;
  readonly https?: ListenAddress;
  readonly tunnel?: ListenAddress;
  /** Where the local certificate authority is kept. */
  readonly certificatesDir: string;
  /** Names whose subdomains share one certificate until they have a record; default `localhost`. */
  readonly domains?: readonly string[];
  /** Largest request body (bytes); unlimited when left out. */
  readonly maxBodyBytes?: number;
  /** Decides who may come in; without one nothing is guarded. Stopped by whoever made it. */
  readonly gate?: Pick<Gate, 'admit'>;
  readonly timeouts?: Partial<EdgeTimeouts>;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** A running edge. */
export interface EmbeddedEdge {
  /** Where it really listens. */
  readonly addresses: {
    readonly http?: ListenAddress;
    readonly https?: ListenAddress;
    readonly tunnel?: ListenAddress;
  };
  /** What connectors and browsers have to trust. */
  readonly caPem: string;
  readonly registry: ConnectionRegistry;
  /** Takes no new requests, lets the present ones finish for at most this long, then closes everything. */
  stop(gracePeriodMs: number): Promise<void>;
}

const defaultTimeouts: EdgeTimeouts = {
  response: 120_000,
  stall: 60_000,
  visitor: { handshake: 10_000, headers: 30_000, idle: 120_000 },
  tunnel: {
    handshake: 10_000,
    registration: 10_000,
    pingEvery: 15_000,
    pingAnswer: 10_000,
    claimAnswer: 3_000,
    // cloudflared's longest grace period is three minutes.
    drain: 200_000,
  },
};

const pushTimeoutMs = 15_000;
const lingerMs = 5_000;
const certificateCheckMs = 24 * 60 * 60 * 1000;

/** Opens every listener asked for, or none: rejects with E_LISTEN or E_STATE after closing what was open. */
export async function createEmbeddedEdge(options: EmbeddedEdgeOptions): Promise<EmbeddedEdge> {
  const { clock, directory, logger } = options;
  const timeouts = { ...defaultTimeouts, ...options.timeouts };
  const certificates = await createCertificates({
    directory: options.certificatesDir,
    domains: options.domains ?? ['localhost'],
    isRouted: (hostname) => directory.route(hostname) !== undefined,
    logger,
    clock,
  });
  const registry = createRegistry<TunnelConnection>(rememberConnected(directory, logger));
  const push = createConfigurationPush({ directory, registry, logger, clock, timeoutMs: pushTimeoutMs });
  const response = createDeadlines(clock, timeouts.response);
  const linger = createDeadlines(clock, lingerMs);
  const stall = createDeadlines(clock, timeouts.stall);
  const context: ForwardContext = {
    directory,
    gate: options.gate,
    registry,
    responseDeadlines: response,
    stallDeadlines: stall,
    lingerDeadlines: linger,
    maxBodyBytes: options.maxBodyBytes ?? Number.POSITIVE_INFINITY,
    logger,
  };
  const listeners = await openListeners({ options, timeouts, certificates, registry, context, linger, push });
  const unsubscribe = directory.subscribe((change) => {
    if (change.kind === 'configuration') push.update(change.tunnelId);
    else registry.disconnect(change.tunnelId);
  });
  const stopped = new AbortController();
  const renewing = renewCertificates(listeners, { clock, logger, signal: stopped.signal });

  async function stop(gracePeriodMs: number): Promise<void> {
    unsubscribe();
    stopped.abort();
    listeners.tunnel?.close();
    const drained = Promise.all(publicListeners(listeners).map((listener) => listener.drain()));
    await within(drained, gracePeriodMs, clock);
    for (const listener of publicListeners(listeners)) listener.destroy();
    listeners.tunnel?.destroy();
    await Promise.all([drained, push.stop(), response.stop(), stall.stop(), linger.stop(), renewing]);
  }

  return { addresses: addressesOf(listeners), caPem: certificates.caPem, registry, stop };
}

/** Connections come and go inside events, where an exception would end the process: a full disk must not. */
function rememberConnected(directory: EdgeDirectory, logger: Logger): ConnectednessListener {
  return (tunnelId, isConnected) => {
    try {
      directory.connectionsChanged?.(tunnelId, isConnected);
    } catch (error) {
      logger.error({ err: error, tunnel: tunnelId }, 'connected state of a tunnel could not be stored');
    }
  };
}

interface Listeners {
  http?: PublicListener;
  https?: PublicListener;
  tunnel?: TunnelListener;
}

interface Parts {
  readonly options: EmbeddedEdgeOptions;
  readonly timeouts: EdgeTimeouts;
  readonly certificates: Certificates;
  readonly registry: Registry<TunnelConnection>;
  readonly context: ForwardContext;
  readonly linger: Deadlines;
  readonly push: { update(tunnelId: string): void };
}

async function openListeners(parts: Parts): Promise<Listeners> {
  const { options, timeouts, certificates, registry, context, linger, push } = parts;
  const { clock, directory, logger } = options;
  const listeners: Listeners = {};
  const visitors = {
    timeouts: timeouts.visitor,
    linger,
    logger,
    clock,
    onRequest: (visitor: Parameters<typeof forward>[0]) => forward(visitor, context),
  };
  const registration = {
    directory,
    registry,
    logger,
    clock,
    onRegistered: ({ info }: TunnelConnection) => push.update(info.tunnelId),
  };
  try {
    if (options.http !== undefined) listeners.http = await createPublicListener({ ...visitors, address: options.http });
    if (options.https !== undefined)
      listeners.https = await createPublicListener({ ...visitors, address: options.https, certificates });
    if (options.tunnel !== undefined)
      listeners.tunnel = await createTunnelListener({
        address: options.tunnel,
        certificates,
        registry,
        registration,
        timeouts: timeouts.tunnel,
        logger,
        clock,
      });
  } catch (error) {
    for (const listener of publicListeners(listeners)) {
      listener.destroy();
      await listener.drain();
    }
    throw error;
  }
  return listeners;
}

function publicListeners(listeners: Listeners): PublicListener[] {
  return [listeners.http, listeners.https].filter((listener) => listener !== undefined);
}

function addressesOf(listeners: Listeners): EmbeddedEdge['addresses'] {
  return {
    ...(listeners.http === undefined ? {} : { http: listeners.http.address }),
    ...(listeners.https === undefined ? {} : { https: listeners.https.address }),
    ...(listeners.tunnel === undefined ? {} : { tunnel: listeners.tunnel.address }),
  };
}

async function renewCertificates(
  listeners: Listeners,
  options: { readonly clock: Clock; readonly logger: Logger; readonly signal: AbortSignal },
): Promise<void> {
  while (!options.signal.aborted) {
    await options.clock.sleep(certificateCheckMs, options.signal).catch(() => undefined);
    if (options.signal.aborted) return;
    try {
      for (const listener of [listeners.http, listeners.https, listeners.tunnel]) await listener?.refreshCertificate();
    } catch (error) {
      // The certificates in use are good for weeks; tomorrow is another attempt.
      options.logger.error({ err: error }, 'certificates could not be renewed');
    }
  }
}

async function within(work: Promise<unknown>, ms: number, clock: Clock): Promise<void> {
  const done = new AbortController();
  await Promise.race([work.finally(() => done.abort()), clock.sleep(ms, done.signal).catch(() => undefined)]);
}
