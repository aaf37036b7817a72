// Opens the edge's database file and runs transactions on it; knows SQLite and nothing of tunnels or records.
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { AppError } from '../../errors.ts';
import type { EdgeChange } from '../model.ts';
import { integer, type Row } from './row.ts';
import { applicationId, migrations } from './schema.ts';

/** What a transaction touched: which parts of the memory index to read again, and what to tell listeners. */
export interface Touched {
  readonly names: Set<string>;
  readonly tunnels: Set<string>;
  readonly changes: EdgeChange[];
}

/** The database as the nouns use it. Every call is synchronous; failures are AppErrors with code E_STATE. */
export interface StoreDatabase {
  all(sql: string, ...values: SQLInputValue[]): readonly Row[];
  get(sql: string, ...values: SQLInputValue[]): Row | undefined;
  run(sql: string, ...values: SQLInputValue[]): void;
  /** All or nothing; an inner transaction joins the outer one. `onCommit` runs once, after the outer one is durable. */
  transact<T>(work: (touched: Touched) => T): T;
  onCommit: (touched: Touched) => void;
  close(): void;
}

const sqliteBusy = 5;
const sqliteCorrupt = 11;
const sqliteFull = 13;
const sqliteCannotOpen = 14;
const sqliteNotADatabase = 26;
const lockTimeoutMs = 1_000;

/** Opens or creates the database at `path` (`:memory:` for tests), only readable by its owner, at the newest version. */
export function openDatabase(path: string): StoreDatabase {
  return guard(path, () => {
    if (path !== ':memory:') createPrivateFile(path);
    const database = new DatabaseSync(path, { timeout: lockTimeoutMs, enableForeignKeyConstraints: true });
    try {
      prepareFile(database, path);
    } catch (error) {
      database.close();
      throw error;
    }
    return wrap(database, path);
  });
}

/** SQLite gives its companion files the mode of the database itself, so only this one must be right. */
function createPrivateFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
}

function prepareFile(database: DatabaseSync, path: string): void {
  // One process owns the file: its memory index would not notice another one's writes.
  database.exec('PRAGMA locking_mode = EXCLUSIVE');
  // Before anything is written, so that another program's database stays as it is.
  const version = checkIdentity(database, path);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  const health = database.prepare('PRAGMA quick_check(1)').get();
  if (health?.quick_check !== 'ok') throw stateError(path, 'the edge database is damaged', damagedHint);
  migrate(database, version);
}

const damagedHint = 'restore it from a copy, or move it away to start with an empty one';

/** The file's version, 0 for a new one; an AppError when it is not ours or too new. */
function checkIdentity(database: DatabaseSync, path: string): number {
  const version = pragma(database, 'user_version');
  const tables = database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get();
  const isEmpty = tables !== undefined && integer(tables, 'tables') === 0;
  if (!isEmpty && pragma(database, 'application_id') !== applicationId)
    throw stateError(path, 'this file is a database, but not one of an embedded edge', 'choose another path');
  if (version > migrations.length)
    throw stateError(
      path,
      `the edge database is of version ${version}, this program knows up to ${migrations.length}`,
      'run the newer program that wrote it, or restore a copy made before the upgrade',
    );
  return version;
}

function migrate(database: DatabaseSync, version: number): void {
  for (const [index, sql] of migrations.entries()) {
    if (index < version) continue;
    database.exec(
      `BEGIN IMMEDIATE; ${sql} PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${index + 1}; COMMIT;`,
    );
  }
}

function pragma(database: DatabaseSync, name: 'user_version' | 'application_id'): number {
  const row = database.prepare(`PRAGMA ${name}`).get();
  return row === undefined ? 0 : integer(row, name);
}

function wrap(database: DatabaseSync, path: string): StoreDatabase {
  const statements = new Map<string, StatementSync>();
  let open: Touched | undefined;

  function prepared(sql: string): StatementSync {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const fresh = database.prepare(sql);
    statements.set(sql, fresh);
    return fresh;
  }

  function outermost<T>(work: (touched: Touched) => T): T {
    const touched: Touched = { names: new Set(), tunnels: new Set(), changes: [] };
    guard(path, () => database.exec('BEGIN IMMEDIATE'));
    open = touched;
    let result: T;
    try {
      result = work(touched);
      guard(path, () => database.exec('COMMIT'));
    } catch (error) {
      // A full disk makes SQLite roll back by itself; a second ROLLBACK would hide the reason.
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    } finally {
      open = undefined;
    }
    self.onCommit(touched);
    return result;
  }

  const self: StoreDatabase = {
    all: (sql, ...values) => guard(path, () => prepared(sql).all(...values)),
    get: (sql, ...values) => guard(path, () => prepared(sql).get(...values)),
    run: (sql, ...values) => {
      guard(path, () => prepared(sql).run(...values));
    },
    transact: (work) => (open === undefined ? outermost(work) : work(open)),
    onCommit: () => undefined,
    close: () => {
      if (database.isOpen) database.close();
    },
  };
  return self;
}

/** Runs `work`, turning what SQLite and the file system say into an error a user can act on. */
function guard<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw explain(path, error);
  }
}

function explain(path: string, error: unknown): unknown {
  if (error instanceof AppError || !(error instanceof Error)) return error;
  const code = 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
  if (code === sqliteNotADatabase) return stateError(path, 'the edge database is not a database', damagedHint, error);
  if (code === sqliteCorrupt) return stateError(path, 'the edge database is damaged', damagedHint, error);
  if (code === sqliteBusy)
    return stateError(
      path,
      'the edge database is in use by another process',
      'stop the other one, or use another data directory',
      error,
    );
  if (code === sqliteFull) return stateError(path, 'the disk is full', 'make room and try again', error);
  if (code === sqliteCannotOpen || isFileError(error))
    return stateError(path, 'the edge database cannot be opened', 'check the path and its permissions', error);
  return error;
}

function isFileError(error: Error): boolean {
  return 'syscall' in error && typeof error.syscall === 'string';
}

function stateError(path: string, message: string, hint: string, cause?: unknown): AppError {
  return new AppError({ code: 'E_STATE', message, where: path, hint, cause });
}
