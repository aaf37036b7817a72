// Keeps one cloudflared running: starts it, starts it again when it ends by itself, puts another in its place without a gap.
import { backoffMs, type Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { describeEnd, endError, refusedError } from './failure.ts';
import { pause, type Run } from './run.ts';

const firstRestartMs = 1000;
const longestRestartMs = 60_000;
/** A run that lasted this long was healthy: its end begins a new series of waits. */
const healthyRunMs = 60_000;
/** How long a replacement may take to register its first connection. */
const replacementTimeoutMs = 60_000;

/** What it needs; `launch` starts one process. */
export interface SupervisorOptions {
  readonly launch: (onChange: () => void) => Promise<Run>;
  readonly onChange: () => void;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** One process in charge, and those it replaced while they finish their requests. */
export interface Supervisor {
  readonly active: Run | undefined;
  /** How often the process had to be started again because it ended by itself. */
  readonly restarts: number;
  /** Resolves at the first registered connection; rejects, leaving nothing behind, on an error that repeating cannot mend or on abort. */
  start(signal: AbortSignal): Promise<void>;
  /** Starts another, waits until it is ready, ends the old one; resolves when the old one gets no new requests. */
  replace(gracePeriodMs: number): Promise<void>;
  stop(gracePeriodMs: number): Promise<void>;
}

/** Starts nothing yet. */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { clock, logger } = options;
  const runs = new Set<Run>();
  const endings = new Set<Promise<void>>();
  const stopping = new AbortController();
  const started = Promise.withResolvers<void>();
  started.promise.catch(() => undefined); // Whoever called start() hears of it; without a call there is nobody to tell.
  let active: Run | undefined;
  let restarts = 0;
  let wasReady = false;
  let supervising: Promise<void> = Promise.resolve();

  async function launch(): Promise<Run> {
    const run = await options.launch(() => {
      const refused = active !== undefined && !wasReady ? refusedError(active.refusals) : undefined;
      if (refused !== undefined) started.reject(refused);
      options.onChange();
    });
    runs.add(run);
    track(run.ended.then(() => void runs.delete(run)));
    if (stopping.signal.aborted) await run.stop(0);
    return run;
  }

  /** Something that ends by itself and that stop() waits for. */
  function track(ending: Promise<void>): void {
    const known = ending
      .catch((error: unknown) => logger.error({ err: error }, 'cloudflared could not be ended'))
      .finally(() => endings.delete(known));
    endings.add(known);
  }

  function takeCharge(run: Run): void {
    active = run;
    run.ready.then(() => {
      wasReady = true;
      started.resolve();
      options.onChange();
    }, started.reject);
    options.onChange();
  }

  /** Runs until stop(), or until an end before the first success shows that trying again is useless. */
  async function supervise(): Promise<void> {
    let attempt = 0;
    while (!stopping.signal.aborted) {
      const run = active;
      if (run === undefined) return;
      const startedAt = clock.now();
      const end = await run.ended;
      if (stopping.signal.aborted) return;
      if (active !== run) continue; // A replacement took over.
      const error = endError(end, run.refusals);
      if (!wasReady && !error.retryable) {
        started.reject(error);
        return;
      }
      attempt = clock.now() - startedAt >= healthyRunMs ? 0 : attempt + 1;
      const waitMs = backoffMs(attempt, firstRestartMs, longestRestartMs);
      logger.error({ waitMs, restarts, lastLines: end.lastLines }, `${describeEnd(end)}; it is started again`);
      await pause(clock, waitMs, stopping.signal);
      await restart(run);
    }
  }

  /** Starts another in the place of one that ended; when even that fails, the loop comes back here after a longer wait. */
  async function restart(ended: Run): Promise<void> {
    if (stopping.signal.aborted || active !== ended) return;
    restarts++;
    try {
      takeCharge(await launch());
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      logger.error({ err: error }, 'cloudflared could not be prepared for a start');
    }
  }

  async function stop(gracePeriodMs: number): Promise<void> {
    stopping.abort();
    await Promise.all([...runs].map((run) => run.stop(gracePeriodMs)));
    await Promise.all([supervising, ...endings]);
  }

  async function start(signal: AbortSignal): Promise<void> {
    const abort = () => started.reject(signal.reason);
    signal.throwIfAborted();
    signal.addEventListener('abort', abort, { once: true });
    try {
      takeCharge(await launch());
      // Whatever this rejects with is a bug: it fails the start, and later, with nobody waiting, the process.
      supervising = supervise().catch((error: unknown) => {
        started.reject(error);
        throw error;
      });
      await started.promise;
    } catch (error) {
      await stop(0);
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  async function replace(gracePeriodMs: number): Promise<void> {
    const next = await launch();
    const isReady = await becomesReady(next);
    if (!isReady) {
      await next.stop(0);
      throw new AppError({ code: 'E_CONNECTOR', message: 'the replacement did not become ready', retryable: true });
    }
    const old = active;
    takeCharge(next);
    if (old === undefined) return;
    track(old.stop(gracePeriodMs));
    await old.unregistered;
  }

  async function becomesReady(run: Run): Promise<boolean> {
    const over = new AbortController();
    const either = AbortSignal.any([over.signal, stopping.signal]);
    const isReady = await Promise.race([
      run.ready.then(() => true),
      run.ended.then(() => false),
      pause(clock, replacementTimeoutMs, either).then(() => false),
    ]);
    over.abort();
    return isReady;
  }

  return {
    get active() {
      return active;
    },
    get restarts() {
      return restarts;
    },
    start,
    replace,
    stop,
  };
}
