// Rules changed by hand, in what is exported: as they are served where somebody decided, and held where nobody did. Pure.
import { entryKey } from '../ingress/closing.ts';
import { type Drift, withDrifts } from '../ingress/drift-decide.ts';
import type { HeldChange, IngressEntry, Plan } from '../model.ts';
import type { AppliedPass } from './applied.ts';

/** The pass with its rules as they are served. */
export function passAsServed<T extends AppliedPass>(pass: T, drifts: readonly Drift[]): T {
  if (drifts.length === 0) return pass;
  const decided = new Map(drifts.filter(({ choice }) => choice !== undefined).map((drift) => [drift.key, drift]));
  const open = new Set(drifts.filter(({ choice }) => choice === undefined).map(({ key }) => key));
  const added: IngressEntry[] = [];
  const plans = pass.plans.map((plan): Plan<unknown> => {
    if (plan.target !== 'ingress') return plan;
    return { ...plan, held: (plan as Plan<IngressEntry>).held.map((held) => asStanding(held, open, added)) };
  });
  const ingress = [...withDrifts(pass.desired.ingress, decided), ...added];
  return { ...pass, plans, desired: { ...pass.desired, ingress } };
}

/** A rule somebody added is not leaving while nobody has decided about it: it is held like any other, and named with the reason. */
function asStanding(
  held: HeldChange<IngressEntry>,
  open: ReadonlySet<string>,
  added: IngressEntry[],
): HeldChange<IngressEntry> {
  const { change, reason } = held;
  if (change.action !== 'delete' || !open.has(entryKey(change.current))) return held;
  const { current, serviceId } = change;
  added.push(current);
  return { change: { action: 'update', serviceId, current, desired: current, fields: [] }, reason };
}
