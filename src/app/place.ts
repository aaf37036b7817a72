// Where we work: which zones and which account, from the settings and what the API shows.
import type { CloudflareApi } from '../cloudflare/client.ts';
import type { Zone } from '../cloudflare/zones.ts';
import { AppError } from '../errors.ts';
import type { Settings } from '../settings/settings.ts';
import { tokenNames } from './settings-api.ts';

/** The account and the zones, by name. */
export interface Place {
  readonly account: string;
  readonly zones: readonly string[];
}

/** The place as the API showed it. */
export interface SeenPlace extends Place {
  /** Its zones in full. */
  readonly seen: readonly Zone[];
}

/** What the place is found with. */
export interface PlaceApi {
  readonly zones: Pick<CloudflareApi['zones'], 'list'>;
  readonly accounts: Pick<CloudflareApi['accounts'], 'list'>;
}

/** Finds both; rejects with E_ZONE_UNKNOWN or E_API when the settings and the token do not fit together. */
export async function findPlace(
  settings: Pick<Settings, 'domain' | 'cloudflare'>,
  api: PlaceApi,
  signal: AbortSignal,
): Promise<SeenPlace> {
  const seen = await api.zones.list(signal);
  const zones = wantedZones(settings, seen);
  for (const zone of zones)
    if (!seen.some((one) => one.name === zone)) throw unknownZone(zone, visibility(settings, seen));
  const account = settings.cloudflare.account ?? seen.find((one) => one.name === zones[0])?.account?.id;
  const inFull = seen.filter((one) => zones.includes(one.name));
  return { account: account ?? (await onlyAccount(api, signal)), zones, seen: inFull };
}

/** Those that are named; else the domain's, and those that have a token of their own. */
function wantedZones({ domain, cloudflare }: Pick<Settings, 'domain' | 'cloudflare'>, seen: readonly Zone[]) {
  if (cloudflare.zones.length > 0) return cloudflare.zones;
  const names = seen.map((zone) => zone.name);
  const ofDomain = findZone(domain, names);
  if (ofDomain === undefined) throw unknownZone(domain, visibility({ cloudflare }, seen));
  return [...new Set([ofDomain, ...cloudflare.tokens.flatMap((token) => token.zones)])];
}

/** Which token sees what, for a person who gave one too few rights. Never a token. */
function visibility({ cloudflare }: Pick<Settings, 'cloudflare'>, seen: readonly Zone[]): string {
  const named = tokenNames(cloudflare);
  if (named.length <= 1) return `it sees ${listed(seen)}`;
  return named.map((name) => `${name} sees ${listed(seen.filter((zone) => zone.token === name))}`).join('; ');
}

const maxListed = 10;

function listed(zones: readonly Zone[]): string {
  if (zones.length === 0) return 'none';
  const names = zones.slice(0, maxListed).map((zone) => zone.name);
  return zones.length > maxListed ? `${names.join(', ')} and ${zones.length - maxListed} more` : names.join(', ');
}

/** The zone a domain lies in: the longest name that is the domain or a parent of it; throws E_ZONE_UNKNOWN. */
export function zoneOf(domain: string, zones: readonly string[]): string {
  const found = findZone(domain, zones);
  if (found === undefined) throw unknownZone(domain, undefined);
  return found;
}

function findZone(domain: string, zones: readonly string[]): string | undefined {
  const fitting = zones.filter((zone) => domain === zone || domain.endsWith(`.${zone}`));
  return fitting.sort((a, b) => b.length - a.length)[0];
}

async function onlyAccount(api: PlaceApi, signal: AbortSignal): Promise<string> {
  const accounts = await api.accounts.list(signal);
  const [only] = accounts;
  if (only !== undefined && accounts.length === 1) return only.id;
  throw new AppError({
    code: 'E_API',
    message: `the API token sees ${accounts.length} accounts`,
    where: 'cloudflare.account',
    hint:
      accounts.length === 0 ? 'give the token "Account Settings: Read"' : 'set cloudflare.account to the one to use',
  });
}

function unknownZone(name: string, visible: string | undefined): AppError {
  const seen = visible === undefined ? '' : ` (${visible})`;
  return new AppError({
    code: 'E_ZONE_UNKNOWN',
    message: `the API token sees no zone for "${name}"${seen}`,
    where: 'cloudflare.zones',
    hint: 'add the zone at Cloudflare, give the token access to it, or mend domain or cloudflare.zones',
  });
}
