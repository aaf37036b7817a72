// Everything that is only looked at: services, suggestions, the plan, connections, activity, access.
import type { FastifyInstance } from 'fastify';
import type { RuleMetrics } from '../../connector/native/counters.ts';
import type { Service, Snapshot } from '../../model.ts';
import { serviceStatuses } from '../../status.ts';
import { activitySchema } from '../activity.ts';
import type { WebProgram } from '../program.ts';
import { notFound } from '../refusal.ts';
import { errorSchema } from '../schemas.ts';
import type { RouteContext } from '../server.ts';
import { accessFields, accessView } from '../views/access.ts';
import { changeSchema, changeView, heldSchema, planFields, planView } from '../views/plan.ts';
import { count, findingSchema, flag, listOf, optionalText, shape, text, texts } from '../views/schema.ts';
import { optionalServiceFields, serviceFields, serviceView, serviceViewFields } from '../views/service.ts';
import { trafficFields, trafficOf, trafficSchema } from '../views/traffic.ts';

const refused = { 401: errorSchema, 404: errorSchema };
const services = listOf(shape(serviceFields, optionalServiceFields));
const suggestion = shape(
  {
    id: text,
    name: text,
    plugin: text,
    hostnames: texts,
    access: texts,
    rules: texts,
    diagnostics: listOf(findingSchema),
  },
  ['plugin'],
);
const oneService = shape(
  {
    ...serviceViewFields,
    revision: count,
    traffic: listOf(trafficSchema),
    changes: listOf(changeSchema),
    held: listOf(heldSchema),
    history: listOf(activitySchema),
  },
  optionalServiceFields,
);
const drift = shape(
  {
    hostname: text,
    path: text,
    serviceId: text,
    kind: text,
    differences: texts,
    choice: text,
    closed: text,
    leadsTo: text,
  },
  ['path', 'choice', 'closed', 'leadsTo'],
);
const connection = shape(
  {
    index: count,
    state: text,
    edge: shape({ host: text, port: count, region: text, family: count }),
    location: text,
    since: text,
    lastError: text,
  },
  ['edge', 'location', 'lastError'],
);

/** Adds them. */
export function addLookRoutes(app: FastifyInstance, context: RouteContext): void {
  const { program } = context;
  const list = {
    summary: 'Every service that was found.',
    response: { 200: shape({ revision: count, services }), ...refused },
  };
  app.get('/api/services', { schema: list }, () => {
    const { revision, services: all } = program.status();
    return { revision, services: all };
  });
  const one = {
    summary: 'One service with everything known of it.',
    querystring: idQuery,
    response: { 200: oneService, ...refused },
  };
  app.get<{ Querystring: { id: string } }>('/api/service', { schema: one }, (request) =>
    wholeService(context, request.query.id),
  );
  const suggested = {
    summary: 'What could be published and is not.',
    response: { 200: shape({ suggestions: listOf(suggestion) }), ...refused },
  };
  app.get('/api/suggestions', { schema: suggested }, () => ({ suggestions: program.status().suggestions }));
  addPlanRoutes(app, program);
  addStateRoutes(app, context);
}

const idQuery = {
  type: 'object',
  additionalProperties: false,
  required: ['id'],
  properties: { id: { type: 'string', minLength: 3, maxLength: 500 } },
} as const;

function addPlanRoutes(app: FastifyInstance, program: WebProgram): void {
  const plan = {
    summary: 'What the last pass changed and what waits; with `fresh` what a pass would change now.',
    querystring: {
      type: 'object',
      additionalProperties: false,
      properties: { fresh: { type: 'boolean', default: false } },
    },
    response: {
      200: shape({ revision: count, mode: text, isFresh: flag, ...planFields, problems: listOf(findingSchema) }),
      ...refused,
    },
  };
  app.get<{ Querystring: { fresh: boolean } }>('/api/plan', { schema: plan }, async (request) => {
    const isFresh = request.query.fresh;
    const pass = isFresh ? await program.foresee(program.choices.read()) : program.snapshot();
    const problems = (pass?.diagnostics ?? []).filter(({ severity }) => severity === 'error');
    const { revision } = program.status();
    return { revision, mode: program.settings().mode, isFresh, ...planView(pass?.plans ?? []), problems };
  });
  const drifts = {
    summary: 'Rules of ours that were changed by hand.',
    response: { 200: shape({ drift: listOf(drift) }), ...refused },
  };
  app.get('/api/drift', { schema: drifts }, () => ({ drift: program.drifts() }));
}

function addStateRoutes(app: FastifyInstance, { program, activity }: RouteContext): void {
  const connections = {
    summary: 'The connector and its connections to the edge.',
    response: {
      200: shape({
        edge: text,
        ready: flag,
        connector: optionalText,
        lastError: optionalText,
        connections: listOf(connection),
        traffic: { ...shape(trafficFields), type: ['object', 'null'] },
      }),
      ...refused,
    },
  };
  app.get('/api/connections', { schema: connections }, () => {
    const { edge, ready, connector, lastError } = program.status();
    const traffic = program.traffic();
    return {
      edge,
      ready,
      connector: connector?.name ?? null,
      lastError: lastError ?? null,
      connections: (connector?.connections ?? []).map((one) => ({ ...one, since: one.since.toISOString() })),
      traffic: traffic === undefined ? null : { ...traffic, rules: trafficOf(traffic.byRule) },
    };
  });
  const happened = {
    summary: 'What happened, the newest first.',
    querystring: {
      type: 'object',
      additionalProperties: false,
      properties: {
        limit: { type: 'integer', minimum: 1, maximum: 1000, default: 200 },
        id: { type: 'string', maxLength: 500 },
      },
    },
    response: { 200: shape({ activity: listOf(activitySchema) }), ...refused },
  };
  app.get<{ Querystring: { limit: number; id?: string } }>('/api/activity', { schema: happened }, (request) => ({
    activity: activity.recent(request.query.limit, request.query.id),
  }));
  const access = { summary: 'Who may reach what.', response: { 200: shape(accessFields), ...refused } };
  app.get('/api/access', { schema: access }, () =>
    accessView(program.snapshot()?.desired.ingress ?? [], program.settings()),
  );
}

function wholeService({ program, activity }: RouteContext, id: string) {
  const snapshot = program.snapshot();
  const service = snapshot?.services.find((one) => one.id === id);
  if (snapshot === undefined || service === undefined)
    throw notFound(`there is no service "${id.slice(0, 200)}"`, 'see /api/services');
  const status = statusOf(snapshot, service);
  const app = status.plugin === undefined ? undefined : program.app(status.plugin);
  const about = snapshot.plans.map((plan) => ({
    plan,
    changes: plan.changes.filter(({ serviceId }) => serviceId === id),
  }));
  return {
    ...serviceView({ service, status, snapshot, choices: program.choices.read(), app }),
    revision: snapshot.revision,
    traffic: trafficOf(ownRules(program.traffic()?.byRule, status.hostnames)),
    changes: about.flatMap(({ plan, changes }) => changes.map((change) => changeView(plan.target, change))),
    held: planView(snapshot.plans).held.filter(({ serviceId }) => serviceId === id),
    history: activity.recent(100, id),
  };
}

function statusOf(snapshot: Snapshot, service: Service) {
  const found = serviceStatuses({ ...snapshot, services: [service] })[0];
  if (found === undefined) throw notFound('the service is gone');
  return found;
}

function ownRules(
  all: ReadonlyMap<string, RuleMetrics> | undefined,
  names: readonly string[],
): Map<string, RuleMetrics> {
  return new Map([...(all ?? [])].filter(([name]) => names.includes(name)));
}
