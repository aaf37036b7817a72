// Coming in and going out: a password or the token becomes a session.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sessionCookie, sessionCookieIn } from '../login/cookie.ts';
import { sessionSeconds } from '../login/sessions.ts';
import { renderLogin } from '../page.ts';
import { Refusal } from '../refusal.ts';
import { errorSchema } from '../schemas.ts';
import type { RouteContext, RouteNote } from '../server.ts';
import { flag, oneOf, optionalText, shape, text } from '../views/schema.ts';

const open: RouteNote = { access: 'open' };

const sessionSchema = shape({
  kind: oneOf('token', 'session', 'ingress', 'local', 'nobody'),
  name: text,
  mayLook: flag,
  csrf: optionalText,
  hasPassword: flag,
});
const passwordSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['password'],
  properties: { password: { type: 'string', maxLength: 1024 } },
} as const;

/** Adds them. */
export function addLoginRoutes(app: FastifyInstance, context: RouteContext): void {
  const { guard, login } = context;
  const who = {
    summary: 'Who asks, and what he proves himself with when he changes things.',
    response: { 200: sessionSchema },
  };
  app.get('/api/session', { config: open, schema: who }, (request) => {
    const caller = guard.callerOf(request);
    const csrf = caller.kind === 'session' || caller.kind === 'ingress' ? caller.csrf : null;
    const { kind, name } = caller;
    return { kind, name, mayLook: kind !== 'nobody', csrf, hasPassword: login.hasPassword };
  });
  const enter = {
    summary: 'Log in with the password, or with the token of the data directory.',
    body: passwordSchema,
    response: { 200: shape({ loggedIn: flag }), 401: errorSchema, 429: errorSchema },
  };
  app.post<{ Body: { password: string } }>('/api/login', { config: open, schema: enter }, async (request, reply) => {
    await logIn(context, request, reply, request.body.password);
    return { loggedIn: true };
  });
  const leave = { summary: 'Log out.', response: { 200: shape({ loggedIn: flag }) } };
  app.post('/api/logout', { config: open, schema: leave }, (request, reply) => {
    const id = sessionCookieIn(request.headers.cookie);
    if (id !== undefined) login.sessions.end(id);
    reply.header('set-cookie', sessionCookie({ id: '', maxAgeSeconds: 0, isSecure: isSecure(request) }));
    return { loggedIn: false };
  });
  addForm(app, context);
}

/** For browsers without scripts. Only here a form's body is understood, so that no other site's form reaches anything else. */
function addForm(app: FastifyInstance, context: RouteContext): void {
  void app.register((scope, _options, done) => {
    scope.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, parsed) =>
      parsed(null, Object.fromEntries(new URLSearchParams(String(body)))),
    );
    const config: RouteNote = { access: 'open', produces: 'text/html' };
    const schema = {
      summary: 'Log in with a form.',
      body: passwordSchema,
      response: { 303: { type: 'null' }, 401: { type: 'string' } },
    };
    scope.post<{ Body: { password: string } }>('/login', { config, schema }, async (request, reply) => {
      try {
        await logIn(context, request, reply, request.body.password);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        return reply.code(error.status).type('text/html; charset=utf-8').send(renderLogin(error.message));
      }
      return reply.code(303).header('location', './').send();
    });
    done();
  });
}

async function logIn(
  { login, activity, guard }: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
  password: string,
): Promise<void> {
  const address = request.socket.remoteAddress ?? '';
  const outcome = await login.try(password, address);
  if (outcome.kind === 'later')
    throw new Refusal({
      status: 429,
      code: 'E_TOO_MANY',
      message: 'too many tries',
      hint: `try again in ${Math.ceil(outcome.seconds / 60)} minutes, or log in with the token`,
      retryAfter: outcome.seconds,
    });
  if (outcome.kind === 'wrong') {
    activity.add({ kind: 'login', by: address, what: 'a wrong password', failed: true });
    throw new Refusal({ status: 401, code: 'E_UNAUTHORIZED', message: 'that is not the password' });
  }
  // One who is in already, by another browser window, does not keep two.
  const before = guard.callerOf(request).kind === 'session' ? sessionCookieIn(request.headers.cookie) : undefined;
  if (before !== undefined) login.sessions.end(before);
  activity.add({ kind: 'login', by: address, what: 'logged in' });
  const cookie = { id: outcome.session, maxAgeSeconds: sessionSeconds, isSecure: isSecure(request) };
  reply.header('set-cookie', sessionCookie(cookie));
}

/** A proxy before us may say so; whoever lies about it only keeps his own cookie from being sent. */
function isSecure({ headers, protocol }: FastifyRequest): boolean {
  return protocol === 'https' || headers['x-forwarded-proto'] === 'https';
}
