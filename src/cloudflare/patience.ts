// How long to wait before a failed call is tried again, if at all.
import { backoffMs } from '../clock.ts';

/** What a failed try says about another one. */
export interface FailedTry {
  /** Absent: there was no answer at all. */
  readonly status: number | undefined;
  /** Trying again, unchanged, can succeed. */
  readonly isRetryable: boolean;
  /** What the API asked for. */
  readonly retryAfterMs: number | undefined;
}

/** A longer wait is left to the next pass. */
export const maxWaitMs = 10_000;

const maxTries = 3;
const firstMs = 500;
const longestMs = 8_000;

/**
 * Milliseconds until the next try; undefined when there is to be none. `tries` counts those made. A 409 says the world is
 * different from what we thought, and asking again does not change it.
 */
export function waitBeforeRetry(failed: FailedTry, tries: number, random?: () => number): number | undefined {
  if (!failed.isRetryable || failed.status === 409 || tries >= maxTries) return undefined;
  if (failed.retryAfterMs === undefined) return backoffMs(tries - 1, firstMs, longestMs, random);
  return failed.retryAfterMs <= maxWaitMs ? failed.retryAfterMs : undefined;
}
