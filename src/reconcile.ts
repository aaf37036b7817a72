// One pass, top to bottom: sources list services, plugins route them, the compiler makes one desired state, three reconcilers plan and apply it.
import { isDeepStrictEqual } from 'node:util';
import type { Reconciler } from './contracts.ts';
import { closeInstead } from './ingress/closing.ts';
import type { IngressReconciler } from './ingress/reconciler.ts';
import type { Logger } from './logger.ts';
import type {
  AccessObject,
  DesiredState,
  Diagnostic,
  DnsRecord,
  IngressEntry,
  Plan,
  Service,
  ServiceId,
  Snapshot,
} from './model.ts';
import { heldDeletes, heldUpserts, hold, type Mode, type Policy, reasons, restrict } from './plan/policy.ts';
import { sparingOthers } from './reconcile-claims.ts';
import { closeUnlocked, reopen } from './reconcile-closing.ts';
import { type Plans, safeIngress, unlockedServices } from './reconcile-safety.ts';
import { createSteps, type Steps } from './reconcile-steps.ts';

/** What a pass is made of. */
export interface Deps {
  /** Every source at once; never throws because one did not answer. */
  readonly list: (signal: AbortSignal) => Promise<Listed>;
  readonly route: (
    services: readonly Service[],
    previous: readonly IngressEntry[],
    signal: AbortSignal,
  ) => Routed | Promise<Routed>;
  readonly compile: (entries: readonly IngressEntry[], previous: readonly IngressEntry[]) => Compiled;
  readonly access: Reconciler<AccessObject>;
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
export type Pass = Omit<Snapshot, 'revision' | 'finishedAt' | 'reasons'>;

/**
 * One pass: look at everything, decide, and change only what differs.
 *
 * What holds at every moment, whichever call fails or hangs:
 * - an address that is gone, or another service's now, is out of the rules before anything remote is asked (step 0);
 * - no rule is live without its lock: Access first, then rules, and a service whose lock failed is withheld from the rules. A rule
 *   whose lock is seen to be missing is closed before anything else is written;
 * - no name is live without its rule: rules first, then DNS; and DNS is taken down before a rule goes. A rule whose
 *   name could not be taken down answers 503 instead of going;
 * - a lock goes last, and only where rule and name went.
 * Rejects only with the signal's reason and with bugs; what the API refuses is in `failed` and `diagnostics`.
 */
export async function reconcile(deps: Deps, options: PassOptions, signal: AbortSignal): Promise<Pass> {
  const { previous } = options;
  const listed = await deps.list(signal);
  const routed = await deps.route(listed.services, previous?.entries ?? [], signal);
  const { desired, diagnostics } = deps.compile(routed.entries, previous?.desired.ingress ?? []);
  const policy: Policy = { mode: deps.mode, complete: listed.complete, confirmed: options.confirmed ?? false };
  const steps = createSteps(deps.logger, signal);
  const work: Work = { deps, desired, policy, steps, signal };

  let plans: readonly Plan<unknown>[];
  if (isSettled(work, options)) plans = nothingToDo(previous);
  else if (options.planOnly === true || deps.mode === 'dry-run') plans = await foresee(work);
  else {
    if (previous !== undefined) madeWith.delete(previous);
    // Step 0. Needs no API where the rules are our own connector's, so it happens although one is down.
    await steps.run('closing rules', [], () => deps.ingress.withdraw(desired, signal));
    plans = await applyAll(work, await planAll(work));
  }

  const pass: Pass = {
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
    isUndone: steps.hasFailed(),
  };
  madeWith.set(pass, deps);
  return pass;
}

/** What the parts of a pass share. */
interface Work {
  readonly deps: Deps;
  readonly desired: DesiredState;
  readonly policy: Policy;
  readonly steps: Steps;
  readonly signal: AbortSignal;
}

/** Reads reality and says what differs. The three only read, so they read at once; one that cannot is left out and everything it guards is held. */
async function planAll({ deps, desired, policy, steps, signal }: Work): Promise<Plans> {
  const all = desired.ingress.map((entry) => entry.serviceId);
  const guarded = desired.ingress.flatMap((entry) => (entry.access === 'public' ? [] : [entry.serviceId]));
  const [access, ingress, dns] = await Promise.all([
    steps.run('planning Access', guarded, () => deps.access.plan(desired, signal)),
    steps.run('planning rules', all, () => deps.ingress.plan(desired, signal)),
    steps.run('planning DNS', all, () => deps.dns.plan(desired, signal)),
  ]);
  if (access !== undefined) lockRead.add(deps.access);
  const made = {
    access: access ?? { target: 'access' as const, changes: [], held: [] },
    ingress: ingress ?? { target: 'ingress' as const, changes: [], held: [] },
    dns: dns ?? { target: 'dns' as const, changes: [], held: [] },
  };
  const spared = sparingOthers(made, desired);
  return {
    access: restrict(spared.access, policy),
    ingress: restrict(spared.ingress, policy, closeInstead(desired)),
    dns: restrict(spared.dns, policy),
    lockUnknown: access === undefined ? guarded : [],
    isDnsUnknown: dns === undefined,
  };
}

/** What applying would do, as far as that can be known without doing it. */
async function foresee(work: Work): Promise<readonly Plan<unknown>[]> {
  const { deps, desired, policy } = work;
  const plans = await planAll(work);
  if (policy.mode === 'dry-run') return [plans.access, plans.ingress, plans.dns];
  const outcome = { stillSigned: [], notLocked: [] };
  const ingress = safeIngress(plans, outcome, desired, deps.ingress.live());
  const closed = [...unlockedServices(plans, outcome), ...notOpen(ingress)];
  return [plans.access, ingress, holdUpserts(plans.dns, closed)];
}

/** The order is the safety: take the sign down, lock the door, open the road, hang the sign, remove locks nobody needs. Returns what was really done. */
async function applyAll({ deps, desired, steps, signal }: Work, plans: Plans): Promise<readonly Plan<unknown>[]> {
  const { access, dns } = plans;
  // Reading may have shown rules we had no memory of, after a start or changed by hand, and locks that are gone.
  const unlocked = closeUnlocked(plans, deps.ingress.live(), lockRead.has(deps.access) ? [] : plans.lockUnknown);
  await steps.apply('closing rules', deps.ingress, unlocked, 'upsert');
  await steps.run('closing rules', [], () => deps.ingress.closeStale(desired, signal));
  const stillSigned = await steps.apply('removing DNS records', deps.dns, dns, 'delete');
  const notLocked = await steps.apply('applying Access', deps.access, access, 'upsert');
  const outcome = { stillSigned, notLocked };

  const live = deps.ingress.live();
  const reopened = reopen(plans.ingress, live, deps.ingress.effective(desired));
  const ingress = safeIngress({ ...plans, ingress: reopened }, outcome, desired, live);
  const refused = await steps.apply('changing rules', deps.ingress, ingress, 'upsert');
  const notOpened = steps.didFail('planning rules') ? desired.ingress.map((entry) => entry.serviceId) : refused;

  const closed = [...unlockedServices(plans, outcome), ...notOpened, ...notOpen(ingress)];
  const signs = holdUpserts(dns, closed);
  await steps.apply('writing DNS records', deps.dns, signs, 'upsert');

  const stillThere = [...notOpened, ...heldDeletes(ingress).map((entry) => entry.serviceId)];
  const locks = holdDeletes(access, stillThere, steps.didFail('planning rules'));
  await steps.apply('removing Access', deps.access, locks, 'delete');
  signal.throwIfAborted();
  return [locks, ingress, signs];
}

/** Services of which a rule is held. Of those held because their name is somebody else's the record is held already, and no other. */
function notOpen(ingress: Plan<IngressEntry>): readonly ServiceId[] {
  return heldUpserts({ ...ingress, held: ingress.held.filter(({ reason }) => reason !== reasons.taken) });
}

/** No name for a service that is not open. */
function holdUpserts<T>(plan: Plan<T>, services: readonly ServiceId[]): Plan<T> {
  const closed = new Set(services);
  return hold(plan, (change) =>
    change.action !== 'delete' && closed.has(change.serviceId) ? reasons.earlier : undefined,
  );
}

/** A lock stays while what it locks may still be there. */
function holdDeletes<T>(plan: Plan<T>, services: readonly ServiceId[], areAllUnknown: boolean): Plan<T> {
  const there = new Set(services);
  return hold(plan, (change) =>
    change.action === 'delete' && (areAllUnknown || there.has(change.serviceId)) ? reasons.ruleThere : undefined,
  );
}

/**
 * What each finished pass was made with. A pass is forgotten when a later one begins to change the world after it: should that
 * one be cut short, the earlier one says nothing about the world any more.
 */
const madeWith = new WeakMap<Pass, Deps>();

/** Where the locks have been read once: what became of those since then is known, unless somebody else changed them. */
const lockRead = new WeakSet<Reconciler<AccessObject>>();

/** Nothing changed here since the last pass, which left nothing undone: there is no reason to ask anything remote. */
function isSettled({ deps, desired, policy }: Work, options: PassOptions): boolean {
  const { previous } = options;
  if (previous === undefined || options.full || options.planOnly === true) return false;
  if (previous.isUndone || !isMadeWith(previous, deps)) return false;
  // What was held may be done now.
  const mayDelete = (policy.complete && !previous.complete) || policy.confirmed === true;
  if (mayDelete && previous.plans.some((plan) => plan.held.length > 0)) return false;
  return isDeepStrictEqual(desired, previous.desired);
}

function isMadeWith(pass: Pass, deps: Deps): boolean {
  const before = madeWith.get(pass);
  return (
    before !== undefined &&
    before.mode === deps.mode &&
    before.access === deps.access &&
    before.ingress === deps.ingress &&
    before.dns === deps.dns
  );
}

function nothingToDo(previous: Pass | undefined): readonly Plan<unknown>[] {
  return (previous?.plans ?? []).map((plan) => ({ ...plan, changes: [] }));
}
