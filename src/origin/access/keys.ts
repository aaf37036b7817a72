// A team's keys as they are used: fetched when first needed, again when they are old or a token names one we do not have.
import type { Clock } from '../../clock.ts';
import type { KeySet } from './fetch-keys.ts';

/** The keys of one team. */
export interface TeamKeys {
  /** What is known; fetched first when nothing is, or it is too old. Rejects when nothing can be known. */
  current(): Promise<KeySet>;
  /** After `known` did not fit: newer keys, or the same when they were fetched a moment ago or cannot be. */
  newer(known: KeySet): Promise<KeySet>;
}

/** Access changes keys every few weeks and keeps the last one valid for days. */
const refreshMs = 60 * 60_000;
/** Keys that could not be renewed for a day are no longer believed: one of them may have been withdrawn. */
const believeMs = 24 * 60 * 60_000;
/** Between two fetches: tokens with invented key ids must not make us ask the team all the time. */
const pauseMs = 30_000;

/** None are fetched yet. */
export function createTeamKeys(fetchKeys: () => Promise<KeySet>, clock: Clock): TeamKeys {
  let known: { readonly set: KeySet; readonly at: number } | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  let failure: unknown;
  let fetching: Promise<void> | undefined;

  /** Never rejects: what went wrong is kept for whoever has no keys at all. */
  async function refresh(): Promise<void> {
    triedAt = clock.now();
    try {
      known = { set: await fetchKeys(), at: clock.now() };
    } catch (error) {
      failure = error;
    }
  }
  /** One fetch at a time, and not again at once. */
  async function refreshUnlessJustTried(): Promise<void> {
    // A clock that was set back must not keep us from asking.
    const since = clock.now() - triedAt;
    if (fetching === undefined && since >= 0 && since < pauseMs) return;
    fetching ??= refresh().finally(() => {
      fetching = undefined;
    });
    await fetching;
  }
  function believed(): KeySet {
    if (known === undefined || clock.now() - known.at >= believeMs) throw failure;
    return known.set;
  }
  return {
    async current() {
      if (known === undefined || clock.now() - known.at >= refreshMs) await refreshUnlessJustTried();
      return believed();
    },
    async newer(tried) {
      if (known?.set === tried) await refreshUnlessJustTried();
      return believed();
    },
  };
}
