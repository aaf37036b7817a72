// Whether what guards a place is a lock, and for whom it is not when a change of it fails. Pure.
import { noLogin } from '../ingress/access-applications.ts';
import type { AccessObject, Change, ServiceId } from '../model.ts';

const strange = 'another policy';

/** How a policy is called that is none of ours. */
export function strangePolicy(id: string): string {
  return `${strange} (${id})`;
}

/** Whether an application with these policies lets in only whom policies of ours let in. */
export function isLock(policies: readonly string[]): boolean {
  return policies.length > 0 && policies.every((name) => name !== noLogin && !name.startsWith(strange));
}

/**
 * Of the services these changes failed for, those that nothing locks now: even a rule of theirs that is live must close. One whose
 * lock merely could not be changed keeps the old lock, and one without an exception from it only has more lock.
 */
export function withoutLock(
  changes: readonly Change<AccessObject>[],
  failed: ReadonlySet<ServiceId>,
): readonly ServiceId[] {
  return changes.flatMap((change) => {
    if (change.action === 'delete' || !failed.has(change.serviceId)) return [];
    const { desired } = change;
    if ('decision' in desired) return isOpenPolicy(change) ? [change.serviceId, ...desired.users] : [];
    if (desired.policies.includes(noLogin)) return [];
    return change.action === 'create' || !wasLock(change.current) ? [change.serviceId] : [];
  });
}

/** A policy of ours for people or programs that somebody made one that asks for nothing. */
function isOpenPolicy(change: Change<AccessObject>): boolean {
  return (
    change.action === 'update' &&
    'decision' in change.current &&
    'decision' in change.desired &&
    change.current.decision === 'bypass' &&
    change.desired.decision !== 'bypass'
  );
}

function wasLock(current: AccessObject): boolean {
  return !('decision' in current) && isLock(current.policies);
}
