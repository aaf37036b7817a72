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

/** One call and what its answer must look like. */
export interface Call<T> {
  readonly what: string;
  readonly permission: string;
  readonly schema: Schema<T>;
  send(sdk: Sdk, options: SendOptions): PromiseLike<unknown>;
}

/** One page as the SDK gives it. */
interface Page {
  readonly result?: unknown;
  readonly result_info?: unknown;
}

/** A list, asked for page by page. */
export interface ListCall<T> {
  readonly what: string;
  readonly permission: string;
  /** Of the whole page's items. */
  readonly schema: Schema<readonly T[]>;
  readonly perPage: number;
  send(sdk: Sdk, paging: { readonly page: number; readonly per_page: number }, options: SendOptions): PromiseLike<Page>;
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

  async function run<T>(call: Call<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const attempt: Attempt = { what: call.what, permission: call.permission, apiToken: options.apiToken };
    loading ??= loadSdk(options);
    const sdk = await loading;
    const deadline = AbortSignal.timeout(callDeadlineMs);
    const answer = await settle(call, sdk, AbortSignal.any([signal, deadline]), attempt).catch((error: unknown) => {
      signal.throwIfAborted();
      throw error;
    });
    return check(call.schema, answer, attempt);
  }

  return {
    call: run,
    async list<T>(list: ListCall<T>, signal: AbortSignal) {
      const items: T[] = [];
      for (let page = 1; page <= maxPages; page++) {
        const answer = await run(pageCall(list, page), signal);
        items.push(...check(list.schema, answer.result, { ...list, apiToken: options.apiToken }));
        if (isLast(answer, page, items.length)) return items;
      }
      throw unreadable('a list without end', { ...list, apiToken: options.apiToken });
    },
  };
}

/** The SDK's promise, given up when the signal aborts: the SDK's own waits between retries do not listen to it. */
async function settle<T>(call: Call<T>, sdk: Sdk, signal: AbortSignal, attempt: Attempt): Promise<unknown> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(new Error('no answer in time'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([call.send(sdk, { signal }), aborted.promise]);
  } catch (error) {
    throw toApiError(error, attempt);
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

interface PageAnswer {
  readonly result: readonly unknown[];
  readonly result_info?: { readonly total_pages?: number; readonly total_count?: number } | null;
}

const pageSchema: Schema<PageAnswer> = {
  schema: {
    type: 'object',
    required: ['result'],
    properties: {
      result: { type: 'array' },
      result_info: {
        type: 'object',
        nullable: true,
        properties: { total_pages: { type: 'number' }, total_count: { type: 'number' } },
      },
    },
  },
};

function pageCall<T>(list: ListCall<T>, page: number): Call<PageAnswer> {
  return {
    what: list.what,
    permission: list.permission,
    schema: pageSchema,
    // Plain fields only: the SDK's page object holds the client, which cannot be copied.
    send: async (sdk, options) => {
      const { result, result_info } = await list.send(sdk, { page, per_page: list.perPage }, options);
      return { result, result_info: result_info ?? null };
    },
  };
}

/** `total_pages` where the API gives it, else `total_count`, else until a page is empty. */
function isLast(answer: PageAnswer, page: number, seen: number): boolean {
  if (answer.result.length === 0) return true;
  const info = answer.result_info ?? {};
  if (info.total_pages !== undefined && info.total_pages > 0) return page >= info.total_pages;
  return info.total_count !== undefined && seen >= info.total_count;
}
