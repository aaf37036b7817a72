// What a road stands on: account, zones and the tunnel with its credentials, as the API has them, or as the last run knew them while the API is down.
import type { Clock } from '../clock.ts';
import type { CloudflareApi } from '../cloudflare/client.ts';
import { ApiError, AppError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Diagnostic } from '../model.ts';
import { type BoundCredentials, parseToken } from '../protocol/credentials.ts';
import type { Settings } from '../settings/settings.ts';
import { readNamedCredentials } from '../tunnel/credentials-search.ts';
import { credentialsPath, readCredentials } from '../tunnel/credentials-store.ts';
import { adoptTunnel, type EnsureTunnelOptions, ensureTunnel } from '../tunnel/ensure.ts';
import { createOwnTunnels } from '../tunnel/own-tunnels.ts';
import type { ConnectorChoice } from './choose-connector.ts';
import { findOrphans } from './orphan-tunnels.ts';
import { findPlace, type Place } from './place.ts';
import type { RoadMemory } from './road-memory.ts';
import { findSharers } from './shared-tunnel.ts';
import { endingToken as findTokenEnd, readOnlyZones } from './token-findings.ts';

/** The ground. */
export interface Ground {
  readonly place: Place;
  /** Id by zone, as just seen. */
  readonly zoneIds?: ReadonlyMap<string, string>;
  /** Undefined where there is none and none may be made. */
  readonly tunnel:
    | { readonly id: string; readonly credentials: BoundCredentials; readonly remotelyManaged: boolean }
    | undefined;
  /** The API could not be asked: this is what the last run knew. */
  readonly isRemembered: boolean;
  /** What there is to say of the token, and of other tunnels of ours. */
  findings?(): readonly Diagnostic[];
}

/** What it is found with. */
export interface GroundOptions {
  readonly settings: Settings;
  readonly api: CloudflareApi;
  readonly choice: ConnectorChoice;
  readonly memory: RoadMemory;
  /** Fetches the tunnel's secret again instead of using the one on disk. */
  readonly refresh: boolean;
  readonly isDryRun: boolean;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Finds it; rejects with the API's error when that cannot be asked and nothing is remembered. */
export async function findGround(options: GroundOptions, signal: AbortSignal): Promise<Ground> {
  try {
    return await askForGround(options, signal);
  } catch (error) {
    signal.throwIfAborted();
    const remembered = isOutage(error) && !options.refresh ? await rememberedGround(options) : undefined;
    if (remembered === undefined || !(error instanceof AppError)) throw error;
    const { code, message: reason, hint } = error;
    options.logger.warn({ code, reason, hint }, 'the API cannot be asked: going on with what the last run knew');
    return remembered;
  }
}

/** The API cannot be asked now, which says nothing about the tunnel. */
function isOutage(error: unknown): boolean {
  return error instanceof ApiError && (error.retryable || error.code === 'E_API_UNAUTHORIZED');
}

async function askForGround(options: GroundOptions, signal: AbortSignal): Promise<Ground> {
  const { settings, api, memory } = options;
  const { seen, ...place } = await findPlace(settings, api, signal);
  const zoneIds = new Map(seen.map(({ name, id }) => [name, id]));
  const wanted = await tunnelOptions(options, place);
  const found = await (options.isDryRun ? adoptTunnel(wanted, signal) : ensureTunnel(wanted, signal));
  if (found === undefined) return { place, zoneIds, tunnel: undefined, isRemembered: false };
  const { credentials, remotelyManaged } = found;
  const { id } = found.tunnel;
  const { dataDir } = settings;
  if (found.created) createOwnTunnels(dataDir).add({ id, name: found.tunnel.name, account: place.account });
  const isFirstStart = memory.ground() === undefined;
  if (!options.isDryRun) memory.keepGround({ place, tunnel: { id, remotelyManaged } });
  const looking = { api, account: place.account, current: id, dataDir, logger: options.logger };
  const orphans = await findOrphans(looking, signal);
  // A first start has enough to ask, and its token was just made.
  const ending = isFirstStart ? [] : await endingToken(options, signal);
  const ofToken = [...readOnlyZones(seen), ...ending];
  // At our own edge a copy of the rules follows to the others; rules the edge keeps are everybody's.
  const hasOwnRules = settings.edge === 'cloudflare' && options.choice.kind === 'native' && !remotelyManaged;
  const sharing = { api, account: place.account, tunnel: found.tunnel, lastConnector: memory.lastConnector() };
  const sharers = hasOwnRules && !found.created ? await findSharers(sharing, signal) : [];
  const findings = () => [...ofToken, ...sharers, ...orphans()];
  return { place, zoneIds, tunnel: { id, credentials, remotelyManaged }, isRemembered: false, findings };
}

/** The embedded edge's token is our own and does not end. */
async function endingToken(
  { settings, api, clock }: GroundOptions,
  signal: AbortSignal,
): Promise<readonly Diagnostic[]> {
  return settings.edge === 'embedded' ? [] : findTokenEnd(api, clock.now(), signal);
}

async function rememberedGround(options: GroundOptions): Promise<Ground | undefined> {
  const known = options.memory.ground();
  if (known === undefined) return undefined;
  const { id, remotelyManaged } = known.tunnel;
  const credentials =
    (await givenCredentials(options.settings)) ??
    (await readCredentials(credentialsPath(options.settings.dataDir, id)));
  if (credentials?.tunnelId !== id.toLowerCase()) return undefined;
  return { place: known.place, tunnel: { id, credentials, remotelyManaged }, isRemembered: true };
}

/** Those the settings name; undefined for a tunnel given by name. */
async function givenCredentials({ cloudflare }: Settings): Promise<BoundCredentials | undefined> {
  const { tunnel } = cloudflare;
  if (tunnel.kind === 'named') return undefined;
  if (tunnel.kind === 'token') return parseToken(tunnel.token);
  const credentials = await readNamedCredentials(tunnel.credentialsFile);
  if (credentials.tunnelId === tunnel.id) return credentials;
  throw new AppError({
    code: 'E_TUNNEL',
    message: `these are the credentials of tunnel ${credentials.tunnelId}, not of ${tunnel.id}`,
    where: tunnel.credentialsFile,
    hint: 'mend cloudflare.tunnel.id or cloudflare.tunnel.credentials_file',
  });
}

async function tunnelOptions(options: GroundOptions, place: Place): Promise<EnsureTunnelOptions> {
  const { settings, api, logger, refresh, choice } = options;
  const { tunnel } = settings.cloudflare;
  const credentials = await givenCredentials(settings);
  if (credentials !== undefined && credentials.accountTag !== place.account) throw foreignTunnel(credentials, place);
  return {
    api,
    accountTag: place.account,
    tunnel:
      credentials === undefined
        ? { name: tunnel.kind === 'named' ? tunnel.name : '' }
        : { id: credentials.tunnelId, credentials },
    stateDir: settings.dataDir,
    refresh,
    configSrc: choice.kind === 'native' ? 'local' : 'cloudflare',
    logger,
  };
}

/** Names of one account cannot lead to a tunnel of another. */
function foreignTunnel(credentials: BoundCredentials, place: Place): AppError {
  return new AppError({
    code: 'E_TUNNEL',
    message: `the tunnel is in the account ${credentials.accountTag}, the zones are in ${place.account}`,
    where: 'cloudflare.tunnel',
    hint: 'use a tunnel and an API token of one account, or set cloudflare.account',
  });
}
