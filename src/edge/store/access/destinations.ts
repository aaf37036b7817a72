// Which addresses an Access application guards: host names with wildcards and paths, each inside a zone of ours. Pure.
import { isInZone, normalizeName } from '../names.ts';
import { accessInvalid } from './refusals.ts';

/** One guarded address; a public one has a `uri`, others are kept as they came. */
export interface Destination {
  readonly [field: string]: unknown;
  readonly type: string;
  readonly uri?: string;
}

/** The three ways a client may name the addresses; `destinations` wins over `self_hosted_domains`, which wins over `domain`. */
export interface PlacesInput {
  readonly domain?: string | undefined;
  readonly self_hosted_domains?: readonly string[] | null | undefined;
  readonly destinations?: readonly Readonly<Record<string, unknown>>[] | null | undefined;
}

/** The addresses as stored; `domain` is one of the public ones. */
export interface Places {
  readonly domain: string;
  readonly destinations: readonly Destination[];
}

const labelPattern = /^[a-z0-9_*]([a-z0-9_*-]{0,61}[a-z0-9_*])?$/;
const pathPattern = /^\/[^\s?#\\]*$/;
const maxUriLength = 2_048;
const destinationTypes: ReadonlySet<unknown> = new Set([
  'public',
  'private',
  'via_mcp_server_portal',
  'worker',
  'preview_worker',
  'all_workers',
  'all_preview_workers',
]);

/** The addresses an application will guard; RefusedError 12130 when one is no address of ours. */
export function checkPlaces(input: PlacesInput, zones: readonly string[]): Places {
  const destinations = wantedDestinations(input).map((one) => checkDestination(one, zones));
  const uris = publicUris(destinations);
  if (new Set(uris).size !== uris.length) throw accessInvalid('destinations must be unique');
  const domain = input.domain === undefined || input.domain === '' ? uris[0] : checkUri(input.domain, zones);
  if (domain === undefined) throw accessInvalid('domain is required');
  if (!uris.includes(domain)) throw accessInvalid('domain not included in destinations');
  return { domain, destinations };
}

/** The public addresses among the destinations. */
export function publicUris(destinations: readonly Destination[]): readonly string[] {
  return destinations.flatMap((one) => (one.type === 'public' && one.uri !== undefined ? [one.uri] : []));
}

function wantedDestinations(input: PlacesInput): readonly Readonly<Record<string, unknown>>[] {
  if (input.destinations !== undefined && input.destinations !== null && input.destinations.length > 0)
    return input.destinations;
  const domains = input.self_hosted_domains ?? [];
  const uris = domains.length > 0 ? domains : input.domain === undefined || input.domain === '' ? [] : [input.domain];
  return uris.map((uri) => ({ type: 'public', uri }));
}

function checkDestination(input: Readonly<Record<string, unknown>>, zones: readonly string[]): Destination {
  const type = input.type ?? 'public';
  if (typeof type !== 'string' || !destinationTypes.has(type)) throw accessInvalid('unknown type of destination');
  if (type !== 'public') return { ...input, type };
  if (typeof input.uri !== 'string') throw accessInvalid('a public destination needs a uri');
  return { ...input, type, uri: checkUri(input.uri, zones) };
}

/** `host` or `host/path`, the host in lower case and in one of the zones; a path of `/` alone means all of the host. */
function checkUri(uri: string, zones: readonly string[]): string {
  const slash = uri.indexOf('/');
  const host = cleanHost(slash === -1 ? uri : uri.slice(0, slash));
  const path = slash === -1 || slash === uri.length - 1 ? '' : uri.slice(slash);
  const isPath = path === '' || (pathPattern.test(path) && hasFewWildcards(path.split('/')));
  if (host === undefined || !isPath || uri.length > maxUriLength)
    throw accessInvalid(`"${uri.slice(0, 100)}" is not a valid domain`);
  if (!zones.some((zone) => isInZone(host, zone))) throw accessInvalid('domain does not belong to zone');
  return host + path;
}

function cleanHost(host: string): string | undefined {
  if (!host.includes('*')) return normalizeName(host, { wildcard: false });
  const labels = host.toLowerCase().split('.');
  const isHost = host.length <= 253 && labels.every((label) => labelPattern.test(label)) && hasFewWildcards(labels);
  return isHost ? labels.join('.') : undefined;
}

/** At most one between two dots or two slashes. */
function hasFewWildcards(parts: readonly string[]): boolean {
  return parts.every((part) => part.split('*').length <= 2);
}
