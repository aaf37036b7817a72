// DNS records in the edge's database: single changes and batches, each all or nothing.
import type { Clock } from '../../clock.ts';
import type { StoreDatabase, Touched } from './database.ts';
import { checkRecord, conflictWith, type RecordFields, type RecordInput, type RecordLimits } from './record-rules.ts';
import { refusal, refusalCode } from './refusal.ts';
import { integer, json, optionalText, type Row, text } from './row.ts';
import { isoTime, newId, type Zone } from './zones.ts';

/** A record as stored. */
export interface StoredRecord extends RecordFields {
  readonly id: string;
  readonly zoneId: string;
  readonly createdOn: string;
  readonly modifiedOn: string;
}

/** Fields to change; absent ones stay. */
export type RecordPatch = Partial<RecordInput>;

/** A batch as the API takes it; executed in the order deletes, patches, puts, posts. */
export interface RecordBatch {
  readonly deletes?: readonly { readonly id: string }[] | null;
  readonly patches?: readonly ({ readonly id: string } & RecordPatch)[] | null;
  readonly puts?: readonly ({ readonly id: string } & RecordInput)[] | null;
  readonly posts?: readonly RecordInput[] | null;
}

/** What a batch did, list by list in the order asked. */
export interface RecordBatchResult {
  readonly deletes: readonly StoredRecord[];
  readonly patches: readonly StoredRecord[];
  readonly puts: readonly StoredRecord[];
  readonly posts: readonly StoredRecord[];
}

/** Records of a zone. Everything that writes throws RefusedError with Cloudflare's code and then has changed nothing. */
export interface RecordStore {
  /** In the order of creation. */
  list(zoneId: string): readonly StoredRecord[];
  /** The records with exactly this name (already normalised). */
  named(zoneId: string, name: string): readonly StoredRecord[];
  get(zoneId: string, recordId: string): StoredRecord | undefined;
  create(zone: Zone, input: RecordInput): StoredRecord;
  replace(zone: Zone, recordId: string, input: RecordInput): StoredRecord;
  patch(zone: Zone, recordId: string, patch: RecordPatch): StoredRecord;
  delete(zone: Zone, recordId: string): StoredRecord;
  batch(zone: Zone, batch: RecordBatch): RecordBatchResult;
}

