// /accounts/:account/access/service_tokens: what programs log in with. The secret is in the answer that makes it, never again.
import type { ServiceTokenChange, ServiceTokenInput, StoredServiceToken } from '../../store/access/service-tokens.ts';
import type { Api, ApiContext } from '../context.ts';
import { type PageQuery, paged, success } from '../envelope.ts';
import { flag, shortText } from './input.ts';
import { isFound, listSchema } from './route.ts';

interface InToken {
  token: string;
}

interface TokenQuery extends PageQuery {
  readonly name?: string;
  readonly search?: string;
}

const base = '/accounts/:account/access/service_tokens';
const time = { type: 'string', format: 'date-time' };
const properties = {
  name: shortText,
  duration: { type: 'string', maxLength: 64 },
  enabled: flag,
  client_secret_version: { type: 'integer', minimum: 1 },
  previous_client_secret_expires_at: time,
};
const createSchema = { type: 'object', required: ['name'], properties };
const changeSchema = { type: 'object', properties };
const rotateSchema = { type: 'object', properties: { previous_client_secret_expires_at: time } };

/** Registers the routes of service tokens. */
export function addServiceTokenRoutes(api: Api, context: ApiContext): void {
  const { serviceTokens } = context.store.access;
  const query = listSchema({ name: shortText, search: shortText });

  api.get<{ Querystring: TokenQuery }>(base, { schema: query }, (request) => {
    const { name, search } = request.query;
    const found = serviceTokens
      .list()
      .filter(({ fields }) => (name === undefined || fields.name === name) && isFound(search, fields.name));
    return paged(
      context.arrange(found, (one) => one),
      request.query,
      tokenView,
    );
  });
  api.post<{ Body: ServiceTokenInput }>(base, { schema: { body: createSchema } }, (request, reply) => {
    const { token, clientSecret } = serviceTokens.create(request.body);
    reply.code(201);
    return success({ ...tokenView(token), client_secret: clientSecret });
  });
  api.get<{ Params: InToken }>(`${base}/:token`, ({ params }) => success(tokenView(serviceTokens.get(params.token))));
  api.put<{ Params: InToken; Body: ServiceTokenChange }>(
    `${base}/:token`,
    { schema: { body: changeSchema } },
    ({ params, body }) => {
      const { token, clientSecret } = serviceTokens.change(params.token, body);
      return success({ ...tokenView(token), ...(clientSecret === undefined ? {} : { client_secret: clientSecret }) });
    },
  );
  api.delete<{ Params: InToken }>(`${base}/:token`, ({ params }) => {
    const token = serviceTokens.get(params.token);
    serviceTokens.delete(params.token);
    return success(tokenView(token));
  });
  api.post<{ Params: InToken; Body: { previous_client_secret_expires_at?: string } }>(
    `${base}/:token/rotate`,
    { schema: { body: rotateSchema } },
    ({ params, body }) => {
      const { token, clientSecret } = serviceTokens.rotate(params.token, body.previous_client_secret_expires_at);
      return success({ ...tokenView(token), client_secret: clientSecret });
    },
  );
  api.post<{ Params: InToken }>(`${base}/:token/refresh`, ({ params }) =>
    success(tokenView(serviceTokens.refresh(params.token))),
  );
}

function tokenView({ id, fields, createdAt, updatedAt }: StoredServiceToken) {
  return {
    id,
    name: fields.name,
    client_id: fields.clientId,
    client_secret_version: fields.secretVersion,
    duration: fields.duration,
    enabled: fields.enabled,
    expires_at: fields.expiresAt,
    created_at: createdAt,
    updated_at: updatedAt,
  };
}
