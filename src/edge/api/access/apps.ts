// /accounts/:account/access/apps: applications.
import type { AppInput, StoredApp } from '../../store/access/apps.ts';
import { publicUris } from '../../store/access/destinations.ts';
import type { Api, ApiContext } from '../context.ts';
import { type PageQuery, paged, success } from '../envelope.ts';
import { type AppPolicyBody, appPolicyInput, appPolicySchema, flag, keep, shortText, texts } from './input.ts';
import { placedPolicyView } from './policy-view.ts';
import { accepted, isFound, listSchema } from './route.ts';

interface InApp {
  app: string;
}

interface AppQuery extends PageQuery {
  readonly aud?: string;
  readonly domain?: string;
  readonly name?: string;
  readonly search?: string;
  /** Whether `domain` and `name` have to be equal, not only contained. */
  readonly exact: boolean;
}

type AppBody = Omit<AppInput, 'policies' | 'kept'> & { readonly policies?: readonly AppPolicyBody[] | null };

const object = { type: 'object' };
const longText = { type: 'string', maxLength: 4_096 };
const types = [
  'self_hosted',
  'saas',
  'ssh',
  'vnc',
  'app_launcher',
  'warp',
  'biso',
  'bookmark',
  'dash_sso',
  'infrastructure',
  'rdp',
  'mcp',
  'mcp_portal',
  'proxy_endpoint',
];

/** Fields Access only keeps and shows. */
const options = {
  allow_authenticate_via_warp: flag,
  allow_iframe: flag,
  app_launcher_visible: flag,
  auto_redirect_to_identity: flag,
  cors_headers: object,
  custom_deny_message: longText,
  custom_deny_url: longText,
  custom_non_identity_deny_url: longText,
  custom_pages: texts,
  eager_redirect_cookie_setting: flag,
  enable_binding_cookie: flag,
  http_only_cookie_attribute: flag,
  logo_url: longText,
  mfa_config: object,
  oauth_configuration: object,
  options_preflight_bypass: flag,
  path_cookie_attribute: flag,
  read_service_tokens_from_header: shortText,
  saas_app: object,
  same_site_cookie_attribute: { enum: ['', 'strict', 'lax', 'none'] },
  scim_config: object,
  service_auth_401_redirect: flag,
  skip_interstitial: flag,
  target_criteria: { type: 'array', items: object },
  use_clientless_isolation_app_launcher_url: flag,
};

/** What an application shows when nobody set it. */
const shownDefaults = {
  app_launcher_visible: true,
  auto_redirect_to_identity: false,
  enable_binding_cookie: false,
  http_only_cookie_attribute: true,
  options_preflight_bypass: false,
};

const bodySchema = {
  type: 'object',
  required: ['type'],
  properties: {
    ...options,
    type: { enum: types },
    name: shortText,
    domain: { type: 'string', maxLength: 2_048 },
    self_hosted_domains: {
      type: 'array',
      nullable: true,
      maxItems: 1_000,
      items: { type: 'string', maxLength: 2_048 },
    },
    destinations: { type: 'array', nullable: true, maxItems: 1_000, items: object },
    session_duration: { type: 'string', nullable: true, maxLength: 64 },
    allowed_idps: texts,
    tags: texts,
    policies: {
      type: 'array',
      nullable: true,
      maxItems: 1_000,
      items: { ...appPolicySchema, type: ['string', 'object'], maxLength: 64 },
    },
  },
};

const querySchema = listSchema({
  aud: shortText,
  domain: { type: 'string', maxLength: 2_048 },
  name: shortText,
  search: shortText,
  target_attributes: shortText,
  exact: { type: 'boolean', default: false },
});

/** Registers the routes of applications. */
export function addAppRoutes(api: Api, context: ApiContext): void {
  const { apps, appPolicies } = context.store.access;
  const base = '/accounts/:account/access/apps';
  const body = { schema: { body: bodySchema } };
  const view = (app: StoredApp) => ({ ...appView(app), policies: appPolicies.list(app).map(placedPolicyView) });

  api.get<{ Querystring: AppQuery }>(base, { schema: querySchema }, ({ query }) =>
    paged(
      context.arrange(
        apps.list().filter((app) => isWanted(app, query)),
        (app) => app,
      ),
      query,
      view,
    ),
  );
  api.post<{ Body: AppBody }>(base, body, (request, reply) => {
    reply.code(201);
    return success(view(apps.create(appInput(request.body))));
  });
  api.get<{ Params: InApp }>(`${base}/:app`, ({ params }) => success(view(apps.get(params.app))));
  api.put<{ Params: InApp; Body: AppBody }>(`${base}/:app`, body, (request) =>
    success(view(apps.replace(request.params.app, appInput(request.body)))),
  );
  api.delete<{ Params: InApp }>(`${base}/:app`, ({ params }, reply) => {
    apps.delete(params.app);
    return accepted(reply, { id: params.app });
  });
}

function isWanted({ fields }: StoredApp, query: AppQuery): boolean {
  const uris = publicUris(fields.destinations);
  const addresses = fields.domain === null || uris.includes(fields.domain) ? uris : [fields.domain, ...uris];
  const passes = (wanted: string | undefined, values: readonly string[]) =>
    wanted === undefined || (query.exact ? values.includes(wanted) : isFound(wanted, ...values));
  return (
    (query.aud === undefined || query.aud === fields.aud) &&
    passes(query.domain, addresses) &&
    passes(query.name, [fields.name]) &&
    isFound(query.search, fields.name, ...addresses)
  );
}

function appInput(body: AppBody): AppInput {
  const { policies, ...rest } = body;
  return {
    type: rest.type,
    name: rest.name,
    domain: rest.domain,
    self_hosted_domains: rest.self_hosted_domains,
    destinations: rest.destinations,
    session_duration: rest.session_duration,
    allowed_idps: rest.allowed_idps,
    tags: rest.tags,
    policies: policies?.map(appPolicyInput),
    kept: keep(body, options),
  };
}

function appView({ id, fields, createdAt, updatedAt }: StoredApp) {
  const places =
    fields.domain === null
      ? {}
      : {
          domain: fields.domain,
          domain_type: 'public',
          self_hosted_domains: publicUris(fields.destinations),
          destinations: fields.destinations,
        };
  return {
    id,
    uid: id,
    type: fields.type,
    name: fields.name,
    aud: fields.aud,
    ...places,
    ...shownDefaults,
    ...fields.kept,
    session_duration: fields.sessionDuration,
    allowed_idps: fields.allowedIdps,
    tags: fields.tags,
    created_at: createdAt,
    updated_at: updatedAt,
  };
}
