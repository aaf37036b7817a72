// The keys that sign what a visitor who logged in shows. Secrets: they never leave the data directory.
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
  /** Newest first. */
  list(): readonly StoredSigningKey[];
  add(key: StoredSigningKey): void;
  delete(kid: string): void;
}

/** Signing keys on the tables. */
export function createSigningKeyStore({ database }: AccessTables): SigningKeyStore {
  return {
    list: () =>
      database
        .all('SELECT kid, private_key, created_at FROM access_signing_key ORDER BY created_at DESC, rowid DESC')
        .map((row) => ({
          kid: text(row, 'kid'),
          privateKey: text(row, 'private_key'),
          createdAt: integer(row, 'created_at'),
        })),
    add: ({ kid, privateKey, createdAt }) =>
      database.run(
        'INSERT INTO access_signing_key (kid, private_key, created_at) VALUES (?, ?, ?)',
        kid,
        privateKey,
        createdAt,
      ),
    delete: (kid) => database.run('DELETE FROM access_signing_key WHERE kid = ?', kid),
  };
}
