// Runs the steps of a pass so that one that the API refuses does not stop the others, and remembers what failed.
import type { Reconciler } from './contracts.ts';
import { AppError } from './errors.ts';
import type { Logger } from './logger.ts';
import type { Diagnostic, Plan, ServiceId } from './model.ts';
import { heldUpserts } from './plan/policy.ts';

/** Every step of a pass that can fail on its own. */
export type StepName =
  | 'closing rules'
  | 'planning Access'
  | 'planning rules'
  | 'planning DNS'
  | 'removing DNS records'
  | 'applying Access'
  | 'changing rules'
  | 'writing DNS records'
  | 'removing Access';

/** The steps of one pass. */
export interface Steps {
  readonly problems: Diagnostic[];
  readonly failed: Set<ServiceId>;
  /** The step's result, or undefined when the API refused it; `concerns` are then the services that failed. */
  run<T>(name: StepName, concerns: readonly ServiceId[], step: () => Promise<T>): Promise<T | undefined>;
  /** Applies one phase; resolves to the services it failed for: all it would have changed when it failed as a whole. */
  apply<T>(
    name: StepName,
    reconciler: Reconciler<T>,
    plan: Plan<T>,
    phase: 'upsert' | 'delete',
  ): Promise<readonly ServiceId[]>;
  /** Some step was refused, whomever it concerned. */
  hasFailed(): boolean;
  didFail(name: StepName): boolean;
}

/** Steps that end with a bug or the signal's reason, and go on after everything else. */
export function createSteps(logger: Logger, signal: AbortSignal): Steps {
  const problems: Diagnostic[] = [];
  const failed = new Set<ServiceId>();
  const failedSteps = new Set<StepName>();

  async function run<T>(
    name: StepName,
    concerns: readonly ServiceId[],
    step: () => Promise<T>,
  ): Promise<T | undefined> {
    try {
      signal.throwIfAborted();
      return await step();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof AppError)) throw error;
      logger.error({ step: name, code: error.code, reason: error.message, hint: error.hint }, 'step failed');
      failedSteps.add(name);
      for (const service of concerns) failed.add(service);
      problems.push(toDiagnostic(name, error));
      return undefined;
    }
  }

  return {
    problems,
    failed,
    run,
    hasFailed: () => failed.size > 0 || failedSteps.size > 0,
    didFail: (name) => failedSteps.has(name),
    async apply(name, reconciler, plan, phase) {
      const concerned = concernedBy(plan, phase);
      const done = await run(name, concerned, () => reconciler.apply(plan, phase, signal));
      // Held on purpose is not failed: another try would not do better.
      const held = new Set(heldUpserts(plan));
      for (const service of done ?? []) if (!held.has(service)) failed.add(service);
      return done ?? concerned;
    },
  };
}

function concernedBy<T>(plan: Plan<T>, phase: 'upsert' | 'delete'): readonly ServiceId[] {
  // The rules change in one swap, deletes with the rest.
  const isOneSwap = plan.target === 'ingress';
  const changes = plan.changes.filter((change) => isOneSwap || (change.action === 'delete') === (phase === 'delete'));
  return [...new Set(changes.map((change) => change.serviceId))];
}

function toDiagnostic(step: StepName, error: AppError): Diagnostic {
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return { severity: 'error', code: error.code, message: `${step}: ${error.message}`, ...hint };
}
