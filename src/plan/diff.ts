// What differs between reality and the desired state, as a value. Pure.
import type { Change, HeldChange, Plan, ServiceId } from '../model.ts';

/** How one kind of remote object is compared. */
export interface DiffRules<T> {
  readonly target: Plan<T>['target'];
  /** Two objects with the same key are the same place in the world: a name, a hostname and path. */
  key(object: T): string;
  /** The service an object is for. */
  service(object: T): ServiceId;
  /** Names of the fields in which reality must change; none when equal. */
  differences(current: T, desired: T): readonly string[];
  /** Why an object that exists must be left alone, or undefined when it is ours. */
  foreign(current: T): string | undefined;
}

/** The changes that turn `current` into `desired`. An object that is not ours is never updated or deleted: what wanted its place is held. */
export function diff<T>(current: readonly T[], desired: readonly T[], rules: DiffRules<T>): Plan<T> {
  const existing = new Map(current.map((object) => [rules.key(object), object]));
  const wanted = new Set<string>();
  const changes: Change<T>[] = [];
  const held: HeldChange<T>[] = [];
  for (const object of desired) {
    const key = rules.key(object);
    if (wanted.has(key)) continue;
    wanted.add(key);
    compare(existing.get(key), object);
  }
  for (const object of current) {
    if (wanted.has(rules.key(object)) || rules.foreign(object) !== undefined) continue;
    changes.push({ action: 'delete', serviceId: rules.service(object), current: object });
  }
  const owned = current.filter((object) => rules.foreign(object) === undefined).length;
  return { target: rules.target, changes, held, owned };

  function compare(found: T | undefined, object: T): void {
    const serviceId = rules.service(object);
    if (found === undefined) {
      changes.push({ action: 'create', serviceId, desired: object });
      return;
    }
    const fields = rules.differences(found, object);
    const reason = rules.foreign(found);
    if (reason !== undefined) {
      held.push({ change: { action: 'update', serviceId, current: found, desired: object, fields }, reason });
    } else if (fields.length > 0) {
      changes.push({ action: 'update', serviceId, current: found, desired: object, fields });
    }
  }
}
