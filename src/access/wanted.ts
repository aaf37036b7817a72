// Each application of the desired state against what is there: made, changed, taken over, or left alone, and why. Pure.
import type { NameDecisions } from '../adoption.ts';
import { noLogin } from '../ingress/access-applications.ts';
import { accessDomain } from '../ingress/access-domain.ts';
import type { AccessApplication, DesiredState, Diagnostic, ServiceId } from '../model.ts';
import { policyNamed } from '../settings/people.ts';
import type { PolicySetting } from '../settings/settings.ts';
import type { AccessDirectory } from './directory.ts';
import { formatApplicationName, nobody } from './ownership.ts';
import { isBelowWildcard, mostSpecific, normalPlace, splitPlace } from './places.ts';
import { bypassRules, type PolicyProblem, type PolicyRules, policyRules } from './policy-rules.ts';
import { adoptionObstacle, type FoundApplication, type RemoteAccess } from './remote.ts';
import { conflict, decidedByOthers, left, unresolved } from './wanted-findings.ts';

/** What planning needs. */
export interface AccessPlanInputs {
  readonly remote: RemoteAccess;
  readonly desired: DesiredState;
  readonly settings: Readonly<Record<string, PolicySetting>>;
  readonly directory: AccessDirectory;
  /** Names a person took over or gave away. */
  readonly decisions: NameDecisions;
  /** Milliseconds. */
  readonly now: number;
}

/** One application of the desired state, with all that is known of it. */
export interface Wanted {
  readonly application: AccessApplication;
  readonly rules: readonly PolicyRules[];
  /** Every service that relies on it. */
  readonly services: readonly ServiceId[];
  readonly found: FoundApplication | undefined;
  /** It is somebody else's now, and a person said that it becomes ours. */
  readonly isAdoption: boolean;
  /** False when it is left as it is: nothing of it is made or changed. */
  readonly isReady: boolean;
  /** Why the services stay closed, where they do. */
  readonly reason?: string;
  readonly problems: readonly Diagnostic[];
  /** It is an exception from a lock: without it, there is only more lock. */
  readonly isBypass: boolean;
}

/** Every wanted application; locks are looked at first, because an exception from a lock that is not there is not made. */
export function resolveAll(inputs: AccessPlanInputs): readonly Wanted[] {
  const context = contextOf(inputs);
  const [exceptions, locks] = partition(inputs.desired.accessApplications, isException);
  const resolved = new Map<AccessApplication, Wanted>();
  for (const application of locks) resolved.set(application, resolveLock(application, context));
  const state = lockState([...resolved.values()]);
  for (const application of exceptions) resolved.set(application, resolveException(application, context, state));
  return inputs.desired.accessApplications.flatMap((application) => resolved.get(application) ?? []);
}

/** What exceptions depend on. */
interface LockState {
  /** Services with a lock that is not made. */
  readonly closed: ReadonlySet<ServiceId>;
  /** The locks of all names below a name. */
  readonly wildcards: readonly Wanted[];
}

function lockState(locks: readonly Wanted[]): LockState {
  return {
    closed: new Set(locks.filter(({ isReady }) => !isReady).flatMap(({ services }) => services)),
    wildcards: locks.filter(({ application }) => application.domain.startsWith('*')),
  };
}

interface Context {
  readonly inputs: AccessPlanInputs;
  readonly users: ReadonlyMap<string, readonly ServiceId[]>;
  readonly ours: ReadonlyMap<string, FoundApplication>;
  readonly foreign: ReadonlyMap<string, readonly FoundApplication[]>;
  readonly foreignWildcards: readonly FoundApplication[];
  /** The domains of public entries: an exception there is one from the lock of the zone. */
  readonly publicDomains: ReadonlySet<string>;
}

function contextOf(inputs: AccessPlanInputs): Context {
  const { remote, desired } = inputs;
  const [open, guarded] = partition(desired.ingress, (entry) => entry.access === 'public');
  const users = Map.groupBy(guarded, (entry) => accessDomain(entry.rule));
  const places = remote.foreign.flatMap((one) =>
    [...new Set(one.places.map(normalPlace))].map((place) => ({ place, one })),
  );
  return {
    inputs,
    users: new Map([...users].map(([domain, entries]) => [domain, [...new Set(entries.map((one) => one.serviceId))]])),
    ours: new Map(remote.ours.toReversed().map((one) => [one.domain, one])),
    foreign: new Map(
      [...Map.groupBy(places, ({ place }) => place)].map(([place, found]) => [place, found.map(({ one }) => one)]),
    ),
    foreignWildcards: remote.foreign.filter((one) => one.places.some((place) => splitPlace(place).host.includes('*'))),
    publicDomains: new Set(open.map((entry) => accessDomain(entry.rule))),
  };
}

