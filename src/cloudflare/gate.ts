// Keeps calls back that the API would refuse anyway: while it asks to wait, while our own budget is used up, and while it knows our token to be invalid.
import type { Clock } from '../clock.ts';
import { ApiError } from '../errors.ts';
import { maxWaitMs } from './patience.ts';

/** So many requests in a window. */
export interface RequestBudget {
  readonly requests: number;
  readonly windowMs: number;
}

/** Cloudflare takes 1,200 in five minutes from a user, dashboard and other programs included: some are left to those. */
export const cloudflareBudget: RequestBudget = { requests: 1_000, windowMs: 300_000 };

/** Asked before every request. */
export interface Gate {
  /** Resolves when the request may be made; rejects with an ApiError when that would take too long, or with the signal's reason. */
  pass(what: string, signal: AbortSignal): Promise<void>;
  /** The API asked to wait. */
  holdFor(ms: number): void;
  /** Every call fails with this for a while: the API would say nothing else. */
  refuse(error: ApiError): void;
}

/** How long a token that was found invalid is believed to be. */
const refusalMs = 30_000;

/** An open gate. */
export function createGate(clock: Clock, budget: RequestBudget | undefined): Gate {
  const made: number[] = [];
  let heldUntil = 0;
  let refused: { readonly error: ApiError; readonly until: number } | undefined;

  function budgetWaitMs(): number {
    if (budget === undefined) return 0;
    const since = clock.now() - budget.windowMs;
    while ((made[0] ?? Number.POSITIVE_INFINITY) <= since) made.shift();
    return made.length < budget.requests ? 0 : (made[0] ?? 0) - since;
  }

  return {
    async pass(what, signal) {
      if (refused !== undefined && clock.now() < refused.until) throw again(refused.error, what);
      for (;;) {
        const heldMs = heldUntil - clock.now();
        const waitMs = Math.max(heldMs, budgetWaitMs());
        if (waitMs <= 0) break;
        if (waitMs > maxWaitMs) throw waiting(what, waitMs, heldMs > 0 ? undefined : budget);
        await clock.sleep(waitMs, signal);
      }
      if (budget !== undefined) made.push(clock.now());
    },
    holdFor(ms) {
      heldUntil = Math.max(heldUntil, clock.now() + ms);
    },
    refuse(error) {
      refused = { error, until: clock.now() + refusalMs };
    },
  };
}

/** The same trouble met by another call. */
function again(error: ApiError, what: string): ApiError {
  const { code, message, hint, status, apiCode, rayId } = error;
  return new ApiError({ code, message: `${what}: not tried: ${message}`, hint, status, apiCode, rayId, cause: error });
}

function waiting(what: string, waitMs: number, spent: RequestBudget | undefined): ApiError {
  const wait = `${Math.ceil(waitMs / 1_000)} s`;
  const why =
    spent === undefined
      ? 'the API asked to wait'
      : `${spent.requests} requests were made in ${Math.round(spent.windowMs / 60_000)} minutes`;
  return new ApiError({
    code: 'E_API_RATE_LIMITED',
    message: `${what}: not tried: ${why}`,
    retryable: true,
    hint: `it is tried again in ${wait} or later`,
  });
}
