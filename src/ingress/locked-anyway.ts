// Public entries that Access locks all the same, because an application of a broader entry covers them. Pure.
import type { Diagnostic, IngressEntry } from '../model.ts';
import { accessDomain, accessPrefix } from './access-domain.ts';

/** An entry with a policy. */
export type GuardedEntry = IngressEntry & { readonly access: Exclude<IngressEntry['access'], 'public'> };

/** Finds the guarded entries at an entry's hostname and at every wildcard above it, the nearest first. */
export type GuardFinder = (entry: IngressEntry) => readonly GuardedEntry[];

/** A finder for these entries. */
export function createGuardFinder(ingress: readonly IngressEntry[]): GuardFinder {
  const guards = new Map<string, GuardedEntry[]>();
  for (const entry of ingress) {
    if (!isGuarded(entry)) continue;
    const { hostname } = entry.rule;
    guards.set(hostname, [...(guards.get(hostname) ?? []), entry]);
  }
  return ({ rule }) => broader(rule.hostname).flatMap((name) => guards.get(name) ?? []);
}

/** The entry whose application locks this public one too, if there is one. */
export function guardOf(entry: IngressEntry, guardsAbove: GuardFinder): GuardedEntry | undefined {
  return guardsAbove(entry).find(({ rule }) => accessPrefix(entry.rule).startsWith(accessPrefix(rule)));
}

/**
 * One warning per public entry below a guarded host, path or wildcard: no application of its own says otherwise, so the broader
 * one asks its visitors to log in (Cloudflare Access: the most specific application that matches decides).
 */
export function lockedAnyway(ingress: readonly IngressEntry[]): readonly Diagnostic[] {
  const guardsAbove = createGuardFinder(ingress);
  return ingress.flatMap((entry) => {
    if (entry.access !== 'public') return [];
    const { hostname, path = '' } = entry.rule;
    const guard = guardOf(entry, guardsAbove);
    if (guard === undefined) return [];
    const { policy } = guard.access;
    return {
      severity: 'warning',
      code: 'E_CONFLICT',
      message: `${hostname}${path} is public, but policy ${policy} of ${guard.serviceId} guards all of ${accessDomain(guard.rule)}: it asks for a login`,
      hint:
        guard.rule.hostname === hostname
          ? `list the path among those of ${guard.serviceId} that need no login, or use another hostname`
          : 'use a hostname the wildcard does not cover',
      serviceId: entry.serviceId,
    };
  });
}

function isGuarded(entry: IngressEntry): entry is GuardedEntry {
  return entry.access !== 'public';
}

/** The hostname itself and every wildcard above it, the nearest first. */
function broader(hostname: string): readonly string[] {
  const labels = hostname.replace(/^\*\./, '').split('.');
  const from = hostname.startsWith('*.') ? 0 : 1;
  const wildcards = labels.slice(from).map((_, index) => `*.${labels.slice(from + index).join('.')}`);
  return [...new Set([hostname, ...wildcards])];
}
