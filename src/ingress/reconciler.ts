// The rules, kept in line with the desired state: in our own connector's table, or in the configuration the API keeps for a remotely managed tunnel.
import { isDeepStrictEqual } from 'node:util';
import type { Connector, Reconciler } from '../contracts.ts';
import type { Change, DesiredState, Diagnostic, IngressEntry, IngressRule, Plan, ServiceId } from '../model.ts';
import { diff } from '../plan/diff.ts';
import { hold } from '../plan/policy.ts';
import { entryDifferences, entryKey, withdrawals } from './closing.ts';
import { buildRules } from './compile.ts';
import { type Drift, isPutRight } from './drift-decide.ts';
import { driftFinding, heldDrift } from './drift-words.ts';
import { createRemoteTarget, type RemoteIngressOptions, type RuleTarget } from './remote-target.ts';
import { weave } from './weave.ts';

/** The ingress reconciler, and what must not wait for the rest of a pass. */
export interface IngressReconciler extends Reconciler<IngressEntry> {
  /** The entries that are in the table now, closed ones included. */
  live(): readonly IngressEntry[];
  /** Closes, at once, the rules whose address is gone or no longer theirs; see `withdrawals`. Asks nothing when there are none. */
  withdraw(desired: DesiredState, signal: AbortSignal): Promise<void>;
  /** The same for rules that a plan just read and nobody remembers writing: they are closed, never moved. */
  closeStale(desired: DesiredState, signal: AbortSignal): Promise<void>;
  /** What is to be there of what is desired: the same, but for rules that were changed by hand and are left or taken. */
  effective(desired: DesiredState): DesiredState;
  /** Rules of ours that were changed by hand, decided about or not, as the last plan found them. */
  drifts(): readonly Drift[];
}

/** A reconciler for rules that live in a connector of ours: every rule there is ours. */
export function createLocalIngress(connector: Pick<Connector, 'updateIngress'>): IngressReconciler {
  let written: readonly IngressEntry[] = [];
  let rules: readonly IngressRule[] | undefined;
  return createReconciler({
    read: async () => ({ ours: written, foreignHostnames: new Set() }),
    effective: (wanted) => wanted,
    drifts: () => [],
    isReleased: () => false,
    settle: () => undefined,
    async write(entries) {
      const next = buildRules(entries);
      if (!isDeepStrictEqual(next, rules)) await connector.updateIngress(next);
      rules = next;
      written = entries;
      return [];
    },
  });
}

/** A reconciler for rules in a remotely managed tunnel, where other people's rules may be too. */
export function createRemoteIngress(options: RemoteIngressOptions): IngressReconciler {
  return createReconciler(createRemoteTarget(options));
}

function createReconciler(target: RuleTarget): IngressReconciler {
  let live: readonly IngressEntry[] = [];
  let order: readonly IngressEntry[] = [];
  let problems: readonly Diagnostic[] = [];
  let newest: DesiredState | undefined;
  let writing: Promise<unknown> = Promise.resolve();

  function effective(desired: DesiredState): DesiredState {
    return { ...desired, ingress: target.effective(desired.ingress) };
  }

  /** One write at a time: a withdrawal may come while a slow pass is still at work. */
  function commit(decide: () => readonly Change<IngressEntry>[], signal: AbortSignal): Promise<readonly ServiceId[]> {
    // Decided when its turn comes: what the write before it made live counts.
    const done = writing.then(() => write(decide(), signal));
    writing = done.catch(() => undefined);
    return done;
  }

  async function write(changes: readonly Change<IngressEntry>[], signal: AbortSignal): Promise<readonly ServiceId[]> {
    if (changes.length === 0) return [];
    const planned = applyChanges(live, changes);
    // A plan may be older than the last withdrawal: what that closed stays closed.
    const safe = newest === undefined ? planned : applyChanges(planned, withdrawals(planned, effective(newest)));
    const next = inOrder(safe, order);
    const refused = new Set(await target.write(next, signal));
    live = next.filter((entry) => !refused.has(entry));
    return [...refused].map((entry) => entry.serviceId);
  }

  return {
    target: 'ingress',
    live: () => live,
    diagnostics: () => problems,
    effective,
    drifts: target.drifts,
    async plan(desired, signal) {
      const reality = await target.read(desired, signal);
      live = reality.ours;
      const wanted = effective(desired);
      order = wanted.ingress;
      const planned = hold(withMoves(diffEntries(live, wanted), target.drifts()), (change) => {
        const hostname = hostnameOf(change);
        return reality.foreignHostnames.has(hostname.toLowerCase()) ? foreignReason(hostname, target) : undefined;
      });
      const conflicts = planned.held.filter(({ change }) => !target.isReleased(hostnameOf(change)));
      problems = [
        ...conflicts.map(({ change }) => conflict(change)),
        ...target
          .drifts()
          .filter((drift) => !isPutRight(drift))
          .map(driftFinding),
      ];
      return { ...planned, held: [...planned.held, ...undecided(target.drifts(), live)] };
    },
    async apply(plan, phase, signal) {
      // Deletes are part of the same swap: there is no moment between.
      if (phase !== 'upsert') return [];
      const refused = await commit(() => plan.changes, signal);
      target.settle();
      return refused;
    },
    async withdraw(desired, signal) {
      newest = desired;
      const wanted = effective(desired);
      order = wanted.ingress;
      live = live.filter((entry) => !target.isReleased(entry.rule.hostname));
      await commit(() => withdrawals(live, wanted), signal);
    },
    async closeStale(desired, signal) {
      // A withdrawal that came while the pass was reading knows better than the pass.
      await commit(() => withdrawals(live, effective(newest ?? desired), true), signal);
    },
  };
}

