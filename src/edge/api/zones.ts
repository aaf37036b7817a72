// GET and POST /zones, GET /zones/:zone.
import { refusal, refusalCode } from '../store/refusal.ts';
import type { Account, Zone } from '../store/zones.ts';
import { type Api, type ApiContext, findZone } from './context.ts';
import { type PageQuery, paged, pageSchema, success } from './envelope.ts';
import { hasPermission, type RestrictedToken, seesZone, zonePermissions } from './grants.ts';
import { passesPrefixed } from './text-filter.ts';

interface ZoneQuery extends PageQuery {
  readonly name?: string;
  readonly status?: string;
  readonly 'account.id'?: string;
  readonly 'account.name'?: string;
  readonly match: 'all' | 'any';
  readonly direction: 'asc' | 'desc';
}

const zoneQuerySchema = {
  type: 'object',
  properties: {
    ...pageSchema(20, 50),
    name: { type: 'string', maxLength: 300 },
    status: { type: 'string' },
    'account.id': { type: 'string' },
    'account.name': { type: 'string' },
    match: { enum: ['all', 'any'], default: 'all' },
    direction: { enum: ['asc', 'desc'], default: 'asc' },
  },
};

const zoneBodySchema = {
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 253 },
    account: { type: 'object', properties: { id: { type: 'string' } } },
    type: { type: 'string' },
  },
};

/** Registers the zone routes. */
export function addZoneRoutes(api: Api, context: ApiContext): void {
  const { store } = context;

  api.get<{ Querystring: ZoneQuery }>('/zones', { schema: { querystring: zoneQuerySchema } }, (request) => {
    const { query } = request;
    const token = context.tokenOf(request);
    const found = store.zones.list().filter((zone) => isWanted(zone, store.account, query) && isSeen(zone, token));
    return paged(query.direction === 'asc' ? found : found.toReversed(), query, (zone) =>
      zoneView(zone, store.account, token),
    );
  });

  api.post<{ Body: { name: string; account?: { id?: string } } }>(
    '/zones',
    { schema: { body: zoneBodySchema } },
    ({ body }) => {
      const accountId = body.account?.id;
      if (accountId !== undefined && accountId !== store.account.id)
        throw refusal(403, refusalCode.accountForeign, 'Unauthorized to access requested resource');
      return success(zoneView(store.zones.create(body.name), store.account));
    },
  );

  api.get<{ Params: { zone: string } }>('/zones/:zone', (request) =>
    success(zoneView(findZone(context, request, request.params.zone), store.account, context.tokenOf(request))),
  );
}

/** A listing shows a token the zones it is for, and without "Zone: Read" none. */
function isSeen(zone: Zone, token: RestrictedToken | undefined): boolean {
  return token === undefined || (seesZone(token, zone.name) && hasPermission(token, 'Zone > Zone', 'Read'));
}

function isWanted(zone: Zone, account: Account, query: ZoneQuery): boolean {
  const conditions: boolean[] = [];
  if (query.name !== undefined) conditions.push(passesPrefixed(query.name, zone.name));
  if (query.status !== undefined) conditions.push(query.status === 'active');
  if (query['account.id'] !== undefined) conditions.push(query['account.id'] === account.id);
  if (query['account.name'] !== undefined) conditions.push(passesPrefixed(query['account.name'], account.name));
  if (conditions.length === 0) return true;
  return query.match === 'all' ? conditions.every(Boolean) : conditions.some(Boolean);
}

function zoneView(zone: Zone, account: Account, token?: RestrictedToken) {
  return {
    id: zone.id,
    name: zone.name,
    status: 'active',
    paused: false,
    type: 'full',
    development_mode: 0,
    name_servers: [],
    original_name_servers: null,
    original_registrar: null,
    original_dnshost: null,
    modified_on: zone.createdOn,
    created_on: zone.createdOn,
    activated_on: zone.createdOn,
    meta: { step: 2, custom_certificate_quota: 0, page_rule_quota: 0, phishing_detected: false },
    owner: { id: account.id, type: 'organization', name: account.name },
    account: { id: account.id, name: account.name },
    tenant: { id: null, name: null },
    tenant_unit: { id: null },
    permissions: zonePermissions(token),
    plan: { id: '0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee', name: 'Free Website', price: 0, currency: 'USD' },
  };
}
