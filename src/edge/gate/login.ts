// `/cdn-cgi/access/…` of a guarded host: the login page, the way to identity providers and back, logging out, keys and who one is.
import type { Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { Sealer } from '../seal.ts';
import type { Visitor } from '../visitors/visitor.ts';
import { headerValue } from '../visitors/visitor-headers.ts';
import { readForm } from './answer.ts';
import { browserCookie, cookieIn, sessionCookieName, sessionNamesIn, setCookie } from './cookies.ts';
import { decide } from './decide.ts';
import {
  isBrowser,
  type LoginBinding,
  type LoginState,
  loginTimeMs,
  newBrowser,
  openState,
  sealState,
} from './login-state.ts';
import { beginOidcLogin, type OidcClient } from './oidc-flow.ts';
import type { OidcProvider } from './oidc-provider.ts';
import { type GateAnswer, redirect, renderJson, renderLogin, renderNotice, withHeaders } from './pages.ts';
import type { PasswordCheck } from './passwords.ts';
import { passwordLogin } from './people.ts';
import { appHeaders, deniedAnswer, noLoginAnswer } from './refusals.ts';
import { returnPath } from './return-path.ts';
import type { GateIdentity } from './rules.ts';
import { findSession, issueSession, type SessionContext } from './sessions.ts';
import type { GateApp } from './snapshot.ts';
import { publicJwk } from './tokens.ts';

/** Everything the gate serves itself begins so, as at Cloudflare. */
export const gatePath = '/cdn-cgi/access/';

/** One request for the gate itself. */
export interface GateRequest extends SessionContext {
  readonly visitor: Visitor;
  /** The host in lower case, without a port. */
  readonly host: string;
  /** As the browser knows it, with a port. */
  readonly authority: string;
  readonly ray: string;
  /** The applications that guard some of this host. */
  readonly apps: readonly GateApp[];
}

/** What the login works with. */
export interface LoginParts {
  readonly sealer: Sealer;
  readonly passwords: PasswordCheck;
  readonly oidc: OidcClient;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Which ways to log in an application has: providers, and whether people of the settings may use their passwords. */
export function loginWays(
  app: GateApp,
  { snapshot, login }: Pick<SessionContext, 'snapshot' | 'login'>,
): { readonly providers: readonly OidcProvider[]; readonly hasPasswords: boolean } {
  const isAllowed = (id: string) => app.allowedLogins.length === 0 || app.allowedLogins.includes(id);
  return {
    providers: snapshot.providers.filter(({ id }) => isAllowed(id)),
    hasPasswords: login.users.length > 0 && isAllowed(passwordLogin),
  };
}

/** The path of an application's login page; `target` is where to go afterwards. */
export function loginPath(host: string, app: GateApp, target: string): string {
  const query = new URLSearchParams({ kid: app.aud, redirect_url: returnPath(target) });
  return `${gatePath}login/${host}?${query}`;
}

/** Answers a request for the gate itself. */
export async function serveGate(request: GateRequest, parts: LoginParts): Promise<GateAnswer> {
  const { method, path } = request.visitor.request;
  const url = URL.parse(path, 'https://gate.invalid');
  const [step = '', argument = ''] = (url?.pathname ?? '').slice(gatePath.length).split('/');
  const isRead = method === 'GET' || method === 'HEAD';
  if (url === null || (!isRead && !(method === 'POST' && step === 'login')))
    return withHeaders(notice(request, 405, 'Method not allowed', []), ['allow', 'GET, HEAD']);
  const query = url.searchParams;
  switch (step) {
    case 'login':
      return isRead ? showLogin(request, query, parts) : tryPassword(request, parts);
    case 'sso':
      return startOidc(request, argument, query, parts);
    case 'callback':
      return finishOidc(request, query, parts);
    case 'logout':
      return logOut(request);
    case 'certs':
      return renderJson(200, { keys: request.keys.map(publicJwk) });
    case 'get-identity':
      return whoIs(request);
    default:
      return notice(request, 404, 'Not found', ['There is nothing here.']);
  }
}

function showLogin(request: GateRequest, query: URLSearchParams, parts: LoginParts): GateAnswer {
  const app = request.apps.find(({ aud }) => aud === query.get('kid'));
  if (app === undefined)
    return notice(request, 404, 'Not found', ['No application of this name asks for a login here.']);
  const state = { aud: app.aud, target: returnPath(query.get('redirect_url')) };
  const { providers, hasPasswords } = loginWays(app, request);
  const [only] = providers;
  // One way to go is no choice.
  if (only !== undefined && providers.length === 1 && !hasPasswords) return goToProvider(request, state, only, parts);
  return loginPage(request, app, state, parts);
}

function loginPage(
  request: GateRequest,
  app: GateApp,
  state: LoginState,
  parts: LoginParts,
  failure?: { readonly status: number; readonly problem: string; readonly email: string },
): GateAnswer {
  const { host } = request;
  const { providers, hasPasswords } = loginWays(app, request);
  if (providers.length === 0 && !hasPasswords) return noLoginAnswer(request, app);
  const { binding, headers } = bind(request);
  const query = new URLSearchParams({ kid: app.aud, redirect_url: state.target });
  const links = providers.map(({ id, name }) => ({
    name: `Log in with ${name}`,
    href: `${gatePath}sso/${id}?${query}`,
  }));
  const form = {
    action: `${gatePath}login/${host}`,
    token: sealState(state, binding, parts.sealer),
    email: failure?.email ?? '',
  };
  const problem = failure === undefined ? {} : { problem: failure.problem };
  const page = { application: app.name, hostname: host, links, form: hasPasswords ? form : undefined, ...problem };
  return withHeaders(renderLogin(page, failure?.status), [...headers, ...appHeaders(app)]);
}

async function tryPassword(request: GateRequest, parts: LoginParts): Promise<GateAnswer> {
  const { visitor } = request;
  const browser = cookieIn(visitor.request.rawHeaders, browserCookie);
  if (!isFromHere(request) || !isBrowser(browser)) return expired(request);
  const form = await readForm(visitor, parts.clock);
  if (form === undefined) return notice(request, 413, 'Payload too large', ['This is no form of this page.']);
  const state = openState(form.get('token'), bindingOf(request, browser), parts.sealer);
  const app = request.apps.find(({ aud }) => aud === state?.aud);
  if (state === undefined || state.oidc !== undefined || app === undefined) return expired(request);
  if (!loginWays(app, request).hasPasswords) return noLoginAnswer(request, app);
  const email = form.get('email') ?? '';
  const one = { address: visitor.request.address, email, password: form.get('password') ?? '' };
  const outcome = await parts.passwords.check(one, request.login);
  if (outcome.kind === 'right') {
    const identity = { email: outcome.user.email.toLowerCase(), loginMethod: passwordLogin };
    return enter(request, app, identity, state.target, parts);
  }
  parts.logger.info({ host: request.host, address: one.address, outcome: outcome.kind }, 'login refused');
  if (outcome.kind === 'wrong')
    return loginPage(request, app, state, parts, {
      status: 401,
      problem: 'The e-mail address or the password is wrong.',
      email,
    });
  const problem = 'Too many attempts. Try again later.';
  const page = loginPage(request, app, state, parts, { status: 429, problem, email });
  return withHeaders(page, ['retry-after', String(outcome.seconds)]);
}

function startOidc(request: GateRequest, id: string, query: URLSearchParams, parts: LoginParts): GateAnswer {
  const app = request.apps.find(({ aud }) => aud === query.get('kid'));
  const provider = app && loginWays(app, request).providers.find((one) => one.id === id);
  if (app === undefined || provider === undefined)
    return notice(request, 404, 'Not found', ['There is no such way to log in here.']);
  return goToProvider(request, { aud: app.aud, target: returnPath(query.get('redirect_url')) }, provider, parts);
}

function goToProvider(
  request: GateRequest,
  { aud, target }: LoginState,
  provider: OidcProvider,
  parts: LoginParts,
): GateAnswer {
  const { binding, headers } = bind(request);
  const login = beginOidcLogin(`${request.visitor.request.scheme}://${request.authority}${gatePath}callback`);
  const state = sealState({ aud, target, oidc: { provider: provider.id, ...login } }, binding, parts.sealer);
  const app = request.apps.find((one) => one.aud === aud);
  const location = parts.oidc.authorizationUrl(provider, login, state);
  return withHeaders(redirect(302, location), [...headers, ...(app === undefined ? [] : appHeaders(app))]);
}

async function finishOidc(request: GateRequest, query: URLSearchParams, parts: LoginParts): Promise<GateAnswer> {
  const browser = cookieIn(request.visitor.request.rawHeaders, browserCookie);
  if (!isBrowser(browser)) return expired(request);
  const state = openState(query.get('state'), bindingOf(request, browser), parts.sealer);
  const app = request.apps.find(({ aud }) => aud === state?.aud);
  const provider = app && loginWays(app, request).providers.find(({ id }) => id === state?.oidc?.provider);
  if (state?.oidc === undefined || app === undefined || provider === undefined) return expired(request);
  const code = query.get('code');
  const again = [{ name: 'Try again', href: loginPath(request.host, app, state.target) }];
  if (code === null || code.length > 4_096)
    return notice(request, 403, 'Not logged in', [`${provider.name} did not log you in.`], again);
  try {
    const email = await parts.oidc.redeem(provider, state.oidc, code);
    return enter(request, app, { email, loginMethod: provider.id }, state.target, parts);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { code: kind, message, hint, cause } = error;
    parts.logger.warn({ code: kind, reason: message, hint, err: cause, provider: provider.name }, 'login failed');
    return notice(request, 403, 'Not logged in', [`${error.message}.`], again);
  }
}

/** Who somebody is, is known: whether he may come in, the application decides. */
function enter(
  request: GateRequest,
  app: GateApp,
  identity: GateIdentity,
  target: string,
  parts: LoginParts,
): GateAnswer {
  const { visitor, snapshot } = request;
  const { address, scheme } = visitor.request;
  const verdict = decide(app.policies, { address, identity, serviceToken: undefined }, snapshot.groups);
  parts.logger.info(
    { host: request.host, application: app.name, email: identity.email, verdict: verdict.kind },
    'login',
  );
  if (verdict.kind === 'deny' || verdict.kind === 'login') return deniedAnswer(request, app, identity.email);
  const sessionMs = verdict.kind === 'allow' ? verdict.sessionMs : undefined;
  const { token, seconds } = issueSession(identity, app, sessionMs, request);
  const isSecure = scheme === 'https';
  const cookie = setCookie(sessionCookieName(app), token, { path: '/', maxAgeSeconds: seconds, isSecure });
  return withHeaders(redirect(303, target), ['set-cookie', cookie, ...appHeaders(app)]);
}

function logOut(request: GateRequest): GateAnswer {
  const { rawHeaders, scheme } = request.visitor.request;
  const gone = { path: '/', maxAgeSeconds: 0, isSecure: scheme === 'https' };
  const cookies = sessionNamesIn(rawHeaders).flatMap((name) => ['set-cookie', setCookie(name, '', gone)]);
  const back = [{ name: 'Log in again', href: '/' }];
  return withHeaders(notice(request, 200, 'Logged out', ['You are logged out here.'], back), cookies);
}

function whoIs(request: GateRequest): GateAnswer {
  for (const app of request.apps) {
    const session = findSession(request.visitor.request.rawHeaders, app, request);
    if (session === undefined) continue;
    const { sub, idp, iat, exp } = session.claims;
    return renderJson(200, { user_uuid: sub, email: session.identity.email, idp, iat, exp, aud: app.aud });
  }
  return renderJson(401, { err: 'no app token set' });
}

/** A page of another site cannot post our form: browsers say where a post comes from. */
function isFromHere({ visitor, authority }: GateRequest): boolean {
  const { rawHeaders, scheme } = visitor.request;
  const origin = headerValue(rawHeaders, 'origin');
  const site = headerValue(rawHeaders, 'sec-fetch-site');
  return (
    (origin === undefined || origin.toLowerCase() === `${scheme}://${authority}`) &&
    (site === undefined || site === 'same-origin')
  );
}

/** The browser's cookie, new where it has none. */
function bind(request: GateRequest): { readonly binding: LoginBinding; readonly headers: readonly string[] } {
  const { rawHeaders, scheme } = request.visitor.request;
  const known = cookieIn(rawHeaders, browserCookie);
  const browser = isBrowser(known) ? known : newBrowser();
  const options = { path: gatePath, maxAgeSeconds: (2 * loginTimeMs) / 1_000, isSecure: scheme === 'https' };
  return {
    binding: bindingOf(request, browser),
    headers: ['set-cookie', setCookie(browserCookie, browser, options)],
  };
}

function bindingOf({ host, now }: GateRequest, browser: string): LoginBinding {
  return { host, browser, now };
}

function expired(request: GateRequest): GateAnswer {
  const lines = ['This login took too long, or began in another browser.'];
  return notice(request, 403, 'Not logged in', lines, [{ name: 'Begin again', href: '/' }]);
}

function notice(
  { host, ray }: GateRequest,
  status: number,
  title: string,
  lines: readonly string[],
  links: readonly { readonly name: string; readonly href: string }[] = [],
): GateAnswer {
  return renderNotice(status, { title, hostname: host, ray, lines, links });
}
