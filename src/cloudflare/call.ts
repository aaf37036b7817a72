// One call of the API: abortable, with a deadline, tried again where that helps, its answer checked. Every noun goes through here.
import { ValidationError } from '../errors.ts';
import { parse, type Schema } from '../validate.ts';
import { type Attempt, unreadable } from './api-error.ts';
import type { Sdk, SdkOptions } from './sdk.ts';
import { createSender, type Sent } from './sender.ts';

/** What the SDK's methods take besides parameters. */
export interface SendOptions {
  readonly signal: AbortSignal;
}

/** One call and what its answer's `result` must look like. */
export interface Call<T> {
  readonly what: string;
  readonly permission: string;
  /** The zone it is about. */
  readonly zoneId?: string;
  readonly schema: Schema<T>;
  send(sdk: Sdk, options: SendOptions): Sent;
}

/** A list, asked for page by page. */
export interface ListCall<T> {
  readonly what: string;
  readonly permission: string;
  /** The zone it is about. */
  readonly zoneId?: string;
  /** Of the whole page's items. */
  readonly schema: Schema<readonly T[]>;
  readonly perPage: number;
  /** False when one answer holds everything. */
  readonly isPaged?: boolean;
  send(sdk: Sdk, paging: { readonly page: number; readonly per_page: number }, options: SendOptions): Sent;
}

/** Makes calls. */
export interface Caller {
  /** Zones that were seen, by id: messages name them. */
  readonly zoneNames: Map<string, string>;
  /** The answer's `result`; throws ApiError, or the signal's reason. */
  call<T>(call: Call<T>, signal: AbortSignal): Promise<T>;
  /** All pages' items; asks for no page beyond the last (the SDK's own iteration reads until one is empty). */
  list<T>(call: ListCall<T>, signal: AbortSignal): Promise<readonly T[]>;
}

/** More pages than this is an API gone mad. */
const maxPages = 1_000;

/** A caller with its own SDK client, which is loaded by the first call. */
export function createCaller(options: SdkOptions): Caller {
  const zoneNames = new Map<string, string>();
  const sender = createSender(options);

  /** The answer's envelope, and what a complaint about it would name. */
  async function ask(
    asked: { readonly what: string; readonly permission: string; readonly zoneId?: string },
    send: (sdk: Sdk, options: SendOptions) => Sent,
    signal: AbortSignal,
  ): Promise<{ readonly answer: Envelope; readonly attempt: Attempt }> {
    const zone = asked.zoneId === undefined ? undefined : (zoneNames.get(asked.zoneId) ?? `zone ${asked.zoneId}`);
    const { answer, attempt } = await sender.send({ ...asked, zone, send }, signal);
    return { answer: check(envelopeSchema, answer, attempt), attempt };
  }

  return {
    zoneNames,
    async call<T>(call: Call<T>, signal: AbortSignal) {
      const { answer, attempt } = await ask(call, (sdk, sending) => call.send(sdk, sending), signal);
      return check(call.schema, answer.result, attempt);
    },
    async list<T>(list: ListCall<T>, signal: AbortSignal) {
      const items: T[] = [];
      for (let page = 1; ; page++) {
        const paging = { page, per_page: list.perPage };
        const { answer, attempt } = await ask(list, (sdk, sending) => list.send(sdk, paging, sending), signal);
        const found = check(list.schema, answer.result, attempt);
        items.push(...found);
        if (list.isPaged === false || found.length === 0 || isLast(answer, page, items.length)) return items;
        if (page === maxPages) throw unreadable('a list without end', attempt);
      }
    },
  };
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
