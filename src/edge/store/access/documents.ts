// Access objects in the edge's database, as JSON documents: which fields an object has is Cloudflare's business, not the table's.
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../clock.ts';
import type { StoreDatabase } from '../database.ts';
import { json, type Row, text } from '../row.ts';
import { isoTime } from '../zones.ts';

/** An object with what the store adds to it. */
export interface Stored<T> {
  readonly id: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly fields: T;
}

/** Every object of one kind. */
export interface Documents<T> {
  /** In the order of creation. */
  list(): readonly Stored<T>[];
  get(id: string): Stored<T> | undefined;
  /** With a new UUID when no id is given. */
  insert(fields: T, id?: string): Stored<T>;
  /** The object must exist. */
  replace(current: Stored<T>, fields: T): Stored<T>;
  delete(id: string): void;
}

/** What kinds there are; the names are in the file, so they never change. */
export type DocumentKind =
  | 'app'
  | 'policy'
  | 'group'
  | 'service_token'
  | 'identity_provider'
  | 'tag'
  | 'organization'
  | 'keys';

/** What documents are kept with. */
export interface DocumentsOptions {
  readonly database: StoreDatabase;
  readonly clock: Clock;
  /** Called for every write: what was read before may be old. */
  readonly onWrite: () => void;
}

/** The objects of a kind, on a database. */
export function createDocuments<T>({ database, clock, onWrite }: DocumentsOptions, kind: DocumentKind): Documents<T> {
  const columns = 'SELECT id, body, created_at, updated_at FROM access_object WHERE kind = ?';

  function get(id: string): Stored<T> | undefined {
    const row = database.get(`${columns} AND id = ?`, kind, id);
    return row === undefined ? undefined : storedOf<T>(row);
  }

  function insert(fields: T, id: string = randomUUID()): Stored<T> {
    onWrite();
    const now = isoTime(clock.now());
    database.run(
      'INSERT INTO access_object (kind, id, body, created_at, updated_at) VALUES (?, ?, ?, ?, ?)',
      kind,
      id,
      JSON.stringify(fields),
      now,
      now,
    );
    return { id, fields, createdAt: now, updatedAt: now };
  }

  function replace(current: Stored<T>, fields: T): Stored<T> {
    onWrite();
    const updatedAt = isoTime(clock.now());
    database.run(
      'UPDATE access_object SET body = ?, updated_at = ? WHERE kind = ? AND id = ?',
      JSON.stringify(fields),
      updatedAt,
      kind,
      current.id,
    );
    return { ...current, fields, updatedAt };
  }

  return {
    list: () => database.all(`${columns} ORDER BY seq`, kind).map((row) => storedOf<T>(row)),
    get,
    insert,
    replace,
    delete: (id) => {
      onWrite();
      database.run('DELETE FROM access_object WHERE kind = ? AND id = ?', kind, id);
    },
  };
}

function storedOf<T>(row: Row): Stored<T> {
  return {
    id: text(row, 'id'),
    fields: json(row, 'body') as T,
    createdAt: text(row, 'created_at'),
    updatedAt: text(row, 'updated_at'),
  };
}
