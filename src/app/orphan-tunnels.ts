// Tunnels of ours that nothing uses any more: found when a road is built, told with every pass until they are gone.
import type { CloudflareApi } from '../cloudflare/client.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Diagnostic } from '../model.ts';
import { createOwnTunnels, type OwnTunnel, orphansOf } from '../tunnel/own-tunnels.ts';

/** Where they are looked for. */
export interface OrphanOptions {
  readonly api: Pick<CloudflareApi, 'tunnels'>;
  readonly account: string;
  /** The tunnel in use. */
  readonly current: string;
  readonly dataDir: string;
  readonly logger: Logger;
}

/** Looks once; asks nothing when no other tunnel was ever made here. The result says what is still left over. */
export async function findOrphans(options: OrphanOptions, signal: AbortSignal): Promise<() => readonly Diagnostic[]> {
  const own = createOwnTunnels(options.dataDir);
  const others = own.list().filter(({ id, account }) => account === options.account && id !== options.current);
  if (others.length === 0) return () => [];
  const orphans = await ask(options, others, signal);
  return () => {
    if (orphans.length === 0) return [];
    // A command that removed one took it off the list.
    const listed = new Set(own.list().map(({ id }) => id));
    return orphans.filter(({ id }) => listed.has(id)).map(leftOver);
  };
}

/** That there are some is no reason for anything to fail. */
async function ask(
  { api, account, current, logger }: OrphanOptions,
  others: readonly OwnTunnel[],
  signal: AbortSignal,
): Promise<readonly OwnTunnel[]> {
  try {
    return orphansOf(others, await api.tunnels.list(account, signal), current);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AppError)) throw error;
    logger.debug({ code: error.code, reason: error.message }, 'tunnels could not be listed');
    return [];
  }
}

function leftOver({ id, name }: OwnTunnel): Diagnostic {
  return {
    severity: 'info',
    code: 'W_TUNNEL_ORPHAN',
    message: `the tunnel "${name}" (${id}) was made here and nothing uses it any more`,
    hint: `remove it with \`sallyport tunnel delete ${id}\`, or all of them with \`sallyport tunnel cleanup --orphans\``,
  };
}
