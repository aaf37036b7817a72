// The web server: page, health, metrics and the API, all from values the app hands in.

import fastify, { type FastifyInstance } from 'fastify';
import { AppError } from '../errors.ts';
import type { ListenAddress } from '../model.ts';
import type { Status } from '../status.ts';
import { isOwnHost } from './host.ts';
import { instanceProof } from './instance.ts';
import { type PublicAddress, renderPage } from './page.ts';
import {
  errorSchema,
  instanceRequestSchema,
  instanceSchema,
  passRequestSchema,
  passSchema,
  statusSchema,
} from './schemas.ts';
import { isSameSecret } from './secret.ts';

/** What the routes show and may ask for. */
export interface WebOptions {
  readonly status: () => Status;
  readonly publicAddress: PublicAddress;
  readonly metrics: () => Promise<string>;
  /** Runs a full pass and resolves when it is done; `confirmed` also makes the deletes that were held for their number. */
  readonly pass: (confirmed: boolean) => Promise<unknown>;
  /** Whoever wants to change something shows this; it is kept in the data directory. */
  readonly token: string;
  /** This machine's names, when only this machine is to reach the page: any other name in `Host` is refused. Absent: any name may be used. */
  readonly ownNames?: readonly string[] | undefined;
}

const foreignHost = {
  code: 'E_FORBIDDEN',
  message: 'the page is for this machine only and is not known under this name',
  hint: 'ask for it by address or as localhost, or set web.listen to an address others may reach',
} as const;

/** A web server; not listening yet, so that tests can inject requests. */
export function createWeb(options: WebOptions): FastifyInstance {
  const app = fastify({ logger: false, bodyLimit: 64 * 1024, forceCloseConnections: true });
  app.setErrorHandler((error, _request, reply) => {
    const status = error instanceof AppError ? 500 : ((error as { statusCode?: number }).statusCode ?? 500);
    const code = error instanceof AppError ? error.code : status < 500 ? 'E_INPUT_INVALID' : 'E_BUG';
    const hint = error instanceof AppError ? error.hint : undefined;
    const message = error instanceof Error ? error.message : 'unknown failure';
    return reply.code(status).send({ error: { code, message, hint } });
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ error: { code: 'E_NOT_FOUND', message: 'nothing is here', hint: 'the page is at /' } }),
  );
  const { ownNames } = options;
  if (ownNames !== undefined)
    app.addHook('onRequest', async (request, reply) => {
      if (!isOwnHost(request.headers.host, ownNames)) return reply.code(403).send({ error: foreignHost });
    });
  app.addHook('onSend', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff');
    reply.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'");
    reply.header('referrer-policy', 'no-referrer');
  });

  app.get('/', (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(renderPage(options.status(), options.publicAddress)),
  );
  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/readyz', (_request, reply) => {
    const { ready, revision, connector, lastError } = options.status();
    const connections = connector?.connections.filter((connection) => connection.state === 'connected').length ?? 0;
    return reply.code(ready ? 200 : 503).send({ ready, firstPassDone: revision > 0, connections, lastError });
  });
  app.get('/metrics', async (_request, reply) => reply.type('text/plain; version=0.0.4').send(await options.metrics()));
  app.get('/api/status', { schema: { response: { 200: statusSchema } } }, () => options.status());
  app.get<{ Querystring: { nonce: string } }>(
    '/api/instance',
    { schema: { querystring: instanceRequestSchema, response: { 200: instanceSchema } } },
    (request) => ({ proof: instanceProof(options.token, request.query.nonce) }),
  );
  app.post<{ Body?: { confirmDeletes?: boolean } }>(
    '/api/pass',
    { schema: { body: passRequestSchema, response: { 200: passSchema, 401: errorSchema } } },
    async (request, reply) => {
      // A bearer token is something another site's script cannot make a browser send.
      if (!isSameSecret(request.headers.authorization, `Bearer ${options.token}`)) {
        const hint = 'send the token from the data directory as `Authorization: Bearer …`';
        return reply
          .code(401)
          .send({ error: { code: 'E_UNAUTHORIZED', message: 'this changes things and needs the token', hint } });
      }
      await options.pass(request.body?.confirmDeletes === true);
      return { revision: options.status().revision };
    },
  );
  return app;
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
