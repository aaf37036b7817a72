// The fetch under the SDK: bounded answers, no redirects (they would carry the token away), one debug line per request.
import { ApiError } from '../errors.ts';
import type { Logger } from '../logger.ts';

/** The largest answer we read: some 100,000 DNS records. */
const maxAnswerBytes = 64 * 1024 * 1024;

/** A fetch for the SDK; `onRequest` is told each path. */
export function createGuardedFetch(logger: Logger, onRequest: (path: string) => void): typeof fetch {
  return async (input, init) => {
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    onRequest(pathname);
    const response = await fetch(input, { ...init, redirect: 'manual' });
    const ray = response.headers.get('cf-ray') ?? undefined;
    logger.debug({ method: init?.method ?? 'GET', path: pathname, status: response.status, ray }, 'api request');
    const body = response.body === null ? null : response.body.pipeThrough(limitBytes());
    return new Response(body, { status: response.status, statusText: response.statusText, headers: response.headers });
  };
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
