// Whether the rules the API keeps are known to be this run's.
import type { IngressReconciler } from '../ingress/reconciler.ts';

/** A reconciler that is watched. */
export interface WatchedRules {
  readonly ingress: IngressReconciler;
  /** The last plan was carried out: what the edge pushes is what was wanted. */
  readonly isKnown: () => boolean;
}

/** The reconciler, watched. */
export function watchRules(ingress: IngressReconciler): WatchedRules {
  let isKnown = false;
  /** What is there was read; without that, applying an empty plan says nothing. */
  let isRead = false;
  return {
    isKnown: () => isKnown,
    ingress: {
      ...ingress,
      async plan(desired, signal) {
        isKnown = false;
        isRead = false;
        const plan = await ingress.plan(desired, signal);
        isRead = true;
        return plan;
      },
      async apply(plan, phase, signal) {
        const failed = await ingress.apply(plan, phase, signal);
        if (phase === 'upsert') isKnown = isRead;
        return failed;
      },
    },
  };
}
