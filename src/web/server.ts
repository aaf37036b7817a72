// The web server: page, health, metrics and the API, all from values the app hands in.
import fastify, { type FastifyInstance } from 'fastify';
import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import type { ListenAddress } from '../model.ts';
import type { ActivityLog } from './activity.ts';
import type { EventHub } from './event-hub.ts';
import { type Guard, type GuardOptions, guardRoutes, type RouteAccess } from './guard.ts';
import { type DescribedRoute, describeApi, type ObjectSchema } from './openapi.ts';
import { type PublicAddress, pageStyleHash } from './page.ts';
import type { WebProgram } from './program.ts';
import { answerTo } from './refusal.ts';
import { addChangeRoutes } from './routes/changes.ts';
import { addEventRoute } from './routes/events.ts';
import { addLoginRoutes } from './routes/login.ts';
import { addLookRoutes } from './routes/look.ts';
import { addPlainRoutes } from './routes/plain.ts';
import { addSettingsRoutes } from './routes/settings.ts';
import { addSetupRoutes } from './routes/setup.ts';

/** What the routes show and may ask for. */
export interface WebOptions extends Omit<GuardOptions, 'isAdmin'> {
  readonly program: WebProgram;
  readonly publicAddress: PublicAddress;
  readonly metrics: () => Promise<string>;
  readonly activity: ActivityLog;
  readonly hub: EventHub;
  readonly clock: Clock;
}

/** What every group of routes is made with. */
export interface RouteContext extends WebOptions {
  readonly guard: Guard;
}

/** What a route says of itself besides its schema. */
export interface RouteNote {
  readonly access?: RouteAccess;
  /** Of answers that are no JSON. */
  readonly produces?: string;
}

/** A web server; not listening yet, so that tests can inject requests. */
export function createWeb(options: WebOptions): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: 64 * 1024,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    // What nobody knows is an error, as in the settings; only a query's texts become numbers and booleans.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: true, allowUnionTypes: true } },
  });
  app.setErrorHandler((error, _request, reply) => {
    const { status, body } = answerTo(error);
    const retryAfter = (error as { readonly retryAfter?: number }).retryAfter;
    if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter));
    return reply.code(status).send(body);
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ error: { code: 'E_NOT_FOUND', message: 'nothing is here', hint: 'the page is at /' } }),
  );
  app.addHook('onSend', async (request, reply) => {
    reply.headers(safetyHeaders);
    if (request.url.startsWith('/api/')) reply.header('cache-control', 'no-store');
  });
  const guard = guardRoutes(app, { ...options, isAdmin: options.program.isAdmin });
  const described = collectRoutes(app);
  const context: RouteContext = { ...options, guard };
  addPlainRoutes(app, context);
  addLoginRoutes(app, context);
  addLookRoutes(app, context);
  addChangeRoutes(app, context);
  addSettingsRoutes(app, context);
  addSetupRoutes(app, context);
  addEventRoute(app, context);
  const config: RouteNote = { access: 'open' };
  const schema = { summary: 'This description.', response: { 200: { type: 'object', additionalProperties: true } } };
  app.get('/api/openapi.json', { config, schema }, () => describeApi(described, options.program.status().version));
  return app;
}

const safetyHeaders = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' '${pageStyleHash}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    // Home Assistant shows it in a frame of its own origin.
    "frame-ancestors 'self'",
  ].join('; '),
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
};

/** Every route as it is added. */
function collectRoutes(app: FastifyInstance): readonly DescribedRoute[] {
  const routes: DescribedRoute[] = [];
  app.addHook('onRoute', ({ method, url, schema, config }) => {
    const { access, produces } = (config ?? {}) as RouteNote;
    for (const one of [method].flat())
      routes.push({
        method: one,
        url,
        access: access ?? (one === 'GET' ? 'read' : 'write'),
        summary: (schema as { readonly summary?: string } | undefined)?.summary,
        produces,
        querystring: schema?.querystring as ObjectSchema | undefined,
        body: schema?.body,
        answers: (schema?.response ?? {}) as Readonly<Record<string, unknown>>,
      });
  });
  return routes;
}
/** Listens; throws AppError E_LISTEN naming the setting when the address cannot be had. */
export async function listenWeb(app: FastifyInstance, address: ListenAddress): Promise<ListenAddress> {
  try {
    await app.listen({ host: address.host, port: address.port });
  } catch (cause) {
    const reason =
      (cause as NodeJS.ErrnoException).code === 'EADDRINUSE'
        ? 'is in use'
        : `cannot be used (${(cause as NodeJS.ErrnoException).code ?? 'unknown'})`;
    throw new AppError({
      code: 'E_LISTEN',
      message: `${address.host}:${address.port} ${reason}`,
      where: 'web.listen',
      hint: 'stop what uses it, or set web.listen (SALLYPORT_WEB__LISTEN) to another address',
      cause,
    });
  }
  const bound = app.server.address();
  return typeof bound === 'object' && bound !== null ? { host: address.host, port: bound.port } : address;
}
