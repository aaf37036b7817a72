// What a visitor is told whom the gate does not let through: a page for people, JSON for programs. Pure.
import { headerValue } from '../visitors/visitor-headers.ts';
import { type GateAnswer, renderJson, renderNotice, withHeaders } from './pages.ts';
import type { GateApp } from './snapshot.ts';

/** The parts of a request that a refusal depends on. */
export interface RefusedRequest {
  readonly host: string;
  readonly ray: string;
  readonly visitor: { readonly request: { readonly rawHeaders: readonly string[]; readonly websocket: boolean } };
}

/** Names the application to its clients; cloudflared asks for them. */
export function appHeaders({ aud, domain }: GateApp): readonly string[] {
  return ['cf-access-aud', aud, 'cf-access-domain', domain];
}

/** Whether a person looks at the answer: a browser that goes to a page, and no script in it. */
export function isForPerson({ visitor: { request } }: RefusedRequest): boolean {
  const value = (name: string) => headerValue(request.rawHeaders, name)?.toLowerCase();
  const mode = value('sec-fetch-mode');
  return (
    !request.websocket &&
    (value('accept') ?? '').includes('text/html') &&
    value('x-requested-with') !== 'xmlhttprequest' &&
    (mode === undefined || mode === 'navigate')
  );
}

/** 403: who he is does not help him. */
export function deniedAnswer(request: RefusedRequest, app: GateApp, email: string | undefined): GateAnswer {
  const who = email === undefined ? 'You may' : `You are logged in as ${email}, who may`;
  const lines = [`${who} not open ${request.host}.`, ...(app.denyMessage === undefined ? [] : [app.denyMessage])];
  const links = email === undefined ? [] : [{ name: 'Log out', href: '/cdn-cgi/access/logout' }];
  return refusal(request, app, { status: 403, title: 'No access', lines, links });
}

/** 403: there is no way to find out who he is. */
export function noLoginAnswer(request: RefusedRequest, app: GateApp): GateAnswer {
  const lines = [
    `${request.host} asks who you are, but there is no way to log in yet.`,
    'Whoever runs this edge can offer one: people with passwords (the setting embedded_edge.login.users), or an OpenID Connect identity provider (its API, /access/identity_providers).',
  ];
  return refusal(request, app, { status: 403, title: 'No way to log in', lines });
}

/** 401: a program has to bring a service token; a person would be sent to the login page. */
export function unauthorizedAnswer(request: RefusedRequest, app: GateApp): GateAnswer {
  const lines = [`${request.host} asks for a login or a service token.`];
  const answer = refusal(request, app, { status: 401, title: 'Login needed', lines });
  return withHeaders(answer, ['www-authenticate', 'Cloudflare-Access']);
}

/** 403 where a name without an application is closed. */
export function unmatchedAnswer(request: RefusedRequest): GateAnswer {
  const lines = [`No Access application covers ${request.host}, and names without one are closed here.`];
  return isForPerson(request)
    ? renderNotice(403, { title: 'No access', hostname: request.host, ray: request.ray, lines })
    : renderJson(403, { error: 'No access', detail: lines[0], ray_id: request.ray });
}

/** 503: whether it is guarded cannot be known at the moment. */
export function unavailableAnswer(request: RefusedRequest): GateAnswer {
  const lines = ['It cannot be found out at the moment who may come in.', 'Look at the log of the edge.'];
  return renderNotice(503, { title: 'Unavailable', hostname: request.host, ray: request.ray, lines });
}

interface Refusal {
  readonly status: number;
  readonly title: string;
  readonly lines: readonly string[];
  readonly links?: readonly { readonly name: string; readonly href: string }[];
}

function refusal(request: RefusedRequest, app: GateApp, { status, title, lines, links }: Refusal): GateAnswer {
  const { host, ray } = request;
  const page = { title, hostname: host, ray, lines, ...(links === undefined ? {} : { links }) };
  const answer = isForPerson(request)
    ? renderNotice(status, page)
    : renderJson(status, { error: title, detail: lines.join(' '), aud: app.aud, ray_id: ray });
  return withHeaders(answer, appHeaders(app));
}
