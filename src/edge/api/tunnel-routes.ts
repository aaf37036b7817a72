// PUT /zones/:zone/tunnels/:tunnel/routes, which `cloudflared tunnel route dns` calls: a name that leads to a tunnel.

import { contentOfTunnel, recordName } from '../store/names.ts';
import { isAddressType, type RecordInput } from '../store/record-rules.ts';
import type { StoredRecord } from '../store/records.ts';
import { refusal, refusalCode } from '../store/refusal.ts';
import type { Zone } from '../store/zones.ts';
import { type Api, type ApiContext, findLiveTunnel, findZone } from './context.ts';
import { success } from './envelope.ts';

interface RouteBody {
  readonly type: string;
  readonly user_hostname?: string;
  readonly overwrite_existing?: boolean;
}

const bodySchema = {
  type: 'object',
  required: ['type'],
  properties: {
    type: { type: 'string' },
    user_hostname: { type: 'string', maxLength: 512 },
    overwrite_existing: { type: 'boolean' },
  },
};

/** What happened to the name's CNAME. */
type CnameChange = 'new' | 'updated' | 'unchanged';

/** Registers the route that makes DNS routes. */
export function addTunnelRouteRoutes(api: Api, context: ApiContext): void {
  const { store } = context;

  api.put<{ Params: { zone: string; tunnel: string }; Body: RouteBody }>(
    '/zones/:zone/tunnels/:tunnel/routes',
    { schema: { body: bodySchema } },
    (request) => {
      const zone = findZone(context, request, request.params.zone);
      const tunnel = findLiveTunnel(context, request, request.params.tunnel);
      if (request.body.type !== 'dns')
        throw refusal(
          400,
          refusalCode.dnsRouteConflict,
          'The embedded edge has no load balancers: it balances over the connectors of one tunnel by itself. Use `route dns`.',
        );
      // Like Cloudflare, a name outside the zone is taken to be meant below it.
      const name = recordName(request.body.user_hostname ?? '', zone.name);
      if (name === undefined) throw refusal(400, refusalCode.dnsRouteConflict, 'The hostname is invalid.');
      const record: RecordInput = { type: 'CNAME', name, content: contentOfTunnel(tunnel.id), proxied: true, ttl: 1 };
      return success({ cname: point(zone, record, request.body.overwrite_existing === true), name });
    },
  );

  function point(zone: Zone, wanted: RecordInput, mayOverwrite: boolean): CnameChange {
    const existing = store.records.named(zone.id, wanted.name).filter((record) => isAddressType(record.type));
    if (existing.length === 0) {
      store.records.create(zone, wanted);
      return 'new';
    }
    if (existing.every((record) => leadsThere(record, wanted))) return 'unchanged';
    if (!mayOverwrite)
      throw refusal(400, refusalCode.dnsRouteConflict, 'An A, AAAA, or CNAME record with that host already exists.');
    store.records.batch(zone, { deletes: existing, posts: [wanted] });
    return 'updated';
  }
}

function leadsThere(record: StoredRecord, wanted: RecordInput): boolean {
  return record.type === wanted.type && record.content === wanted.content && record.proxied;
}
