// Which Access there is: one reconciler for Cloudflare and for the embedded edge, whose gate enforces the same applications.
import { type AccessOptions, createAccessReconciler } from '../access/reconciler.ts';
import { createChoiceStore } from '../choices.ts';
import type { Reconciler } from '../contracts.ts';
import type { AccessObject, DesiredState, Diagnostic } from '../model.ts';
import { policyNamed } from '../settings/people.ts';
import type { Settings } from '../settings/settings.ts';

/** What it is made with. */
export interface AppAccessOptions extends Omit<AccessOptions, 'policies'> {
  /** Whether people have a way to log in; absent where that is not ours to know. */
  readonly hasLogin?: (() => boolean) | undefined;
}

/** The reconciler for the edge that visitors reach; `settings` is asked in every pass. */
export function createAccess(
  settings: () => Settings,
  { hasLogin = () => true, ...options }: AppAccessOptions,
): Reconciler<AccessObject> {
  const choices = createChoiceStore(settings().dataDir).read;
  const access = createAccessReconciler({ choices, ...options, policies: () => settings().policies });
  let missing: readonly Diagnostic[] = [];
  return {
    ...access,
    plan: async (desired, signal) => {
      missing = hasLogin() ? [] : withoutLogin(desired, settings());
      return access.plan(desired, signal);
    },
    diagnostics: () => [...(access.diagnostics?.() ?? []), ...missing],
  };
}

/** Whoever asks for a login where none is offered has locked everybody out: safe, and hardly meant. */
function withoutLogin(desired: DesiredState, { policies }: Settings): readonly Diagnostic[] {
  return desired.ingress.flatMap(({ access, rule, serviceId }) => {
    if (access === 'public' || !asksForLogin(access.policy, policies)) return [];
    return [
      {
        severity: 'warning',
        code: 'W_NO_LOGIN',
        message: `policy "${access.policy}" asks who wants to see ${rule.hostname}, but there is no way to log in yet`,
        hint: 'add people under embedded_edge.login.users (`sallyport edge hash-password` makes the hash)',
        serviceId,
      } as const,
    ];
  });
}

/** A policy for programs alone does not. */
function asksForLogin(name: string, policies: Settings['policies']): boolean {
  const allow = policyNamed(name, policies)?.allow;
  return allow !== undefined && Object.keys(allow).some((key) => key !== 'service_tokens');
}
