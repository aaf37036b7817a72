// No lock of ours in front of somebody else's site: a name whose record or rule is somebody else's gets no new Access application. Pure.
import { closeInstead, closing, entryKey } from './ingress/closing.ts';
import type { AccessObject, DesiredState, DnsRecord, IngressEntry, Plan } from './model.ts';
import { hold, reasons } from './plan/policy.ts';

/** The three plans as they were made. */
export interface MadePlans {
  readonly access: Plan<AccessObject>;
  readonly ingress: Plan<IngressEntry>;
  readonly dns: Plan<DnsRecord>;
}

/**
 * The plans without what would be put before names that are somebody else's: applications are not made there, and since nothing then
 * locks the name, its rule is not opened either, and closed where it is live. An application of ours that is there already stays.
 * That the name is taken is said by whoever held the record or the rule for it.
 */
export function sparingOthers<T extends MadePlans>(plans: T, desired: DesiredState): T {
  const taken = takenNames(plans);
  if (taken.size === 0) return plans;
  const spared = new Set<string>();
  const changes = plans.access.changes.filter((change) => {
    if (change.action !== 'create' || !('domain' in change.desired)) return true;
    const hostname = hostnameOf(change.desired.domain);
    if (!taken.has(hostname)) return true;
    spared.add(hostname);
    return false;
  });
  if (spared.size === 0) return plans;
  const guarded = new Set(
    desired.ingress.flatMap(({ access, rule }) => (access === 'public' ? [] : [rule.hostname.toLowerCase()])),
  );
  const unlocked = new Set([...spared].filter((hostname) => guarded.has(hostname)));
  return { ...plans, access: { ...plans.access, changes }, ingress: withoutNames(plans.ingress, unlocked, desired) };
}

/** Closes what is live under these names and is not changed anyway: they have no lock. */
export function closeNames(
  plan: Plan<IngressEntry>,
  live: readonly IngressEntry[],
  names: ReadonlySet<string>,
): Plan<IngressEntry> {
  const changing = new Set(
    plan.changes.map((change) => entryKey(change.action === 'delete' ? change.current : change.desired)),
  );
  const extra = live.flatMap((entry) =>
    names.has(entry.rule.hostname.toLowerCase()) && !changing.has(entryKey(entry)) ? (closing(entry) ?? []) : [],
  );
  return extra.length === 0 ? plan : { ...plan, changes: [...plan.changes, ...extra] };
}

/** Guarded names that are wanted and were spared: those without an application of ours. */
export function unguardedNames(plans: MadePlans): ReadonlySet<string> {
  const held = plans.ingress.held.filter(({ reason }) => reason === reasons.taken);
  return new Set(
    held.flatMap(({ change }) => (change.action === 'delete' ? [] : [change.desired.rule.hostname.toLowerCase()])),
  );
}

/** Names of which the record or a rule could not be made, because somebody else has it. A rule of ours that waits was changed by hand. */
function takenNames({ ingress, dns }: MadePlans): ReadonlySet<string> {
  const rules = ingress.held.flatMap(({ change }) =>
    change.action === 'create' ? [change.desired.rule.hostname] : [],
  );
  const records = dns.held.flatMap(({ change }) => (change.action === 'delete' ? [] : [change.desired.name]));
  return new Set([...rules, ...records].map((name) => name.toLowerCase()));
}

function withoutNames(plan: Plan<IngressEntry>, names: ReadonlySet<string>, desired: DesiredState): Plan<IngressEntry> {
  return hold(
    plan,
    (change) =>
      change.action !== 'delete' && names.has(change.desired.rule.hostname.toLowerCase()) ? reasons.taken : undefined,
    closeInstead(desired),
  );
}

function hostnameOf(domain: string): string {
  return (domain.split('/')[0] ?? '').toLowerCase();
}
