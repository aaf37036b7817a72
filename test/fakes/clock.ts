// A clock that stands still until a test moves it.
import type { Clock } from '../../src/clock.ts';

/** Time in a test's hands. */
export interface FakeClock extends Clock {
  /** Moves on by `ms`, ending every sleep that is due, in order; what those do next has had a turn when it resolves. */
  advance(ms: number): Promise<void>;
  /** Resolves once `count` sleeps are waiting: only then does moving on reach them. */
  sleeping(count: number): Promise<void>;
  /** How long the waiting sleeps were asked to last, in order of asking. */
  readonly asked: readonly number[];
}

interface Sleeper {
  readonly at: number;
  readonly ms: number;
  readonly wake: () => void;
}

/** A clock that begins at `start`. */
export function createFakeClock(start = 1_000_000): FakeClock {
  let time = start;
  const sleepers = new Set<Sleeper>();
  const asked: number[] = [];
  return {
    asked,
    now: () => time,
    sleep(ms, signal) {
      if (signal?.aborted === true) return Promise.reject(signal.reason);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const sleeper = { at: time + ms, ms, wake: resolve };
      const stop = () => reject(signal?.reason);
      asked.push(ms);
      sleepers.add(sleeper);
      signal?.addEventListener('abort', stop, { once: true });
      return promise.finally(() => {
        sleepers.delete(sleeper);
        signal?.removeEventListener('abort', stop);
      });
    },
    async advance(ms) {
      const until = time + ms;
      for (;;) {
        const [next] = [...sleepers].filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at);
        if (next === undefined) break;
        time = Math.max(time, next.at);
        sleepers.delete(next);
        next.wake();
        await turn();
      }
      time = until;
      await turn();
    },
    async sleeping(count) {
      while (sleepers.size < count) await turn();
    },
  };
}

/** One round of the event loop: every promise that could settle has. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
