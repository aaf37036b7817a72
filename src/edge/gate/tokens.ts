// The gate's own tokens: JSON Web Tokens as Cloudflare Access issues them (RS256), signed and checked without waiting, because they are on the path of every guarded request.
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

/** A key with both halves ready to use. */
export interface TokenKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** What a token of ours says. Times are seconds since the epoch. */
export interface TokenClaims {
  readonly [claim: string]: unknown;
  readonly aud: readonly string[];
  readonly iss: string;
  readonly iat: number;
  readonly exp: number;
}

/** Longest token that is looked at. */
const maxLength = 4_096;
const form = /^([A-Za-z0-9_-]{1,512})\.([A-Za-z0-9_-]{1,3000})\.([A-Za-z0-9_-]{342,1366})$/;
/** A clock may be set back a little between two looks. */
const skewSeconds = 30;

/** A key from its PEM. */
export function tokenKey(kid: string, pem: string, createdAt: number): TokenKey {
  const privateKey = createPrivateKey(pem);
  return { kid, privateKey, publicKey: createPublicKey(pem), createdAt };
}

/** The public half as JWKS lists it. */
export function publicJwk({ kid, publicKey }: TokenKey): Readonly<Record<string, unknown>> {
  return { ...publicKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' };
}

/** A signed token. */
export function signToken(claims: TokenClaims, key: TokenKey): string {
  const text = `${encode({ alg: 'RS256', kid: key.kid, typ: 'JWT' })}.${encode(claims)}`;
  return `${text}.${sign('RSA-SHA256', Buffer.from(text), key.privateKey).toString('base64url')}`;
}

/** What a token has to be to count. */
export interface TokenExpectations {
  readonly keys: readonly TokenKey[];
  readonly audience: string;
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The claims of a token that one of the keys signed, for this audience, by this issuer, and that is valid now; else undefined. */
export function verifyToken(token: string, expected: TokenExpectations): TokenClaims | undefined {
  const match = token.length <= maxLength ? form.exec(token) : null;
  if (match === null) return undefined;
  const [, head = '', body = '', signature = ''] = match;
  const header = decode(head);
  // The algorithm is ours to choose, never the token's.
  if (header?.alg !== 'RS256' || header.crit !== undefined) return undefined;
  const key = expected.keys.find(({ kid }) => kid === header.kid);
  const signed = Buffer.from(`${head}.${body}`);
  if (key === undefined || !verify('RSA-SHA256', signed, key.publicKey, Buffer.from(signature, 'base64url')))
    return undefined;
  const claims = decode(body);
  return claims !== undefined && isCurrent(claims, expected) ? claims : undefined;
}

function isCurrent(claims: Readonly<Record<string, unknown>>, expected: TokenExpectations): claims is TokenClaims {
  const { aud, iss, iat, exp } = claims;
  const seconds = expected.now / 1_000;
  return (
    Array.isArray(aud) &&
    aud.includes(expected.audience) &&
    iss === expected.issuer &&
    typeof iat === 'number' &&
    typeof exp === 'number' &&
    iat <= seconds + skewSeconds &&
    exp > seconds
  );
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    // Not JSON, so no token.
    return undefined;
  }
}
