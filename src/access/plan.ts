// What Access must become, against what there is. Pure.
import { noLogin } from '../ingress/access-applications.ts';
import { accessDomain } from '../ingress/access-domain.ts';
import type {
  AccessApplication,
  AccessObject,
  AccessPolicy,
  Change,
  DesiredState,
  Diagnostic,
  HeldChange,
  Plan,
  ServiceId,
} from '../model.ts';
import type { PolicySetting } from '../settings/settings.ts';
import { formatApplicationName } from './ownership.ts';
import {
  type AccessDirectory,
  bypassRules,
  type PolicyProblem,
  type PolicyRules,
  policyRules,
} from './policy-rules.ts';
import {
  applicationDifferences,
  type FoundApplication,
  normalPlace,
  otherInstance,
  policyDifferences,
  type RemoteAccess,
  splitPlace,
} from './remote.ts';

/** What planning needs. */
export interface AccessPlanInputs {
  readonly remote: RemoteAccess;
  readonly desired: DesiredState;
  readonly settings: Readonly<Record<string, PolicySetting>>;
  readonly directory: AccessDirectory;
}

/** The plan, and what users should know of it. */
export interface AccessPlan {
  readonly plan: Plan<AccessObject>;
  readonly problems: readonly Diagnostic[];
}

/** The service of an application that a person renamed. */
const nobody: ServiceId = 'access/application';

/** The plan for applications and policies. */
export function planAccess(inputs: AccessPlanInputs): AccessPlan {
  const { remote, desired } = inputs;
  const wanted = resolveAll(inputs);
  const taken = new Set(wanted.flatMap(({ found }) => found?.id ?? []));
  const ready = wanted.filter(({ isReady }) => isReady);
  const leftovers = remote.ours.filter(({ id }) => !taken.has(id));
  const policies = wantedPolicies(ready);
  const unused = unusedPolicies(remote, wanted, policies, leftovers);
  const changes: Change<AccessObject>[] = [
    ...policies.flatMap((policy) => policyChange(policy, remote)),
    ...ready.flatMap(applicationChanges),
    ...leftovers.flatMap((application) => tightening(application, ready)),
    ...leftovers.map(deletion),
    ...unused.map(policyDeletion),
  ];
  const held = wanted.flatMap(heldChanges);
  return {
    plan: { target: 'access', changes, held, owned: remote.ours.length, following: unused.length },
    problems: [...wanted.flatMap((one) => one.problems), ...innerForeign(ready, remote, desired)],
  };
}

/** One application of the desired state, with all that is known of it. */
interface Wanted {
  readonly application: AccessApplication;
  readonly rules: readonly PolicyRules[];
  /** Every service that relies on it. */
  readonly services: readonly ServiceId[];
  readonly found: FoundApplication | undefined;
  /** False when it is left as it is: nothing of it is made or changed. */
  readonly isReady: boolean;
  /** Why the services stay closed, where they do. */
  readonly reason?: string;
  readonly problems: readonly Diagnostic[];
  /** It is an exception from a lock: without it, there is only more lock. */
  readonly isBypass: boolean;
}

function resolveAll(inputs: AccessPlanInputs): readonly Wanted[] {
  const { remote, desired } = inputs;
  const users = Map.groupBy(
    desired.ingress.filter((entry) => entry.access !== 'public'),
    (entry) => accessDomain(entry.rule),
  );
  const ours = new Map(remote.ours.toReversed().map((one) => [one.domain, one]));
  const foreign = new Map(
    remote.foreign.flatMap((one) => one.places.map((place) => [normalPlace(place), one] as const)),
  );
  const closed = new Set<ServiceId>();
  return desired.accessApplications.map((application) => {
    const { domain } = application;
    const isBypass = application.policies.includes(noLogin);
    const resource = application.owner?.resource ?? nobody;
    const entries = isBypass ? [] : (users.get(domain) ?? []);
    const services = entries.length === 0 ? [resource] : [...new Set(entries.map((entry) => entry.serviceId))];
    const found = ours.get(domain);
    const other = foreign.get(normalPlace(domain));
    const base = { application, services, found, isBypass, isReady: false, rules: [], problems: [] };
    // An exception from a lock that is not there is not made.
    if (isBypass && closed.has(resource)) return base;
    if (other !== undefined) {
      if (!isBypass) for (const service of services) closed.add(service);
      return { ...base, ...conflict(domain, other, services, isBypass) };
    }
    const rules = rulesOf(application, inputs);
    if ('problem' in rules) {
      for (const service of services) closed.add(service);
      return { ...base, ...unresolved(domain, rules, services) };
    }
    const owner = application.owner ?? { id: '', resource };
    const name = formatApplicationName(domain, owner);
    return {
      ...base,
      isReady: true,
      rules,
      application: { ...application, name, policies: rules.map((one) => one.name) },
    };
  });
}

