// The fetch under the SDK: bounded answers, no redirects (they would carry the token away), waits no longer than a pass can afford, one debug line per request.
import { ApiError } from '../errors.ts';
import type { Logger } from '../logger.ts';

/** The largest answer we read: some 100,000 DNS records. */
const maxAnswerBytes = 64 * 1024 * 1024;

/** A longer `Retry-After` is left to the next pass. */
const maxWaitSeconds = 10;

/** A fetch for the SDK; the answer's `x-should-retry` tells the SDK which failures to leave to us. */
export function createGuardedFetch(logger: Logger): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, { ...init, redirect: 'manual' });
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    const ray = response.headers.get('cf-ray') ?? undefined;
    logger.debug({ method: init?.method ?? 'GET', path: pathname, status: response.status, ray }, 'api request');
    const headers = new Headers(response.headers);
    if (!mayRetry(response)) headers.set('x-should-retry', 'false');
    const body = response.body === null ? null : response.body.pipeThrough(limitBytes());
    return new Response(body, { status: response.status, statusText: response.statusText, headers });
  };
}

/** A 409 says the world is different from what we thought, and asking again does not change it. */
function mayRetry(response: Response): boolean {
  if (response.status === 409) return false;
  return (retryAfterSeconds(response.headers, Date.now()) ?? 0) <= maxWaitSeconds;
}

/** `Retry-After` in seconds, given as such or as a date; undefined when absent or meaningless. */
export function retryAfterSeconds(headers: Headers, now: number): number | undefined {
  const text = headers.get('retry-after');
  if (text === null) return undefined;
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : (Date.parse(text) - now) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

function limitBytes(): TransformStream<Uint8Array, Uint8Array> {
  let total = 0;
  return new TransformStream({
    transform(chunk, controller) {
      total += chunk.byteLength;
      if (total <= maxAnswerBytes) controller.enqueue(chunk);
      else controller.error(new ApiError({ code: 'E_API_ANSWER', message: 'the API sent an answer without end' }));
    },
  });
}
