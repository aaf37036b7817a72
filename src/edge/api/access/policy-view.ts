// How Access policies look in answers. Pure.
import type { PlacedPolicy } from '../../store/access/app-policies.ts';
import type { StoredPolicy } from '../../store/access/policies.ts';

/** A policy without its place. */
export function policyView({ id, fields, createdAt, updatedAt }: StoredPolicy) {
  return {
    id,
    uid: id,
    name: fields.name,
    decision: fields.decision,
    include: fields.include,
    exclude: fields.exclude,
    require: fields.require,
    ...fields.kept,
    ...(fields.sessionDuration === null ? {} : { session_duration: fields.sessionDuration }),
    reusable: fields.appId === null,
    created_at: createdAt,
    updated_at: updatedAt,
  };
}

/** A policy in an application. */
export function placedPolicyView({ policy, precedence }: PlacedPolicy) {
  return { ...policyView(policy), precedence };
}
