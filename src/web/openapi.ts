// What the API offers, as OpenAPI 3.1 writes it: from the schemas the routes are checked and answered by, so it cannot say anything else. Pure.
import type { RouteAccess } from './guard.ts';

/** A route, as far as it is described. */
export interface DescribedRoute {
  readonly method: string;
  readonly url: string;
  readonly access: RouteAccess;
  readonly summary: string | undefined;
  /** Of answers that are no JSON. */
  readonly produces: string | undefined;
  readonly querystring: ObjectSchema | undefined;
  readonly body: unknown;
  readonly answers: Readonly<Record<string, unknown>>;
}

/** A schema with fields. */
export interface ObjectSchema {
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
}

/** The document. */
export function describeApi(routes: readonly DescribedRoute[], version: string) {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes)
    paths[route.url] = { ...paths[route.url], [route.method.toLowerCase()]: operation(route) };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sallyport',
      version,
      description: 'What the page and the command line use. All paths are relative.',
    },
    servers: [{ url: '..' }],
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'The token in the data directory.' },
        session: { type: 'apiKey', in: 'cookie', name: 'sallyport_session' },
        proof: {
          type: 'apiKey',
          in: 'header',
          name: 'x-sallyport-csrf',
          description: 'The csrf value of /api/session.',
        },
      },
    },
  };
}

function operation(route: DescribedRoute) {
  const { querystring, body, access } = route;
  return {
    ...(route.summary === undefined ? {} : { summary: route.summary }),
    operationId: `${route.method.toLowerCase()}${route.url.replace(/[^A-Za-z0-9]+/g, '_')}`,
    parameters: Object.entries(querystring?.properties ?? {}).map(([name, schema]) => ({
      name,
      in: 'query',
      required: querystring?.required?.includes(name) ?? false,
      schema,
    })),
    ...(body === undefined ? {} : { requestBody: { content: { 'application/json': { schema: body } } } }),
    responses: Object.fromEntries(
      Object.entries(route.answers).map(([status, schema]) => [status, answer(route, status, schema)]),
    ),
    security: securityOf(access),
  };
}

function answer({ produces }: DescribedRoute, status: string, schema: unknown) {
  const isText = produces !== undefined && status.startsWith('2');
  const content = isText ? { [produces]: { schema: { type: 'string' } } } : { 'application/json': { schema } };
  return { description: status.startsWith('2') ? 'Done.' : 'Refused or failed.', content };
}

function securityOf(access: RouteAccess) {
  if (access === 'open') return [];
  return access === 'read' ? [{ token: [] }, { session: [] }] : [{ token: [] }, { session: [], proof: [] }];
}
