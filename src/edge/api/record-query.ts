// Which records a listing of DNS records returns, and in which order. Pure.
import type { StoredRecord } from '../store/records.ts';
import { type PageQuery, pageSchema } from './envelope.ts';
import { passes, type TextFilter, textFilter } from './text-filter.ts';

/** The query of GET /zones/:zone/dns_records, besides the text operators of its fields. */
export interface RecordQuery extends PageQuery {
  readonly [key: string]: unknown;
  readonly type?: string;
  readonly proxied?: boolean;
  readonly search?: string;
  readonly match: 'all' | 'any';
  readonly tag_match: 'all' | 'any';
  readonly order?: 'type' | 'name' | 'content' | 'ttl' | 'proxied';
  readonly direction: 'asc' | 'desc';
}

const text = { type: 'string', maxLength: 4_096 };

function operatorSchemas(field: string): Record<string, unknown> {
  const names = ['', '.exact', '.contains', '.startswith', '.endswith', '.present', '.absent'];
  return Object.fromEntries(names.map((operator) => [`${field}${operator}`, text]));
}

/** JSON Schema of RecordQuery; `per_page` goes as high as Cloudflare's. */
export const recordQuerySchema = {
  type: 'object',
  properties: {
    ...pageSchema(100, 5_000_000),
    ...operatorSchemas('name'),
    ...operatorSchemas('content'),
    ...operatorSchemas('comment'),
    ...operatorSchemas('tag'),
    type: { type: 'string', maxLength: 16 },
    proxied: { type: 'boolean' },
    search: text,
    match: { enum: ['all', 'any'], default: 'all' },
    tag_match: { enum: ['all', 'any'], default: 'all' },
    order: { enum: ['type', 'name', 'content', 'ttl', 'proxied'] },
    direction: { enum: ['asc', 'desc'], default: 'asc' },
  },
};

/** The name, when the query can only match records of exactly that one: worth an index look-up. */
export function exactName(query: RecordQuery): string | undefined {
  if (query.match === 'any') return undefined;
  return textFilter(query, 'name')?.exact?.toLowerCase();
}

/** The records the query asks for, in its order (that of creation when it names none). */
export function selectRecords(records: readonly StoredRecord[], query: RecordQuery): readonly StoredRecord[] {
  const conditions = conditionsOf(query);
  const holds = (record: StoredRecord) =>
    query.match === 'all'
      ? conditions.every((condition) => condition(record))
      : conditions.some((condition) => condition(record));
  const { search } = query;
  const found = records.filter(
    (record) =>
      (conditions.length === 0 || holds(record)) && (search === undefined || isFound(record, search.toLowerCase())),
  );
  return inOrder(found, query);
}

type Condition = (record: StoredRecord) => boolean;

function conditionsOf(query: RecordQuery): readonly Condition[] {
  const conditions: Condition[] = [];
  const { type, proxied } = query;
  if (type !== undefined) conditions.push((record) => record.type === type.toUpperCase());
  if (proxied !== undefined) conditions.push((record) => record.proxied === proxied);
  for (const field of ['name', 'content', 'comment'] as const) {
    const filter = textFilter(query, field);
    if (filter !== undefined) conditions.push((record) => passes(filter, record[field]));
  }
  const tags = textFilter(query, 'tag');
  if (tags !== undefined) conditions.push((record) => hasTags(record.tags, tags, query.tag_match));
  return conditions;
}

/** Each tag operator asks for one tag: by its name, or by its name and a part of its value. */
function hasTags(tags: readonly string[], filter: TextFilter, match: 'all' | 'any'): boolean {
  const answers = Object.entries(filter).map(([operator, wanted]) => {
    const [name = '', ...rest] = wanted.toLowerCase().split(':');
    const values = tags
      .map((tag) => tag.toLowerCase().split(':'))
      .filter(([tagName]) => tagName === name)
      .map(([, ...value]) => value.join(':'));
    if (operator === 'present') return values.length > 0;
    if (operator === 'absent') return values.length === 0;
    return values.some((value) => passes({ [operator]: rest.join(':') }, value));
  });
  return match === 'all' ? answers.every(Boolean) : answers.some(Boolean);
}

function isFound(record: StoredRecord, needle: string): boolean {
  return [record.name, record.content, record.type, record.comment ?? '', ...record.tags].some((value) =>
    value.toLowerCase().includes(needle),
  );
}

function inOrder(records: readonly StoredRecord[], query: RecordQuery): readonly StoredRecord[] {
  const { order } = query;
  const sorted =
    order === undefined
      ? records
      : records.toSorted((a, b) => (a[order] < b[order] ? -1 : a[order] > b[order] ? 1 : 0));
  return query.direction === 'asc' ? sorted : sorted.toReversed();
}
