// What machines and plain browsers ask for: the page, health, metrics, and what the command line needs.
import type { FastifyInstance } from 'fastify';
import { instanceProof } from '../instance.ts';
import { renderLogin, renderPage } from '../page.ts';
import { errorSchema, instanceRequestSchema, instanceSchema, statusSchema } from '../schemas.ts';
import type { RouteContext, RouteNote } from '../server.ts';
import { count, flag, shape, text } from '../views/schema.ts';

const open: RouteNote = { access: 'open' };
const readiness = shape({ ready: flag, firstPassDone: flag, connections: count, lastError: text }, ['lastError']);

/** Adds them. */
export function addPlainRoutes(
  app: FastifyInstance,
  { program, metrics, publicAddress, token, guard }: RouteContext,
): void {
  const html: RouteNote = { access: 'open', produces: 'text/html' };
  app.get(
    '/',
    { config: html, schema: { summary: 'The page.', response: { ...pageAnswer, 401: { type: 'string' } } } },
    (request, reply) => {
      reply.type('text/html; charset=utf-8').header('cache-control', 'no-store');
      if (guard.callerOf(request).kind === 'nobody') return reply.code(401).send(renderLogin(undefined));
      return reply.send(renderPage(program.status(), publicAddress));
    },
  );
  const health = { summary: 'The process works.', response: { 200: shape({ status: text }) } };
  app.get('/healthz', { config: open, schema: health }, () => ({ status: 'ok' }));
  const ready = {
    summary: 'The first pass is done and the connector is connected.',
    response: { 200: readiness, 503: readiness },
  };
  app.get('/readyz', { config: open, schema: ready }, (_request, reply) => {
    const { ready: isReady, revision, connector, lastError } = program.status();
    const connections = connector?.connections.filter((connection) => connection.state === 'connected').length ?? 0;
    const failure = lastError === undefined ? {} : { lastError };
    return reply
      .code(isReady ? 200 : 503)
      .send({ ready: isReady, firstPassDone: revision > 0, connections, ...failure });
  });
  // Numbers, without names or addresses: whoever scrapes a cloudflared asks nothing else.
  const plain: RouteNote = { access: 'open', produces: 'text/plain' };
  app.get(
    '/metrics',
    { config: plain, schema: { summary: 'For Prometheus.', response: pageAnswer } },
    async (_request, reply) => reply.type('text/plain; version=0.0.4').send(await metrics()),
  );
  const status = { summary: 'Everything at a glance.', response: { 200: statusSchema, 401: errorSchema } };
  app.get('/api/status', { schema: status }, () => program.status());
  const instance = {
    summary: 'Proves that this instance knows the token of its data directory.',
    querystring: instanceRequestSchema,
    response: { 200: instanceSchema, 400: errorSchema },
  };
  app.get<{ Querystring: { nonce: string } }>('/api/instance', { config: open, schema: instance }, (request) => ({
    proof: instanceProof(token, request.query.nonce),
  }));
}

const pageAnswer = { 200: { type: 'string' } };
