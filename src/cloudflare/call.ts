// One call of the API: abortable, with a deadline, its answer checked. Every noun goes through here.
import { ValidationError } from '../errors.ts';
import { parse, type Schema } from '../validate.ts';
import { type Attempt, toApiError, unreadable } from './api-error.ts';
import { loadSdk, type Sdk, type SdkOptions } from './sdk.ts';

/** Longest time a call may take, its retries and waits included. */
const callDeadlineMs = 60_000;

/** What the SDK's methods take besides parameters. */
export interface SendOptions {
  readonly signal: AbortSignal;
}

/** What the SDK's methods return, as far as we use it: its own reading of answers takes a missing result for an empty list. */
interface Sent {
  asResponse(): Promise<Response>;
}

/** One call and what its answer's `result` must look like. */
export interface Call<T> {
  readonly what: string;
  readonly permission: string;
  readonly schema: Schema<T>;
  send(sdk: Sdk, options: SendOptions): Sent;
}

/** A list, asked for page by page. */
export interface ListCall<T> {
  readonly what: string;
  readonly permission: string;
  /** Of the whole page's items. */
  readonly schema: Schema<readonly T[]>;
  readonly perPage: number;
  /** False when one answer holds everything. */
  readonly isPaged?: boolean;
  send(sdk: Sdk, paging: { readonly page: number; readonly per_page: number }, options: SendOptions): Sent;
}

/** Makes calls. */
export interface Caller {
  /** The answer's `result`; throws ApiError, or the signal's reason. */
  call<T>(call: Call<T>, signal: AbortSignal): Promise<T>;
  /** All pages' items; asks for no page beyond the last (the SDK's own iteration reads until one is empty). */
  list<T>(call: ListCall<T>, signal: AbortSignal): Promise<readonly T[]>;
}

/** More pages than this is an API gone mad. */
const maxPages = 1_000;

/** A caller with its own SDK client, which is loaded by the first call. */
export function createCaller(options: SdkOptions): Caller {
  let loading: Promise<Sdk> | undefined;

  /** The answer's envelope. */
  async function ask(send: (sdk: Sdk, options: SendOptions) => Sent, attempt: Attempt, signal: AbortSignal) {
    signal.throwIfAborted();
    loading ??= loadSdk(options);
    const sdk = await loading;
    const either = AbortSignal.any([signal, AbortSignal.timeout(callDeadlineMs)]);
    try {
      const answer = await unlessAborted(read(send(sdk, { signal: either })), either);
      return check(envelopeSchema, answer, attempt);
    } catch (error) {
      signal.throwIfAborted();
      throw toApiError(error, attempt);
    }
  }

  return {
    async call<T>(call: Call<T>, signal: AbortSignal) {
      const attempt: Attempt = { what: call.what, permission: call.permission, apiToken: options.apiToken };
      const { result } = await ask((sdk, sending) => call.send(sdk, sending), attempt, signal);
      return check(call.schema, result, attempt);
    },
    async list<T>(list: ListCall<T>, signal: AbortSignal) {
      const attempt: Attempt = { what: list.what, permission: list.permission, apiToken: options.apiToken };
      const items: T[] = [];
      for (let page = 1; page <= maxPages; page++) {
        const paging = { page, per_page: list.perPage };
        const answer = await ask((sdk, sending) => list.send(sdk, paging, sending), attempt, signal);
        const found = check(list.schema, answer.result, attempt);
        items.push(...found);
        if (list.isPaged === false || found.length === 0 || isLast(answer, page, items.length)) return items;
      }
      throw unreadable('a list without end', attempt);
    },
  };
}

async function read(sent: Sent): Promise<unknown> {
  const response = await sent.asResponse();
  return response.json();
}

/** The work's result, given up when the signal aborts: the SDK's own waits between retries do not listen to it. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(new Error('no answer in time'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function check<T>(schema: Schema<T>, answer: unknown, attempt: Attempt): T {
  try {
    return parse(schema, answer, { where: attempt.what, code: 'E_API_ANSWER' });
  } catch (error) {
    if (error instanceof ValidationError) throw unreadable(error.message, attempt);
    throw error;
  }
}

/** What every answer is wrapped in. */
interface Envelope {
  readonly success: true;
  readonly result: unknown;
  readonly result_info?: { readonly total_pages?: number; readonly total_count?: number } | null;
}

const envelopeSchema: Schema<Envelope> = {
  schema: {
    type: 'object',
    required: ['success', 'result'],
    properties: {
      success: { const: true },
      result: {},
      result_info: {
        type: 'object',
        nullable: true,
        properties: { total_pages: { type: 'number' }, total_count: { type: 'number' } },
      },
    },
  },
};

/** By `total_pages` where the API gives it, else by `total_count`; with neither, a page that is empty is the last. */
function isLast(answer: Envelope, page: number, seen: number): boolean {
  const info = answer.result_info ?? {};
  if (info.total_pages !== undefined && info.total_pages > 0) return page >= info.total_pages;
  return info.total_count !== undefined && seen >= info.total_count;
}