/** What waits for a person's decision, as changes that are held. */
function undecided(drifts: readonly Drift[], live: readonly IngressEntry[]): Plan<IngressEntry>['held'] {
  const present = new Map(live.map((entry) => [entryKey(entry), entry]));
  return drifts.flatMap((drift) =>
    drift.choice === undefined ? (heldDrift(drift, present.get(drift.key)) ?? []) : [],
  );
}

/** A rule that only stands in the wrong place differs in nothing that a comparison of rules sees. */
function withMoves(plan: Plan<IngressEntry>, drifts: readonly Drift[]): Plan<IngressEntry> {
  const moves = drifts.flatMap((drift): readonly Change<IngressEntry>[] => {
    const { effective, entry } = drift;
    if (drift.kind !== 'moved' || !isPutRight(drift) || effective === undefined) return [];
    return [
      { action: 'update', serviceId: entry.serviceId, current: effective, desired: effective, fields: drift.fields },
    ];
  });
  const known = new Set(
    plan.changes.map((change) => entryKey(change.action === 'delete' ? change.current : change.desired)),
  );
  return {
    ...plan,
    changes: [
      ...plan.changes,
      ...moves.filter((move) => move.action === 'update' && !known.has(entryKey(move.desired))),
    ],
  };
}

/** One order for all: as desired, with what is kept closed put where it takes nothing from the others. */
function inOrder(entries: readonly IngressEntry[], order: readonly IngressEntry[]): readonly IngressEntry[] {
  const present = new Map(entries.map((entry) => [entryKey(entry), entry]));
  const ordered = order.flatMap((entry) => present.get(entryKey(entry)) ?? []);
  const placed = new Set(ordered);
  return weave(
    ordered,
    entries.filter((entry) => !placed.has(entry)),
    (entry) => entry.rule,
  );
}

function applyChanges(
  live: readonly IngressEntry[],
  changes: readonly Change<IngressEntry>[],
): readonly IngressEntry[] {
  const entries = new Map(live.map((entry) => [entryKey(entry), entry]));
  for (const change of changes) {
    if (change.action === 'delete') entries.delete(entryKey(change.current));
    else entries.set(entryKey(change.desired), change.desired);
  }
  return [...entries.values()];
}

function diffEntries(live: readonly IngressEntry[], desired: DesiredState): Plan<IngressEntry> {
  return diff(live, desired.ingress, {
    target: 'ingress',
    key: entryKey,
    service: (entry) => entry.serviceId,
    differences: entryDifferences,
    foreign: () => undefined,
  });
}

function hostnameOf(change: Change<IngressEntry>): string {
  return (change.action === 'delete' ? change.current : change.desired).rule.hostname;
}

function foreignReason(hostname: string, { isReleased }: Pick<RuleTarget, 'isReleased'>): string {
  return isReleased(hostname)
    ? `${hostname} was released: its rules are left as they are; to have them managed again: sallyport adopt ${hostname}`
    : `${taken(hostname)}: ${howToTakeOver(hostname)}`;
}

function taken(hostname: string): string {
  return `the tunnel already has a rule for ${hostname} that is not ours`;
}

function howToTakeOver(hostname: string): string {
  return `choose another hostname, remove the rule there, or take it over: sallyport adopt ${hostname}`;
}

function conflict(change: Change<IngressEntry>): Diagnostic {
  const hostname = hostnameOf(change);
  const hint = howToTakeOver(hostname);
  return { severity: 'error', code: 'E_CONFLICT', message: taken(hostname), hint, serviceId: change.serviceId };
}
