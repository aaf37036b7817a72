// The tunnel the settings name, made when it is missing, and the credentials a connector runs it with.
import { randomBytes } from 'node:crypto';
import type { CloudflareApi } from '../cloudflare/client.ts';
import { type ApiTunnel, isLive } from '../cloudflare/tunnels.ts';
import { ApiError, AppError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Tunnel, TunnelCredentials } from '../model.ts';
import { parseToken } from '../protocol/credentials.ts';
import { credentialsPath, readCredentials, writeCredentials } from './credentials-store.ts';

/** Which tunnel, and where its credentials are kept. */
export interface EnsureTunnelOptions {
  readonly api: Pick<CloudflareApi, 'tunnels'>;
  readonly accountTag: string;
  /** By name: used when it exists, made when it does not. By id: must exist; its credentials may be at hand already, and are then kept nowhere else. */
  readonly tunnel: { readonly name: string } | { readonly id: string; readonly credentials?: TunnelCredentials };
  readonly stateDir: string;
  /** Who keeps the rules of a tunnel that is made: us, or the API. */
  readonly configSrc: 'local' | 'cloudflare';
  readonly logger: Logger;
  /** Takes the secret from the API even when there is a file: the edge refused the one we have. */
  readonly refresh?: boolean;
}

/** A tunnel and what is needed to run it. */
export interface EnsuredTunnel {
  readonly tunnel: Tunnel;
  /** The secret in it must never be logged. */
  readonly credentials: TunnelCredentials;
  /** For cloudflared's `--credentials-file`; not there when the credentials were given. */
  readonly credentialsFile: string;
  /** Its rules are kept by the API and pushed; otherwise they are the connector's own. */
  readonly remotelyManaged: boolean;
  readonly created: boolean;
}

/** Finds or makes the tunnel. Rejects with ApiError, or AppError E_TUNNEL when the tunnel named by id does not exist. */
export async function ensureTunnel(options: EnsureTunnelOptions, signal: AbortSignal): Promise<EnsuredTunnel> {
  if ('id' in options.tunnel) return adopt(await findById(options, options.tunnel.id, signal), options, signal);
  return (await adoptTunnel(options, signal)) ?? create(options.tunnel.name, options, signal);
}

/** Finds the tunnel and makes none: undefined when no tunnel has the name. Rejects as `ensureTunnel` does. */
export async function adoptTunnel(
  options: EnsureTunnelOptions,
  signal: AbortSignal,
): Promise<EnsuredTunnel | undefined> {
  if ('id' in options.tunnel) return adopt(await findById(options, options.tunnel.id, signal), options, signal);
  const found = await options.api.tunnels.byName(options.accountTag, options.tunnel.name, signal);
  return found === undefined ? undefined : adopt(found, options, signal);
}

async function findById(options: EnsureTunnelOptions, id: string, signal: AbortSignal): Promise<ApiTunnel> {
  const found = await options.api.tunnels.get(options.accountTag, id, signal).catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  });
  if (found !== undefined && isLive(found)) return found;
  throw new AppError({
    code: 'E_TUNNEL',
    message: `tunnel ${id} ${found === undefined ? 'does not exist' : 'was deleted'}`,
    where: 'cloudflare.tunnel.id',
    hint: 'name another tunnel, or use cloudflare.tunnel.name to have one made',
  });
}

/** Makes the tunnel with a secret of its own. When somebody was faster, or our own answer was lost, theirs is used. */
async function create(name: string, options: EnsureTunnelOptions, signal: AbortSignal): Promise<EnsuredTunnel> {
  const { api, accountTag, configSrc } = options;
  const secret = randomBytes(32);
  const request = { name, tunnelSecret: secret.toString('base64'), configSrc };
  const made = await api.tunnels.create(accountTag, request, signal).catch(async (error: unknown) => {
    const found = isTaken(error) ? await api.tunnels.byName(accountTag, name, signal) : undefined;
    if (found === undefined) throw error;
    return { found };
  });
  if ('found' in made) return adopt(made.found, options, signal);
  options.logger.info({ tunnel: made.id, name }, 'tunnel created');
  return keep(made, { accountTag, tunnelId: made.id, tunnelSecret: new Uint8Array(secret) }, options, true);
}

/** Cloudflare answers 409; some answers of the kind come as 400 with code 1013. */
function isTaken(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 409 || error.apiCode === 1013);
}

/** An existing tunnel, with the credentials on disk when they are for it, else with those the API gives. */
async function adopt(found: ApiTunnel, options: EnsureTunnelOptions, signal: AbortSignal): Promise<EnsuredTunnel> {
  const path = credentialsPath(options.stateDir, found.id);
  const given = 'id' in options.tunnel ? options.tunnel.credentials : undefined;
  if (given !== undefined && options.refresh !== true) return ensured(found, given, path, false);
  const stored = options.refresh === true ? undefined : await storedCredentials(path, found, options);
  if (stored !== undefined) return ensured(found, stored, path, false);
  const credentials = parseToken(await options.api.tunnels.token(options.accountTag, found.id, signal));
  if (credentials.tunnelId !== found.id.toLowerCase()) {
    throw new ApiError({ code: 'E_API_ANSWER', message: `the token of tunnel ${found.id} is another tunnel's` });
  }
  options.logger.info({ tunnel: found.id, name: found.name }, 'tunnel adopted');
  return keep(found, credentials, options, false);
}

/** What is on disk for this tunnel, unless it is broken or another's: the API has the truth. */
async function storedCredentials(
  path: string,
  found: ApiTunnel,
  options: EnsureTunnelOptions,
): Promise<TunnelCredentials | undefined> {
  try {
    const stored = await readCredentials(path);
    const isIts = stored?.tunnelId === found.id.toLowerCase() && stored.accountTag === options.accountTag;
    return isIts ? stored : undefined;
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'E_STATE') throw error;
    options.logger.warn({ file: path, reason: error.message }, 'credentials file is not usable, asking the API');
    return undefined;
  }
}

async function keep(
  found: ApiTunnel,
  credentials: TunnelCredentials,
  options: EnsureTunnelOptions,
  created: boolean,
): Promise<EnsuredTunnel> {
  const path = await writeCredentials(options.stateDir, credentials);
  return ensured(found, credentials, path, created);
}

function ensured(found: ApiTunnel, credentials: TunnelCredentials, path: string, created: boolean): EnsuredTunnel {
  return {
    tunnel: { id: found.id, name: found.name, accountTag: credentials.accountTag },
    credentials,
    credentialsFile: path,
    remotelyManaged: found.remote_config ?? found.config_src === 'cloudflare',
    created,
  };
}
