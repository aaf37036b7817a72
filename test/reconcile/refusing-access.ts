// An Access that can make no lock: it holds every entry that asks for one, or, where only this machine can reach the edge, lets it be.
import type { Reconciler } from '../../src/contracts.ts';
import type { AccessApplication, AccessObject, DesiredState, Diagnostic, IngressEntry, Plan } from '../../src/model.ts';

/** Who can reach the edge. */
export interface RefusingAccessOptions {
  /** The edge listens on loopback only: whoever reaches it sits at this machine. */
  readonly loopbackOnly: boolean;
}

const heldReason = 'no lock can be made here; the service stays closed';

/** A reconciler that applies no policy and therefore opens nothing that asks for one. */
export function createRefusingAccess(options: RefusingAccessOptions): Reconciler<AccessObject> {
  let guarded: readonly IngressEntry[] = [];
  return {
    target: 'access',
    async plan(desired: DesiredState): Promise<Plan<AccessObject>> {
      guarded = desired.ingress.filter((entry) => entry.access !== 'public');
      if (options.loopbackOnly) return { target: 'access', changes: [], held: [], owned: 0 };
      const held = guarded.map((entry) => ({
        change: { action: 'create', serviceId: entry.serviceId, desired: applicationOf(entry) } as const,
        reason: heldReason,
      }));
      return { target: 'access', changes: [], held, owned: 0 };
    },
    async apply(_plan, phase) {
      if (phase === 'delete' || options.loopbackOnly) return [];
      return [...new Set(guarded.map((entry) => entry.serviceId))];
    },
    diagnostics: () => guarded.map((entry) => diagnosticFor(entry, options.loopbackOnly)),
  };
}

function applicationOf(entry: IngressEntry): AccessApplication {
  const { hostname } = entry.rule;
  return { name: hostname, domain: hostname, policies: [policyOf(entry)] };
}

function policyOf(entry: IngressEntry): string {
  return entry.access === 'public' ? 'public' : entry.access.policy;
}

function diagnosticFor(entry: IngressEntry, loopbackOnly: boolean): Diagnostic {
  const { serviceId } = entry;
  const policy = policyOf(entry);
  return loopbackOnly
    ? {
        severity: 'warning',
        code: 'W_POLICY_NOT_ENFORCED',
        message: `policy "${policy}" is not enforced: only this machine can reach ${entry.rule.hostname}`,
        serviceId,
      }
    : {
        severity: 'error',
        code: 'E_NO_POLICY',
        message: `no lock can be made here, so ${entry.rule.hostname} with policy "${policy}" stays closed`,
        hint: 'set access to "public" for a service that may be open to everyone',
        serviceId,
      };
}
