// Where we work: which zones and which account, from the settings and what the API shows.
import type { CloudflareApi } from '../cloudflare/client.ts';
import { AppError } from '../errors.ts';
import type { Settings } from '../settings/settings.ts';

/** The account and the zones, by name. */
export interface Place {
  readonly account: string;
  readonly zones: readonly string[];
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
): Promise<Place> {
  const seen = await api.zones.list(signal);
  const wanted = settings.cloudflare.zones;
  const zones =
    wanted.length > 0
      ? wanted
      : [
          zoneOf(
            settings.domain,
            seen.map((zone) => zone.name),
          ),
        ];
  for (const zone of zones) if (!seen.some((one) => one.name === zone)) throw unknownZone(zone);
  const account = settings.cloudflare.account ?? seen.find((one) => one.name === zones[0])?.account?.id;
  return { account: account ?? (await onlyAccount(api, signal)), zones };
}

/** The zone a domain lies in: the longest name that is the domain or a parent of it; throws E_ZONE_UNKNOWN. */
export function zoneOf(domain: string, zones: readonly string[]): string {
  const fitting = zones.filter((zone) => domain === zone || domain.endsWith(`.${zone}`));
  const longest = fitting.sort((a, b) => b.length - a.length)[0];
  if (longest === undefined) throw unknownZone(domain);
  return longest;
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

function unknownZone(name: string): AppError {
  return new AppError({
    code: 'E_ZONE_UNKNOWN',
    message: `the API token sees no zone for "${name}"`,
    where: 'cloudflare.zones',
    hint: 'add the zone at Cloudflare, give the token access to it, or mend domain or cloudflare.zones',
  });
}
