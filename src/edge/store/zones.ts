// The account and its zones in the edge's database.
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import type { StoreDatabase } from './database.ts';
import { normalizeName } from './names.ts';
import { refusal, refusalCode } from './refusal.ts';
import { type Row, text } from './row.ts';

/** The one account everything belongs to. */
export interface Account {
  /** 32 hexadecimal digits, made once per database. */
  readonly id: string;
  readonly name: string;
  readonly createdOn: string;
}

/** A domain whose records the edge serves. */
export interface Zone {
  readonly id: string;
  readonly name: string;
  readonly createdOn: string;
}

/** Zones, by id and name. */
export interface ZoneStore {
  list(): readonly Zone[];
  get(zoneId: string): Zone | undefined;
  /** In any spelling: upper case, Unicode, with a trailing dot. */
  named(name: string): Zone | undefined;
  /** A new zone; RefusedError when it exists or the name is none. */
  create(name: string): Zone;
}

/** 32 hexadecimal digits, the shape of Cloudflare's account, zone and record ids. */
export function newId(): string {
  return randomBytes(16).toString('hex');
}

/** The database's account, made when the file is new. */
export function openAccount(database: StoreDatabase, clock: Clock): Account {
  return database.transact(() => {
    const select = () => database.get('SELECT id, name, created_on FROM account');
    if (select() === undefined)
      database.run(
        'INSERT INTO account (id, name, created_on) VALUES (?, ?, ?)',
        newId(),
        'Sallyport',
        isoTime(clock.now()),
      );
    const row = select();
    if (row === undefined) throw new AppError({ code: 'E_STATE', message: 'the edge database has no account' });
    return { id: text(row, 'id'), name: text(row, 'name'), createdOn: text(row, 'created_on') };
  });
}

/** Zones on a database. */
export function createZoneStore(database: StoreDatabase, clock: Clock): ZoneStore {
  const columns = 'SELECT id, name, created_on FROM zone';

  function find(where: string, value: string): Zone | undefined {
    const row = database.get(`${columns} WHERE ${where} = ?`, value);
    return row === undefined ? undefined : zoneOf(row);
  }

  function create(name: string): Zone {
    const clean = normalizeName(name, { wildcard: false });
    if (clean === undefined) throw refusal(400, refusalCode.zoneNameInvalid, `"${name}" is not a valid zone name.`);
    return database.transact(() => {
      if (find('name', clean) !== undefined) throw refusal(400, refusalCode.zoneTaken, `${clean} already exists.`);
      const zone: Zone = { id: newId(), name: clean, createdOn: isoTime(clock.now()) };
      database.run('INSERT INTO zone (id, name, created_on) VALUES (?, ?, ?)', zone.id, zone.name, zone.createdOn);
      return zone;
    });
  }

  return {
    list: () => database.all(`${columns} ORDER BY name`).map(zoneOf),
    get: (zoneId) => find('id', zoneId),
    named: (name) => find('name', normalizeName(name, { wildcard: false }) ?? ''),
    create,
  };
}

/** Milliseconds since the epoch as the API writes times. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

function zoneOf(row: Row): Zone {
  return { id: text(row, 'id'), name: text(row, 'name'), createdOn: text(row, 'created_on') };
}
