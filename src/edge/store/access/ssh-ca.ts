// The key that signs short-lived SSH certificates for an application; servers trust its public half.
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { AppError } from '../../../errors.ts';
import { type Row, text } from '../row.ts';
import { accessConflict, accessNotFound } from './refusals.ts';
import type { AccessTables } from './tables.ts';

/** A CA as the API shows it. */
export interface SshCa {
  readonly id: string;
  readonly appId: string;
  /** One line as sshd's TrustedUserCAKeys wants it. */
  readonly publicKey: string;
}

/** SSH CAs, at most one per application. */
export interface SshCaStore {
  list(): readonly SshCa[];
  /** RefusedError 404 when the application has none. */
  get(appId: string): SshCa;
  /** RefusedError 409 when it has one. */
  create(appId: string): SshCa;
  delete(appId: string): SshCa;
  /** What certificates are signed with. A secret. */
  privateKey(appId: string): KeyObject;
}

const keyType = 'ecdsa-sha2-nistp256';
const curve = 'nistp256';
const keyComment = 'open-ssh-ca@cloudflareaccess.org';

/** SSH CAs on the tables. */
export function createSshCaStore({ database }: AccessTables): SshCaStore {
  function find(appId: string): Row | undefined {
    return database.get('SELECT id, app_id, private_key FROM access_ca WHERE app_id = ?', appId);
  }

  function existing(appId: string): Row {
    const row = find(appId);
    if (row === undefined) throw accessNotFound();
    return row;
  }

  function create(appId: string): SshCa {
    return database.transact(() => {
      if (find(appId) !== undefined) throw accessConflict('the application already has a certificate authority');
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      database.run('INSERT INTO access_ca (app_id, id, private_key) VALUES (?, ?, ?)', appId, randomUUID(), pem);
      return caOf(existing(appId));
    });
  }

  return {
    list: () => database.all('SELECT id, app_id, private_key FROM access_ca ORDER BY rowid').map(caOf),
    get: (appId) => caOf(existing(appId)),
    create,
    delete: (appId) =>
      database.transact(() => {
        const ca = caOf(existing(appId));
        database.run('DELETE FROM access_ca WHERE app_id = ?', appId);
        return ca;
      }),
    privateKey: (appId) => createPrivateKey(text(existing(appId), 'private_key')),
  };
}

function caOf(row: Row): SshCa {
  const key = createPublicKey(text(row, 'private_key'));
  return { id: text(row, 'id'), appId: text(row, 'app_id'), publicKey: openSshLine(key) };
}

/** RFC 5656, section 3.1: type, curve and uncompressed point, each with its length before it. */
function openSshLine(key: KeyObject): string {
  const { x, y } = key.export({ format: 'jwk' });
  if (x === undefined || y === undefined)
    throw new AppError({ code: 'E_STATE', message: 'the key of an SSH certificate authority is no ECDSA key' });
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  const blob = Buffer.concat([keyType, curve, point].map(lengthPrefixed));
  return `${keyType} ${blob.toString('base64')} ${keyComment}`;
}

function lengthPrefixed(part: string | Uint8Array): Buffer {
  const bytes = Buffer.from(part);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
