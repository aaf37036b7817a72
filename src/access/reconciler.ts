// Access applications and policies of ours, kept in line with the desired state. Reads the account once per plan and once more before it writes.
import { nameDecisions } from '../adoption.ts';
import { type Choices, noChoices } from '../choices.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { CloudflareApi } from '../cloudflare/client.ts';
import type { Reconciler } from '../contracts.ts';
import { checkOwnerId } from '../dns/ownership.ts';
import { ApiError } from '../errors.ts';
import { zoneDefaultService } from '../ingress/access-zone-default.ts';
import type { Logger } from '../logger.ts';
import type { AccessObject, DesiredState, Diagnostic, Plan, ServiceId } from '../model.ts';
import { policyNamed } from '../settings/people.ts';
import type { PolicySetting } from '../settings/settings.ts';
import { createAttempts, isRefusal } from './attempts.ts';
import { planAccess } from './plan.ts';
import { readAccess, readAccessWithSshCas, readDirectory } from './reader.ts';
import { deletes, isNothing, upserts } from './work.ts';
import { createWriter } from './writer.ts';

/** What the reconciler works with. */
export interface AccessOptions {
  readonly api: Pick<CloudflareApi, 'access'>;
  readonly account: string;
  /** Our id, in the tag of every application and the name of every policy we make. */
  readonly owner: string;
  /** The policies of the settings as they are now. */
  readonly policies: () => Readonly<Record<string, PolicySetting>>;
  /** Names that were adopted or released, as decided now; none unless given. */
  readonly choices?: (() => Choices) | undefined;
  readonly clock?: Clock | undefined;
  readonly logger: Logger;
}

/** A reconciler for the Access part of one account. Throws ValidationError when the owner id cannot be marked. */
export function createAccessReconciler(options: AccessOptions): Reconciler<AccessObject> {
  const { account, logger, clock = systemClock, choices = () => noChoices } = options;
  const owner = checkOwnerId(options.owner);
  const reader = { access: options.api.access, account, owner };
  let problems: Diagnostic[] = [];

  async function plan(desired: DesiredState, signal: AbortSignal): Promise<Plan<AccessObject>> {
    const found: Diagnostic[] = [];
    problems = found;
    const settings = options.policies();
    const names = desired.accessApplications.flatMap((application) => application.policies);
    const needsSshCas = desired.accessApplications.some(({ sshCa }) => sshCa === true);
    try {
      const [remote, directory] = await Promise.all([
        needsSshCas ? readAccessWithSshCas(reader, found, signal) : readAccess(reader, signal),
        readDirectory(reader, settingsOf(names, settings), signal),
      ]);
      const decisions = nameDecisions(choices());
      const planned = planAccess({ remote, desired, settings, directory, decisions, now: clock.now() });
      found.push(...planned.problems);
      return planned.plan;
    } catch (error) {
      // Whoever wants no policy needs neither Access nor a token that may use it.
      if (names.length > 0 || !(error instanceof ApiError) || !isRefusal(error)) throw error;
      logger.debug({ code: error.code, reason: error.message }, 'Access is not available, and not needed');
      return { target: 'access', changes: [], held: [], owned: 0 };
    }
  }

  async function apply(
    planned: Plan<AccessObject>,
    phase: 'upsert' | 'delete',
    signal: AbortSignal,
  ): Promise<readonly ServiceId[]> {
    signal.throwIfAborted();
    const work = phase === 'upsert' ? upserts(planned) : deletes(planned);
    if (isNothing(work)) return [];
    const remote = await readAccess(reader, signal);
    const attempts = createAttempts(problems, logger);
    const writer = createWriter({ reader, attempts, remote, decisions: nameDecisions(choices()) });
    await (phase === 'upsert' ? writer.upsert(work, signal) : writer.remove(work, signal));
    return [...attempts.failed];
  }

  return { target: 'access', plan, apply, diagnostics: () => problems.map(general) };
}

/** The lock of a zone is no service that could show what is wrong with it: it is said to everybody. */
function general(diagnostic: Diagnostic): Diagnostic {
  if (diagnostic.serviceId !== zoneDefaultService) return diagnostic;
  const { serviceId: _serviceId, ...rest } = diagnostic;
  return rest;
}

function settingsOf(
  names: readonly string[],
  settings: Readonly<Record<string, PolicySetting>>,
): readonly (PolicySetting | undefined)[] {
  return [...new Set(names)].map((name) => policyNamed(name, settings));
}
