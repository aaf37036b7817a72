// What of the rules' plan is safe, given what earlier steps could not do: nothing open without its lock, no name without a rule. Pure.
import { withoutLock } from './access/lock.ts';
import { closeInstead, closeServices, keepNames } from './ingress/closing.ts';
import type { AccessObject, DesiredState, DnsRecord, IngressEntry, Plan, ServiceId } from './model.ts';
import { heldDeletes, heldUpserts, hold, reasons } from './plan/policy.ts';
import { closeNames, unguardedNames } from './reconcile-claims.ts';

/** The three plans of a pass, and what could not be read. */
export interface Plans {
  readonly access: Plan<AccessObject>;
  readonly ingress: Plan<IngressEntry>;
  readonly dns: Plan<DnsRecord>;
  /** The services whose lock is not known, because Access could not be read. */
  readonly lockUnknown: readonly ServiceId[];
  /** DNS could not be read: no name can be taken down. */
  readonly isDnsUnknown: boolean;
}

/** What the steps before the rules could not do. */
export interface Outcome {
  /** Services of which a record could not be removed. */
  readonly stillSigned: readonly ServiceId[];
  /** Services whose lock could not be made or changed. */
  readonly notLocked: readonly ServiceId[];
}

/** The services whose lock is not as it must be: nothing of theirs is opened. */
export function unlockedServices(plans: Plans, outcome: Outcome): ReadonlySet<ServiceId> {
  return new Set([...outcome.notLocked, ...heldUpserts(plans.access), ...plans.lockUnknown]);
}

/** The rules' plan without what would be open without a lock, and with 503 in place of rules whose name is still up. */
export function safeIngress(
  plans: Plans,
  outcome: Outcome,
  desired: DesiredState,
  live: readonly IngressEntry[],
): Plan<IngressEntry> {
  const unlocked = unlockedServices(plans, outcome);
  const kept = namesKept(plans.dns, outcome.stillSigned);
  const signed = new Set(kept.map((record) => record.name));
  const held = hold(
    plans.ingress,
    (change) => {
      if (change.action !== 'delete') return unlocked.has(change.serviceId) ? reasons.unlocked : undefined;
      return plans.isDnsUnknown || signed.has(change.current.rule.hostname) ? reasons.signUp : undefined;
    },
    closeInstead(desired),
  );
  const closed = closeServices(held, live, lockMissing(plans.access, outcome.notLocked));
  const names = kept.map(
    (record) => ({ hostname: record.name, serviceId: record.owner?.resource ?? 'dns/record' }) as const,
  );
  return keepNames(closeNames(closed, live, unguardedNames(plans)), [...live, ...desired.ingress], names);
}

/** Records of ours that should go and stay for now: held, or refused by the API. */
function namesKept(dns: Plan<DnsRecord>, failed: readonly ServiceId[]): readonly DnsRecord[] {
  const services = new Set(failed);
  const refused = dns.changes.flatMap((change) =>
    change.action === 'delete' && change.onlyMark !== true && services.has(change.serviceId) ? [change.current] : [],
  );
  return [...heldDeletes(dns), ...refused];
}

/** Services that have no lock at all, so that even a rule that is live already must close. One whose lock merely could not be changed keeps the old lock, and its rule. */
function lockMissing(access: Plan<AccessObject>, notLocked: readonly ServiceId[]): ReadonlySet<ServiceId> {
  return new Set([...heldUpserts(access), ...withoutLock(access.changes, new Set(notLocked))]);
}
