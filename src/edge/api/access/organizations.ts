// /accounts/:account/access/organizations and /keys: what Access has once per account.
import type { Stored } from '../../store/access/documents.ts';
import type { KeptFields, KeysFields } from '../../store/access/tables.ts';
import type { Api, ApiContext } from '../context.ts';
import { success } from '../envelope.ts';
import { flag, keep, shortText, texts } from './input.ts';

const base = '/accounts/:account/access';
const dayMs = 86_400_000;
const properties = {
  allow_authenticate_via_warp: flag,
  auth_domain: shortText,
  auto_redirect_to_identity: flag,
  custom_pages: { type: 'object' },
  deny_unmatched_requests: flag,
  deny_unmatched_requests_exempted_zone_names: texts,
  is_ui_read_only: flag,
  login_design: { type: 'object' },
  mfa_config: { type: 'object' },
  mfa_piv_key_requirements: { type: 'object' },
  mfa_required_for_all_apps: flag,
  name: shortText,
  service_token_inactivity: { type: 'object' },
  session_duration: { type: 'string', maxLength: 64 },
  strict_service_token_auth: flag,
  ui_read_only_toggle_reason: shortText,
  user_seat_expiration_inactive_time: { type: 'string', maxLength: 64 },
  warp_auth_non_browser_401: flag,
  warp_auth_session_duration: { type: 'string', maxLength: 64 },
};
const createSchema = { type: 'object', required: ['auth_domain', 'name'], properties };
const changeSchema = { type: 'object', properties };
const keysSchema = {
  type: 'object',
  required: ['key_rotation_interval_days'],
  properties: { key_rotation_interval_days: { type: 'integer', minimum: 21, maximum: 365 } },
};

/** Registers the routes of the organisation and its keys. */
export function addOrganizationRoutes(api: Api, context: ApiContext): void {
  const { organization } = context.store.access;

  api.get(`${base}/organizations`, () => success(organizationView(organization.get())));
  api.post<{ Body: KeptFields }>(`${base}/organizations`, { schema: { body: createSchema } }, ({ body }, reply) => {
    reply.code(201);
    return success(organizationView(organization.create(keep(body, properties))));
  });
  api.put<{ Body: KeptFields }>(`${base}/organizations`, { schema: { body: changeSchema } }, ({ body }) =>
    success(organizationView(organization.change(keep(body, properties)))),
  );

  api.get(`${base}/keys`, () => success(keysView(organization.keys())));
  api.put<{ Body: { key_rotation_interval_days: number } }>(
    `${base}/keys`,
    { schema: { body: keysSchema } },
    ({ body }) => success(keysView(organization.setKeyInterval(body.key_rotation_interval_days))),
  );
  api.post(`${base}/keys/rotate`, () => success(keysView(organization.rotateKeys())));

  function keysView({ intervalDays, lastRotationAt }: KeysFields) {
    const ageDays = (context.now() - Date.parse(lastRotationAt)) / dayMs;
    return {
      key_rotation_interval_days: intervalDays,
      last_key_rotation_at: lastRotationAt,
      days_until_next_rotation: Math.max(0, Math.ceil(intervalDays - ageDays)),
    };
  }
}

function organizationView({ fields, createdAt, updatedAt }: Stored<KeptFields>) {
  return { ...fields, created_at: createdAt, updated_at: updatedAt };
}
