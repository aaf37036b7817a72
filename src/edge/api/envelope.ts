// The envelope every answer of API v4 comes in, and paging. Pure.
import type { ApiErrorLine } from '../store/refusal.ts';

/** One page's place in the whole. */
export interface ResultInfo {
  readonly page: number;
  readonly per_page: number;
  readonly count: number;
  readonly total_count: number;
  readonly total_pages: number;
}

/** An answer as it goes over the wire. */
export interface Envelope<T> {
  readonly success: boolean;
  readonly errors: readonly ApiErrorLine[];
  readonly messages: readonly ApiErrorLine[];
  readonly result: T | null;
  readonly result_info?: ResultInfo;
}

/** What a listing endpoint takes from the query. */
export interface PageQuery {
  readonly page: number;
  readonly per_page: number;
}

/** JSON Schema of `page` and `per_page`, for a listing's query. */
export function pageSchema(defaultSize: number, maxSize: number) {
  return {
    page: { type: 'integer', minimum: 1, default: 1 },
    per_page: { type: 'integer', minimum: 1, maximum: maxSize, default: defaultSize },
  };
}

/** A successful answer. */
export function success<T>(result: T, messages: readonly ApiErrorLine[] = []): Envelope<T> {
  return { success: true, errors: [], messages, result };
}

/** A failed answer. */
export function failure(errors: readonly ApiErrorLine[]): Envelope<never> {
  return { success: false, errors, messages: [], result: null };
}

/** One page of `items`, each shown by `view`; a page past the end is empty. */
export function paged<T, V>(items: readonly T[], query: PageQuery, view: (item: T) => V): Envelope<readonly V[]> {
  const start = (query.page - 1) * query.per_page;
  const page = items.slice(start, start + query.per_page).map(view);
  return {
    ...success(page),
    result_info: {
      page: query.page,
      per_page: query.per_page,
      count: page.length,
      total_count: items.length,
      total_pages: Math.ceil(items.length / query.per_page),
    },
  };
}

/** A whole listing on one page, for endpoints without paging. */
export function onePage<T>(items: readonly T[]): Envelope<readonly T[]> {
  return paged(items, { page: 1, per_page: Math.max(items.length, 1) }, (item) => item);
}
