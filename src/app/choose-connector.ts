// Which connector carries the traffic. Pure.
import { AppError } from '../errors.ts';
import type { Settings } from '../settings/settings.ts';

/** The choice, with the binary where there is one. */
export type ConnectorChoice = { readonly kind: 'native' } | { readonly kind: 'cloudflared'; readonly binary: string };

/** `auto` is native on the embedded edge and cloudflared, when found, on Cloudflare's (docs/decisions/003); throws E_CONNECTOR when cloudflared is demanded and missing. */
export function chooseConnector(
  settings: Pick<Settings, 'connector' | 'edge'>,
  found: { readonly path: string } | { readonly reason: string },
): ConnectorChoice {
  const wantsCloudflared =
    settings.connector === 'cloudflared' || (settings.connector === 'auto' && settings.edge === 'cloudflare');
  if (!wantsCloudflared) return { kind: 'native' };
  if ('path' in found) return { kind: 'cloudflared', binary: found.path };
  if (settings.connector === 'auto') return { kind: 'native' };
  throw new AppError({
    code: 'E_CONNECTOR',
    message: `cloudflared was not found: ${found.reason}`,
    where: 'connector',
    hint: 'install it, set CLOUDFLARED to its path, or use connector: native',
  });
}
