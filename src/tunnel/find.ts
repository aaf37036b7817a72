// Which tunnel a person means: an id as it is, a name as the API knows it.
import type { ListedTunnel, TunnelCommandsApi } from '../cloudflare/tunnel-commands.ts';
import { AppError } from '../errors.ts';

/** Where tunnels are looked up. */
export interface TunnelDirectory {
  readonly api: Pick<TunnelCommandsApi, 'list'>;
  readonly account: string;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a text is a tunnel's id rather than its name. */
export function isTunnelId(text: string): boolean {
  return uuid.test(text);
}

/** The id of the tunnel with this id or name. Throws AppError E_TUNNEL when no live tunnel has the name. */
export async function findTunnelId(ref: string, directory: TunnelDirectory, signal: AbortSignal): Promise<string> {
  if (isTunnelId(ref)) return ref.toLowerCase();
  const tunnel = await tunnelByName(ref, directory, signal);
  if (tunnel !== undefined) return tunnel.id;
  throw new AppError({
    code: 'E_TUNNEL',
    message: `${ref.slice(0, 200)} is neither the ID nor the name of any of your tunnels`,
    hint: 'see `sallyport tunnel list`',
  });
}

async function tunnelByName(
  name: string,
  { api, account }: TunnelDirectory,
  signal: AbortSignal,
): Promise<ListedTunnel | undefined> {
  const found = await api.list(account, { name, is_deleted: false }, signal);
  // An API that does not know the filter answers with all of them.
  return found.find((tunnel) => tunnel.name === name);
}
