// `tunnel cleanup|delete`: ending connections, and tunnels that are no longer wanted or that nothing uses any more.
import type { Command } from 'commander';
import type { ListedTunnel } from '../cloudflare/tunnel-commands.ts';
import { parseToken } from '../protocol/credentials.ts';
import { findCredentialsFile, removeCredentialsFile } from '../tunnel/credentials-search.ts';
import { createOwnTunnels, orphansOf } from '../tunnel/own-tunnels.ts';
import { credentialsPaths } from '../tunnel/places.ts';
import type { TunnelInputs } from './tunnel-inputs.ts';
import { findAll, readId, type Task } from './tunnel-task.ts';

/** Adds both; `task` is made when one is called. */
export function addCleanupCommands(tunnel: Command, task: () => Promise<Task>): void {
  tunnel
    .command('cleanup')
    .description("end a tunnel's connections")
    .argument('[tunnels...]', 'ids or names')
    .option('-c, --connector-id <uuid>', 'only those of one connector')
    .option('--orphans', 'instead delete the tunnels that were made here and that nothing uses any more')
    .action(async (refs: string[], options: CleanupOptions, command: Command) => {
      const mistake = mistakeIn(refs, options);
      if (mistake !== undefined) command.error(`error: ${mistake}`);
      if (options.orphans === true) return removeOrphans(await task());
      return cleanup(refs, options, await task());
    });
  tunnel
    .command('delete')
    .description('delete tunnels and their credentials files')
    .argument('<tunnels...>', 'ids or names')
    .option('-f, --force', 'even when it is connected')
    .action(async (refs: string[], options: { force?: boolean }) => remove(refs, options, await task()));
}

interface CleanupOptions {
  readonly connectorId?: string;
  readonly orphans?: boolean;
}

async function cleanup(refs: readonly string[], options: CleanupOptions, task: Task): Promise<void> {
  const { inputs, access, signal } = task;
  const connector =
    options.connectorId === undefined ? {} : { connector: readId(options.connectorId, '--connector-id') };
  for (const id of await findAll(refs, task)) {
    await access.api.disconnect(access.account, { id, ...connector }, signal);
    inputs.io.err(`Cleanup connection for tunnel ${id}\n`);
  }
}

function mistakeIn(refs: readonly string[], { connectorId, orphans }: CleanupOptions): string | undefined {
  if (orphans !== true) return refs.length === 0 ? "missing required argument 'tunnels'" : undefined;
  return refs.length > 0 || connectorId !== undefined ? '--orphans finds the tunnels by itself' : undefined;
}

/** Only tunnels that were made here, and that the API takes for unused too: a connected one it refuses to delete. */
async function removeOrphans(task: Task): Promise<void> {
  const { inputs, access, signal } = task;
  const own = createOwnTunnels(inputs.settings.dataDir);
  const seen = await access.api.list(access.account, { is_deleted: false }, signal);
  const current = currentTunnel(inputs, seen);
  const ours = own.list().filter(({ account }) => account === access.account);
  const orphans = orphansOf(ours, seen, current);
  for (const { id, name } of orphans) {
    await removeOne(id, false, task);
    inputs.io.err(`Deleted tunnel ${name} (${id})\n`);
  }
  if (orphans.length === 0) inputs.io.err('There is no tunnel of ours that nothing uses.\n');
}

/** The one these settings use, whether or not it is connected now. */
function currentTunnel({ settings }: TunnelInputs, seen: readonly ListedTunnel[]): string | undefined {
  const { tunnel } = settings.cloudflare;
  if (tunnel.kind === 'existing') return tunnel.id;
  if (tunnel.kind === 'token') return parseToken(tunnel.token).tunnelId;
  return seen.find(({ name }) => name === tunnel.name)?.id;
}

async function remove(refs: readonly string[], options: { force?: boolean }, task: Task): Promise<void> {
  for (const id of await findAll(refs, task)) await removeOne(id, options.force === true, task);
}

async function removeOne(id: string, cascade: boolean, { inputs, access, signal }: Task): Promise<void> {
  await access.api.delete(access.account, { id, cascade }, signal);
  createOwnTunnels(inputs.settings.dataDir).remove(id);
  const places = { home: inputs.home, originCert: access.certPath, dataDir: inputs.settings.dataDir };
  const path = inputs.credentialsFile ?? (await findCredentialsFile(credentialsPaths(id, places)));
  if (path !== undefined && (await removeCredentialsFile(path, id))) inputs.io.err(`Removed ${path}\n`);
}
