// What stands in for a tunnel that does not exist and must not be made: for `plan`, and for `run` in dry-run.
import { createLocalIngress, type IngressReconciler } from '../ingress/reconciler.ts';

/** What a name would lead to; no tunnel has this id. */
export const missingTunnelTarget = 'new-tunnel.cfargotunnel.com';

/** The rules of a tunnel that does not exist: none, and what is written to them goes nowhere. */
export function createMissingIngress(): IngressReconciler {
  return createLocalIngress({ updateIngress: async () => undefined });
}
