// One time limit for many requests: a request costs an entry in a set, not a timer of its own.
import type { Clock } from '../clock.ts';

/** One request's time limit. */
export interface Deadline {
  /** Something moved: the time starts again. */
  refresh(): void;
  cancel(): void;
}

/** Deadlines of equal length. */
export interface Deadlines {
  start(onExpire: () => void): Deadline;
  /** Forgets all deadlines; resolves once nothing waits any more. */
  stop(): Promise<void>;
}

interface Entry {
  expiresAt: number;
  readonly onExpire: () => void;
}

/** Deadlines of `timeoutMs`, noticed at most an eighth (or a second) late. */
export function createDeadlines(clock: Clock, timeoutMs: number): Deadlines {
  const step = Math.max(10, Math.min(1_000, timeoutMs / 8));
  const entries = new Set<Entry>();
  const stopped = new AbortController();
  let sweeping: Promise<void> | undefined;

  async function sweep(): Promise<void> {
    while (entries.size > 0 && !stopped.signal.aborted) {
      await clock.sleep(step, stopped.signal).catch(() => undefined);
      expire(clock.now());
    }
    sweeping = undefined;
  }

  function expire(now: number): void {
    for (const entry of entries) {
      if (entry.expiresAt > now) continue;
      entries.delete(entry);
      entry.onExpire();
    }
  }

  return {
    start: (onExpire) => {
      const entry: Entry = { expiresAt: clock.now() + timeoutMs, onExpire };
      entries.add(entry);
      sweeping ??= sweep();
      return {
        refresh: () => {
          entry.expiresAt = clock.now() + timeoutMs;
        },
        cancel: () => entries.delete(entry),
      };
    },
    stop: async () => {
      entries.clear();
      stopped.abort();
      await sweeping;
    },
  };
}
