// The embedded edge's HTTP API, the subset of Cloudflare's API v4 that tunnels, zones, DNS records and Access need.
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { type Clock, systemClock } from '../../clock.ts';
import { AppError, ValidationError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { parse, schemaOf } from '../../validate.ts';
import type { ConnectionRegistry } from '../model.ts';
import { type ApiErrorLine, noRoute, type RefusedError, refusal, refusalCode } from '../store/refusal.ts';
import type { EdgeStore } from '../store/store.ts';
import { addAccessRoutes } from './access/routes.ts';
import { addAccountRoutes } from './accounts.ts';
import { type Caller, createAdmission, isLoopbackHost, isUsableToken, restrictedToken } from './admission.ts';
import { parseBody } from './body.ts';
import { addConfigurationRoutes } from './configurations.ts';
import { type Api, type ApiContext, pathOf } from './context.ts';
import { failure } from './envelope.ts';
import { failureOf } from './failures.ts';
import { isGranted, needOf, type RestrictedToken } from './grants.ts';
import { createListing, type ListingRules } from './listing.ts';
import {
  addQuickTunnelRoutes,
  defaultQuickTunnelRules,
  type QuickTunnelKeeper,
  type QuickTunnelRules,
  quickTunnelPath,
} from './quick-tunnels.ts';
import { createRateLimiter, type RateLimit, type RateVerdict } from './rate-limit.ts';
import { addRecordRoutes } from './records.ts';
import { addTunnelRouteRoutes } from './tunnel-routes.ts';
import { addTunnelRoutes } from './tunnels.ts';
import { addZoneRoutes } from './zones.ts';

/** What the API serves, to whom and where. */
export interface EdgeApiOptions {
  readonly store: EdgeStore;
  readonly registry: ConnectionRegistry;
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** The bearer token every request needs, a secret; `restricted` ones may do less, and may be added and taken away while it runs. */
  readonly tokens: { readonly apiToken: string; readonly restricted?: readonly RestrictedToken[] };
  readonly logger: Logger;
  /** Left out: no budget, as fits an API that only this machine can reach. */
  readonly rateLimit?: RateLimit;
  /** Left out: listings show everything at once, in the order of creation. */
  readonly listing?: ListingRules;
  readonly quickTunnels?: Partial<QuickTunnelRules>;
  readonly clock?: Clock;
}

/** A running API. */
export interface EdgeApi {
  /** Where it really listens. */
  readonly address: { readonly host: string; readonly port: number };
  /** What to give clients as Cloudflare's API URL: `http://127.0.0.1:8098/client/v4`. */
  readonly baseUrl: string;
  /** Stops accepting, lets running requests finish for a moment, then closes. */
  stop(): Promise<void>;
}

// cloudflared reads error messages only where the media type is exactly this, without a charset.
const mediaType = 'application/json';
const basePath = '/client/v4';
// A batch of 200 records with the longest contents fits several times.
const bodyLimitBytes = 4 * 1024 * 1024;
const requestTimeoutMs = 15_000;
const keepAliveTimeoutMs = 60_000;
const stopTimeoutMs = 1_000;

/** Starts the API; AppError E_LISTEN when the port cannot be had, ValidationError when no client could send the token. */
export async function createEdgeApi(options: EdgeApiOptions): Promise<EdgeApi> {
  const { listen } = options;
  if (!isUsableToken(options.tokens.apiToken))
    throw new ValidationError({
      code: 'E_SETTINGS_INVALID',
      message: "the embedded edge's API needs a token of printable characters without spaces",
    });
  const { api, quickTunnels } = createServer(options);
  try {
    await api.listen({ host: listen.host, port: listen.port });
  } catch (cause) {
    await quickTunnels.stop();
    await api.close();
    throw listenError(listen, cause);
  }
  const bound = api.server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : listen.port;
  const shownHost = reachableHost(listen.host);
  return {
    address: { host: listen.host, port },
    baseUrl: `http://${shownHost.includes(':') ? `[${shownHost}]` : shownHost}:${port}${basePath}`,
    stop: async () => {
      await quickTunnels.stop();
      await stop(api);
    },
  };
}

function createServer(options: EdgeApiOptions): { readonly api: Api; readonly quickTunnels: QuickTunnelKeeper } {
  const api = fastify({
    logger: false,
    bodyLimit: bodyLimitBytes,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
    frameworkErrors: answerBadUrl,
    clientErrorHandler: answerBadHttp,
  });
  const { store, registry, logger, clock = systemClock } = options;
  const arrange = createListing(options.listing, clock.now);
  const { restricted } = options.tokens;
  const tokenOf: ApiContext['tokenOf'] = ({ headers }) => restrictedToken(headers.authorization, restricted);
  const context: ApiContext = { store, registry, arrange, now: clock.now, tokenOf };
  const rules = { ...defaultQuickTunnelRules, ...options.quickTunnels };
  // cloudflared asks for a quick tunnel without a token, so whoever can reach the API could have one.
  const isOpen = rules.isOpen || isLoopbackHost(options.listen.host);
  const admit = createAdmission({
    ...options.tokens,
    listenHost: options.listen.host,
    openPath: isOpen ? quickTunnelPath : undefined,
  });
  const count = options.rateLimit === undefined ? undefined : createRateLimiter(options.rateLimit, clock.now);

  api.addHook('onRequest', (request, reply, next) => {
    reply.header('cf-ray', randomBytes(8).toString('hex'));
    const refused = admit(callerOf(request)) ?? notGranted(request, context);
    next(refused ?? (count === undefined ? undefined : overBudget(count(), reply)));
  });
  api.addHook('onSend', (_request, reply, payload, next) => {
    reply.header('content-type', mediaType);
    next(null, payload);
  });
  api.removeAllContentTypeParsers();
  api.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, parseBody(Buffer.from(body)));
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  });
  api.setValidatorCompiler(({ schema, httpPart }) => {
    const typed = schemaOf<unknown>(schema as Record<string, unknown>);
    return (value: unknown) => {
      try {
        return { value: parse(typed, value ?? {}, { where: httpPart ?? 'request', coerce: httpPart !== 'body' }) };
      } catch (error) {
        return { error: error instanceof Error ? error : new Error(String(error)) };
      }
    };
  });
  api.setNotFoundHandler((request) => {
    throw noRoute(pathOf(request));
  });
  api.setErrorHandler((error, request, reply) => {
    const { status, lines, isInternal } = failureOf(error);
    if (isInternal)
      options.logger.error({ err: error, method: request.method, path: pathOf(request) }, 'edge API request failed');
    reply.code(status).send(failure(lines));
  });
  api.register(
    (scope, _options, done) => {
      addAccountRoutes(scope, context);
      addZoneRoutes(scope, context);
      addRecordRoutes(scope, context);
      addTunnelRoutes(scope, context);
      addConfigurationRoutes(scope, context);
      addTunnelRouteRoutes(scope, context);
      addAccessRoutes(scope, context);
      done();
    },
    { prefix: basePath },
  );
  return { api, quickTunnels: addQuickTunnelRoutes(api, { context, rules, logger, clock }) };
}