/** All policies of an application. One without any would be refused by Access for good, or worse; it is never made. */
function rulesOf(
  application: AccessApplication,
  { settings, directory }: AccessPlanInputs,
): readonly PolicyRules[] | PolicyProblem {
  const all: PolicyRules[] = [];
  for (const name of application.policies) {
    const setting = Object.hasOwn(settings, name) ? settings[name] : undefined;
    const rules = name === noLogin ? [bypassRules] : policyRules(name, setting, directory);
    if ('problem' in rules) return rules;
    all.push(...rules);
  }
  return all.length > 0 ? all : { problem: 'it has no policy', hint: 'name one' };
}

function unresolved(
  domain: string,
  { problem, hint }: PolicyProblem,
  services: readonly ServiceId[],
): Pick<Wanted, 'reason' | 'problems'> {
  const message = `${domain} stays closed: ${problem}`;
  return {
    reason: `${problem}: the service stays closed`,
    problems: services.map((serviceId) => ({ severity: 'error', code: 'E_NO_POLICY', message, hint, serviceId })),
  };
}

function conflict(
  domain: string,
  other: FoundApplication,
  services: readonly ServiceId[],
  isBypass: boolean,
): Pick<Wanted, 'reason' | 'problems'> {
  const instance = otherInstance(other);
  const whose = instance === undefined ? 'is not ours' : `belongs to the instance with the tag ${instance}`;
  const reason = `an Access application for ${domain} exists ("${other.name.slice(0, 80)}") and ${whose}`;
  const hint = 'delete it, or choose another hostname';
  const severity = isBypass ? 'warning' : 'error';
  return {
    // What somebody else decided about that path stands; the rest of the host keeps its lock.
    ...(isBypass ? {} : { reason: `${reason}: ${hint}` }),
    problems: services.map((serviceId) => ({ severity, code: 'E_CONFLICT', message: reason, hint, serviceId })),
  };
}

/** One per service, so that each stays closed by itself. */
function heldChanges({ application, services, found, reason }: Wanted): readonly HeldChange<AccessObject>[] {
  if (reason === undefined) return [];
  return services.map((serviceId) => {
    const change: Change<AccessObject> =
      found === undefined
        ? { action: 'create', serviceId, desired: application }
        : { action: 'update', serviceId, current: plain(found), desired: application, fields: ['policies'] };
    return { change, reason };
  });
}

/** One per service that relies on the application: whichever part of a pass looks, it finds the change. */
function applicationChanges({ application, services, found }: Wanted): readonly Change<AccessObject>[] {
  if (found === undefined) return services.map((serviceId) => ({ action: 'create', serviceId, desired: application }));
  const fields = applicationDifferences(found, application);
  if (fields.length === 0) return [];
  return services.map((serviceId) => ({
    action: 'update',
    serviceId,
    current: plain(found),
    desired: { ...application, id: found.id },
    fields,
  }));
}

function wantedPolicies(ready: readonly Wanted[]): readonly AccessPolicy[] {
  const policies = new Map<string, AccessPolicy>();
  for (const { rules, services } of ready) {
    for (const one of rules) {
      const users = [...new Set([...(policies.get(one.name)?.users ?? []), ...services])];
      policies.set(one.name, { ...one, users });
    }
  }
  return [...policies.values()];
}

