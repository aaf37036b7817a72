// Logging in at an OpenID Connect provider: authorization code with PKCE, state and nonce; the id_token is checked against the provider's keys.
import { createHash, randomBytes } from 'node:crypto';
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import { AppError } from '../../errors.ts';
import type { OidcProvider } from './oidc-provider.ts';

/** What one login under way has to remember. */
export interface OidcLogin {
  readonly nonce: string;
  readonly verifier: string;
  readonly redirectUri: string;
}

/** A client of identity providers. */
export interface OidcClient {
  /** Where to send the browser. */
  authorizationUrl(provider: OidcProvider, login: OidcLogin, state: string): string;
  /** The e-mail address the provider vouches for, in lower case; rejects with AppError E_LOGIN. */
  redeem(provider: OidcProvider, login: OidcLogin, code: string): Promise<string>;
}

const timeoutMs = 10_000;
const maxAnswerBytes = 256 * 1024;
const toleranceSeconds = 60;
/** Signatures by keys that everybody may know; a shared secret or none proves nothing. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];

/** A new login's secrets. */
export function beginOidcLogin(redirectUri: string): OidcLogin {
  const random = () => randomBytes(32).toString('base64url');
  return { nonce: random(), verifier: random(), redirectUri };
}

/** A client that remembers the providers' keys; what is under way ends with `signal`. */
export function createOidcClient(signal: AbortSignal): OidcClient {
  const keySets = new Map<string, JWTVerifyGetKey>();

  async function keySet(certsUrl: string): Promise<JWTVerifyGetKey> {
    const known = keySets.get(certsUrl);
    if (known !== undefined) return known;
    const { createRemoteJWKSet } = await import('jose');
    const fresh = createRemoteJWKSet(new URL(certsUrl), { timeoutDuration: timeoutMs });
    keySets.set(certsUrl, fresh);
    return fresh;
  }

  async function claimsOf(idToken: string, provider: OidcProvider): Promise<JWTPayload> {
    const { jwtVerify } = await import('jose');
    const { payload } = await jwtVerify(idToken, await keySet(provider.certsUrl), {
      algorithms,
      audience: provider.clientId,
      clockTolerance: toleranceSeconds,
      requiredClaims: ['iss', 'sub', 'exp', 'iat'],
      ...(provider.issuer === undefined ? {} : { issuer: provider.issuer }),
    });
    return payload;
  }

  return {
    authorizationUrl: (provider, login, state) => {
      const url = new URL(provider.authUrl);
      url.searchParams.set('response_type', 'code');
      url.searchParams.set('client_id', provider.clientId);
      url.searchParams.set('redirect_uri', login.redirectUri);
      url.searchParams.set('scope', provider.scopes.join(' '));
      url.searchParams.set('state', state);
      url.searchParams.set('nonce', login.nonce);
      url.searchParams.set('code_challenge', createHash('sha256').update(login.verifier).digest('base64url'));
      url.searchParams.set('code_challenge_method', 'S256');
      return url.href;
    },
    redeem: async (provider, login, code) => {
      const idToken = await redeemCode(provider, login, code, signal);
      const claims = await claimsOf(idToken, provider).catch((cause: unknown) => {
        throw refused('its answer could not be verified', cause);
      });
      return emailIn(claims, provider, login);
    },
  };
}

/** OpenID Connect Core 3.1.3.7: what jose has not looked at yet. */
function emailIn(claims: JWTPayload, provider: OidcProvider, login: OidcLogin): string {
  if (claims.nonce !== login.nonce) throw refused('its answer is for another login');
  const isForSeveral = Array.isArray(claims.aud) && claims.aud.length > 1;
  if ((isForSeveral || claims.azp !== undefined) && claims.azp !== provider.clientId)
    throw refused('its answer is for another program');
  const email = claims[provider.emailClaim];
  if (typeof email !== 'string' || email.length > 320 || !/^[!-?A-~]+@[!-?A-~]+$/.test(email))
    throw refused(`it names no e-mail address (claim "${provider.emailClaim}")`);
  if (claims.email_verified === false || claims.email_verified === 'false')
    throw refused('it has not verified the e-mail address');
  return email.toLowerCase();
}

/** Asks as the standard prefers, with the secret in the Authorization header, and if the provider wants it so, in the form. */
async function redeemCode(
  provider: OidcProvider,
  login: OidcLogin,
  code: string,
  signal: AbortSignal,
): Promise<string> {
  const ask = (fields: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}) =>
    post(provider.tokenUrl, { fields, headers, signal });
  const form = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: login.redirectUri,
    code_verifier: login.verifier,
  };
  const { clientId, clientSecret } = provider;
  if (clientSecret === undefined) return idTokenIn(await ask({ ...form, client_id: clientId }));
  // RFC 6749 2.3.1: both are form-encoded first.
  const basic = Buffer.from(`${formEncode(clientId)}:${formEncode(clientSecret)}`).toString('base64');
  const first = await ask(form, { authorization: `Basic ${basic}` });
  if (first.error !== 'invalid_client') return idTokenIn(first);
  return idTokenIn(await ask({ ...form, client_id: clientId, client_secret: clientSecret }));
}

interface TokenAnswer {
  readonly id_token?: unknown;
  readonly error?: unknown;
}

function idTokenIn({ id_token: idToken, error }: TokenAnswer): string {
  if (typeof idToken === 'string') return idToken;
  // Only codes of the standard are repeated: what else stands there is the provider's own.
  const code = typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? ` (${error})` : '';
  throw refused(`it gave no id_token${code}`);
}

async function post(
  url: string,
  {
    fields,
    headers,
    signal,
  }: {
    readonly fields: Readonly<Record<string, string>>;
    readonly headers: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  },
): Promise<TokenAnswer> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { accept: 'application/json', ...headers },
      body: new URLSearchParams(fields),
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    const value: unknown = JSON.parse(await readText(answer));
    return typeof value === 'object' && value !== null ? value : {};
  } catch (cause) {
    throw cause instanceof AppError ? cause : refused('it cannot be asked', cause);
  }
}

async function readText(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    size += chunk.length;
    if (size > maxAnswerBytes) throw refused('its answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function formEncode(text: string): string {
  return new URLSearchParams({ v: text }).toString().slice(2);
}

function refused(reason: string, cause?: unknown): AppError {
  return new AppError({
    code: 'E_LOGIN',
    message: `logging in at the identity provider failed: ${reason}`,
    hint: 'try again; if it stays so, check the addresses, the client and its secret at /access/identity_providers',
    cause,
  });
}
