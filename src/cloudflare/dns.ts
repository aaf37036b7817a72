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
  readonly comment?: string | null;
}

/** What we write of a record. */
export interface RecordFields {
  readonly name: string;
  readonly type: 'CNAME';
  readonly content: string;
  readonly proxied: boolean;
  readonly comment: string;
}

/** Changes made together or not at all. */
export interface RecordBatch {
  readonly deletes: readonly { readonly id: string }[];
  readonly patches: readonly (RecordFields & { readonly id: string })[];
  readonly posts: readonly RecordFields[];
}

/** As many records as Cloudflare's free plan takes in one batch. */
export const maxBatchSize = 200;

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
      schema: listSchema,
      perPage: 1_000,
      send: (sdk, paging, options) => sdk.dns.records.list({ zone_id: zoneId, ...paging }, options),
    },
    signal,
  );
}

/** Makes all the changes in one call, or none of them; at most `maxBatchSize`. `ttl` 1 is "automatic", the only one a proxied record may have. */
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
      schema: batchSchema,
      send: (sdk, options) =>
        sdk.dns.records.batch(
          {
            zone_id: zoneId,
            deletes: [...batch.deletes],
            patches: batch.patches.map((patch) => ({ ...patch, ttl: 1 })),
            posts: batch.posts.map((post) => ({ ...post, ttl: 1 })),
          },
          options,
        ),
    },
    signal,
  );
}
