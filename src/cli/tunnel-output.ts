// What the `tunnel` commands print: cloudflared's tables and its JSON and YAML, field for field. Pure.
import { stringify } from 'yaml';
import type { ListedConnection, ListedConnector, ListedTunnel } from '../cloudflare/tunnel-commands.ts';
import { ValidationError } from '../errors.ts';
import { formatTable, printable } from './table.ts';

/** How results are written. */
export type OutputFormat = 'table' | 'json' | 'yaml';

/** The format `--output` names. Throws ValidationError for others. */
export function outputFormat(wanted: string | undefined, asJson: boolean): OutputFormat {
  if (wanted === undefined || wanted === '') return asJson ? 'json' : 'table';
  if (wanted === 'json' || wanted === 'yaml') return wanted;
  throw new ValidationError({
    code: 'E_INPUT_INVALID',
    message: `Unknown output format '${wanted.slice(0, 50)}'`,
    where: '--output',
    hint: 'use json or yaml',
  });
}

/** A value as JSON, or as the YAML cloudflared makes of it: keys in lower case without underscores. */
export function formatData(value: unknown, format: 'json' | 'yaml'): string {
  return format === 'json' ? `${JSON.stringify(value, null, 2)}\n` : stringify(withYamlKeys(value));
}

function withYamlKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withYamlKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key.replaceAll('_', '').toLowerCase(), withYamlKeys(item)]),
  );
}

/** What Go writes for a time that never was. */
const never = '0001-01-01T00:00:00Z';

/** A time as Go's JSON has it (RFC3339Nano): a fraction ends in no zero, and one of nothing but zeros is left out. */
function jsonTime(time: string | null | undefined): string {
  return (time ?? never).replace(/\.([0-9]{1,9})(?=(?:Z|[+-][0-9]{2}:[0-9]{2})$)/, (_, digits: string) => {
    const kept = digits.replace(/0+$/, '');
    return kept === '' ? '' : `.${kept}`;
  });
}

/** A tunnel as cloudflared's JSON has it; never with its token. */
export function tunnelFields(tunnel: ListedTunnel, connections = connectionsOf(tunnel)): Record<string, unknown> {
  return {
    id: tunnel.id,
    name: tunnel.name,
    created_at: jsonTime(tunnel.created_at),
    deleted_at: jsonTime(tunnel.deleted_at),
    connections: connections.map(connectionFields),
  };
}

function connectionFields(connection: ListedConnection): Record<string, unknown> {
  return {
    colo_name: connection.colo_name ?? '',
    id: connection.id ?? '',
    is_pending_reconnect: connection.is_pending_reconnect ?? false,
    origin_ip: connection.origin_ip ?? '',
    opened_at: jsonTime(connection.opened_at),
  };
}

/** A tunnel and its connectors as `tunnel info` shows them. */
export function infoFields(tunnel: ListedTunnel, connectors: readonly ListedConnector[]): Record<string, unknown> {
  return {
    id: tunnel.id,
    name: tunnel.name,
    createdAt: jsonTime(tunnel.created_at),
    conns: connectors.map((connector) => ({
      id: connector.id,
      features: connector.features ?? [],
      version: connector.version ?? '',
      arch: connector.arch ?? '',
      run_at: jsonTime(connector.run_at),
      conns: (connector.conns ?? []).map(connectionFields),
    })),
  };
}

/** A tunnel's connections that count. */
export function connectionsOf(tunnel: ListedTunnel): readonly ListedConnection[] {
  return tunnel.connections ?? [];
}

/** Connections without those that are only waited for. */
export function settled(connections: readonly ListedConnection[]): readonly ListedConnection[] {
  return connections.filter((connection) => connection.is_pending_reconnect !== true);
}

/** The table of `tunnel list`. */
export function formatTunnels(tunnels: readonly ListedTunnel[], showsReconnecting: boolean): string {
  if (tunnels.length === 0)
    return "No tunnels were found for the given filter flags. You can use 'sallyport tunnel create' to create a tunnel.\n";
  const rows = tunnels.map((tunnel) => [
    tunnel.id,
    tunnel.name,
    seconds(tunnel.created_at),
    places(visible(connectionsOf(tunnel), showsReconnecting)),
  ]);
  return `You can obtain more detailed information for each tunnel with \`sallyport tunnel info <name/uuid>\`\n${formatTable(['ID', 'NAME', 'CREATED', 'CONNECTIONS'], rows)}`;
}

