// What of a plan may be done now: mode, incomplete passes, mass deletes and services an earlier step failed for. Pure.
import type { Change, HeldChange, Plan, ServiceId } from '../model.ts';

/** Whether remote objects are changed fully, without deletes, or not at all. */
export type Mode = 'sync' | 'upsert-only' | 'dry-run';

/** What a pass may do. */
export interface Policy {
  readonly mode: Mode;
  /** Every source answered and the start-up grace is over. */
  readonly complete: boolean;
  /** A person agreed to the deletes that were held for their number. */
  readonly confirmed?: boolean;
}

/**
 * What is done in place of a change that is held, if anything. For a rule: it answers `http_status:503`, because an
 * address is never kept live, or a door open, only because a change has to wait.
 */
export type Instead<T> = (change: Change<T>) => Change<T> | undefined;

/** Why a change is held, as the user reads it. */
export const reasons = {
  dryRun: 'dry-run: nothing is changed until mode is sync',
  upsertOnly: 'upsert-only: nothing is deleted until mode is sync',
  incomplete: 'nothing is deleted until every source has answered and the start-up grace is over',
  many: (count: number, owned: number) =>
    `${count} of our ${owned} objects would be deleted in one pass: confirm it first, with sallyport apply --confirm-deletes`,
  earlier: 'an earlier step failed for this service, or waits: see what is said of it',
  unlocked: 'its Access policy is not in place: the service stays closed until it is',
  taken: 'its name is somebody else’s, so nothing of ours is put in front of it: see what is said of its record',
  signUp: 'its DNS record is still there',
  ruleThere: 'what it locks is still there',
} as const;

/** This many deletes are ordinary, however few objects there are. */
const ordinaryDeletes = 3;

/** The plan as far as the policy lets it be done. In dry-run nothing at all is done, not even `instead`. */
export function restrict<T>(plan: Plan<T>, policy: Policy, instead?: Instead<T>): Plan<T> {
  if (policy.mode === 'dry-run') return hold(plan, () => reasons.dryRun);
  const reason = deleteReason(plan, policy);
  if (reason === undefined) return plan;
  return hold(plan, (change) => (change.action === 'delete' ? reason : undefined), instead);
}

/** Moves the changes of these services to held, because an earlier step failed for them. */
export function withhold<T>(
  plan: Plan<T>,
  services: Iterable<ServiceId>,
  reason: string = reasons.earlier,
  instead?: Instead<T>,
): Plan<T> {
  const kept = new Set(services);
  return hold(plan, (change) => (kept.has(change.serviceId) ? reason : undefined), instead);
}

/** Moves the changes that `reasonFor` gives a reason for to held, and does what `instead` says in their place. */
export function hold<T>(
  plan: Plan<T>,
  reasonFor: (change: Change<T>) => string | undefined,
  instead?: Instead<T>,
): Plan<T> {
  const changes: Change<T>[] = [];
  const held: HeldChange<T>[] = [...plan.held];
  for (const change of plan.changes) {
    const reason = reasonFor(change);
    if (reason === undefined) {
      changes.push(change);
      continue;
    }
    held.push({ change, reason });
    const other = instead?.(change);
    if (other !== undefined) changes.push(other);
  }
  return held.length === plan.held.length ? plan : { ...plan, changes, held };
}

/** What held deletes leave where it is. */
export function heldDeletes<T>(plan: Plan<T>): readonly T[] {
  return plan.held.flatMap(({ change }) => (isRemoval(change) ? [change.current] : []));
}

/** The services whose object is missing or not as it should be, because creating or updating it is held. */
export function heldUpserts<T>(plan: Plan<T>): readonly ServiceId[] {
  return plan.held.flatMap(({ change }) => (change.action === 'delete' ? [] : [change.serviceId]));
}

function deleteReason<T>(plan: Plan<T>, policy: Policy): string | undefined {
  const count = plan.changes.filter(isRemoval).length;
  if (!plan.changes.some((change) => change.action === 'delete')) return undefined;
  if (policy.mode === 'upsert-only') return reasons.upsertOnly;
  if (!policy.complete) return reasons.incomplete;
  const counted = count - (plan.following ?? 0);
  const owned = plan.owned ?? counted;
  const isMany = counted > ordinaryDeletes && counted * 2 > owned;
  return isMany && policy.confirmed !== true ? reasons.many(counted, owned) : undefined;
}

/** A delete that takes the object, not only our mark off it. */
function isRemoval<T>(change: Change<T>): change is Change<T> & { readonly action: 'delete' } {
  return change.action === 'delete' && change.onlyMark !== true;
}
