// Who gets a hostname and path when several services want it. Pure.
import type { IngressEntry } from '../model.ts';

/** What was decided for one hostname and path. */
export interface Claim {
  readonly winner: IngressEntry;
  readonly losers: readonly IngressEntry[];
}

/** What makes two entries compete: hostname and path. */
export function claimKey(entry: IngressEntry): string {
  return `${entry.rule.hostname} ${entry.rule.path ?? ''}`;
}

/**
 * One claim per hostname and path. A name written by a person beats a default, then whoever holds it in `previous` keeps it, then
 * the lower service id; so the outcome does not depend on the order services were listed in.
 */
export function settleClaims(entries: readonly IngressEntry[], previous: readonly IngressEntry[]): readonly Claim[] {
  const holders = new Map(previous.map((entry) => [claimKey(entry), entry.serviceId]));
  return [...Map.groupBy(entries, claimKey)].map(([key, group]) => {
    const rank = (entry: IngressEntry) => (entry.explicit ? 0 : 2) + (holders.get(key) === entry.serviceId ? 0 : 1);
    const [winner, ...losers] = group.toSorted((a, b) => rank(a) - rank(b) || compareText(a.serviceId, b.serviceId));
    if (winner === undefined) throw new RangeError('a group has at least one entry');
    return { winner, losers };
  });
}

/** Order by code units: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
