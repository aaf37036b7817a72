// What the SDK throws, as the one ApiError the rest of the program knows: status, code, ray id and how to mend it, never the token.
import { ApiError } from '../errors.ts';
import { retryAfterSeconds } from './fetch.ts';

/** What was being done, for the message and the hint. */
export interface Attempt {
  /** `listing DNS records`. */
  readonly what: string;
  /** The token's permission it needs, as the dashboard writes it. */
  readonly permission: string;
  readonly apiToken: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A failed try: the error to throw, and how long the API wants to be left alone. */
export interface Failure {
  readonly error: ApiError;
  readonly retryAfterMs: number | undefined;
}

/** What we read of the SDK's errors; they are recognised by shape, so that this file does not load the SDK. */
interface SdkError {
  readonly status?: number;
  readonly headers?: Headers;
  readonly errors?: readonly { readonly code?: unknown; readonly message?: unknown }[];
  readonly message: string;
  readonly cause?: unknown;
}

/** What a try rejected with. */
export function toFailure(error: unknown, attempt: Attempt): Failure {
  if (error instanceof ApiError) return { error, retryAfterMs: undefined };
  if (!(error instanceof Error)) return { error: unreadable(String(error), attempt), retryAfterMs: undefined };
  const failure: SdkError = error;
  if (failure.status !== undefined) return fromStatus(failure.status, failure, attempt);
  if (error instanceof SyntaxError) return { error: unreadable('not JSON', attempt), retryAfterMs: undefined };
  const unreachable = new ApiError({
    code: 'E_API_UNREACHABLE',
    message: clean(`${attempt.what}: the API cannot be reached (${reason(error)})`, attempt),
    retryable: true,
    hint: 'check the network, the name resolution and cloudflare.api_url',
  });
  return { error: unreachable, retryAfterMs: undefined };
}

/** An answer that arrived but is not what the API promises. */
export function unreadable(problem: string, attempt: Attempt): ApiError {
  return new ApiError({
    code: 'E_API_ANSWER',
    message: clean(`${attempt.what}: the API's answer cannot be used: ${problem}`, attempt),
    retryable: true,
    hint: 'is cloudflare.api_url an API of this kind?',
  });
}

function fromStatus(status: number, failure: SdkError, attempt: Attempt): Failure {
  const seconds = failure.headers === undefined ? undefined : retryAfterSeconds(failure.headers, attempt.now);
  const first = failure.errors?.[0];
  const apiCode = typeof first?.code === 'number' ? first.code : undefined;
  const said = typeof first?.message === 'string' ? first.message : withoutPage(failure.message, status);
  const number = apiCode === undefined ? '' : ` (${apiCode})`;
  const rayId = failure.headers?.get('cf-ray') ?? undefined;
  const ray = rayId === undefined ? '' : `, ray ${rayId}`;
  const error = new ApiError({
    ...kind(status, seconds, attempt),
    message: clean(`${attempt.what}: ${status} ${said.slice(0, 500)}${number}${ray}`, attempt),
    status,
    apiCode,
    rayId,
  });
  return { error, retryAfterMs: seconds === undefined ? undefined : seconds * 1_000 };
}

function kind(
  status: number,
  retryAfter: number | undefined,
  attempt: Attempt,
): Pick<ApiError, 'code' | 'retryable' | 'hint'> {
  if (status === 401 || status === 403) {
    const hint = `the API token is not valid or lacks the permission "${attempt.permission}"`;
    return { code: 'E_API_UNAUTHORIZED', retryable: false, hint };
  }
  if (status === 429) {
    const wait = retryAfter === undefined ? 'a while' : `${Math.ceil(retryAfter)} s`;
    return { code: 'E_API_RATE_LIMITED', retryable: true, hint: `the API asks to wait ${wait}; it is tried again` };
  }
  const isPassing = status >= 500 || status === 408;
  return {
    code: 'E_API',
    retryable: isPassing,
    hint: isPassing ? 'the API has a problem of its own: it passes' : undefined,
  };
}

/** The SDK puts the status and the whole body into its message; a body that is a page for browsers says nothing here. */
function withoutPage(message: string, status: number): string {
  const body = message.startsWith(`${status} `) ? message.slice(`${status} `.length) : message;
  return body.trimStart().startsWith('<') ? 'a page in place of an answer' : body;
}

/** The innermost cause says it best: `ECONNREFUSED 127.0.0.1:1`, not `fetch failed`. */
function reason(error: Error): string {
  let at = error;
  while (at.cause instanceof Error) at = at.cause;
  return at.message === '' ? (nodeCode(at) ?? at.name) : at.message;
}

function nodeCode(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** An API that echoes the request must not put the token into a message. */
function clean(message: string, attempt: Attempt): string {
  return attempt.apiToken === '' ? message : message.replaceAll(attempt.apiToken, '[secret]');
}
