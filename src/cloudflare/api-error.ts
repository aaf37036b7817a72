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
}

/** What we read of the SDK's errors; they are recognised by shape, so that this file does not load the SDK. */
interface SdkError {
  readonly status?: number;
  readonly headers?: Headers;
  readonly errors?: readonly { readonly code?: unknown; readonly message?: unknown }[];
  readonly message: string;
  readonly cause?: unknown;
}

/** The error to throw for what a call rejected with. */
export function toApiError(error: unknown, attempt: Attempt): ApiError {
  if (error instanceof ApiError) return error;
  if (!(error instanceof Error)) return unreadable(String(error), attempt);
  const failure: SdkError = error;
  if (failure.status !== undefined) return fromStatus(failure.status, failure, attempt);
  if (error instanceof SyntaxError) return unreadable('not JSON', attempt);
  return new ApiError({
    code: 'E_API_UNREACHABLE',
    message: clean(`${attempt.what}: the API cannot be reached (${reason(error)})`, attempt),
    retryable: true,
    hint: 'check the network, the name resolution and cloudflare.api_url',
  });
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

function fromStatus(status: number, failure: SdkError, attempt: Attempt): ApiError {
  const first = failure.errors?.[0];
  const apiCode = typeof first?.code === 'number' ? first.code : undefined;
  const said = typeof first?.message === 'string' ? first.message : failure.message;
  const number = apiCode === undefined ? '' : ` (${apiCode})`;
  const rayId = failure.headers?.get('cf-ray') ?? undefined;
  const ray = rayId === undefined ? '' : `, ray ${rayId}`;
  return new ApiError({
    ...kind(status, failure, attempt),
    message: clean(`${attempt.what}: ${status} ${said.slice(0, 500)}${number}${ray}`, attempt),
    status,
    apiCode,
    rayId,
  });
}

function kind(status: number, failure: SdkError, attempt: Attempt): Pick<ApiError, 'code' | 'retryable' | 'hint'> {
  if (status === 401 || status === 403) {
    const hint = `the API token is not valid or lacks the permission "${attempt.permission}"`;
    return { code: 'E_API_UNAUTHORIZED', retryable: false, hint };
  }
  if (status === 429) {
    const seconds = failure.headers === undefined ? undefined : retryAfterSeconds(failure.headers, Date.now());
    const wait = seconds === undefined ? 'a while' : `${Math.ceil(seconds)} s`;
    return { code: 'E_API_RATE_LIMITED', retryable: true, hint: `the API asks to wait ${wait}; it is tried again` };
  }
  return { code: 'E_API', retryable: status >= 500 || status === 408, hint: undefined };
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
