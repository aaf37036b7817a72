// What the data plane looks up per request, in memory; read again from the database wherever a transaction touched it.
import type { EdgeConfiguration, EdgeTunnel } from '../model.ts';
import type { StoreDatabase, Touched } from './database.ts';
import { coveringWildcards, tunnelOfContent } from './names.ts';
import { bytes, integer, json, type Row, text } from './row.ts';

/** The lookups of EdgeDirectory. */
export interface StoreIndex {
  tunnel(tunnelId: string): EdgeTunnel | undefined;
  route(hostname: string): { readonly tunnelId: string } | undefined;
  configuration(tunnelId: string): EdgeConfiguration | undefined;
  /** Brings everything a committed transaction touched up to date. */
  refresh(touched: Pick<Touched, 'names' | 'tunnels'>): void;
}

/** Where a name with address records leads; `undefined` inside: somewhere that is no tunnel. */
interface Destination {
  readonly route: { readonly tunnelId: string } | undefined;
}

// A name may stand in a zone and in its parent zone; the longer zone is the one DNS would ask.
const addressRecords = `
  SELECT record.name, type, content, proxied, length(zone.name) AS depth
  FROM record JOIN zone ON zone.id = zone_id WHERE type IN ('A', 'AAAA', 'CNAME')`;
const liveTunnels = 'SELECT id, name, secret, config_src FROM tunnel WHERE deleted_at IS NULL';
const configurations = 'SELECT tunnel_id, version, config FROM configuration';

/** Reads the whole index once. */
export function createStoreIndex(database: StoreDatabase, accountId: string): StoreIndex {
  const destinations = new Map<string, Destination>();
  const tunnels = new Map<string, EdgeTunnel>();
  const pushed = new Map<string, EdgeConfiguration>();

  const byName = new Map<string, Row[]>();
  for (const row of database.all(`${addressRecords} ORDER BY depth DESC`)) {
    const name = text(row, 'name');
    const rows = byName.get(name);
    if (rows === undefined) byName.set(name, [row]);
    else rows.push(row);
  }
  for (const [name, rows] of byName) setDestination(name, rows);
  for (const row of database.all(liveTunnels)) setTunnel(row);
  for (const row of database.all(configurations)) setConfiguration(row);

  function setDestination(name: string, rows: readonly Row[]): void {
    const destination = destinationOf(rows);
    if (destination === undefined) destinations.delete(name);
    else destinations.set(name, destination);
  }

  function setTunnel(row: Row): void {
    const id = text(row, 'id');
    tunnels.set(id, {
      id,
      accountTag: accountId,
      name: text(row, 'name'),
      secret: bytes(row, 'secret'),
      remotelyManaged: row.config_src === 'cloudflare',
    });
  }

  function setConfiguration(row: Row): void {
    pushed.set(text(row, 'tunnel_id'), { version: integer(row, 'version'), config: json(row, 'config') });
  }

  function refreshTunnel(tunnelId: string): void {
    const row = database.get(`${liveTunnels} AND id = ?`, tunnelId);
    if (row === undefined) tunnels.delete(tunnelId);
    else setTunnel(row);
    const configuration = database.get(`${configurations} WHERE tunnel_id = ?`, tunnelId);
    if (configuration !== undefined) setConfiguration(configuration);
  }

  function route(hostname: string): { readonly tunnelId: string } | undefined {
    const exact = destinations.get(hostname);
    if (exact !== undefined) return exact.route;
    for (const wildcard of coveringWildcards(hostname)) {
      const covering = destinations.get(wildcard);
      if (covering !== undefined) return covering.route;
    }
    return undefined;
  }

  return {
    tunnel: (tunnelId) => tunnels.get(tunnelId),
    route: (hostname) => route(hostname.toLowerCase()),
    configuration: (tunnelId) => (tunnels.has(tunnelId) ? pushed.get(tunnelId) : undefined),
    refresh: ({ names, tunnels: touchedTunnels }) => {
      for (const name of names)
        setDestination(name, database.all(`${addressRecords} AND record.name = ? ORDER BY depth DESC`, name));
      for (const tunnelId of touchedTunnels) refreshTunnel(tunnelId);
    },
  };
}

function destinationOf(rows: readonly Row[]): Destination | undefined {
  const [row] = rows;
  if (row === undefined) return undefined;
  const tunnelId = row.type === 'CNAME' && row.proxied === 1 ? tunnelOfContent(text(row, 'content')) : undefined;
  return { route: tunnelId === undefined ? undefined : { tunnelId } };
}
