// Public entries that Access locks all the same, because an application of a broader entry covers them. Pure.
import type { Diagnostic, IngressEntry } from '../model.ts';
import { accessDomain, accessPrefix } from './access-domain.ts';

/**
 * One warning per public entry below a guarded host, path or wildcard: no application of its own says otherwise, so the broader
 * one asks its visitors to log in (Cloudflare Access: the most specific application that matches decides).
 */
export function lockedAnyway(ingress: readonly IngressEntry[]): readonly Diagnostic[] {
  const guards = new Map<string, IngressEntry[]>();
  for (const entry of ingress) {
    if (entry.access === 'public') continue;
    const { hostname } = entry.rule;
    guards.set(hostname, [...(guards.get(hostname) ?? []), entry]);
  }
  return ingress.flatMap((entry) => {
    if (entry.access !== 'public') return [];
    const { hostname, path = '' } = entry.rule;
    const guard = broader(hostname)
      .flatMap((name) => guards.get(name) ?? [])
      .find(({ rule }) => accessPrefix(entry.rule).startsWith(accessPrefix(rule)));
    if (guard === undefined || guard.access === 'public') return [];
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

/** The hostname itself and every wildcard above it, the nearest first. */
function broader(hostname: string): readonly string[] {
  const labels = hostname.replace(/^\*\./, '').split('.');
  const from = hostname.startsWith('*.') ? 0 : 1;
  const wildcards = labels.slice(from).map((_, index) => `*.${labels.slice(from + index).join('.')}`);
  return [...new Set([hostname, ...wildcards])];
}
