// Other connectors on our tunnel: harmless where the edge gives all of them the same rules, a share of all requests lost where each has its own.
import type { CloudflareApi } from '../cloudflare/client.ts';
import type { ApiConnector } from '../cloudflare/tunnels.ts';
import { AppError } from '../errors.ts';
import type { Diagnostic } from '../model.ts';

/** Which tunnel, and which connector of it was the last run's: the API may still count it. */
export interface SharedTunnelOptions {
  readonly api: Pick<CloudflareApi, 'tunnels'>;
  readonly account: string;
  readonly tunnel: { readonly id: string; readonly name: string };
  readonly lastConnector: string | undefined;
}

/** Asks before our own connector is connected; what cannot be asked is not said. */
export async function findSharers(options: SharedTunnelOptions, signal: AbortSignal): Promise<readonly Diagnostic[]> {
  const { api, account, tunnel, lastConnector } = options;
  const connectors = await api.tunnels.connections(account, tunnel.id, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    if (error instanceof AppError) return [];
    throw error;
  });
  const others = connectors.filter(({ id, conns = [] }) => id !== lastConnector && conns.length > 0);
  return others.length === 0 ? [] : [shared(tunnel.name, others)];
}

function shared(name: string, others: readonly ApiConnector[]): Diagnostic {
  const [first] = others;
  const versions = [first?.version, first?.arch].filter((text) => text !== undefined && text !== '').join(', ');
  const which = versions === '' ? '' : ` (version ${versions.slice(0, 80)})`;
  const count = others.length === 1 ? 'another connector is' : `${others.length} other connectors are`;
  return {
    severity: 'warning',
    code: 'W_TUNNEL_SHARED',
    message: `${count} on the tunnel "${name}"${which}: each has rules of its own, and requests are spread over all of them`,
    hint: 'use a tunnel of its own here (cloudflare.tunnel.name), or connector: cloudflared, which has the rules kept at Cloudflare for every connector',
  };
}