/** Records on a database. */
export function createRecordStore(database: StoreDatabase, clock: Clock, limits: RecordLimits): RecordStore {
  function get(zoneId: string, recordId: string): StoredRecord | undefined {
    const row = database.get('SELECT * FROM record WHERE id = ? AND zone_id = ?', recordId, zoneId);
    return row === undefined ? undefined : recordOf(row);
  }

  function named(zoneId: string, name: string): readonly StoredRecord[] {
    return database.all('SELECT * FROM record WHERE zone_id = ? AND name = ? ORDER BY seq', zoneId, name).map(recordOf);
  }

  function existing(zone: Zone, recordId: string): StoredRecord {
    const record = get(zone.id, recordId);
    if (record === undefined) throw refusal(404, refusalCode.recordNotFound, 'Record does not exist.');
    return record;
  }

  function checked(zone: Zone, input: RecordInput, self?: StoredRecord): RecordFields {
    const fields = checkRecord(input, zone.name, limits);
    const others = named(zone.id, fields.name).filter((other) => other.id !== self?.id);
    const conflict = conflictWith(fields, zone.name, others);
    if (conflict !== undefined) throw conflict;
    return fields;
  }

  function insert(zone: Zone, input: RecordInput, touched: Touched): StoredRecord {
    const now = isoTime(clock.now());
    const record = { ...checked(zone, input), id: newId(), zoneId: zone.id, createdOn: now, modifiedOn: now };
    database.run(
      `INSERT INTO record (name, type, content, proxied, ttl, comment, tags, priority, data, settings, modified_on,
         id, zone_id, created_on) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...columnsOf(record),
      record.id,
      record.zoneId,
      record.createdOn,
    );
    touched.names.add(record.name);
    return record;
  }

  function update(zone: Zone, current: StoredRecord, input: RecordInput, touched: Touched): StoredRecord {
    const record = { ...current, ...checked(zone, input, current), modifiedOn: isoTime(clock.now()) };
    database.run(
      `UPDATE record SET name = ?, type = ?, content = ?, proxied = ?, ttl = ?, comment = ?, tags = ?, priority = ?,
         data = ?, settings = ?, modified_on = ? WHERE id = ?`,
      ...columnsOf(record),
      record.id,
    );
    touched.names.add(current.name).add(record.name);
    return record;
  }

  function remove(zone: Zone, recordId: string, touched: Touched): StoredRecord {
    const record = existing(zone, recordId);
    database.run('DELETE FROM record WHERE id = ?', record.id);
    touched.names.add(record.name);
    return record;
  }

  function batch(zone: Zone, wanted: RecordBatch): RecordBatchResult {
    const { deletes, patches, puts, posts } = wanted;
    const size = (deletes?.length ?? 0) + (patches?.length ?? 0) + (puts?.length ?? 0) + (posts?.length ?? 0);
    if (size > limits.batch)
      throw refusal(400, refusalCode.recordInvalid, `A batch can hold at most ${limits.batch} operations.`);
    return database.transact((touched) => ({
      deletes: (deletes ?? []).map(({ id }) => remove(zone, id, touched)),
      patches: (patches ?? []).map(({ id, ...patch }) => {
        const current = existing(zone, id);
        return update(zone, current, merged(current, patch), touched);
      }),
      puts: (puts ?? []).map(({ id, ...input }) => update(zone, existing(zone, id), input, touched)),
      posts: (posts ?? []).map((input) => insert(zone, input, touched)),
    }));
  }

  return {
    list: (zoneId) => database.all('SELECT * FROM record WHERE zone_id = ? ORDER BY seq', zoneId).map(recordOf),
    named,
    get,
    create: (zone, input) => database.transact((touched) => insert(zone, input, touched)),
    replace: (zone, recordId, input) =>
      database.transact((touched) => update(zone, existing(zone, recordId), input, touched)),
    patch: (zone, recordId, patch) =>
      database.transact((touched) => {
        const current = existing(zone, recordId);
        return update(zone, current, merged(current, patch), touched);
      }),
    delete: (zone, recordId) => database.transact((touched) => remove(zone, recordId, touched)),
    batch,
  };
}

/** The whole record a patch asks for. New content makes old structured data stale, and the other way round. */
function merged(current: StoredRecord, patch: RecordPatch): RecordInput {
  const { data, priority, ...rest } = current;
  const keepsData = data !== null && patch.content === undefined && (patch.type ?? current.type) === current.type;
  return {
    ...rest,
    ...(priority === null ? {} : { priority }),
    ...(keepsData ? { data } : {}),
    ...patch,
  };
}

function columnsOf(record: StoredRecord): (string | number | null)[] {
  return [
    record.name,
    record.type,
    record.content,
    record.proxied ? 1 : 0,
    record.ttl,
    record.comment,
    JSON.stringify(record.tags),
    record.priority,
    record.data === null ? null : JSON.stringify(record.data),
    JSON.stringify(record.settings),
    record.modifiedOn,
  ];
}

function recordOf(row: Row): StoredRecord {
  return {
    id: text(row, 'id'),
    zoneId: text(row, 'zone_id'),
    name: text(row, 'name'),
    type: text(row, 'type'),
    content: text(row, 'content'),
    proxied: integer(row, 'proxied') === 1,
    ttl: integer(row, 'ttl'),
    comment: optionalText(row, 'comment'),
    tags: row.tags === '[]' ? noTags : (json(row, 'tags') as readonly string[]),
    priority: row.priority === null ? null : integer(row, 'priority'),
    data: row.data === null ? null : (json(row, 'data') as Readonly<Record<string, unknown>>),
    settings: row.settings === '{}' ? noSettings : (json(row, 'settings') as Readonly<Record<string, unknown>>),
    createdOn: text(row, 'created_on'),
    modifiedOn: text(row, 'modified_on'),
  };
}

// Almost every record has neither; sharing the empty values keeps long lists cheap.
const noTags: readonly string[] = [];
const noSettings: Readonly<Record<string, unknown>> = {};
