// /accounts/:account/access/identity_providers: ways to log in.
import type { IdentityProviderInput, StoredIdentityProvider } from '../../store/access/identity-providers.ts';
import type { Api, ApiContext } from '../context.ts';
import { type PageQuery, paged, success } from '../envelope.ts';
import { shortText } from './input.ts';
import { accepted, listSchema } from './route.ts';

interface InProvider {
  provider: string;
}

const base = '/accounts/:account/access/identity_providers';
const types = [
  'onetimepin',
  'azureAD',
  'saml',
  'centrify',
  'facebook',
  'github',
  'google-apps',
  'google',
  'linkedin',
  'oidc',
  'okta',
  'onelogin',
  'pingone',
  'yandex',
  'cloudflare',
];
const bodySchema = {
  type: 'object',
  required: ['name', 'type', 'config'],
  properties: {
    name: shortText,
    type: { enum: types },
    config: { type: 'object' },
    scim_config: { type: 'object' },
  },
};

/** Registers the routes of identity providers. */
export function addIdentityProviderRoutes(api: Api, context: ApiContext): void {
  const { identityProviders: providers } = context.store.access;
  const body = { schema: { body: bodySchema } };

  api.get<{ Querystring: PageQuery }>(base, { schema: listSchema() }, ({ query }) =>
    paged(
      context.arrange(providers.list(), (one) => one),
      query,
      providerView,
    ),
  );
  api.post<{ Body: IdentityProviderInput }>(base, body, (request, reply) => {
    reply.code(201);
    return success(providerView(providers.create(request.body)));
  });
  api.get<{ Params: InProvider }>(`${base}/:provider`, ({ params }) =>
    success(providerView(providers.get(params.provider))),
  );
  api.put<{ Params: InProvider; Body: IdentityProviderInput }>(`${base}/:provider`, body, (request) =>
    success(providerView(providers.replace(request.params.provider, request.body))),
  );
  api.delete<{ Params: InProvider }>(`${base}/:provider`, ({ params }, reply) => {
    providers.delete(params.provider);
    return accepted(reply, { id: params.provider });
  });
}

function providerView({ id, fields }: StoredIdentityProvider) {
  return { id, uid: id, name: fields.name, type: fields.type, config: fields.config, scim_config: fields.scimConfig };
}
