// Everything that changes something. With `plan=true` each of them shows what would come of it and changes nothing.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { adoptName, releaseName } from '../../adoption.ts';
import type { DriftChoice } from '../../choices.ts';
import { decide, driftKey } from '../../ingress/drift-choose.ts';
import { readOwnHostname } from '../../ingress/own-hostname.ts';
import { type Acted, act, actedFields } from '../act.ts';
import { errorSchema, passRequestSchema } from '../schemas.ts';
import type { RouteContext } from '../server.ts';
import { chosen, type ServiceAction, type ServiceWish, serviceIdIn } from '../service-choice.ts';
import { shape, text, texts } from '../views/schema.ts';

const planQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    plan: { type: 'boolean', default: false, description: 'Show what would be done, and change nothing.' },
  },
} as const;
const response = {
  200: shape(actedFields, ['serviceId']),
  400: errorSchema,
  401: errorSchema,
  403: errorSchema,
  404: errorSchema,
  409: errorSchema,
  429: errorSchema,
};
const hostname = { ...text, minLength: 1, maxLength: 253 };
type Planned = { readonly plan: boolean };

/** Adds them. */
export function addChangeRoutes(app: FastifyInstance, context: RouteContext): void {
  addChoice(app, context);
  addDecisions(app, context);
  addPass(app, context);
}

const wish = {
  type: 'object',
  additionalProperties: false,
  required: ['id', 'action'],
  properties: {
    id: { ...text, minLength: 3, maxLength: 500 },
    action: { ...text, enum: ['expose', 'hide', 'ignore', 'forget', 'change'] },
    hostname,
    access: { ...text, minLength: 1, maxLength: 200 },
    bypassPaths: { ...texts, maxItems: 50, items: { ...text, pattern: '^/', maxLength: 1000 } },
  },
} as const;

function addChoice(app: FastifyInstance, context: RouteContext): void {
  const summary =
    'Publish a service, hide it, ignore it, change its name, access or open paths, or forget what was chosen.';
  const schema = { summary, querystring: planQuery, body: wish, response };
  app.post<{ Body: ServiceWish & { id: string; action: ServiceAction }; Querystring: Planned }>(
    '/api/services/choice',
    { schema },
    (request) => {
      const { id, action, ...wanted } = request.body;
      const serviceId = serviceIdIn(id, context.program);
      const made = chosen(action, wanted);
      return run(context, request, {
        what: `${action} ${serviceId}`,
        serviceId,
        change: (choices) => {
          const { [serviceId]: old, ...others } = choices.services;
          const next = made(old);
          return { ...choices, services: next === undefined ? others : { ...others, [serviceId]: next } };
        },
      });
    },
  );
}

const nameDecision = {
  type: 'object',
  additionalProperties: false,
  required: ['hostname', 'decision'],
  properties: { hostname, decision: { ...text, enum: ['adopt', 'release'] } },
} as const;
const driftDecision = {
  type: 'object',
  additionalProperties: false,
  required: ['hostname', 'decision'],
  properties: { hostname, path: { ...text, maxLength: 1000 }, decision: { ...text, enum: ['keep', 'take', 'ignore'] } },
} as const;
const driftChoices = { keep: 'mine', take: 'theirs', ignore: 'ignore' } as const satisfies Record<string, DriftChoice>;

function addDecisions(app: FastifyInstance, context: RouteContext): void {
  const { program } = context;
  const adopting = {
    summary: 'Take over what somebody else made under a name, or give it away.',
    querystring: planQuery,
    body: nameDecision,
    response,
  };
  app.post<{ Body: { hostname: string; decision: 'adopt' | 'release' }; Querystring: Planned }>(
    '/api/names/decision',
    { schema: adopting },
    (request) => {
      const name = readOwnHostname(request.body.hostname, program.settings());
      const { decision } = request.body;
      const decided = decision === 'adopt' ? adoptName : releaseName;
      return run(context, request, { what: `${decision} ${name}`, change: (choices) => decided(choices, name) });
    },
  );
  const drifting = {
    summary: 'What becomes of a rule that was changed by hand.',
    querystring: planQuery,
    body: driftDecision,
    response,
  };
  app.post<{ Body: { hostname: string; path?: string; decision: keyof typeof driftChoices }; Querystring: Planned }>(
    '/api/drift/decision',
    { schema: drifting },
    (request) => {
      const { hostname: name, path, decision } = request.body;
      const choice = driftChoices[decision];
      const known = { drifted: program.drifts(), choices: program.choices.read() };
      const key = driftKey({ name, path, domain: program.settings().domain }, choice, known);
      return run(context, request, {
        what: `${decision} the rule for ${key}`,
        change: (choices) => decide(choices, key, choice),
      });
    },
  );
}

function addPass(app: FastifyInstance, context: RouteContext): void {
  const schema = {
    summary: 'Run a pass; with confirmDeletes also the deletes that were held for their number.',
    querystring: planQuery,
    body: passRequestSchema,
    response,
  };
  app.post<{ Body?: { confirmDeletes?: boolean } | null; Querystring: Planned }>('/api/pass', { schema }, (request) => {
    const isConfirmed = request.body?.confirmDeletes === true;
    return run(context, request, { what: isConfirmed ? 'a pass, deletes confirmed' : 'a pass', isConfirmed });
  });
}

function run(
  { program, activity, guard }: RouteContext,
  request: FastifyRequest<{ Querystring: Planned }>,
  action: Omit<Parameters<typeof act>[1], 'by' | 'isPlan'>,
): Promise<Acted> {
  const by = guard.callerOf(request).name;
  return act({ program, activity }, { ...action, by, isPlan: request.query.plan });
}
