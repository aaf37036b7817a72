// Quick tunnels: a tunnel and a random name that nobody has an account for, gone when its connector is.
import { randomBytes, randomInt } from 'node:crypto';
import type { StoreDatabase } from './database.ts';
import { contentOfTunnel } from './names.ts';
import type { RecordStore } from './records.ts';
import { text } from './row.ts';
import type { StoredTunnel, TunnelStore } from './tunnels.ts';
import type { Zone } from './zones.ts';

/** A quick tunnel and its name. */
export interface QuickTunnel {
  readonly tunnel: StoredTunnel;
  readonly hostname: string;
}

/** Quick tunnels. */
export interface QuickTunnelStore {
  /** Those there are, oldest first. */
  list(): readonly QuickTunnel[];
  /** A tunnel, a name below the zone, and the record that joins them. */
  create(zone: Zone): QuickTunnel;
  /** Takes all three away; what has gone or leads elsewhere by now is left alone. */
  delete(tunnelId: string): void;
}

/** The stores it is made of. */
export interface QuickTunnelParts {
  readonly database: StoreDatabase;
  readonly tunnels: TunnelStore;
  readonly records: RecordStore;
}

const firstWords = ['amber', 'brave', 'calm', 'early', 'green', 'lucky', 'quiet', 'rapid', 'silver', 'warm'] as const;
const secondWords = [
  'badger',
  'cedar',
  'falcon',
  'harbor',
  'lantern',
  'meadow',
  'otter',
  'pebble',
  'river',
  'tower',
] as const;
// The name is all that keeps strangers out, so most of it cannot be guessed.
const randomNameBytes = 6;

/** Quick tunnels on a database. */
export function createQuickTunnelStore({ database, tunnels, records }: QuickTunnelParts): QuickTunnelStore {
  function list(): readonly QuickTunnel[] {
    return database.all('SELECT tunnel_id, hostname FROM quick_tunnel ORDER BY seq').flatMap((row) => {
      const tunnel = tunnels.get(text(row, 'tunnel_id'));
      return tunnel === undefined ? [] : [{ tunnel, hostname: text(row, 'hostname') }];
    });
  }

  function create(zone: Zone): QuickTunnel {
    return database.transact(() => {
      const label = randomLabel();
      const tunnel = tunnels.create({ name: `qt-${label}` });
      const hostname = `${label}.${zone.name}`;
      records.create(zone, {
        type: 'CNAME',
        name: hostname,
        content: contentOfTunnel(tunnel.id),
        proxied: true,
        comment: 'quick tunnel',
      });
      database.run(
        'INSERT INTO quick_tunnel (tunnel_id, zone_id, hostname) VALUES (?, ?, ?)',
        tunnel.id,
        zone.id,
        hostname,
      );
      return { tunnel, hostname };
    });
  }

  function remove(tunnelId: string): void {
    database.transact((touched) => {
      const row = database.get('SELECT zone_id, hostname FROM quick_tunnel WHERE tunnel_id = ?', tunnelId);
      if (row === undefined) return;
      const zoneId = text(row, 'zone_id');
      const hostname = text(row, 'hostname');
      for (const record of records.named(zoneId, hostname))
        if (record.content === contentOfTunnel(tunnelId)) {
          database.run('DELETE FROM record WHERE id = ?', record.id);
          touched.names.add(hostname);
        }
      database.run('DELETE FROM quick_tunnel WHERE tunnel_id = ?', tunnelId);
      if (tunnels.get(tunnelId)?.deletedAt === null) tunnels.delete(tunnelId);
      // Other tunnels stay to be listed as deleted. Anybody here may ask for these, as often as he likes, so they do not pile up.
      for (const table of ['configuration', 'local_configuration'])
        database.run(`DELETE FROM ${table} WHERE tunnel_id = ?`, tunnelId);
      database.run('DELETE FROM tunnel WHERE id = ?', tunnelId);
    });
  }

  return { list, create, delete: remove };
}

function randomLabel(): string {
  const first = firstWords[randomInt(firstWords.length)] ?? '';
  const second = secondWords[randomInt(secondWords.length)] ?? '';
  return `${first}-${second}-${randomBytes(randomNameBytes).toString('hex')}`;
}
