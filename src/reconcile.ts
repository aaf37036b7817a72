// One pass, top to bottom: sources list services, plugins route them, the compiler makes one desired state, three reconcilers plan and apply it.
import { isDeepStrictEqual } from 'node:util';
import type { Reconciler } from './contracts.ts';
import { closeInstead, closeServices, keepNames } from './ingress/closing.ts';
import type { IngressReconciler } from './ingress/reconciler.ts';
import type { Logger } from './logger.ts';
import type {
  AccessApplication,
  DesiredState,
  Diagnostic,
  DnsRecord,
  IngressEntry,
  Plan,
  Service,
  ServiceId,
  Snapshot,
} from './model.ts';
import { heldDeletes, heldUpserts, hold, type Mode, type Policy, reasons, restrict, withhold } from './plan/policy.ts';
import { createSteps, type Steps } from './reconcile-steps.ts';

/** What a pass is made of. */
export interface Deps {
  /** Every source at once; never throws because one did not answer. */
  readonly list: (signal: AbortSignal) => Promise<Listed>;
  readonly route: (services: readonly Service[], previous: readonly IngressEntry[]) => Routed;
  readonly compile: (entries: readonly IngressEntry[], previous: readonly IngressEntry[]) => Compiled;
  readonly access: Reconciler<AccessApplication>;
  readonly ingress: IngressReconciler;
  readonly dns: Reconciler<DnsRecord>;
  readonly mode: Mode;
  readonly logger: Logger;
}

/** What the sources saw. */
export interface Listed {
  readonly services: readonly Service[];
  readonly diagnostics: readonly Diagnostic[];
  readonly complete: boolean;
}

/** What the plugins made of it. */
export interface Routed {
  readonly entries: readonly IngressEntry[];
  readonly diagnostics: readonly Diagnostic[];
}

/** What the compiler made of that. */
export interface Compiled {
  readonly desired: DesiredState;
  readonly diagnostics: readonly Diagnostic[];
}

/** How this pass differs from any other. */
export interface PassOptions {
  /** Reads everything remote even when nothing changed here. */
  readonly full: boolean;
  /** Plans, and changes nothing. */
  readonly planOnly?: boolean;
  /** A person agreed to deletes that were held for their number. */
  readonly confirmed?: boolean;
  /** The last pass that was not `planOnly`. */
  readonly previous?: Pass | undefined;
}

/** A finished pass. */
export type Pass = Omit<Snapshot, 'revision' | 'finishedAt' | 'reasons'> & {
  /** Services for which something could not be done that may work later: worth another pass. */
  readonly failed: readonly ServiceId[];
};

/**
 * One pass: look at everything, decide, and change only what differs.
 *
 * What holds at every moment, whichever call fails or hangs:
 * - an address that is gone, or another service's now, is out of the rules before anything remote is asked (step 0);
 * - no rule is live without its lock: Access first, then rules, and a service whose lock failed is withheld from the rules;
 * - no name is live without its rule: rules first, then DNS; and DNS is taken down before a rule goes. A rule whose
 *   name could not be taken down answers 503 instead of going;
 * - a lock goes last, and only where rule and name went.
 * Rejects only with the signal's reason and with bugs; what the API refuses is in `failed` and `diagnostics`.
 */
