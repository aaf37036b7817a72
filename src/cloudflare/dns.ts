// DNS records of a zone: read as a whole, changed in batches.
import { type Schema, schemaOf } from '../validate.ts';
import type { Caller } from './call.ts';

/** A record as the API knows it; only the fields we use. */
export interface ApiRecord {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  /** Absent on the types that carry `data` instead. */
  readonly content?: string;
  readonly proxied?: boolean;
  readonly ttl?: number;
  readonly comment?: string | null;
}

/** What we write of a record. */
export interface RecordFields {
  readonly name: string;
  readonly type: 'CNAME' | 'TXT';
  readonly content: string;
  /** In seconds; absent: automatic, the only one a proxied record may have. */
  readonly ttl?: number;
  /** Not for a TXT record. */
  readonly proxied?: boolean;
  readonly comment?: string;
}

/** What changes of a record; its schema wants name, type and ttl even where they stay. */
export type RecordPatch = Omit<RecordFields, 'content'> & { readonly id: string; readonly content?: string };

/** Changes made together or not at all, in the order deletes, patches, posts. */
export interface RecordBatch {
  readonly deletes: readonly { readonly id: string }[];
  readonly patches: readonly RecordPatch[];
  readonly posts: readonly RecordFields[];
}

/** As many records as Cloudflare's free plan takes in one batch. */
export const maxBatchSize = 200;

/** What the API calls "automatic". */
const automaticTtl = 1;

const permission = 'Zone > DNS > Edit';

const listSchema = schemaOf<readonly ApiRecord[]>({
  type: 'array',
  items: {
    type: 'object',
    required: ['id', 'name', 'type'],
    properties: {
      id: { type: 'string', minLength: 1, maxLength: 64 },
      name: { type: 'string', maxLength: 255 },
      type: { type: 'string', maxLength: 20 },
      content: { type: 'string' },
      proxied: { type: 'boolean' },
      ttl: { type: 'number' },
      comment: { type: 'string', nullable: true },
    },
  },
});

const batchSchema: Schema<unknown> = { schema: { type: 'object' } };

/** Every record of a zone; one call for up to 1,000. */
export function listRecords(caller: Caller, zoneId: string, signal: AbortSignal): Promise<readonly ApiRecord[]> {
  return caller.list(
    {
      what: 'listing DNS records',
      permission,
      zoneId,
      schema: listSchema,
      perPage: 1_000,
      send: (sdk, paging, options) => sdk.dns.records.list({ zone_id: zoneId, ...paging }, options),
    },
    signal,
  );
}

/** Makes all the changes in one call, or none of them; at most `maxBatchSize`. */
export async function batchRecords(
  caller: Caller,
  zoneId: string,
  batch: RecordBatch,
  signal: AbortSignal,
): Promise<void> {
  await caller.call(
    {
      what: 'changing DNS records',
      permission,
      zoneId,
      schema: batchSchema,
      send: (sdk, options) =>
        sdk.dns.records.batch(
          {
            zone_id: zoneId,
            deletes: [...batch.deletes],
            patches: batch.patches.map((patch) => ({ ttl: automaticTtl, ...patch })),
            posts: batch.posts.map((post) => ({ ttl: automaticTtl, ...post })),
          },
          options,
        ),
    },
    signal,
  );
}
