// /zones/:zone/dns_records: list, create, read, overwrite, change, delete, and all of these in one batch.
import { isAddressType, type RecordInput } from '../store/record-rules.ts';
import type { RecordBatch, RecordPatch, StoredRecord } from '../store/records.ts';
import { refusal, refusalCode } from '../store/refusal.ts';
import { type Api, type ApiContext, findZone } from './context.ts';
import { paged, success } from './envelope.ts';
import { exactName, type RecordQuery, recordQuerySchema, selectRecords } from './record-query.ts';

interface InZone {
  zone: string;
}

interface InRecord extends InZone {
  record: string;
}

const fields = {
  type: { type: 'string', minLength: 1, maxLength: 16 },
  name: { type: 'string', minLength: 1, maxLength: 512 },
  content: { type: 'string' },
  ttl: { type: 'number' },
  proxied: { type: 'boolean' },
  comment: { type: 'string', nullable: true },
  tags: { type: 'array', nullable: true, items: { type: 'string' } },
  priority: { type: 'number' },
  data: { type: 'object' },
  settings: { type: 'object', nullable: true },
};
const id = { type: 'string', minLength: 1, maxLength: 64 };
const inputSchema = { type: 'object', required: ['type', 'name'], properties: fields };
const patchSchema = { type: 'object', properties: fields };
const putSchema = { type: 'object', required: ['id', 'type', 'name'], properties: { ...fields, id } };

const batchSchema = {
  type: 'object',
  properties: {
    deletes: list({ type: 'object', required: ['id'], properties: { id } }),
    patches: list({ type: 'object', required: ['id'], properties: { ...fields, id } }),
    puts: list(putSchema),
    posts: list(inputSchema),
  },
};

/** Registers the DNS record routes. */
export function addRecordRoutes(api: Api, context: ApiContext): void {
  const { records } = context.store;
  const base = '/zones/:zone/dns_records';

  api.get<{ Params: InZone; Querystring: RecordQuery }>(
    base,
    { schema: { querystring: recordQuerySchema } },
    (request) => {
      const zone = findZone(context, request, request.params.zone);
      const name = exactName(request.query);
      const candidates = name === undefined ? records.list(zone.id) : records.named(zone.id, name);
      const shown = context.arrange(candidates, ({ id, createdOn }) => ({ id, createdAt: createdOn }));
      return paged(selectRecords(shown, request.query), request.query, recordView);
    },
  );

  api.post<{ Params: InZone; Body: RecordInput }>(base, { schema: { body: inputSchema } }, (request) =>
    success(recordView(records.create(findZone(context, request, request.params.zone), request.body))),
  );

  api.post<{ Params: InZone; Body: RecordBatch }>(`${base}/batch`, { schema: { body: batchSchema } }, (request) => {
    const done = records.batch(findZone(context, request, request.params.zone), request.body);
    return success({
      deletes: done.deletes.map(recordView),
      patches: done.patches.map(recordView),
      puts: done.puts.map(recordView),
      posts: done.posts.map(recordView),
    });
  });

  api.get<{ Params: InRecord }>(`${base}/:record`, (request) => {
    const zone = findZone(context, request, request.params.zone);
    const record = records.get(zone.id, request.params.record);
    if (record === undefined) throw refusal(404, refusalCode.recordNotFound, 'Record does not exist.');
    return success(recordView(record));
  });

  api.put<{ Params: InRecord; Body: RecordInput }>(`${base}/:record`, { schema: { body: inputSchema } }, (request) => {
    const zone = findZone(context, request, request.params.zone);
    return success(recordView(records.replace(zone, request.params.record, request.body)));
  });

  api.patch<{ Params: InRecord; Body: RecordPatch }>(
    `${base}/:record`,
    { schema: { body: patchSchema } },
    (request) => {
      const zone = findZone(context, request, request.params.zone);
      return success(recordView(records.patch(zone, request.params.record, request.body)));
    },
  );

  api.delete<{ Params: InRecord }>(`${base}/:record`, (request) => {
    const zone = findZone(context, request, request.params.zone);
    return success({ id: records.delete(zone, request.params.record).id });
  });
}

function list(items: Record<string, unknown>) {
  return { type: 'array', nullable: true, items };
}

function recordView(record: StoredRecord) {
  return {
    id: record.id,
    name: record.name,
    type: record.type,
    content: record.content,
    proxiable: isAddressType(record.type),
    proxied: record.proxied,
    ttl: record.ttl,
    settings: record.settings,
    meta: {},
    comment: record.comment,
    tags: record.tags,
    created_on: record.createdOn,
    modified_on: record.modifiedOn,
    ...(record.priority === null ? {} : { priority: record.priority }),
    ...(record.data === null ? {} : { data: record.data }),
  };
}
