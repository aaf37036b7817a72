// Keeps one of the connector's connections alive: dial, register, serve, and again after a wait.
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { SecureContext } from 'node:tls';
import { backoffMs, type Clock } from '../../clock.ts';
import { EdgeError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { EdgeConnectionInfo } from '../../model.ts';
import { abortable } from './abortable.ts';
import type { AddressSlots } from './address-slots.ts';
import type { EdgeAddresses } from './edge-addresses.ts';
import { type EdgeConnection, type EdgeTimings, openEdgeConnection } from './edge-connection.ts';
import { endsStart } from './refusal.ts';
import type { ConnectorIdentity } from './registration-request.ts';

/** What all connections of a connector share. */
export interface LoopContext {
  readonly identity: ConnectorIdentity;
  readonly slots: AddressSlots;
  readonly findEdges: EdgeAddresses;
  readonly trust: SecureContext;
  readonly timings: EdgeTimings;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Waits between attempts: the first, and the longest. */
  readonly backoff: { readonly firstMs: number; readonly maxMs: number };
  onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, rawHeaders: readonly string[]): void;
  /** A connection registered; `established` counts for all. */
  onRegistered(index: number, connection: EdgeConnection): void;
  /** A connection's socket is closed. */
  onClosed(connection: EdgeConnection): void;
  onState(info: EdgeConnectionInfo): void;
  /** Whether any connection of this connector was ever registered: then nothing is permanent any more. */
  isEstablished(): boolean;
}

/** A connection that lived this long was a good one: the next wait is short again. */
const goodLifeMs = 2_000;

/**
 * Runs until `signal` aborts. Rejects only with an EdgeError that trying again cannot mend, and only while the connector
 * was never connected.
 */
export async function keepConnected(index: number, context: LoopContext, signal: AbortSignal): Promise<void> {
  const { slots, clock, logger } = context;
  let failures = 0;
  while (!signal.aborted) {
    const error = await connectOnce(index, failures, context, signal);
    if (signal.aborted) return;
    if (error === undefined) failures = 0;
    else {
      failures++;
      slots.leave(index);
      if (!context.isEstablished() && endsStart(error, failures)) throw error;
      await refreshSlots(context, signal);
    }
    const waitMs = backoffMs(failures === 0 ? 0 : failures - 1, context.backoff.firstMs, context.backoff.maxMs);
    logger.debug({ connection: index, waitMs }, 'waiting before the next connection attempt');
    await clock.sleep(waitMs, signal).catch(() => undefined);
  }
}

/** Undefined after a connection that lived; else why it did not come up, or died at once. */
async function connectOnce(
  index: number,
  attempts: number,
  context: LoopContext,
  signal: AbortSignal,
): Promise<EdgeError | undefined> {
  const { clock, logger } = context;
  const address = context.slots.take(index);
  const state = (info: Omit<EdgeConnectionInfo, 'index' | 'since' | 'edge'>) =>
    context.onState({ index, edge: address, since: new Date(clock.now()), ...info });
  state({ state: 'dialing' });
  try {
    const connection = await openEdgeConnection(
      {
        address,
        trust: context.trust,
        identity: context.identity,
        index,
        attempts,
        clock,
        timings: context.timings,
        onRegistering: () => state({ state: 'registering' }),
        onStream: context.onStream,
      },
      signal,
    );
    const openedAt = clock.now();
    const location = connection.details.locationName;
    state({ state: 'connected', location });
    logger.info({ connection: index, edge: address.host, location }, 'connected to the edge');
    void connection.closed.then(() => context.onClosed(connection));
    context.onRegistered(index, connection);
    const ended = await connection.ended;
    if (signal.aborted) return undefined;
    state({ state: 'backing-off', lastError: ended.message });
    logger.warn({ connection: index, reason: ended.message }, 'lost a connection to the edge');
    return clock.now() - openedAt >= goodLifeMs ? undefined : ended;
  } catch (error) {
    if (!(error instanceof EdgeError)) throw error;
    if (signal.aborted) return undefined;
    state({ state: 'backing-off', lastError: error.message });
    logger.warn(
      { connection: index, code: error.code, where: error.where, hint: error.hint, reason: error.message },
      'no connection to the edge',
    );
    return error;
  }
}

/** The edge may have moved. When that cannot be found out, the known addresses stay. */
async function refreshSlots(context: LoopContext, signal: AbortSignal): Promise<void> {
  try {
    context.slots.update(await abortable(context.findEdges(signal), signal));
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof EdgeError)) throw error;
    context.logger.debug({ reason: error.message }, 'the edge addresses could not be looked up again');
  }
}
