// One lock for every name of a zone that has none of its own, and what keeps public entries public below it. Pure.
import type { AccessApplication, Diagnostic, IngressEntry, ServiceId } from '../model.ts';
import { accessDomain, accessPrefix } from './access-domain.ts';
import { isOpened, ownPrefix } from './access-prefix.ts';
import { zoneOf } from './hostname.ts';
import { createGuardFinder, type GuardFinder, guardOf } from './locked-anyway.ts';

/** Which policy locks the names of which zones. */
export interface ZoneDefault {
  readonly policy: string;
  readonly zones: readonly string[];
}

/** Stands for the setting where a plan names a service. */
export const zoneDefaultService: ServiceId = 'access/zone-default';

/** The exceptions public entries need, and the public entries that stay locked. */
export interface PublicExceptions {
  readonly exceptions: readonly { readonly domain: string; readonly serviceId: ServiceId }[];
  readonly problems: readonly Diagnostic[];
}

/**
 * The application of each zone. It covers every name below the zone and not the zone itself: at that one name there is mostly a
 * site that somebody made on purpose.
 */
export function zoneLocks({ policy, zones }: ZoneDefault, owner: string): readonly AccessApplication[] {
  return zones.map((zone) => {
    const domain = zoneWildcard(zone);
    return { name: domain, domain, policies: [policy], owner: { id: owner, resource: zoneDefaultService } };
  });
}

/**
 * Exactly the entries that would be public without the setting are public with it: one that a policy of another entry locks
 * gets no exception. Where an exception could open what another entry guards, there is none either, and that is said.
 */
export function publicExceptions(ingress: readonly IngressEntry[], zoneDefault: ZoneDefault): PublicExceptions {
  const guardsAbove = createGuardFinder(ingress);
  const wildcards = new Set(zoneDefault.zones.map(zoneWildcard));
  const exceptions = new Map<string, ServiceId>();
  const problems: Diagnostic[] = [];
  for (const entry of ingress) {
    if (entry.access !== 'public' || !isBelowZone(entry, zoneDefault.zones)) continue;
    if (guardOf(entry, guardsAbove) !== undefined) continue;
    const hint = hintAgainst(entry, guardsAbove, wildcards);
    const domain = accessDomain(entry.rule);
    if (hint !== undefined) problems.push(staysLocked(entry, zoneDefault.policy, hint));
    else if (!exceptions.has(domain)) exceptions.set(domain, entry.serviceId);
  }
  return { exceptions: [...exceptions].map(([domain, serviceId]) => ({ domain, serviceId })), problems };
}

function zoneWildcard(zone: string): string {
  return `*.${zone.toLowerCase()}`;
}

function isBelowZone({ rule }: IngressEntry, zones: readonly string[]): boolean {
  const zone = zoneOf(rule.hostname, zones);
  return zone !== undefined && zone.toLowerCase() !== rule.hostname;
}

/** How to get the exception that cannot be made; undefined when it can. */
function hintAgainst(
  entry: IngressEntry,
  guardsAbove: GuardFinder,
  wildcards: ReadonlySet<string>,
): string | undefined {
  const { hostname } = entry.rule;
  if (wildcards.has(hostname)) return 'name the host without a wildcard, or remove access.zone_default';
  const guards = guardsAbove(entry);
  if (guards.length === 0) return undefined;
  // The rest of the host is another entry's, so the exception must not reach beyond this one.
  if (ownPrefix(entry.rule) === undefined) return 'write its path as a plain prefix such as ^/share/';
  const literal = accessPrefix(entry.rule);
  const exception = { literal, hasWildcard: literal !== '' && !literal.endsWith('/') };
  const reached = guards.find(({ rule }) => rule.hostname === hostname && isOpened(accessPrefix(rule), exception));
  return reached === undefined
    ? undefined
    : `end its path in a slash, so that it stays apart from ${reached.serviceId}`;
}

function staysLocked({ rule, serviceId }: IngressEntry, policy: string, hint: string): Diagnostic {
  const message = `${rule.hostname}${rule.path ?? ''} is public, but policy ${policy} of access.zone_default guards it: it asks for a login`;
  return { severity: 'warning', code: 'E_CONFLICT', message, hint, serviceId };
}