/** The refusal of a restricted token that lacks what the request needs: Cloudflare does not say what that is. */
function notGranted(request: FastifyRequest, { store, tokenOf }: ApiContext): RefusedError | undefined {
  const token = tokenOf(request);
  const need = needOf(request.method, pathOf(request).slice(basePath.length));
  if (token === undefined || need === undefined) return undefined;
  const zone = need.zoneId === undefined ? undefined : store.zones.get(need.zoneId)?.name;
  return isGranted(token, need, zone) ? undefined : refusal(403, refusalCode.authentication, 'Authentication error');
}

/** The refusal of a caller who asked too often; every answer carries what is left. */
function overBudget(verdict: RateVerdict, reply: FastifyReply): RefusedError | undefined {
  reply.headers(verdict.headers);
  if (verdict.isAllowed) return undefined;
  return refusal(429, refusalCode.rateLimited, 'Please wait and consider throttling your request speed');
}

/** A URL that cannot be decoded reaches neither hooks nor handlers. */
function answerBadUrl(_error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const body = Buffer.from(failureText(noRoute(pathOf(request)).lines));
  reply.code(404).header('content-type', mediaType).send(body);
}

/** What does not even parse as HTTP. */
function answerBadHttp(_error: unknown, socket: Socket): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = failureText([{ code: refusalCode.invalidRequest, message: 'Invalid request' }]);
  const head = [
    'HTTP/1.1 400 Bad Request',
    `Content-Type: ${mediaType}`,
    `Content-Length: ${body.length}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function failureText(lines: readonly ApiErrorLine[]): string {
  return JSON.stringify(failure(lines));
}

function callerOf(request: FastifyRequest): Caller {
  return {
    path: pathOf(request),
    host: request.headers.host,
    origin: request.headers.origin,
    authorization: request.headers.authorization,
  };
}

async function stop(api: Api): Promise<void> {
  const timer = setTimeout(() => api.server.closeAllConnections(), stopTimeoutMs);
  try {
    await api.close();
  } finally {
    clearTimeout(timer);
  }
}

/** A client cannot dial "every address". */
function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

function listenError(listen: EdgeApiOptions['listen'], cause: unknown): AppError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
  const reason = code === 'EADDRINUSE' ? 'the port is in use' : `listening failed (${code})`;
  return new AppError({
    code: 'E_LISTEN',
    message: `cannot serve the edge's API on ${listen.host}:${listen.port}: ${reason}`,
    where: 'embedded_edge.api',
    hint: 'stop the other program, or set embedded_edge.api to another address',
    cause,
  });
}
