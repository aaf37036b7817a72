// Passwords of people who log in at the embedded edge: only a scrypt hash of one is ever kept.
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/** How a hash is written: `scrypt:15:8:1:<salt>:<hash>`, base64url; nothing in it needs quotes in YAML or a Compose file. */
export const passwordHashPattern = /^scrypt:(1[4-7]):(8):([1-4]):([A-Za-z0-9_-]{22,64}):([A-Za-z0-9_-]{43})$/;

/** Longest password that is looked at (bytes); longer ones only cost time. */
export const maxPasswordBytes = 1_024;

const keyBytes = 32;
const saltBytes = 16;
const logCost = 15;

/** A hash to put into the settings. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const key = await derive(password, salt, options(logCost, 8, 1));
  return `scrypt:${logCost}:8:1:${salt.toString('base64url')}:${key.toString('base64url')}`;
}

/**
 * Whether the password is the one. Takes as long without a hash (nobody of that name) as with one, so that the time does not tell
 * who exists.
 */
export async function verifyPassword(password: string, hash: string | undefined): Promise<boolean> {
  const match = passwordHashPattern.exec(hash ?? '');
  const [, cost = String(logCost), blocks = '8', lanes = '1', salt, key] = match ?? [];
  const derived = await derive(
    password,
    salt === undefined ? randomBytes(saltBytes) : Buffer.from(salt, 'base64url'),
    options(Number(cost), Number(blocks), Number(lanes)),
  );
  const wanted = key === undefined ? randomBytes(keyBytes) : Buffer.from(key, 'base64url');
  return timingSafeEqual(derived, wanted) && match !== null;
}

function options(cost: number, blockSize: number, parallelization: number): ScryptOptions {
  const N = 2 ** cost;
  return { N, r: blockSize, p: parallelization, maxmem: 256 * N * blockSize };
}

function derive(password: string, salt: Buffer, settings: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, keyBytes, settings, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}