/** Which of the listed tunnels were made here; nothing when none were. */
export function formatOwn(tunnels: readonly ListedTunnel[], own: readonly { readonly id: string }[]): string {
  const ours = tunnels.filter(({ id }) => own.some((one) => one.id === id));
  return ours.length === 0 ? '' : `Made by this Sallyport: ${ours.map(({ name }) => printable(name)).join(', ')}\n`;
}

/** The text of `tunnel info`. */
export function formatInfo(
  tunnel: ListedTunnel,
  connectors: readonly ListedConnector[],
  showsReconnecting: boolean,
): string {
  if (connectors.length === 0) return `Your tunnel ${tunnel.id} does not have any active connection.\n`;
  const rows = connectors.map((connector) => {
    const connections = visible(connector.conns ?? [], showsReconnecting);
    const ip = connections[0]?.origin_ip ?? '';
    return [
      connector.id,
      seconds(connector.run_at),
      connector.arch ?? '',
      connector.version ?? '',
      ip,
      places(connections),
    ];
  });
  const head = `NAME:     ${printable(tunnel.name)}\nID:       ${tunnel.id}\nCREATED:  ${goTime(tunnel.created_at ?? never)}\n\n`;
  return head + formatTable(['CONNECTOR ID', 'CREATED', 'ARCHITECTURE', 'VERSION', 'ORIGIN IP', 'EDGE'], rows);
}

/** What `route dns` did, in one line. */
export function formatRoute(route: { readonly cname: string; readonly name: string }, tunnelId: string): string {
  const name = printable(route.name);
  if (route.cname === 'new') return `Added CNAME ${name} which will route to this tunnel tunnelID=${tunnelId}\n`;
  if (route.cname === 'updated') return `${name} updated to route to your tunnel tunnelID=${tunnelId}\n`;
  return `${name} is already configured to route to your tunnel tunnelID=${tunnelId}\n`;
}

function visible(connections: readonly ListedConnection[], showsReconnecting: boolean): readonly ListedConnection[] {
  return showsReconnecting ? connections : settled(connections);
}

/** `2xams01, 2xfra03`: how many connections where. */
function places(connections: readonly ListedConnection[]): string {
  const counts = new Map<string, number>();
  for (const { colo_name = '' } of connections) counts.set(colo_name, (counts.get(colo_name) ?? 0) + 1);
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([place, count]) => `${count}x${place}`)
    .join(', ');
}

function seconds(time: string | undefined): string {
  return (time ?? never).replace(/\.[0-9]+(?=Z|[+-])/, '');
}

function goTime(time: string): string {
  return jsonTime(time).replace('T', ' ').replace(/Z$/, ' +0000 UTC');
}

/** The fields `tunnel list --sort-by` takes. */
export const listSorts = ['name', 'id', 'createdAt', 'deletedAt', 'numConnections'] as const;

/** The fields `tunnel info --sort-by` takes. */
export const infoSorts = ['createdAt', 'id', 'startedAt', 'numConnections', 'version'] as const;

/** Tunnels in the order asked for. */
export function sortTunnels(
  tunnels: readonly ListedTunnel[],
  by: (typeof listSorts)[number],
  isInverted: boolean,
): readonly ListedTunnel[] {
  const keys = {
    name: (tunnel: ListedTunnel) => tunnel.name,
    id: (tunnel: ListedTunnel) => tunnel.id,
    createdAt: (tunnel: ListedTunnel) => tunnel.created_at ?? '',
    deletedAt: (tunnel: ListedTunnel) => tunnel.deleted_at ?? '',
    numConnections: (tunnel: ListedTunnel) => connectionsOf(tunnel).length,
  };
  return sorted(tunnels, keys[by], isInverted);
}

/** Connectors in the order asked for. */
export function sortConnectors(
  connectors: readonly ListedConnector[],
  by: (typeof infoSorts)[number],
  isInverted: boolean,
): readonly ListedConnector[] {
  const keys = {
    createdAt: (connector: ListedConnector) => connector.run_at ?? '',
    startedAt: (connector: ListedConnector) => connector.run_at ?? '',
    id: (connector: ListedConnector) => connector.id,
    numConnections: (connector: ListedConnector) => (connector.conns ?? []).length,
    version: (connector: ListedConnector) => connector.version ?? '',
  };
  return sorted(connectors, keys[by], isInverted);
}

function sorted<T>(items: readonly T[], key: (item: T) => string | number, isInverted: boolean): readonly T[] {
  const direction = isInverted ? -1 : 1;
  return [...items].sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    return x === y ? 0 : x < y ? -direction : direction;
  });
}
