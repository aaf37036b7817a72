// Which tunnels a listing returns. Pure.
import { type PageQuery, pageSchema } from './envelope.ts';
import type { TunnelStatus } from './tunnel-view.ts';

/** The query of GET /accounts/:account/cfd_tunnel. */
export interface TunnelQuery extends PageQuery {
  readonly name?: string;
  readonly is_deleted?: boolean;
  readonly uuid?: string;
  readonly status?: TunnelStatus;
  /** Only tunnels that existed then. */
  readonly existed_at?: string;
  /** Only tunnels connected since before then. */
  readonly was_active_at?: string;
  /** Only tunnels that had lost their connections by then. */
  readonly was_inactive_at?: string;
  readonly include_prefix?: string;
  /** cloudflared's word for include_prefix. */
  readonly name_prefix?: string;
  readonly exclude_prefix?: string;
}

const text = { type: 'string', maxLength: 300 };
const time = { type: 'string', format: 'date-time' };

/** JSON Schema of TunnelQuery. */
export const tunnelQuerySchema = {
  type: 'object',
  properties: {
    ...pageSchema(100, 1_000),
    name: text,
    is_deleted: { type: 'boolean' },
    uuid: { type: 'string', format: 'uuid' },
    status: { enum: ['inactive', 'degraded', 'healthy', 'down'] },
    existed_at: time,
    was_active_at: time,
    was_inactive_at: time,
    include_prefix: text,
    name_prefix: text,
    exclude_prefix: text,
  },
};

/** What the filters look at. */
interface Candidate {
  readonly id: string;
  readonly name: string;
  readonly status: TunnelStatus;
  readonly created_at: string;
  readonly deleted_at: string | null;
  readonly conns_active_at: string | null;
  readonly conns_inactive_at: string | null;
}

/** Whether the query asks for this tunnel. */
export function isWantedTunnel(tunnel: Candidate, query: TunnelQuery): boolean {
  const prefix = query.include_prefix ?? query.name_prefix;
  return (
    (query.name === undefined || tunnel.name === query.name) &&
    (query.is_deleted === undefined || (tunnel.deleted_at !== null) === query.is_deleted) &&
    (query.uuid === undefined || tunnel.id === query.uuid.toLowerCase()) &&
    (query.status === undefined || tunnel.status === query.status) &&
    (prefix === undefined || tunnel.name.startsWith(prefix)) &&
    (query.exclude_prefix === undefined || !tunnel.name.startsWith(query.exclude_prefix)) &&
    (query.existed_at === undefined || existedAt(tunnel, Date.parse(query.existed_at))) &&
    (query.was_active_at === undefined || isBy(tunnel.conns_active_at, query.was_active_at)) &&
    (query.was_inactive_at === undefined || isBy(tunnel.conns_inactive_at, query.was_inactive_at))
  );
}

function existedAt(tunnel: Candidate, time: number): boolean {
  return Date.parse(tunnel.created_at) <= time && (tunnel.deleted_at === null || Date.parse(tunnel.deleted_at) > time);
}

function isBy(event: string | null, time: string): boolean {
  return event !== null && Date.parse(event) <= Date.parse(time);
}
