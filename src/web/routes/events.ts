// `/api/events`: what happens, as it happens.
import type { FastifyInstance } from 'fastify';
import { streamEvents } from '../event-stream.ts';
import { levels } from '../log-tap.ts';
import { Refusal } from '../refusal.ts';
import { errorSchema } from '../schemas.ts';
import type { RouteContext, RouteNote } from '../server.ts';

/** Browsers open six to one host at most. */
const maxStreams = 40;

const eventQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    level: { type: 'string', enum: Object.keys(levels), default: 'info' },
    since: {
      type: 'string',
      maxLength: 60,
      description: 'The id of the last event seen, where no header can be sent.',
    },
  },
} as const;

/** Adds it. */
export function addEventRoute(app: FastifyInstance, { hub }: RouteContext): void {
  const streams = new Set<{ stop(): void }>();
  app.addHook('preClose', async () => {
    for (const stream of streams) stream.stop();
  });
  const config: RouteNote = { produces: 'text/event-stream' };
  const schema = {
    summary: 'Server-sent events: snapshot, connector, log and activity; `hello` where everything has to be read anew.',
    querystring: eventQuery,
    response: { 200: { type: 'string' }, 401: errorSchema, 429: errorSchema },
  };
  app.get<{ Querystring: { level: keyof typeof levels; since?: string } }>(
    '/api/events',
    { config, schema },
    (request, reply) => {
      if (streams.size >= maxStreams)
        throw new Refusal({ status: 429, code: 'E_TOO_MANY', message: 'too many pages are open', retryAfter: 10 });
      const seen = request.headers['last-event-id'] ?? request.query.since;
      reply.hijack();
      const stream = streamEvents({
        hub,
        response: reply.raw,
        level: levels[request.query.level],
        lastId: typeof seen === 'string' ? seen : undefined,
        onEnd: () => streams.delete(stream),
      });
      streams.add(stream);
    },
  );
}