function policyChange(policy: AccessPolicy, remote: RemoteAccess): readonly Change<AccessObject>[] {
  const serviceId = policyService(policy.name);
  const found = remote.policies.get(policy.name);
  if (found === undefined) return [{ action: 'create', serviceId, desired: policy }];
  const fields = policyDifferences(found, policy);
  if (fields.length === 0) return [];
  const { appCount: _count, api: _api, ...current } = found;
  return [{ action: 'update', serviceId, current, desired: { ...policy, id: found.id }, fields }];
}

/**
 * An application that nobody wants any more may stay for a while, when deletes are held. Until it goes it must not let anybody in
 * whom the application around it would not: it takes that one's policies.
 */
function tightening(application: FoundApplication, ready: readonly Wanted[]): readonly Change<AccessObject>[] {
  const around = ready
    .filter((one) => !one.isBypass && isAround(one.application.domain, application.domain))
    .sort((a, b) => b.application.domain.length - a.application.domain.length)[0];
  if (around === undefined) return [];
  const desired = { ...plain(application), policies: around.application.policies };
  if (!applicationDifferences(application, desired).includes('policies')) return [];
  const current = plain(application);
  return around.services.map((serviceId) => ({ action: 'update', serviceId, current, desired, fields: ['policies'] }));
}

function isAround(outer: string, inner: string): boolean {
  const [around, within] = [splitPlace(outer), splitPlace(inner)];
  return around.host === within.host && within.path.startsWith(around.path.replace(/[/*]+$/, ''));
}

function deletion(application: FoundApplication): Change<AccessObject> {
  return { action: 'delete', serviceId: application.owner?.resource ?? nobody, current: plain(application) };
}

/** Policies of ours that no application uses when everything else is done, one of somebody else's included. */
function unusedPolicies(
  remote: RemoteAccess,
  wanted: readonly Wanted[],
  policies: readonly AccessPolicy[],
  leftovers: readonly FoundApplication[],
): readonly AccessPolicy[] {
  const needed = new Set(policies.map((policy) => policy.name));
  const going = new Set(leftovers.map(({ id }) => id));
  const changing = new Set(wanted.flatMap(({ found, isReady }) => (isReady ? (found?.id ?? []) : [])));
  const stays = [...remote.foreign, ...remote.ours].filter(({ id }) => !going.has(id) && !changing.has(id));
  const used = new Set(stays.flatMap((application) => application.policyIds));
  const ours = [...[...remote.policies.values()].filter(({ name }) => !needed.has(name)), ...remote.duplicates];
  return ours.filter(({ id }) => !used.has(id)).map(({ appCount: _count, api: _api, ...policy }) => policy);
}

function policyDeletion(policy: AccessPolicy): Change<AccessObject> {
  return { action: 'delete', serviceId: policyService(policy.name), current: policy };
}

/** Policies serve many; in a plan they stand for themselves. */
function policyService(name: string): ServiceId {
  return `access/${name.replaceAll(/[^!-~]/g, '-')}`;
}

/** Applications of others within our hosts: they decide there, which users should know. */
function innerForeign(ready: readonly Wanted[], remote: RemoteAccess, desired: DesiredState): readonly Diagnostic[] {
  const hosts = new Map(
    ready.filter((one) => !one.isBypass).map((one) => [splitPlace(one.application.domain).host, one]),
  );
  const wanted = new Set(desired.accessApplications.map(({ domain }) => normalPlace(domain)));
  return remote.foreign.flatMap((application) =>
    application.places.flatMap((place): Diagnostic[] => {
      const ours = hosts.get(splitPlace(place).host);
      if (ours === undefined || wanted.has(normalPlace(place)) || !isAround(ours.application.domain, place)) return [];
      const message = `an Access application that is not ours ("${application.name.slice(0, 80)}") decides who may see ${place}`;
      const hint = 'delete it if the policy of the service should decide there too';
      return ours.services.map((serviceId) => ({ severity: 'warning', code: 'E_CONFLICT', message, hint, serviceId }));
    }),
  );
}

function plain(found: FoundApplication): AccessApplication {
  const { id, name, domain, policies, owner } = found;
  return { id, name, domain, policies, ...(owner === undefined ? {} : { owner }) };
}
