// Which live rules must close before a pass writes anything, because their lock is seen to be missing, and how they open again once it is not. Pure.
import { noLogin } from './ingress/access-applications.ts';
import { closeServices, entryDifferences, entryKey } from './ingress/closing.ts';
import type { AccessObject, Change, DesiredState, IngressEntry, Plan, ServiceId } from './model.ts';
import type { Plans } from './reconcile-safety.ts';

/**
 * Closes the live rules of services without a lock: somebody removed it, or the service was public when a process that is gone
 * opened it. The rules are not the plan's to close: as far as it can tell they are as they should be.
 */
export function closeUnlocked(
  plans: Plans,
  live: readonly IngressEntry[],
  unknown: readonly ServiceId[],
): Plan<IngressEntry> {
  const held = plans.access.held.map(({ change }) => change);
  const missing = [...plans.access.changes, ...held].filter(isMissing).map(({ serviceId }) => serviceId);
  return closeServices({ target: 'ingress', changes: [], held: [] }, live, [...missing, ...unknown]);
}

/** The plan with what was closed after it was made opened again, as far as it is wanted and nothing else is planned for it. */
export function reopen(
  plan: Plan<IngressEntry>,
  live: readonly IngressEntry[],
  desired: DesiredState,
): Plan<IngressEntry> {
  const wanted = new Map(desired.ingress.map((entry) => [entryKey(entry), entry]));
  // What is held is for what was changed by hand, which is opened as it was.
  const planned = new Set(plan.changes.map(keyOf));
  const changes = live.flatMap((current): Change<IngressEntry>[] => {
    const entry = wanted.get(entryKey(current));
    if (entry === undefined || planned.has(entryKey(current))) return [];
    const fields = entryDifferences(current, entry);
    return fields.length === 0
      ? []
      : [{ action: 'update', serviceId: entry.serviceId, current, desired: entry, fields }];
  });
  return changes.length === 0 ? plan : { ...plan, changes: [...plan.changes, ...changes] };
}

/** An application that is to guard something and is not there, or has no policy left. */
function isMissing(change: Change<AccessObject>): boolean {
  if (change.action === 'delete' || 'decision' in change.desired || change.desired.policies.includes(noLogin))
    return false;
  return change.action === 'create' || !('policies' in change.current) || change.current.policies.length === 0;
}

function keyOf(change: Change<IngressEntry>): string {
  return entryKey(change.action === 'delete' ? change.current : change.desired);
}
