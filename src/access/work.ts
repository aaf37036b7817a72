// A plan as the work of one phase: each object once, for all services it was planned for. Pure.
import type { AccessApplication, AccessObject, AccessPolicy, Change, Plan, ServiceId } from '../model.ts';

/** One object to write or delete, and whom it is for. */
export interface Item<T> {
  readonly object: T;
  readonly services: readonly ServiceId[];
}

/** What one phase has to do. */
export interface Work {
  readonly applications: readonly Item<AccessApplication>[];
  /** Applications that lose our mark and nothing else. */
  readonly releases: readonly Item<AccessApplication>[];
  readonly policies: readonly Item<AccessPolicy>[];
}

/** The objects to make and change. */
export function upserts(plan: Plan<AccessObject>): Work {
  const changes = plan.changes.flatMap((change) =>
    change.action === 'delete' ? [] : [{ object: change.desired, serviceId: change.serviceId }],
  );
  return { ...collect(changes), releases: [] };
}

/** The objects to delete, and those that only lose our mark. */
export function deletes(plan: Plan<AccessObject>): Work {
  const changes = plan.changes.flatMap((change) => (change.action === 'delete' ? [change] : []));
  const [released, gone] = [changes.filter(isRelease), changes.filter((change) => !isRelease(change))];
  const targets = (list: typeof changes) => list.map(({ current, serviceId }) => ({ object: current, serviceId }));
  return { ...collect(targets(gone)), releases: collect(targets(released)).applications };
}

/** Whether there is nothing to do. */
export function isNothing({ applications, releases, policies }: Work): boolean {
  return applications.length + releases.length + policies.length === 0;
}

function isRelease(change: Change<AccessObject> & { readonly action: 'delete' }): boolean {
  return change.onlyMark === true;
}

function collect(
  changes: readonly { readonly object: AccessObject; readonly serviceId: ServiceId }[],
): Pick<Work, 'applications' | 'policies'> {
  const applications = new Map<string, Item<AccessApplication>>();
  const policies: Item<AccessPolicy>[] = [];
  for (const { object, serviceId } of changes) {
    if ('decision' in object) {
      policies.push({ object, services: [...new Set([serviceId, ...object.users])] });
      continue;
    }
    const key = object.id ?? object.domain;
    const services = [...(applications.get(key)?.services ?? []), serviceId];
    applications.set(key, { object, services });
  }
  return { applications: [...applications.values()], policies };
}