export async function reconcile(deps: Deps, options: PassOptions, signal: AbortSignal): Promise<Pass> {
  const { previous } = options;
  const listed = await deps.list(signal);
  const routed = deps.route(listed.services, previous?.entries ?? []);
  const { desired, diagnostics } = deps.compile(routed.entries, previous?.desired.ingress ?? []);
  const policy: Policy = { mode: deps.mode, complete: listed.complete, confirmed: options.confirmed ?? false };
  const steps = createSteps(deps.logger, signal);

  let plans: readonly Plan<unknown>[];
  if (isSettled(previous, desired, options, policy)) plans = nothingToDo(previous);
  else if (options.planOnly === true || deps.mode === 'dry-run')
    plans = await foresee(deps, desired, policy, steps, signal);
  else {
    if (previous !== undefined) overtaken.add(previous);
    // Step 0. Needs no API where the rules are our own connector's, so it happens although one is down.
    await steps.run('closing rules', [], () => deps.ingress.withdraw(desired, signal));
    plans = await applyAll(deps, desired, await planAll(deps, desired, policy, steps, signal), steps, signal);
  }

  return {
    complete: listed.complete,
    services: listed.services,
    entries: routed.entries,
    desired,
    plans,
    diagnostics: [
      ...listed.diagnostics,
      ...routed.diagnostics,
      ...diagnostics,
      ...[deps.access, deps.ingress, deps.dns].flatMap((reconciler) => reconciler.diagnostics?.() ?? []),
      ...steps.problems,
    ],
    failed: [...steps.failed],
  };
}

interface Plans {
  readonly access: Plan<AccessApplication>;
  readonly ingress: Plan<IngressEntry>;
  readonly dns: Plan<DnsRecord>;
  /** The services whose lock is not known, because Access could not be read. */
  readonly lockUnknown: readonly ServiceId[];
  /** DNS could not be read: no name can be taken down. */
  readonly isDnsUnknown: boolean;
}

/** Reads reality and says what differs. The three only read, so they read at once; one that cannot is left out and everything it guards is held. */
async function planAll(
  deps: Deps,
  desired: DesiredState,
  policy: Policy,
  steps: Steps,
  signal: AbortSignal,
): Promise<Plans> {
  const all = desired.ingress.map((entry) => entry.serviceId);
  const guarded = desired.ingress.flatMap((entry) => (entry.access === 'public' ? [] : [entry.serviceId]));
  const [access, ingress, dns] = await Promise.all([
    steps.run('planning Access', guarded, () => deps.access.plan(desired, signal)),
    steps.run('planning rules', all, () => deps.ingress.plan(desired, signal)),
    steps.run('planning DNS', all, () => deps.dns.plan(desired, signal)),
  ]);
  return {
    access: restrict(access ?? { target: 'access', changes: [], held: [] }, policy),
    ingress: restrict(ingress ?? { target: 'ingress', changes: [], held: [] }, policy, closeInstead(desired)),
    dns: restrict(dns ?? { target: 'dns', changes: [], held: [] }, policy),
    lockUnknown: access === undefined ? guarded : [],
    isDnsUnknown: dns === undefined,
  };
}

/** What applying would do, as far as that can be known without doing it. */
async function foresee(
  deps: Deps,
  desired: DesiredState,
  policy: Policy,
  steps: Steps,
  signal: AbortSignal,
): Promise<readonly Plan<unknown>[]> {
  const plans = await planAll(deps, desired, policy, steps, signal);
  if (policy.mode === 'dry-run') return [plans.access, plans.ingress, plans.dns];
  const unlocked = new Set([...heldUpserts(plans.access), ...plans.lockUnknown]);
  const ingress = safeIngress(deps, desired, plans, { stillSigned: [], notLocked: [], unlocked });
  return [plans.access, ingress, withhold(plans.dns, [...unlocked, ...heldUpserts(ingress)])];
}

/** The order is the safety: take the sign down, lock the door, open the road, hang the sign, remove locks nobody needs. Returns what was really done. */
async function applyAll(
  deps: Deps,
  desired: DesiredState,
  plans: Plans,
  steps: Steps,
  signal: AbortSignal,
): Promise<readonly Plan<unknown>[]> {
  const { access, dns } = plans;
  const stillSigned = await steps.apply('removing DNS records', deps.dns, dns, 'delete');
  const notLocked = await steps.apply('applying Access', deps.access, access, 'upsert');

  const unlocked = new Set([...notLocked, ...heldUpserts(access), ...plans.lockUnknown]);
  const ingress = safeIngress(deps, desired, plans, { stillSigned, notLocked, unlocked });
  const notOpened = await steps.apply('changing rules', deps.ingress, ingress, 'upsert');

  const closed = [
    ...unlocked,
    ...notOpened,
    ...heldUpserts(ingress),
    ...(steps.didFail('planning rules') ? servicesOf(desired) : []),
  ];
  const signs = withhold(dns, closed);
  await steps.apply('writing DNS records', deps.dns, signs, 'upsert');

  const locks = withhold(
    access,
    [...notOpened, ...heldDeletes(ingress).map((entry) => entry.serviceId)],
    reasons.signUp,
  );
  if (!steps.didFail('planning rules')) await steps.apply('removing Access', deps.access, locks, 'delete');
  signal.throwIfAborted();
  return [locks, ingress, signs];
}

