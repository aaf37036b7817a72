// Sessions of people who logged in, each a token for one application; and what origins are told of whom the gate let in.
import { createHash } from 'node:crypto';
import { sessionsIn } from './cookies.ts';
import { findUser, type LoginSettings, passwordLogin, passwordMark } from './people.ts';
import type { GateIdentity } from './rules.ts';
import type { GateApp, GateSnapshot } from './snapshot.ts';
import { signToken, type TokenClaims, type TokenKey, verifyToken } from './tokens.ts';

/** A session that came with a request. */
export interface Session {
  readonly identity: GateIdentity;
  readonly token: string;
  readonly claims: TokenClaims;
}

/** What sessions are made and read with. */
export interface SessionContext {
  readonly snapshot: GateSnapshot;
  readonly login: LoginSettings;
  readonly keys: readonly TokenKey[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** What was signed for programs lately: a signature costs a millisecond, and programs ask often. */
  readonly assertions: Map<string, { readonly token: string; readonly renewAt: number }>;
}

/** The session for an application among a request's cookies: valid, and by a login method that still counts there. */
export function findSession(headers: readonly string[], app: GateApp, context: SessionContext): Session | undefined {
  const { keys, now, snapshot } = context;
  for (const token of sessionsIn(headers)) {
    const claims = verifyToken(token, { keys, now, audience: app.aud, issuer: snapshot.issuer });
    const identity = claims === undefined ? undefined : identityOf(claims, app, context);
    if (claims !== undefined && identity !== undefined) return { identity, token, claims };
  }
  return undefined;
}

/** A session for somebody who just logged in; `sessionMs` is the policy's. */
export function issueSession(
  identity: GateIdentity,
  app: GateApp,
  sessionMs: number | undefined,
  context: SessionContext,
): { readonly token: string; readonly seconds: number } {
  const { login } = context;
  const user = identity.loginMethod === passwordLogin ? findUser(login, identity.email) : undefined;
  const seconds = sessionSeconds(app, sessionMs, login);
  const token = sign(app, seconds, context, {
    email: identity.email,
    sub: subjectOf(identity.email),
    idp: { id: identity.loginMethod, type: user === undefined ? 'oidc' : 'password' },
    identity_nonce: user === undefined ? '' : passwordMark(user),
  });
  return { token, seconds };
}

/** Whether a session is younger than the policy lets it become: a policy may have been made stricter since. */
export function isYoungEnough(
  { claims }: Session,
  app: GateApp,
  sessionMs: number | undefined,
  { login, now }: SessionContext,
): boolean {
  return claims.iat + sessionSeconds(app, sessionMs, login) > now / 1_000;
}

/** What an origin is shown of a program that came with a service token; `clientId` is "" for who came without one. */
export function serviceAssertion(clientId: string, app: GateApp, context: SessionContext): string {
  const { assertions, keys, now } = context;
  const key = `${keys[0]?.kid} ${app.aud} ${clientId}`;
  const known = assertions.get(key);
  if (known !== undefined && known.renewAt > now) return known.token;
  if (assertions.size >= maxAssertions) assertions.clear();
  const token = sign(app, assertionSeconds, context, { common_name: clientId, sub: '' });
  assertions.set(key, { token, renewAt: now + (assertionSeconds * 1_000) / 2 });
  return token;
}

const assertionSeconds = 3_600;
const maxAssertions = 1_000;

function sign(app: GateApp, seconds: number, context: SessionContext, claims: Readonly<Record<string, unknown>>) {
  const iat = Math.floor(context.now / 1_000);
  const [key] = context.keys;
  if (key === undefined) throw new Error('the gate has no signing key');
  const times = { iat, nbf: iat, exp: iat + seconds };
  return signToken({ type: 'app', aud: [app.aud], iss: context.snapshot.issuer, ...times, ...claims }, key);
}

function sessionSeconds(app: GateApp, sessionMs: number | undefined, login: LoginSettings): number {
  const wanted = Math.min(sessionMs ?? app.sessionMs, login.sessionMs ?? Number.POSITIVE_INFINITY);
  return Math.max(1, Math.floor(wanted / 1_000));
}

function identityOf(claims: TokenClaims, app: GateApp, { login, snapshot }: SessionContext): GateIdentity | undefined {
  const { email, idp, type, identity_nonce: mark } = claims;
  const loginMethod = typeof idp === 'object' && idp !== null && 'id' in idp ? idp.id : undefined;
  if (type !== 'app' || typeof email !== 'string' || email === '' || typeof loginMethod !== 'string') return undefined;
  if (app.allowedLogins.length > 0 && !app.allowedLogins.includes(loginMethod)) return undefined;
  if (loginMethod !== passwordLogin)
    return snapshot.providers.some(({ id }) => id === loginMethod) ? { email, loginMethod } : undefined;
  const user = findUser(login, email);
  return user !== undefined && passwordMark(user) === mark ? { email, loginMethod } : undefined;
}

/** One person is one subject, at every application. */
function subjectOf(email: string): string {
  const hex = createHash('sha256').update(`subject ${email}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
