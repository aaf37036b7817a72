// A plan as lines a person reads: what would change, and what is held back and why. Pure.

import { shownUrl } from '../ingress/shown-url.ts';
import type { Change, Diagnostic, Plan } from '../model.ts';
import { actionOf, causeOf, nameOf } from '../plan/cause.ts';
import { formatTable, printable } from './table.ts';

/** The plans as text; says so when there is nothing to do. */
export function formatPlans(plans: readonly Plan<unknown>[]): string {
  const changes = plans.flatMap((plan) =>
    plan.changes.map((change) => [...changeRow(plan.target, change), causeOf(plan.target, change)]),
  );
  const held = plans.flatMap((plan) =>
    plan.held.map(({ change, reason }) => [...changeRow(plan.target, change), reason]),
  );
  const parts: string[] = [];
  if (changes.length === 0 && held.length === 0) parts.push('Nothing to change.\n');
  if (changes.length > 0) parts.push(formatTable(['TARGET', 'ACTION', 'SERVICE', 'WHAT', 'WHY'], changes));
  if (held.length > 0) parts.push(`Held back:\n${formatTable(['TARGET', 'ACTION', 'SERVICE', 'WHAT', 'WHY'], held)}`);
  return parts.join('\n');
}

/** Something with plans in it as JSON, every change with its cause; service URLs are shown as the status shows them, without user and password. */
export function plansAsJson<T extends { readonly plans: readonly Plan<unknown>[] }>(value: T): string {
  const shown = (key: string, item: unknown) => (key === 'service' && typeof item === 'string' ? shownUrl(item) : item);
  const plans = value.plans.map((plan) => ({
    ...plan,
    changes: plan.changes.map((change) => ({ ...change, cause: causeOf(plan.target, change) })),
  }));
  return `${JSON.stringify({ ...value, plans }, shown, 2)}\n`;
}

/** Whether something would change, or waits for somebody to say whether it may: a rule that was changed by hand. */
export function hasChanges({
  plans,
  diagnostics,
}: {
  readonly plans: readonly Plan<unknown>[];
  readonly diagnostics: readonly Pick<Diagnostic, 'code' | 'severity'>[];
}): boolean {
  return (
    plans.some((plan) => plan.changes.length > 0) ||
    diagnostics.some(({ code, severity }) => code === 'W_DRIFT' && severity === 'warning')
  );
}

function changeRow(target: string, change: Change<unknown>): string[] {
  return [target, actionOf(change), change.serviceId, printable(summary(change))];
}

function summary(change: Change<unknown>): string {
  switch (change.action) {
    case 'create':
      return nameOf(change.desired);
    case 'update':
      return `${nameOf(change.desired)} (${change.fields.join(', ')})`;
    case 'delete':
      return nameOf(change.current);
  }
}