function isException({ policies }: AccessApplication): boolean {
  return policies.includes(noLogin);
}

function baseOf(application: AccessApplication, context: Context): Wanted {
  const isBypass = isException(application);
  const resource = application.owner?.resource ?? nobody;
  const users = isBypass ? [] : (context.users.get(application.domain) ?? []);
  return {
    application,
    services: users.length === 0 ? [resource] : users,
    found: context.ours.get(application.domain),
    isAdoption: false,
    isBypass,
    isReady: false,
    rules: [],
    problems: [],
  };
}

function resolveLock(application: AccessApplication, context: Context): Wanted {
  const base = baseOf(application, context);
  const rules = rulesOf(application, context.inputs);
  if (isReleased(application, context)) return { ...base, ...left(base, rules, othersAt(application, context)) };
  const claim = claimOf(base, context);
  if ('conflict' in claim) return { ...base, ...claim.conflict };
  if ('problem' in rules) return { ...base, ...unresolved(base, rules) };
  return ready({ ...base, ...claim }, rules);
}

function resolveException(application: AccessApplication, context: Context, locks: LockState): Wanted {
  const base = baseOf(application, context);
  if (isReleased(application, context) || !hasLock(application, context, locks)) return base;
  const around = foreignAround(application, context);
  if (around !== undefined) return { ...base, problems: [decidedByOthers(base, around)] };
  const claim = claimOf(base, context);
  if ('conflict' in claim) return { ...base, ...claim.conflict };
  return ready({ ...base, ...claim }, [bypassRules]);
}

/** Whether what the exception is from is in place, or about to be: the lock of its zone, or that of its service. */
function hasLock(application: AccessApplication, context: Context, { closed, wildcards }: LockState): boolean {
  const { domain, owner } = application;
  if (!context.publicDomains.has(domain)) return !closed.has(owner?.resource ?? nobody);
  const around = wildcards.filter((lock) => isBelowWildcard(domain, lock.application.domain));
  return mostSpecific(around, (lock) => lock.application.domain)?.isReady === true;
}

/** Somebody else's wildcard that locks what would be an exception from the lock of the zone, which is broader. */
function foreignAround({ domain }: AccessApplication, context: Context): FoundApplication | undefined {
  if (!context.publicDomains.has(domain)) return undefined;
  return context.foreignWildcards.find(({ places }) => places.some((place) => isBelowWildcard(domain, place)));
}

/** Whose the place is: nobody's, ours, to be taken over, or somebody else's. */
function claimOf(
  base: Wanted,
  context: Context,
): Pick<Wanted, 'found' | 'isAdoption'> | { readonly conflict: Pick<Wanted, 'reason' | 'problems'> } {
  const { application, found } = base;
  const others = othersAt(application, context);
  const [other] = others;
  if (other === undefined) return { found, isAdoption: false };
  const isAdopted = context.inputs.decisions.isAdopted(splitPlace(application.domain).host);
  const isAlone = others.length === 1 && found === undefined;
  const obstacle = isAdopted ? (isAlone ? adoptionObstacle(other) : 'there is more than one') : undefined;
  if (isAdopted && obstacle === undefined) return { found: other, isAdoption: true };
  return { conflict: conflict(base, other, obstacle) };
}

function othersAt({ domain }: AccessApplication, context: Context): readonly FoundApplication[] {
  return context.foreign.get(normalPlace(domain)) ?? [];
}

function isReleased({ domain }: AccessApplication, { inputs }: Context): boolean {
  return inputs.decisions.isReleased(splitPlace(domain).host);
}

function ready(base: Wanted, rules: readonly PolicyRules[]): Wanted {
  const { application } = base;
  const owner = application.owner ?? { id: '', resource: nobody };
  const name = formatApplicationName(application.domain, owner);
  return {
    ...base,
    isReady: true,
    rules,
    application: { ...application, name, policies: rules.map((one) => one.name) },
  };
}

/** All policies of an application. One without any would be refused by Access for good, or worse; it is never made. */
function rulesOf(
  application: AccessApplication,
  { settings, directory }: AccessPlanInputs,
): readonly PolicyRules[] | PolicyProblem {
  const all: PolicyRules[] = [];
  for (const name of application.policies) {
    const rules = policyRules(name, policyNamed(name, settings), directory);
    if ('problem' in rules) return rules;
    all.push(...rules);
  }
  return all.length > 0 ? all : { problem: 'it has no policy', hint: 'name one' };
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}
