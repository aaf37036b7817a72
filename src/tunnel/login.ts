// The browser half of `tunnel login`: a page where the user logs in, and a store that hands over what the page left there for us.
import { generateKeyPairSync } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';

/** Where the user logs in. */
export const defaultLoginUrl = 'https://dash.cloudflare.com/argotunnel';
/** Where the page leaves the certificate. */
export const defaultCallbackUrl = 'https://login.cloudflareaccess.org/';

/** cloudflared's patience: as many polls, each answered within a minute. */
const polls = 10;
const pollTimeoutMs = 60_000;
/** A certificate is much smaller. */
const maxBytes = 262_144;

/** One login under way. Whoever knows `storeUrl` can fetch the certificate. */
export interface LoginRequest {
  /** For the user's browser. */
  readonly pageUrl: string;
  readonly storeUrl: string;
}

/** Prepares a login. The name in the store is a fresh public key, as with cloudflared; nobody can guess it. */
export function loginRequest(loginUrl: string, callbackUrl: string): LoginRequest {
  const { publicKey } = generateKeyPairSync('x25519');
  const key = `${publicKey.export({ format: 'jwk' }).x ?? ''}=`;
  const storeUrl = `${callbackUrl.endsWith('/') ? callbackUrl : `${callbackUrl}/`}${key}`;
  const page = new URL(loginUrl);
  page.searchParams.set('aud', '');
  page.searchParams.set('callback', storeUrl);
  return { pageUrl: page.href, storeUrl };
}

/** Waits for the certificate. Answers below 500 other than 200 mean "not yet". Rejects with AppError, or the signal's reason. */
export async function awaitCertificate(storeUrl: string, clock: Clock, signal: AbortSignal): Promise<string> {
  for (let poll = 0; poll < polls; poll++) {
    const text = await pollOnce(storeUrl, signal);
    if (text !== undefined) return text;
    // A store that holds the answer back until there is something needs no pause; one that does not must not be stormed.
    await clock.sleep(Math.min(1_000 * 2 ** poll, 30_000), signal);
  }
  throw failed('nobody logged in in time', undefined);
}

async function pollOnce(storeUrl: string, signal: AbortSignal): Promise<string | undefined> {
  const patience = AbortSignal.timeout(pollTimeoutMs);
  const ending = AbortSignal.any([signal, patience]);
  try {
    const answer = await fetch(storeUrl, { signal: ending, redirect: 'error' });
    if (answer.status >= 500) throw failed(`the login service answered ${answer.status}`, undefined);
    const text = await readText(answer);
    return answer.status === 200 && text !== '' ? text : undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof AppError) throw error;
    if (patience.aborted) return undefined;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw failed(`the login service cannot be reached (${cause instanceof Error ? cause.message : 'unknown'})`, error);
  }
}

async function readText(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    size += chunk.byteLength;
    if (size > maxBytes) throw failed('the login service sent more than a certificate', undefined);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function failed(message: string, cause: unknown): AppError {
  const hint = 'run it again, or use --api-token-file';
  return new AppError({ code: 'E_TUNNEL', message: `login failed: ${message}`, hint, cause });
}
