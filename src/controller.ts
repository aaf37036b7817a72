// When a pass runs: one at a time, requests folded together, failures tried again with back-off. Knows nothing of what a pass does.
import { backoffMs, type Clock } from './clock.ts';
import { AppError } from './errors.ts';
import type { Logger } from './logger.ts';
import type { Snapshot } from './model.ts';
import type { Pass } from './reconcile.ts';

/** Runs one pass; `full` reads everything remote even when nothing changed here. */
export type RunPass = (options: PassRequest & { readonly signal: AbortSignal }) => Promise<Pass>;

/** What may be asked of a pass. */
export interface PassRequest {
  /** Reads everything remote even when nothing changed here. */
  readonly full: boolean;
  /** A person agreed to the deletes that were held for their number. */
  readonly confirmed: boolean;
}

/** What the controller needs. */
export interface ControllerOptions {
  readonly runPass: RunPass;
  readonly logger: Logger;
  readonly clock: Clock;
  /**
   * A quick look that only closes what must not stay open. Run when something happened during a pass that is slow, because an API is: an
   * address that is gone must not wait for it.
   */
  readonly glance?: (signal: AbortSignal) => Promise<void>;
  /** A pass that takes longer than this is slow. */
  readonly slowMs?: number;
  /** Requests this soon after a pass join the next one. */
  readonly quietMs?: number;
  /** A pass that takes longer is aborted. */
  readonly deadlineMs?: number;
  /** Called when a pass fails with something that is not an AppError: a bug, which must end the process. */
  readonly onBug: (error: unknown) => void;
}

/** Decides when to look again. */
export interface Controller {
  /** Asks for a pass: at once when idle, else folded into the next one. */
  request(reason: string, options?: Partial<PassRequest>): void;
  /** Resolves with the snapshot of a pass that began after this call; rejects when that pass failed. */
  passNow(reason: string, options?: Partial<PassRequest>): Promise<Snapshot>;
  /** The last finished pass, once there is one. */
  snapshot(): Snapshot | undefined;
  /** Why the last pass failed, if it did. */
  lastError(): Error | undefined;
  /** Calls back after every finished or failed pass; returns the way to stop. */
  subscribe(listener: () => void): () => void;
  /** Aborts the pass in flight and takes no more requests. */
  stop(): Promise<void>;
}

const retryFirstMs = 1_000;
const retryMaxMs = 60_000;

interface Waiter {
  readonly resolve: (snapshot: Snapshot) => void;
  readonly reject: (error: unknown) => void;
}

/** A controller, idle until its first request. */
export function createController(options: ControllerOptions): Controller {
  const { clock, logger } = options;
  const quietMs = options.quietMs ?? 100;
  const listeners = new Set<() => void>();
  const stopping = new AbortController();
  let pending: { reasons: Set<string>; full: boolean; confirmed: boolean; waiters: Waiter[] } | undefined;
  let loop: Promise<void> | undefined;
  let retry: AbortController | undefined;
  let snapshot: Snapshot | undefined;
  let lastError: Error | undefined;
  let failures = 0;

  function ask(reason: string, asked: Partial<PassRequest>, waiter?: Waiter): void {
    if (stopping.signal.aborted) {
      waiter?.reject(stopping.signal.reason);
      return;
    }
    pending ??= { reasons: new Set(), full: false, confirmed: false, waiters: [] };
    pending.reasons.add(reason);
    pending.full ||= asked.full ?? false;
    pending.confirmed ||= asked.confirmed ?? false;
    if (waiter !== undefined) pending.waiters.push(waiter);
    retry?.abort();
    loop ??= run().finally(() => {
      loop = undefined;
    });
  }

  async function run(): Promise<void> {
    while (pending !== undefined && !stopping.signal.aborted) {
      const batch = pending;
      pending = undefined;
      await onePass([...batch.reasons], batch, batch.waiters);
      // Whatever arrives in this window becomes one pass, so a burst of events costs a handful.
      await clock.sleep(quietMs, stopping.signal).catch(() => undefined);
    }
  }

  async function onePass(reasons: string[], asked: PassRequest, waiters: readonly Waiter[]): Promise<void> {
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(options.deadlineMs ?? 120_000)]);
    const ended = new AbortController();
    const glancing = glanceWhileSlow(AbortSignal.any([signal, ended.signal]));
    try {
      const pass = await options
        .runPass({ full: asked.full, confirmed: asked.confirmed, signal })
        .finally(() => ended.abort());
      snapshot = { ...pass, revision: (snapshot?.revision ?? 0) + 1, finishedAt: new Date(clock.now()), reasons };
      lastError = undefined;
      // Services whose changes failed are tried again, with the same patience as a failed pass.
      if (!pass.isUndone) failures = 0;
      else scheduleRetry('retry: some changes failed');
      for (const waiter of waiters) waiter.resolve(snapshot);
    } catch (error) {
      for (const waiter of waiters) waiter.reject(error);
      if (!stopping.signal.aborted) onFailure(error);
    }
    await glancing;
    for (const listener of listeners) listener();
  }

  /** Once the pass is slow, a glance for whatever was asked for since the last one. */
  async function glanceWhileSlow(signal: AbortSignal): Promise<void> {
    const { glance } = options;
    let seen = 0;
    while (glance !== undefined && !signal.aborted) {
      await clock.sleep(options.slowMs ?? 250, signal).catch(() => undefined);
      const asked = pending?.reasons.size ?? 0;
      if (signal.aborted || asked === seen) continue;
      seen = asked;
      await glance(signal).catch((error: unknown) => {
        if (!signal.aborted && !(error instanceof AppError)) options.onBug(error);
      });
    }
  }

  function onFailure(error: unknown): void {
    const timedOut = error instanceof DOMException && error.name === 'TimeoutError';
    if (!(error instanceof AppError) && !timedOut) {
      options.onBug(error);
      return;
    }
    lastError = error;
    const code = error instanceof AppError ? error.code : 'E_TIMEOUT';
    logger.error(
      { code, reason: error.message, hint: error instanceof AppError ? error.hint : undefined },
      'pass failed',
    );
    scheduleRetry('retry: the last pass failed');
  }

  function scheduleRetry(reason: string): void {
    const waiting = new AbortController();
    retry?.abort();
    retry = waiting;
    const signal = AbortSignal.any([waiting.signal, stopping.signal]);
    clock.sleep(backoffMs(failures++, retryFirstMs, retryMaxMs), signal).then(
      () => {
        retry = undefined;
        ask(reason, { full: true });
      },
      // Aborted: a newer request or the end came first.
      () => undefined,
    );
  }

  return {
    request: (reason, asked) => ask(reason, asked ?? {}),
    passNow: (reason, asked) => new Promise((resolve, reject) => ask(reason, asked ?? {}, { resolve, reject })),
    snapshot: () => snapshot,
    lastError: () => lastError,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async stop() {
      stopping.abort(new DOMException('the program is stopping', 'AbortError'));
      for (const waiter of pending?.waiters ?? []) waiter.reject(stopping.signal.reason);
      await loop;
    },
  };
}
