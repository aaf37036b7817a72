// A plan as it is answered: every change in words, no object as it is, because objects may hold what nobody should see. Pure.
import type { Change, Plan } from '../../model.ts';
import { actionOf, causeOf, nameOf } from '../../plan/cause.ts';
import { flag, type JsonSchema, listOf, shape, text, texts } from './schema.ts';

/** One change in words. */
export interface ChangeView {
  readonly target: Plan<unknown>['target'];
  readonly action: string;
  readonly serviceId: string;
  /** The name it is about and where that leads. */
  readonly what: string;
  /** Why it is in the plan. */
  readonly cause: string;
  /** What differs, of an update. */
  readonly fields: readonly string[];
}

/** One change that waits, and why. */
export interface HeldView extends ChangeView {
  readonly reason: string;
}

const change = { target: text, action: text, serviceId: text, what: text, cause: text, fields: texts };
/** The schema of a change. */
export const changeSchema: JsonSchema = shape(change);
/** The schema of one that waits. */
export const heldSchema: JsonSchema = shape({ ...change, reason: text });
/** The schema of what `planView` gives. */
export const planFields: Readonly<Record<string, JsonSchema>> = {
  changes: listOf(changeSchema),
  held: listOf(heldSchema),
  areDeletesHeld: flag,
};

/** What would be changed or was, and what waits. */
export function planView(plans: readonly Plan<unknown>[]): {
  readonly changes: readonly ChangeView[];
  readonly held: readonly HeldView[];
  /** Some only wait for somebody to say that so many deletes are meant. */
  readonly areDeletesHeld: boolean;
} {
  const held = plans.flatMap((plan) =>
    plan.held.map((one) => ({ ...changeView(plan.target, one.change), reason: one.reason })),
  );
  return {
    changes: plans.flatMap((plan) => plan.changes.map((one) => changeView(plan.target, one))),
    held,
    areDeletesHeld: held.some(({ action, reason }) => action === 'delete' && reason.includes('--confirm-deletes')),
  };
}

/** One change in words. */
export function changeView(target: Plan<unknown>['target'], one: Change<unknown>): ChangeView {
  return {
    target,
    action: actionOf(one),
    serviceId: one.serviceId,
    what: nameOf(one.action === 'delete' ? one.current : one.desired),
    cause: causeOf(target, one),
    fields: one.action === 'update' ? one.fields : [],
  };
}
