// Several tokens as one API: zones and records by the token that is for the zone, everything of the account by the main one.
import { ApiError } from '../errors.ts';
import type { CloudflareApi } from './client.ts';
import type { Zone } from './zones.ts';

/** One token's API. */
export interface TokenApi {
  /** What the settings call the token: `cloudflare.tokens[0]`. */
  readonly name: string;
  /** The zones it is named for. */
  readonly zones: readonly string[];
  readonly api: Pick<CloudflareApi, 'zones' | 'dns'>;
}

/** The API of the main token, with the zones of others beside its own. The zones of a token that names them are never touched with another. */
export function combineTokens(main: CloudflareApi, others: readonly TokenApi[]): CloudflareApi {
  if (others.length === 0) return main;
  const all: readonly TokenApi[] = [...others, { name: 'cloudflare.api_token', zones: [], api: main }];
  /** Whose zone an id is, as far as zones were seen. */
  const holders = new Map<string, TokenApi>();

  const namedFor = (zone: string) => others.find((one) => one.zones.includes(zone));

  async function listOf(one: TokenApi, signal: AbortSignal): Promise<readonly Zone[] | ApiError> {
    try {
      return keepOwn(one, await one.api.zones.list(signal));
    } catch (error) {
      if (error instanceof ApiError && error.code === 'E_API_UNAUTHORIZED') return error;
      throw error;
    }
  }

  /** Those of a token's zones that are not another token's business. */
  function keepOwn(one: TokenApi, zones: readonly Zone[]): readonly Zone[] {
    const own = zones.filter((zone) => (namedFor(zone.name) ?? one) === one);
    for (const zone of own) if (!holders.has(zone.id)) holders.set(zone.id, one);
    return own.filter((zone) => holders.get(zone.id) === one).map((zone) => ({ ...zone, token: one.name }));
  }

  async function list(signal: AbortSignal): Promise<readonly Zone[]> {
    const answers = await Promise.all(all.map((one) => listOf(one, signal)));
    const zones = answers.flatMap((answer) => (answer instanceof ApiError ? [] : answer));
    // A token that may not list hides nothing as long as another sees something: what is missing is named by whoever misses it.
    const refused = answers.find((answer) => answer instanceof ApiError);
    if (zones.length === 0 && refused !== undefined) throw refused;
    return zones;
  }

  async function byName(name: string, signal: AbortSignal): Promise<Zone | undefined> {
    const named = namedFor(name);
    for (const one of named === undefined ? all.toReversed() : [named]) {
      const found = await one.api.zones.byName(name, signal);
      if (found !== undefined) return keepOwn(one, [found])[0];
    }
    return undefined;
  }

  const holderOf = (zoneId: string) => (holders.get(zoneId)?.api ?? main).dns;
  return {
    ...main,
    zones: { ...main.zones, list, byName },
    dns: {
      ...main.dns,
      list: (zoneId, signal) => holderOf(zoneId).list(zoneId, signal),
      batch: (zoneId, batch, signal) => holderOf(zoneId).batch(zoneId, batch, signal),
    },
  };
}
