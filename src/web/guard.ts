// The door of the web server: who asks, under which name, from which site, and whether that is enough for the route.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isOwnHost } from './host.ts';
import { type Caller, type CallerFacts, callerOf, ingressPrefix, isIngress } from './login/caller.ts';
import type { Login } from './login/login.ts';
import { Refusal } from './refusal.ts';
import { isSameSecret } from './secret.ts';

/** What a route asks of its caller: nothing, that he may look, or that he may change things. */
export type RouteAccess = 'open' | 'read' | 'write';

/** What the door knows. */
export interface GuardOptions {
  /** Secret. */
  readonly token: string;
  readonly login: Login;
  /** This machine's names, when only this machine is to reach the page. */
  readonly ownNames: readonly string[] | undefined;
  readonly ingressProxy: string | undefined;
  readonly isAdmin?: ((userId: string) => Promise<boolean | undefined>) | undefined;
}

/** The door, once it is in place. */
export interface Guard {
  callerOf(request: FastifyRequest): Caller;
  /** Before every path of ours, as the browser sees it; empty but behind ingress. */
  prefixOf(request: FastifyRequest): string;
}

/** The header a page of ours proves itself with. */
export const csrfHeader = 'x-sallyport-csrf';

/** Puts the door before every route of the server. */
export function guardRoutes(app: FastifyInstance, options: GuardOptions): Guard {
  const callers = new WeakMap<FastifyRequest, Caller>();
  const { ownNames, ingressProxy, token } = options;

  app.addHook('onRequest', async (request) => {
    const facts = factsOf(request);
    // Behind ingress `Host` is Home Assistant's own, and the socket says who it is.
    if (ownNames !== undefined && !isIngress(facts, ingressProxy) && !isOwnHost(request.headers.host, ownNames))
      throw foreignHost;
    if (request.url.startsWith('/api/') && isFromElsewhere(request)) throw otherSite;
    const caller = callerOf(facts, {
      token,
      ingressProxy,
      isLocal: ownNames !== undefined,
      session: options.login.sessions.find,
    });
    callers.set(request, caller);
    const access = accessOf(request);
    if (access !== 'open' && caller.kind === 'nobody') throw notLoggedIn;
    if (access === 'write') await admit(caller, request, options);
  });

  return {
    callerOf: (request) => callers.get(request) ?? { kind: 'nobody', name: 'nobody' },
    prefixOf: (request) => ingressPrefix(factsOf(request), ingressProxy),
  };
}

/** What the route says of itself; one that says nothing lets those in who may look, or change things where it is no GET. */
export function accessOf(request: FastifyRequest): RouteAccess {
  const { access } = request.routeOptions.config as { readonly access?: RouteAccess };
  return access ?? (request.method === 'GET' ? 'read' : 'write');
}

async function admit(caller: Caller, request: FastifyRequest, options: GuardOptions): Promise<void> {
  if (caller.kind === 'token') return;
  if (caller.kind === 'local' || caller.kind === 'nobody') throw needsLogin;
  const given = request.headers[csrfHeader];
  if (!isSameSecret(typeof given === 'string' ? given : undefined, caller.csrf)) throw noProof;
  if (caller.kind === 'ingress') await checkAdmin(caller.userId, options.isAdmin);
}

/** Ingress lets every user of Home Assistant in; to change things one must be an administrator there. */
async function checkAdmin(userId: string | undefined, isAdmin: GuardOptions['isAdmin']): Promise<void> {
  if (userId === undefined || isAdmin === undefined) throw notKnown;
  const answer = await isAdmin(userId);
  if (answer === true) return;
  throw answer === false ? notAdmin : notKnown;
}

function factsOf(request: FastifyRequest): CallerFacts {
  return { remote: request.socket.remoteAddress, headers: request.headers };
}

/** Browsers say which site's page asks, where they say it at all; a proof is asked for besides. */
function isFromElsewhere({ headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}

const foreignHost = new Refusal({
  status: 403,
  code: 'E_FORBIDDEN',
  message: 'the page is for this machine only and is not known under this name',
  hint: 'ask for it by address or as localhost, or set web.listen to an address others may reach',
});
const otherSite = new Refusal({ status: 403, code: 'E_FORBIDDEN', message: 'asked for by a page of another site' });
const notLoggedIn = new Refusal({
  status: 401,
  code: 'E_UNAUTHORIZED',
  message: 'this needs a login',
  hint: 'log in at the page, or send the token from the data directory as `Authorization: Bearer …`',
});
const needsLogin = new Refusal({
  status: 401,
  code: 'E_UNAUTHORIZED',
  message: 'this changes things and needs the token or a login',
  hint: 'log in at the page, or send the token from the data directory as `Authorization: Bearer …`',
});
const noProof = new Refusal({
  status: 403,
  code: 'E_FORBIDDEN',
  message: 'this changes things and must come from the page itself',
  hint: `send the csrf value of /api/session as ${csrfHeader}`,
});
const notAdmin = new Refusal({
  status: 403,
  code: 'E_FORBIDDEN',
  message: 'only administrators of Home Assistant may change things here',
});
const notKnown = new Refusal({
  status: 403,
  code: 'E_FORBIDDEN',
  message: 'Home Assistant does not say whether you are an administrator',
  hint: 'try again in a moment; looking at everything works all the same',
});
