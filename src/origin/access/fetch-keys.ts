// Fetches a team's public keys: one small answer, from a server that may be slow, wrong or hostile.
import http from 'node:http';
import https from 'node:https';
import { OriginError } from '../../errors.ts';
import { trustedRoots } from '../trust.ts';
import type { AccessTeam } from './team.ts';

/** A JWK set; what is in it is for the verification to judge. */
export interface KeySet {
  readonly keys: readonly object[];
}

/** The longest wait for the whole answer, and the longest answer. */
const timeoutMs = 10_000;
const maxBytes = 256 * 1024;
const maxKeys = 64;

/** The keys. Rejects with an OriginError. */
export async function fetchTeamKeys(team: AccessTeam): Promise<KeySet> {
  try {
    return readKeySet(await getText(new URL(team.certsUrl), team.caPem));
  } catch (cause) {
    throw new OriginError({
      code: 'E_ORIGIN_FAILED',
      message: `the keys of the Access team cannot be fetched: ${cause instanceof Error ? cause.message : String(cause)}`,
      where: team.certsUrl,
      retryable: true,
      hint: 'is originRequest.access.teamName right, and can this machine reach that address?',
      cause,
    });
  }
}

function getText(url: URL, caPem: string | undefined): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const options = { signal: AbortSignal.timeout(timeoutMs), headers: { accept: 'application/json' }, agent: false };
  const request =
    url.protocol === 'http:'
      ? http.get(url, options)
      : https.get(url, { ...options, ca: caPem ?? [...trustedRoots()] });
  request.on('error', reject);
  request.on('response', (response) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > maxBytes) request.destroy(new Error('the answer is too long'));
    });
    response.on('error', reject);
    response.on('end', () => {
      if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString('utf8'));
      else reject(new Error(`the answer is status ${response.statusCode}`));
    });
  });
  return promise;
}

function readKeySet(text: string): KeySet {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || !('keys' in value) || !Array.isArray(value.keys))
    throw new Error('the answer is no set of keys');
  const keys = value.keys.filter((key: unknown): key is object => typeof key === 'object' && key !== null);
  return { keys: keys.slice(0, maxKeys) };
}
