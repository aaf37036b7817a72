// Cloudflare's request budget: so many in a window, and whoever exceeds it is shut out for a whole window. Pure.

/** The budget of a token; Cloudflare's is 1,200 requests in five minutes. */
export interface RateLimit {
  readonly requests: number;
  readonly windowMs: number;
}

/** What to say about one request. */
export interface RateVerdict {
  readonly isAllowed: boolean;
  /** The headers every answer carries; `retry-after` (seconds) only on a refusal. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Counts requests; there is one token, so one budget. */
export function createRateLimiter(limit: RateLimit, now: () => number): () => RateVerdict {
  let startedAt = Number.NEGATIVE_INFINITY;
  let used = 0;

  return () => {
    if (now() - startedAt >= limit.windowMs) {
      startedAt = now();
      used = 0;
    }
    used = Math.min(used + 1, limit.requests + 2);
    // The request that exceeds the budget starts the window in which nothing is answered.
    if (used === limit.requests + 1) startedAt = now();
    const isAllowed = used <= limit.requests;
    const seconds = Math.max(1, Math.ceil((startedAt + limit.windowMs - now()) / 1_000));
    return {
      isAllowed,
      headers: {
        ratelimit: `"default";r=${Math.max(0, limit.requests - used)};t=${seconds}`,
        'ratelimit-policy': `"default";q=${limit.requests};w=${Math.ceil(limit.windowMs / 1_000)}`,
        ...(isAllowed ? {} : { 'retry-after': String(seconds) }),
      },
    };
  };
}
