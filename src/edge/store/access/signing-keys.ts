// The keys that sign what a visitor who logged in shows. Kept sealed: a copy of the database alone forges no login.
import { integer, text } from '../row.ts';
import type { AccessTables } from './tables.ts';

/** A private key as it is kept. */
export interface StoredSigningKey {
  readonly kid: string;
  /** PKCS #8, PEM. A secret. */
  readonly privateKey: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** Signing keys. */
export interface SigningKeyStore {
  /** Newest first; without those that another data directory sealed. */
  list(): readonly StoredSigningKey[];
  add(key: StoredSigningKey): void;
  delete(kid: string): void;
}

const columns = 'SELECT kid, private_key, created_at FROM access_signing_key ORDER BY created_at DESC, rowid DESC';

/** Signing keys on the tables. */
export function createSigningKeyStore({ database, sealer }: AccessTables): SigningKeyStore {
  return {
    list: () =>
      database.all(columns).flatMap((row) => {
        const kid = text(row, 'kid');
        const privateKey = sealer.open(text(row, 'private_key'), purposeOf(kid));
        return privateKey === undefined ? [] : [{ kid, privateKey, createdAt: integer(row, 'created_at') }];
      }),
    add: ({ kid, privateKey, createdAt }) =>
      database.run(
        'INSERT INTO access_signing_key (kid, private_key, created_at) VALUES (?, ?, ?)',
        kid,
        sealer.seal(privateKey, purposeOf(kid)),
        createdAt,
      ),
    delete: (kid) => database.run('DELETE FROM access_signing_key WHERE kid = ?', kid),
  };
}

function purposeOf(kid: string): string {
  return `signing key ${kid}`;
}
