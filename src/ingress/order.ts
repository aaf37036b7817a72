// The order rules are tried in: the narrower first, and the same on every pass. Pure.

import type { IngressEntry } from '../model.ts';
import { compareText } from './claims.ts';

/**
 * Compares two entries: exact hosts before wildcards, deeper wildcards before shallower, hosts by name; within a host longer
 * paths first and the entry without a path last.
 */
export function compareEntries(a: IngressEntry, b: IngressEntry): number {
  return (
    wildcardRank(a) - wildcardRank(b) ||
    compareText(a.rule.hostname, b.rule.hostname) ||
    pathOf(b).length - pathOf(a).length ||
    compareText(pathOf(a), pathOf(b)) ||
    compareText(a.serviceId, b.serviceId)
  );
}

/** 0 for an exact host; the deeper a wildcard, the nearer to 0. */
function wildcardRank(entry: IngressEntry): number {
  const { hostname } = entry.rule;
  return hostname.startsWith('*.') ? 1000 - hostname.split('.').length : 0;
}

function pathOf(entry: IngressEntry): string {
  return entry.rule.path ?? '';
}
