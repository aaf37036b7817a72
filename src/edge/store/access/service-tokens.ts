// Service tokens in the edge's database. Of a secret only its hash is kept: it is told once, to whoever made or rotated it.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { bytes, integer } from '../row.ts';
import { isoTime } from '../zones.ts';
import type { Stored } from './documents.ts';
import { goDurationMs } from './go-duration.ts';
import { checkUnused } from './references.ts';
import { accessInvalid, accessNotFound } from './refusals.ts';
import type { AccessTables, ServiceTokenFields } from './tables.ts';

/** A service token as stored. */
export type StoredServiceToken = Stored<ServiceTokenFields>;

/** A token and its secret, the only time it can be had. */
export interface IssuedServiceToken {
  readonly token: StoredServiceToken;
  readonly clientSecret: string;
}

/** What a client sends to make a token; every field but the name has a default. */
export interface ServiceTokenInput {
  readonly name: string;
  /** How long it is valid, or `forever`; a year. */
  readonly duration?: string;
  readonly enabled?: boolean;
}

/** What a client sends to change a token; absent fields stay. */
export interface ServiceTokenChange extends Partial<ServiceTokenInput> {
  /** One more than now rotates the secret. */
  readonly client_secret_version?: number;
  readonly previous_client_secret_expires_at?: string;
}

/** Service tokens. Everything that writes throws RefusedError and then has changed nothing. */
export interface ServiceTokenStore {
  list(): readonly StoredServiceToken[];
  get(id: string): StoredServiceToken;
  create(input: ServiceTokenInput): IssuedServiceToken;
  /** The secret is there only when the change rotated it. */
  change(
    id: string,
    change: ServiceTokenChange,
  ): { readonly token: StoredServiceToken; readonly clientSecret?: string };
  /** A new secret; the old one counts until `previousExpiresAt`, or no longer. */
  rotate(id: string, previousExpiresAt?: string): IssuedServiceToken;
  /** Valid for its whole duration again, from now. */
  refresh(id: string): StoredServiceToken;
  /** RefusedError 409 while a policy or a group names it. */
  delete(id: string): void;
  /** The token a visitor's two headers belong to: it must be enabled, not expired, and the secret right. */
  verify(clientId: string, clientSecret: string): StoredServiceToken | undefined;
}

const defaultDuration = '8760h';
const secretBytes = 32;
/** The last moment its listing can show, for tokens that do not end. */
const endOfTime = '9999-12-31T23:59:59.000Z';

/** Service tokens on the tables. */
export function createServiceTokenStore(tables: AccessTables): ServiceTokenStore {
  const { database, serviceTokens: tokens, clock } = tables;

  function get(id: string): StoredServiceToken {
    const token = tokens.get(id);
    if (token === undefined) throw accessNotFound();
    return token;
  }

  function issueSecret(tokenId: string, version: number): string {
    const secret = randomBytes(secretBytes).toString('hex');
    database.run(
      'INSERT INTO access_client_secret (token_id, version, hash) VALUES (?, ?, ?)',
      tokenId,
      version,
      hashOf(secret),
    );
    return secret;
  }

  function create(input: ServiceTokenInput): IssuedServiceToken {
    return database.transact(() => {
      const duration = input.duration ?? defaultDuration;
      const token = tokens.insert({
        name: checkName(input.name),
        clientId: `${randomBytes(16).toString('hex')}.access`,
        duration,
        enabled: input.enabled ?? true,
        expiresAt: expiryOf(duration),
        secretVersion: 1,
      });
      return { token, clientSecret: issueSecret(token.id, 1) };
    });
  }

  function change(id: string, wanted: ServiceTokenChange): { token: StoredServiceToken; clientSecret?: string } {
    return database.transact(() => {
      const current = get(id);
      const { fields } = current;
      const version = wanted.client_secret_version ?? fields.secretVersion;
      if (version !== fields.secretVersion && version !== fields.secretVersion + 1)
        throw accessInvalid('client_secret_version can only stay or be incremented by one');
      const duration = wanted.duration ?? fields.duration;
      const token = tokens.replace(current, {
        ...fields,
        name: checkName(wanted.name ?? fields.name),
        enabled: wanted.enabled ?? fields.enabled,
        duration,
        expiresAt: wanted.duration === undefined ? fields.expiresAt : expiryOf(duration),
      });
      return version === fields.secretVersion ? { token } : rotated(token, wanted.previous_client_secret_expires_at);
    });
  }

  function rotated(current: StoredServiceToken, previousExpiresAt: string | undefined): IssuedServiceToken {
    const { secretVersion } = current.fields;
    const until = previousExpiresAt === undefined ? undefined : checkTime(previousExpiresAt);
    database.run('DELETE FROM access_client_secret WHERE token_id = ? AND version < ?', current.id, secretVersion);
    if (until === undefined) database.run('DELETE FROM access_client_secret WHERE token_id = ?', current.id);
    else database.run('UPDATE access_client_secret SET expires_at = ? WHERE token_id = ?', until, current.id);
    const token = tokens.replace(current, { ...current.fields, secretVersion: secretVersion + 1 });
    return { token, clientSecret: issueSecret(token.id, secretVersion + 1) };
  }

  function verify(clientId: string, clientSecret: string): StoredServiceToken | undefined {
    const now = clock.now();
    const token = tokens.list().find((one) => one.fields.clientId === clientId);
    if (token === undefined || !token.fields.enabled || Date.parse(token.fields.expiresAt) <= now) return undefined;
    const hash = hashOf(clientSecret);
    const isRight = database
      .all('SELECT hash, ifnull(expires_at, 9e15) AS expires_at FROM access_client_secret WHERE token_id = ?', token.id)
      .some((row) => timingSafeEqual(bytes(row, 'hash'), hash) && integer(row, 'expires_at') > now);
    return isRight ? token : undefined;
  }

  function expiryOf(duration: string): string {
    return duration === 'forever' ? endOfTime : isoTime(clock.now() + goDurationMs(duration, 'duration'));
  }

  return {
    list: tokens.list,
    get,
    create,
    change,
    rotate: (id, previousExpiresAt) => database.transact(() => rotated(get(id), previousExpiresAt)),
    refresh: (id) =>
      database.transact(() => {
        const current = get(id);
        return tokens.replace(current, { ...current.fields, expiresAt: expiryOf(current.fields.duration) });
      }),
    delete: (id) =>
      database.transact(() => {
        get(id);
        checkUnused(tables, { kind: 'service_token', id });
        database.run('DELETE FROM access_client_secret WHERE token_id = ?', id);
        tokens.delete(id);
      }),
    verify,
  };
}

function checkName(name: string): string {
  const clean = name.trim();
  if (clean === '') throw accessInvalid('service token name is required');
  return clean;
}

function checkTime(time: string): number {
  const ms = Date.parse(time);
  if (Number.isNaN(ms)) throw accessInvalid('previous_client_secret_expires_at is not a time');
  return ms;
}

/** A plain hash is enough: the secret is 256 random bits, not somebody's password. */
function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
