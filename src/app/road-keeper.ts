// Keeps a road to the edge: built by the first pass that can, opened when its rules may be served, built anew when the edge no longer knows it.
import { backoffMs, type Clock } from '../clock.ts';
import { AppError, EdgeError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Road } from './road.ts';
import { drainMs } from './road-connector.ts';

/** What the keeper needs. */
export interface RoadKeeperOptions {
  /** Builds a road; `refresh` fetches the tunnel's secret again, because the edge refused the one at hand. */
  readonly build: (refresh: boolean, signal: AbortSignal) => Promise<Road>;
  /** Called when a new road is needed: a pass must build it and fill it with rules. */
  readonly onLost: (reason: string) => void;
  /** Called with what is no AppError: a bug. */
  readonly onBug: (error: unknown) => void;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** The one road there is at a time. */
export interface RoadKeeper {
  current(): Road | undefined;
  /** Why the last road was given up, until another is open; or why this one leads nowhere. */
  error(): AppError | undefined;
  /** The road, built when there is none; one without a connector is built anew each time, because it may have one now. A local one is opened at once: its table is empty and answers 503. */
  ensure(signal: AbortSignal): Promise<Road>;
  /** Starts the connector of a road whose rules the edge keeps: after this run's rules are there, or it would serve the last run's. */
  open(road: Road): void;
  /** Drains the connector. */
  stop(): Promise<void>;
}

const retryFirstMs = 2_000;
const retryMaxMs = 300_000;

/** A keeper without a road. */
export function createRoadKeeper(options: RoadKeeperOptions): RoadKeeper {
  const { logger, clock } = options;
  const stopping = new AbortController();
  const opened = new WeakSet<Road>();
  let road: Road | undefined;
  let error: AppError | undefined;
  let refusals = 0;

  function open(one: Road): void {
    const { connector } = one;
    if (connector === undefined || opened.has(one) || stopping.signal.aborted) return;
    opened.add(one);
    connector.start(stopping.signal).then(
      () => {
        error = undefined;
        refusals = 0;
      },
      (cause: unknown) => {
        if (!stopping.signal.aborted) giveUp(one, cause);
      },
    );
  }

  /** The connector tries again by itself as long as that can help; when it ends, only a new road can. */
  function giveUp(one: Road, cause: unknown): void {
    if (!(cause instanceof AppError)) {
      options.onBug(cause);
      return;
    }
    error = cause;
    const permanent = cause instanceof EdgeError && cause.permanent;
    logger.error({ code: cause.code, reason: cause.message, hint: cause.hint, permanent }, 'connector stopped');
    clock
      .sleep(backoffMs(refusals++, retryFirstMs, retryMaxMs), stopping.signal)
      .then(() => Promise.all([one.connector?.stop(0), one.mirror?.stop()]))
      .then(
        () => {
          if (road === one) road = undefined;
          options.onLost('the edge refused the connector');
        },
        (failure: unknown) => {
          if (!stopping.signal.aborted) options.onBug(failure);
        },
      );
  }

  async function rebuild(before: Road | undefined, signal: AbortSignal): Promise<Road> {
    const fresh = await options.build(refusals > 0, signal);
    const { impasse } = fresh;
    if (impasse !== undefined && before?.impasse === undefined)
      logger.warn({ code: impasse.code, reason: impasse.message, hint: impasse.hint }, 'not connected');
    return fresh;
  }

  return {
    current: () => road,
    error: () => error ?? road?.impasse,
    async ensure(signal) {
      if (road === undefined || road.impasse !== undefined) road = await rebuild(road, signal);
      if (!road.isRemote) open(road);
      return road;
    },
    open,
    async stop() {
      stopping.abort(new DOMException('the program is stopping', 'AbortError'));
      await Promise.all([road?.connector?.stop(drainMs), road?.mirror?.stop()]);
    },
  };
}