interface Outcome {
  readonly stillSigned: readonly ServiceId[];
  readonly notLocked: readonly ServiceId[];
  readonly unlocked: ReadonlySet<ServiceId>;
}

/** The rules' plan without what would be open without a lock, and with 503 in place of rules whose name is still up. */
function safeIngress(deps: Deps, desired: DesiredState, plans: Plans, outcome: Outcome): Plan<IngressEntry> {
  const kept = namesKept(plans.dns, outcome.stillSigned);
  const signed = new Set(kept.map((record) => record.name));
  const held = hold(
    plans.ingress,
    (change) => {
      if (change.action !== 'delete') return outcome.unlocked.has(change.serviceId) ? reasons.unlocked : undefined;
      return plans.isDnsUnknown || signed.has(change.current.rule.hostname) ? reasons.signUp : undefined;
    },
    closeInstead(desired),
  );
  const live = deps.ingress.live();
  const closed = closeServices(held, live, lockMissing(plans.access, outcome.notLocked));
  const names = kept.map(
    (record) => ({ hostname: record.name, serviceId: record.owner?.resource ?? 'dns/record' }) as const,
  );
  return keepNames(closed, [...live, ...desired.ingress], names);
}

/** Records of ours that should go and stay for now: held, or refused by the API. */
function namesKept(dns: Plan<DnsRecord>, failed: readonly ServiceId[]): readonly DnsRecord[] {
  const services = new Set(failed);
  const refused = dns.changes.flatMap((change) =>
    change.action === 'delete' && services.has(change.serviceId) ? [change.current] : [],
  );
  return [...heldDeletes(dns), ...refused];
}

/** Services that have no lock at all, so that even a rule that is live already must close. One whose lock merely could not be changed keeps the old lock, and its rule. */
function lockMissing(access: Plan<AccessApplication>, notLocked: readonly ServiceId[]): ReadonlySet<ServiceId> {
  const failed = new Set(notLocked);
  const missing = new Set(heldUpserts(access));
  for (const change of access.changes) {
    if (change.action === 'create' && failed.has(change.serviceId)) missing.add(change.serviceId);
  }
  return missing;
}

function servicesOf(desired: DesiredState): readonly ServiceId[] {
  return desired.ingress.map((entry) => entry.serviceId);
}

/** Passes that a later one began to change the world after: should that one be cut short, they say nothing about the world any more. */
const overtaken = new WeakSet<Pass>();

/** Nothing changed here since the last pass, which left nothing undone: there is no reason to ask anything remote. */
function isSettled(previous: Pass | undefined, desired: DesiredState, options: PassOptions, policy: Policy): boolean {
  if (previous === undefined || options.full || options.planOnly === true) return false;
  if (previous.failed.length > 0 || overtaken.has(previous)) return false;
  // What was held may be done now.
  const mayDelete = (policy.complete && !previous.complete) || policy.confirmed === true;
  if (mayDelete && previous.plans.some((plan) => plan.held.length > 0)) return false;
  return isDeepStrictEqual(desired, previous.desired);
}

function nothingToDo(previous: Pass | undefined): readonly Plan<unknown>[] {
  return (previous?.plans ?? []).map((plan) => ({ ...plan, changes: [] }));
}
