// Decides who may call the API at all: the right token, and never a page in somebody's browser. Pure.
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { RefusedError, refusal, refusalCode } from '../store/refusal.ts';
import type { RestrictedToken } from './grants.ts';

/** The parts of a request that admission looks at. */
export interface Caller {
  readonly path: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
}

/** What admission needs to know of the listener. */
export interface AdmissionRules {
  readonly apiToken: string;
  /** Further tokens, looked at for every request: a token that is taken away is refused from then on. */
  readonly restricted?: readonly RestrictedToken[] | undefined;
  readonly listenHost: string;
  /** A path that needs no token. */
  readonly openPath?: string | undefined;
}

const verifyPaths = /^\/client\/v4\/(?:user|accounts\/[^/]+)\/tokens\/verify$/;
const bearerPattern = /^Bearer ([\x21-\x7e]{1,4096})$/i;

/**
 * A function that says why a caller is turned away, or undefined when it is let in. Statuses and codes are Cloudflare's: 400/9106
 * without a token, 400/6003 with a header of another form, 403/10000 with a wrong one (401/1000 where tokens are verified).
 */
export function createAdmission(rules: AdmissionRules): (caller: Caller) => RefusedError | undefined {
  const expected = digest(rules.apiToken);
  const isLoopback = isLoopbackHost(rules.listenHost);
  return (caller) => {
    // Our clients are programs. A browser always names the page's origin on cross-site and on writing requests.
    if (caller.origin !== undefined)
      return refusal(403, refusalCode.authentication, 'Requests from web pages are not accepted.');
    // A page may reach a loopback listener under a name of its own that resolves to 127.0.0.1 (DNS rebinding).
    if (isLoopback && !isOwnHost(caller.host, rules.listenHost))
      return refusal(403, refusalCode.authentication, 'The Host header does not name this machine.');
    return caller.path === rules.openPath ? undefined : checkToken(caller, expected, rules.restricted ?? []);
  };
}

/** The restricted token a request came with; undefined for the one that may do everything. */
export function restrictedToken(
  authorization: string | undefined,
  tokens: readonly RestrictedToken[] | undefined,
): RestrictedToken | undefined {
  const token = bearerPattern.exec(authorization ?? '')?.[1];
  if (token === undefined || tokens === undefined) return undefined;
  const sent = digest(token);
  return tokens.find((one) => timingSafeEqual(digest(one.token), sent));
}

/** True for a token that fits into an Authorization header. */
export function isUsableToken(token: string): boolean {
  return bearerPattern.test(`Bearer ${token}`);
}

/** True for addresses and names that only this machine reaches. */
export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  return (
    name === 'localhost' || name.endsWith('.localhost') || name === '::1' || (isIPv4(name) && name.startsWith('127.'))
  );
}

function isOwnHost(header: string | undefined, listenHost: string): boolean {
  if (header === undefined) return false;
  const host = header.replace(/:\d{1,5}$/, '');
  return isLoopbackHost(host) || host.toLowerCase() === listenHost.toLowerCase();
}

function checkToken(
  caller: Caller,
  expected: Buffer,
  restricted: readonly RestrictedToken[],
): RefusedError | undefined {
  if (caller.authorization === undefined)
    return refusal(400, refusalCode.missingAuthorization, 'Missing X-Auth-Key, X-Auth-Email or Authorization headers');
  const token = bearerPattern.exec(caller.authorization)?.[1];
  if (token === undefined)
    return new RefusedError(400, [
      {
        code: refusalCode.malformedHeaders,
        message: 'Invalid request headers',
        error_chain: [{ code: refusalCode.malformedAuthorization, message: 'Invalid format for Authorization header' }],
      },
    ]);
  // Digests have one length, so the comparison takes the same time whatever was sent.
  if (timingSafeEqual(digest(token), expected)) return undefined;
  const isVerifying = verifyPaths.test(caller.path);
  const found = restrictedToken(caller.authorization, restricted);
  if (found !== undefined) {
    const isUserPath = caller.path.startsWith('/client/v4/user/');
    if (isVerifying && isUserPath === (found.isAccountOwned === true)) return refusal(401, 1000, 'Invalid API Token');
    return isVerifying || (found.status ?? 'active') === 'active'
      ? undefined
      : refusal(403, refusalCode.accountForeign, 'Invalid access token');
  }
  if (isVerifying) return refusal(401, 1000, 'Invalid API Token');
  return refusal(403, refusalCode.authentication, 'Authentication error');
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
