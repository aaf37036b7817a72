// For a first run, and for when something does not work: what is set up, what a token may do, and the doctor.
import type { FastifyInstance } from 'fastify';
import type { PermissionCheck } from '../../cloudflare/check-token.ts';
import { Refusal } from '../refusal.ts';
import { errorSchema } from '../schemas.ts';
import type { RouteContext } from '../server.ts';
import { serviceIdIn } from '../service-choice.ts';
import { count, flag, listOf, optionalText, shape, text, texts } from '../views/schema.ts';

const refused = { 400: errorSchema, 401: errorSchema, 403: errorSchema, 404: errorSchema, 429: errorSchema };
const permission = shape({ permission: text, neededFor: text, zone: text, ok: flag, problem: text, hint: text }, [
  'zone',
  'problem',
  'hint',
]);
const check = shape({ step: text, about: text, outcome: text, message: text, hint: text }, ['about', 'hint']);

/** Adds them. */
export function addSetupRoutes(app: FastifyInstance, { program }: RouteContext): void {
  const setUp = {
    summary: 'What is set up and what is still missing.',
    response: {
      200: shape({
        edge: text,
        domain: text,
        zones: texts,
        tunnel: text,
        hasToken: flag,
        defaultAccess: optionalText,
        policies: texts,
        isOnlyThisMachine: flag,
        published: count,
        missing: texts,
      }),
      ...refused,
    },
  };
  app.get('/api/setup', { schema: setUp }, () => {
    const settings = program.settings();
    const { cloudflare, edge } = settings;
    const hasToken = cloudflare.apiToken !== undefined || cloudflare.tokens.length > 0;
    const isOpen = settings.accessDefault !== undefined || Object.keys(settings.policies).length > 0;
    const published = program.status().services.filter((service) => service.published).length;
    return {
      edge,
      domain: settings.domain,
      zones: cloudflare.zones,
      tunnel:
        cloudflare.tunnel.kind === 'named'
          ? cloudflare.tunnel.name
          : `given by ${cloudflare.tunnel.kind === 'token' ? 'token' : 'id'}`,
      hasToken,
      defaultAccess: settings.accessDefault ?? null,
      policies: Object.keys(settings.policies),
      isOnlyThisMachine: settings.loopbackOnly,
      published,
      missing: [
        ...(edge === 'cloudflare' && !hasToken ? ['token'] : []),
        ...(edge === 'cloudflare' && settings.domain === 'localhost' ? ['domain'] : []),
        ...(isOpen ? [] : ['policy']),
        ...(published === 0 ? ['service'] : []),
      ],
    };
  });
  const oneAtATime = createTurnstile();
  const token = {
    summary: 'What a token may do of what is needed: one that is sent and not kept, or the one in use.',
    body: {
      type: ['object', 'null'],
      additionalProperties: false,
      properties: { token: { type: 'string', minLength: 1, maxLength: 4096, pattern: '^[\\x21-\\x7e]+$' } },
    },
    response: { 200: shape({ checks: listOf(permission), zones: texts, isEnough: flag }), ...refused },
  };
  app.post<{ Body?: { token?: string } | null }>('/api/setup/token-check', { schema: token }, async (request) => {
    const { checks, zones } = await oneAtATime(() => program.checkToken(request.body?.token));
    return { checks: checks.map(withoutError), zones, isEnough: checks.every(({ ok }) => ok) };
  });
  const doctor = {
    summary: 'Every check along the path from a visitor to one service. Changes nothing, and takes a while.',
    body: {
      type: 'object',
      additionalProperties: false,
      required: ['id'],
      properties: { id: { type: 'string', minLength: 3, maxLength: 500 } },
    },
    response: { 200: shape({ checks: listOf(check), isWell: flag }), ...refused },
  };
  // It makes requests of its own, so it is no GET, which any page could have a browser send.
  app.post<{ Body: { id: string } }>('/api/doctor', { schema: doctor }, async (request) => {
    const id = serviceIdIn(request.body.id, program);
    const checks = await oneAtATime(() => program.examine(id));
    return { checks, isWell: checks.every(({ outcome }) => outcome !== 'failed') };
  });
}

/** The error behind it may hold more than a person needs. */
function withoutError({ error: _error, ...check }: PermissionCheck) {
  return check;
}

/** Lets one through at a time and sends the others away. */
function createTurnstile(): <T>(work: () => Promise<T>) => Promise<T> {
  let isBusy = false;
  return async (work) => {
    if (isBusy)
      throw new Refusal({ status: 429, code: 'E_TOO_MANY', message: 'another check is running', retryAfter: 10 });
    isBusy = true;
    try {
      return await work();
    } finally {
      isBusy = false;
    }
  };
}
