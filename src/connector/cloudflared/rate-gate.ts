// Lets only so many events through per time window; counts the rest.
import type { Clock } from '../../clock.ts';

/** Asked once per event. */
export interface RateGate {
  /** Whether this event may pass; `dropped` is how many did not in the window that ended just now, else 0. */
  next(): { readonly isOpen: boolean; readonly dropped: number };
}

/** At most `limit` events in each window of `windowMs`. */
export function createRateGate(clock: Pick<Clock, 'now'>, limit: number, windowMs: number): RateGate {
  let windowStart = clock.now();
  let seen = 0;
  return {
    next() {
      let dropped = 0;
      if (clock.now() - windowStart >= windowMs) {
        dropped = Math.max(0, seen - limit);
        windowStart = clock.now();
        seen = 0;
      }
      seen++;
      return { isOpen: seen <= limit, dropped };
    },
  };
}
