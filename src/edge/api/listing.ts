// How listings differ from what was just written: at Cloudflare they lag behind and promise no order. Pure.
import { createHash } from 'node:crypto';

/** How eventual listings are; asking for one object by its id is always up to date. */
export interface ListingRules {
  /** How long a new object is missing from listings (ms). */
  readonly lagMs: number;
  /** True: an order of its own instead of that of creation. */
  readonly isShuffled: boolean;
}

/** What is needed to place an item. */
export interface Listed {
  readonly id: string;
  readonly createdAt: string;
}

/** The items a listing shows now, in its order. */
export type ArrangeListing = <T>(items: readonly T[], listed: (item: T) => Listed) => readonly T[];

/** Listings by `rules`; without rules everything is there at once, in the order of creation. */
export function createListing(rules: ListingRules | undefined, now: () => number): ArrangeListing {
  if (rules === undefined) return (items) => items;
  return (items, listed) => {
    const shown = items
      .map((item) => ({ item, ...listed(item) }))
      .filter(({ createdAt }) => now() - Date.parse(createdAt) >= rules.lagMs);
    if (!rules.isShuffled) return shown.map(({ item }) => item);
    return shown
      .map(({ item, id }) => ({ item, place: createHash('sha256').update(id).digest('hex') }))
      .sort((a, b) => (a.place < b.place ? -1 : 1))
      .map(({ item }) => item);
  };
}
