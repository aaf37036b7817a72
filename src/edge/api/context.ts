// What every route of the API works with, and how it finds the account, zone or tunnel its path names.
import type { FastifyInstance } from 'fastify';
import type { ConnectionRegistry, RegisteredConnection } from '../model.ts';
import { noRoute, refusal, refusalCode } from '../store/refusal.ts';
import type { EdgeStore } from '../store/store.ts';
import { type StoredTunnel, tunnelNotFound } from '../store/tunnels.ts';
import type { Zone } from '../store/zones.ts';
import type { RestrictedToken } from './grants.ts';
import type { ArrangeListing } from './listing.ts';

/** A fastify instance as the route files use it. */
export type Api = FastifyInstance;

/** What the routes need. */
export interface ApiContext {
  readonly store: EdgeStore;
  readonly registry: ConnectionRegistry;
  /** What a listing shows of what there is. */
  readonly arrange: ArrangeListing;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** The restricted token a request came with; undefined for the one that may do everything. */
  readonly tokenOf: (request: Authorized) => RestrictedToken | undefined;
}

/** A request as far as its token is concerned. */
export interface Authorized {
  readonly headers: { readonly authorization?: string | undefined };
}

/** A request as far as the look-ups need it. */
interface Located {
  readonly url: string;
}

const idPattern = /^[0-9a-f]{32}$/;
const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Refuses every account but ours: 403/9109 for another one, 404/7003 for what is no account id. */
export function checkAccount(context: ApiContext, request: Located, accountId: string): void {
  if (accountId === context.store.account.id) return;
  if (!idPattern.test(accountId)) throw noRoute(pathOf(request));
  throw refusal(403, refusalCode.accountForeign, 'Unauthorized to access requested resource');
}

/** The zone of that id, or 404/7003. */
export function findZone(context: ApiContext, request: Located, zoneId: string): Zone {
  const zone = idPattern.test(zoneId) ? context.store.zones.get(zoneId) : undefined;
  if (zone === undefined) throw noRoute(pathOf(request));
  return zone;
}

/** The tunnel of that id, deleted or not; 404/1003 when there never was one, 404/7003 for what is no UUID. */
export function findTunnel(context: ApiContext, request: Located, tunnelId: string): StoredTunnel {
  if (!uuidPattern.test(tunnelId)) throw noRoute(pathOf(request));
  const tunnel = context.store.tunnels.get(tunnelId.toLowerCase());
  if (tunnel === undefined) throw tunnelNotFound();
  return tunnel;
}

/** Like findTunnel, but a deleted one counts as absent. */
export function findLiveTunnel(context: ApiContext, request: Located, tunnelId: string): StoredTunnel {
  const tunnel = findTunnel(context, request, tunnelId);
  if (tunnel.deletedAt !== null) throw tunnelNotFound();
  return tunnel;
}

/** A tunnel and its connections now; connections on their way out no longer count. */
export interface ObservedTunnel {
  readonly tunnel: StoredTunnel;
  readonly connections: readonly RegisteredConnection[];
}

/** Asks the data plane for a tunnel's connections, and lets the store remember a change the data plane did not report. */
export function observeTunnel(context: ApiContext, tunnel: StoredTunnel): ObservedTunnel {
  const connections = context.registry.connections(tunnel.id).filter((connection) => !connection.draining);
  const wasConnected = tunnel.connsActiveAt !== null && tunnel.connsInactiveAt === null;
  const isConnected = connections.length > 0;
  if (wasConnected === isConnected) return { tunnel, connections };
  context.store.connectionsChanged(tunnel.id, isConnected);
  return { tunnel: context.store.tunnels.get(tunnel.id) ?? tunnel, connections };
}

/** The path as requested, without its query, as error messages quote it. */
export function pathOf(request: Located): string {
  return request.url.split('?', 1)[0]?.slice(0, 200) ?? '';
}
