// Which tunnels this installation made: kept in the data directory, because Cloudflare lets nobody mark a tunnel but by its name.
import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import { parse, schemaOf } from '../validate.ts';

/** A tunnel we made. */
export interface OwnTunnel {
  readonly id: string;
  readonly name: string;
  readonly account: string;
}

/** The list of one data directory; read anew each time, because commands change it beside a running program. */
export interface OwnTunnels {
  /** Empty when none were made or the list is damaged: then nothing is taken for ours. */
  list(): readonly OwnTunnel[];
  /** Throws AppError E_STATE when it cannot be kept. */
  add(tunnel: OwnTunnel): void;
  remove(id: string): void;
}

/** A tunnel as the API lists it, as far as being left over goes. */
export interface SeenTunnel {
  readonly id: string;
  readonly name: string;
  /** `inactive` and `down` have no connection. */
  readonly status?: string;
  readonly connections?: readonly unknown[] | null;
}

const fileName = 'tunnels.json';
const maxTunnels = 1_000;
const maxBytes = 1024 * 1024;

const schema = schemaOf<readonly OwnTunnel[]>({
  type: 'array',
  maxItems: maxTunnels,
  items: {
    type: 'object',
    required: ['id', 'name', 'account'],
    properties: {
      id: { type: 'string', format: 'uuid' },
      name: { type: 'string', maxLength: 255 },
      account: { type: 'string', maxLength: 64 },
    },
  },
});

/** The list in this data directory; nothing is written before the first tunnel. */
export function createOwnTunnels(dataDir: string): OwnTunnels {
  const file = join(dataDir, fileName);

  function list(): readonly OwnTunnel[] {
    try {
      if (statSync(file).size > maxBytes) return [];
      return parse(schema, JSON.parse(readFileSync(file, 'utf8')), { where: fileName });
    } catch (error) {
      if (error instanceof TypeError) throw error;
      // None yet, or damaged: what we cannot prove to be ours is somebody else's.
      return [];
    }
  }

  return {
    list,
    add: (tunnel) => write(file, dataDir, [...list().filter(({ id }) => id !== tunnel.id), tunnel].slice(-maxTunnels)),
    remove(id) {
      const before = list();
      const after = before.filter((tunnel) => tunnel.id !== id);
      if (after.length < before.length) write(file, dataDir, after);
    },
  };
}

/** Those of ours that exist, are connected to nothing and are not `current`: left over from another name or another life. */
export function orphansOf(
  own: readonly OwnTunnel[],
  seen: readonly SeenTunnel[],
  current: string | undefined,
): readonly OwnTunnel[] {
  const idle = new Set(seen.filter(isIdle).map(({ id }) => id.toLowerCase()));
  return own.filter(({ id }) => idle.has(id.toLowerCase()) && id.toLowerCase() !== current?.toLowerCase());
}

/** An API that does not say is taken to mean "in use". */
function isIdle({ status, connections }: SeenTunnel): boolean {
  return (status === 'inactive' || status === 'down') && (connections ?? []).length === 0;
}

function write(file: string, dataDir: string, tunnels: readonly OwnTunnel[]): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.new`, `${JSON.stringify(tunnels, null, 2)}\n`, { mode: 0o600 });
    chmodSync(`${file}.new`, 0o600);
    renameSync(`${file}.new`, file);
  } catch (cause) {
    throw new AppError({
      code: 'E_STATE',
      message: `cannot keep the list of our tunnels (${(cause as NodeJS.ErrnoException).code ?? 'unknown'})`,
      where: file,
      hint: 'make data_dir writable for this user',
      cause,
    });
  }
}
