// How tunnels, connections and connectors look in answers, and what a tunnel's status is. Pure.
import { formatToken } from '../../protocol/credentials.ts';
import type { RegisteredConnection } from '../model.ts';
import type { StoredTunnel } from '../store/tunnels.ts';
import type { ObservedTunnel } from './context.ts';

/** Cloudflare's four states of a tunnel. */
export type TunnelStatus = 'inactive' | 'degraded' | 'healthy' | 'down';

/**
 * `inactive`: never connected; `down`: was, and is not; `degraded`: a connector has lost one of its connections, which shows as
 * a gap below its highest connection index (how many it wants is not on the wire); `healthy`: otherwise.
 */
export function tunnelStatus({ tunnel, connections }: ObservedTunnel): TunnelStatus {
  if (connections.length === 0) return tunnel.connsActiveAt === null ? 'inactive' : 'down';
  const hasGap = [...byConnector(connections).values()].some(
    (own) => new Set(own.map((connection) => connection.connIndex)).size <= Math.max(...own.map((c) => c.connIndex)),
  );
  return hasGap ? 'degraded' : 'healthy';
}

/** A tunnel without its secret. */
export function tunnelView(observed: ObservedTunnel, accountId: string) {
  const { tunnel, connections } = observed;
  return {
    id: tunnel.id,
    account_tag: accountId,
    created_at: tunnel.createdAt,
    deleted_at: tunnel.deletedAt,
    name: tunnel.name,
    connections: connections.map(connectionView),
    conns_active_at: tunnel.connsInactiveAt === null ? tunnel.connsActiveAt : null,
    conns_inactive_at: tunnel.connsInactiveAt,
    tun_type: 'cfd_tunnel',
    metadata: {},
    status: tunnelStatus(observed),
    remote_config: tunnel.configSrc === 'cloudflare',
    config_src: tunnel.configSrc,
  };
}

/** What only the creator is told, once: the credentials. */
export function credentialsView(tunnel: StoredTunnel, accountId: string) {
  return {
    credentials_file: {
      AccountTag: accountId,
      TunnelID: tunnel.id,
      TunnelName: tunnel.name,
      TunnelSecret: Buffer.from(tunnel.secret).toString('base64'),
    },
    token: tokenOf(tunnel, accountId),
  };
}

/** The token that runs a tunnel. A secret. */
export function tokenOf(tunnel: StoredTunnel, accountId: string): string {
  return formatToken({ accountTag: accountId, tunnelId: tunnel.id, tunnelSecret: tunnel.secret });
}

/** One entry per connector, oldest first, each with its connections. */
export function connectorViews(connections: readonly RegisteredConnection[], configVersion: number) {
  return [...byConnector(connections)]
    .map(([clientId, own]) => connectorView(clientId, own, configVersion))
    .sort((a, b) => (a.run_at < b.run_at ? -1 : 1));
}

function connectorView(clientId: string, own: readonly RegisteredConnection[], configVersion: number) {
  const [first] = own;
  return {
    id: clientId,
    features: first?.features ?? [],
    version: first?.version ?? '',
    arch: first?.arch ?? '',
    run_at: new Date(Math.min(...own.map((connection) => connection.openedAt.getTime()))).toISOString(),
    config_version: configVersion,
    conns: own.map(connectionView),
  };
}

function connectionView(connection: RegisteredConnection) {
  return {
    id: connection.id,
    uuid: connection.id,
    client_id: connection.clientId,
    client_version: connection.version,
    colo_name: connection.location,
    is_pending_reconnect: false,
    origin_ip: connection.originIp,
    opened_at: connection.openedAt.toISOString(),
  };
}

function byConnector(connections: readonly RegisteredConnection[]): Map<string, RegisteredConnection[]> {
  return Map.groupBy(connections, (connection) => connection.clientId);
}
