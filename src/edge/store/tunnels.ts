// Tunnels in the edge's database: created, renamed, softly deleted, and when they were connected.
import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import type { StoreDatabase } from './database.ts';
import { refusal, refusalCode } from './refusal.ts';
import { bytes, optionalText, type Row, text } from './row.ts';
import { isoTime } from './zones.ts';

/** Who holds the rules: the connector's own file, or this API. */
export type ConfigSource = 'local' | 'cloudflare';

/** A tunnel as stored. The secret must never be logged or listed. */
export interface StoredTunnel {
  readonly id: string;
  readonly name: string;
  readonly secret: Uint8Array;
  readonly configSrc: ConfigSource;
  readonly createdAt: string;
  readonly deletedAt: string | null;
  /** When its first connection came, the last time it had any; null when it never had one. */
  readonly connsActiveAt: string | null;
  /** When its last connection went; null while it has one, or never had. */
  readonly connsInactiveAt: string | null;
}

/** What a client sends to make a tunnel. */
export interface TunnelInput {
  readonly name: string;
  /** Base64 of at least 32 bytes; made here when absent. */
  readonly tunnel_secret?: string;
  readonly config_src?: ConfigSource;
}

/** Tunnels. Everything that writes throws RefusedError with Cloudflare's code and then has changed nothing. */
export interface TunnelStore {
  /** Deleted ones too, oldest first. */
  list(): readonly StoredTunnel[];
  /** A deleted one too. */
  get(tunnelId: string): StoredTunnel | undefined;
  create(input: TunnelInput): StoredTunnel;
  edit(tunnelId: string, change: { readonly name?: string; readonly tunnel_secret?: string }): StoredTunnel;
  /** Keeps the row, frees the name, and tells the data plane. */
  delete(tunnelId: string): StoredTunnel;
  /** Remembers whether the tunnel has connections now; cheap when nothing changed. */
  observe(tunnelId: string, isConnected: boolean): void;
}

const minSecretBytes = 32;
const maxSecretBytes = 1_024;
const maxNameLength = 255;

/** Tunnels on a database. */
export function createTunnelStore(database: StoreDatabase, clock: Clock): TunnelStore {
  function get(tunnelId: string): StoredTunnel | undefined {
    const row = database.get('SELECT * FROM tunnel WHERE id = ?', tunnelId);
    return row === undefined ? undefined : tunnelOf(row);
  }

  function live(tunnelId: string): StoredTunnel {
    const tunnel = get(tunnelId);
    if (tunnel === undefined || tunnel.deletedAt !== null) throw tunnelNotFound();
    return tunnel;
  }

  function checkName(name: string, self?: string): string {
    const clean = name.trim();
    if (clean === '' || clean.length > maxNameLength)
      throw refusal(400, refusalCode.invalidRequest, `A tunnel's name needs 1 to ${maxNameLength} characters.`);
    const row = database.get('SELECT id FROM tunnel WHERE name = ? AND deleted_at IS NULL', clean);
    if (row !== undefined && row.id !== self)
      throw refusal(
        409,
        refusalCode.tunnelNameTaken,
        'You already have a tunnel with this name. Delete the existing tunnel, or choose a different name for your new tunnel',
      );
    return clean;
  }

  function create(input: TunnelInput): StoredTunnel {
    return database.transact((touched) => {
      const tunnel: StoredTunnel = {
        id: randomUUID(),
        name: checkName(input.name),
        secret: input.tunnel_secret === undefined ? randomBytes(minSecretBytes) : parseSecret(input.tunnel_secret),
        configSrc: input.config_src ?? 'local',
        createdAt: isoTime(clock.now()),
        deletedAt: null,
        connsActiveAt: null,
        connsInactiveAt: null,
      };
      database.run(
        'INSERT INTO tunnel (id, name, secret, config_src, created_at) VALUES (?, ?, ?, ?, ?)',
        tunnel.id,
        tunnel.name,
        tunnel.secret,
        tunnel.configSrc,
        tunnel.createdAt,
      );
      touched.tunnels.add(tunnel.id);
      return tunnel;
    });
  }

  function edit(tunnelId: string, change: { readonly name?: string; readonly tunnel_secret?: string }): StoredTunnel {
    return database.transact((touched) => {
      const current = live(tunnelId);
      const name = change.name === undefined ? current.name : checkName(change.name, tunnelId);
      const secret = change.tunnel_secret === undefined ? current.secret : parseSecret(change.tunnel_secret);
      database.run('UPDATE tunnel SET name = ?, secret = ? WHERE id = ?', name, secret, tunnelId);
      touched.tunnels.add(tunnelId);
      return { ...current, name, secret };
    });
  }

  function remove(tunnelId: string): StoredTunnel {
    return database.transact((touched) => {
      const tunnel = { ...live(tunnelId), deletedAt: isoTime(clock.now()) };
      database.run('UPDATE tunnel SET deleted_at = ? WHERE id = ?', tunnel.deletedAt, tunnelId);
      touched.tunnels.add(tunnelId);
      touched.changes.push({ kind: 'tunnel-deleted', tunnelId });
      return tunnel;
    });
  }

  function observe(tunnelId: string, isConnected: boolean): void {
    const tunnel = get(tunnelId);
    if (tunnel === undefined) return;
    const wasConnected = tunnel.connsActiveAt !== null && tunnel.connsInactiveAt === null;
    if (wasConnected === isConnected) return;
    const now = isoTime(clock.now());
    if (isConnected)
      database.run('UPDATE tunnel SET conns_active_at = ?, conns_inactive_at = NULL WHERE id = ?', now, tunnelId);
    else database.run('UPDATE tunnel SET conns_inactive_at = ? WHERE id = ?', now, tunnelId);
  }

  return {
    list: () => database.all('SELECT * FROM tunnel ORDER BY seq').map(tunnelOf),
    get,
    create,
    edit,
    delete: remove,
    observe,
  };
}

/** What the API says about a tunnel that does not exist (any more). */
export function tunnelNotFound(): Error {
  return refusal(404, refusalCode.tunnelNotFound, 'Tunnel not found');
}

function parseSecret(base64: string): Uint8Array {
  const secret = Buffer.from(base64, 'base64');
  // Buffer skips what it does not understand, so compare with what it would have written.
  const isCanonical = secret.toString('base64').replace(/=+$/, '') === base64.replace(/=+$/, '');
  if (isCanonical && secret.length >= minSecretBytes && secret.length <= maxSecretBytes) return secret;
  throw refusal(
    400,
    refusalCode.invalidRequest,
    `tunnel_secret must be the base64 form of ${minSecretBytes} to ${maxSecretBytes} bytes.`,
  );
}

function tunnelOf(row: Row): StoredTunnel {
  return {
    id: text(row, 'id'),
    name: text(row, 'name'),
    secret: bytes(row, 'secret'),
    configSrc: text(row, 'config_src') === 'cloudflare' ? 'cloudflare' : 'local',
    createdAt: text(row, 'created_at'),
    deletedAt: optionalText(row, 'deleted_at'),
    connsActiveAt: optionalText(row, 'conns_active_at'),
    connsInactiveAt: optionalText(row, 'conns_inactive_at'),
  };
}
