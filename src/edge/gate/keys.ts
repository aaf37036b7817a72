// The gate's signing keys: made when there is none, followed by a new one when they are due, and kept until no session needs them.
import { generateKeyPair, randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import type { Clock } from '../../clock.ts';
import type { AccessStore } from '../store/access/access.ts';
import { type TokenKey, tokenKey } from './tokens.ts';

/** The keys there are. */
export interface SigningKeys {
  /** Newest first; at least one. */
  list(): readonly TokenKey[];
  /** Makes a new key when the last one is too old or the API asked for it, and forgets those nobody can need. */
  renew(): Promise<void>;
}

const dayMs = 86_400_000;
const modulusLength = 2_048;
/** Access knows no longer session than a month. */
const longestSessionMs = 31 * dayMs;

const generate = promisify(generateKeyPair);

/** The stored keys, or a first one. */
export async function openSigningKeys(access: AccessStore, clock: Clock): Promise<SigningKeys> {
  let keys: readonly TokenKey[] = read();

  function read(): readonly TokenKey[] {
    return access.signingKeys.list().map(({ kid, privateKey, createdAt }) => tokenKey(kid, privateKey, createdAt));
  }

  function isDue(): boolean {
    const [newest] = keys;
    const { intervalDays, lastRotationAt } = access.organization.keys();
    if (newest === undefined || newest.createdAt < Date.parse(lastRotationAt)) return true;
    return newest.createdAt + intervalDays * dayMs <= clock.now();
  }

  async function add(): Promise<void> {
    const pair = await generate('rsa', { modulusLength });
    access.organization.rotateKeys();
    const privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    access.signingKeys.add({ kid: randomUUID().replaceAll('-', ''), privateKey, createdAt: clock.now() });
  }

  /** A key is needed for a session's length after its successor came. */
  function forgetOld(): void {
    for (const [at, { kid }] of keys.entries()) {
      const successor = keys[at - 1];
      if (successor !== undefined && successor.createdAt + longestSessionMs <= clock.now())
        access.signingKeys.delete(kid);
    }
  }

  async function renew(): Promise<void> {
    if (isDue()) await add();
    keys = read();
    forgetOld();
    keys = read();
  }

  await renew();
  return { list: () => keys, renew };
}
