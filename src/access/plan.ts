// What Access must become, against what there is. Pure.

import { noLogin } from '../ingress/access-applications.ts';
import type {
  AccessApplication,
  AccessObject,
  AccessPolicy,
  Change,
  Diagnostic,
  HeldChange,
  Plan,
  ServiceId,
} from '../model.ts';
import { isLock } from './lock.ts';
import { nobody } from './ownership.ts';
import { isBelowWildcard, isWithin, mostSpecific, splitPlace } from './places.ts';
import { applicationDifferences, type FoundApplication, policyDifferences, type RemoteAccess } from './remote.ts';
import { tokenWarnings } from './token-expiry.ts';
import { type AccessPlanInputs, resolveAll, type Wanted } from './wanted.ts';
import { innerForeign } from './wanted-findings.ts';

/** The plan, and what users should know of it. */
export interface AccessPlan {
  readonly plan: Plan<AccessObject>;
  readonly problems: readonly Diagnostic[];
}

/** The plan for applications and policies. */
export function planAccess(inputs: AccessPlanInputs): AccessPlan {
  const { remote, decisions } = inputs;
  const wanted = resolveAll(inputs);
  const ready = wanted.filter(({ isReady }) => isReady);
  const released = remote.ours.filter(({ domain }) => decisions.isReleased(splitPlace(domain).host));
  const kept = new Set([...wanted.flatMap(({ found }) => found?.id ?? []), ...released.map(({ id }) => id)]);
  const leftovers = remote.ours.filter(({ id }) => !kept.has(id));
  const policies = wantedPolicies(ready);
  const unused = unusedPolicies(remote, ready, policies, leftovers);
  const changes: Change<AccessObject>[] = [
    ...policies.flatMap((policy) => policyChange(policy, remote)),
    ...ready.flatMap(applicationChanges),
    ...leftovers.flatMap((application) => tightening(application, ready)),
    ...released.map(release),
    ...leftovers.map(deletion),
    ...unused.map(policyDeletion),
  ];
  // An exception that goes leaves more lock than before: no number of those has to be confirmed.
  const exceptions = leftovers.filter((application) => application.policies.includes(noLogin));
  const following = unused.length + exceptions.length;
  return {
    plan: { target: 'access', changes, held: wanted.flatMap(heldChanges), owned: remote.ours.length, following },
    problems: [
      ...wanted.flatMap((one) => one.problems),
      ...innerForeign(wanted, inputs),
      ...tokenWarnings(policies, inputs.directory.serviceTokens, inputs.now),
    ],
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
function applicationChanges({ application, services, found, isAdoption }: Wanted): readonly Change<AccessObject>[] {
  if (found === undefined) return services.map((serviceId) => ({ action: 'create', serviceId, desired: application }));
  const fields = [...(isAdoption ? ['owner'] : []), ...applicationDifferences(found, application)];
  if (fields.length === 0) return [];
  const { sshCa: _sshCa, ...rest } = application;
  const desired = { ...rest, id: found.id, ...(fields.includes('sshCa') ? { sshCa: true } : {}) };
  const current = isAdoption ? withoutOwner(plain(found)) : plain(found);
  return services.map((serviceId) => ({ action: 'update', serviceId, current, desired, fields }));
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
 * whom the application around it would not: it takes that one's policies. Below the lock of a zone a lock of its own is enough.
 */
function tightening(application: FoundApplication, ready: readonly Wanted[]): readonly Change<AccessObject>[] {
  const { domain } = application;
  const isLocked = isLock(application.policies);
  const locks = ready.filter(
    ({ isBypass, application: outer }) =>
      !isBypass && (isWithin(domain, outer.domain) || (!isLocked && isBelowWildcard(domain, outer.domain))),
  );
  const around = mostSpecific(locks, (lock) => lock.application.domain);
  if (around === undefined) return [];
  const current = plain(application);
  const desired = { ...current, policies: around.application.policies };
  if (!applicationDifferences(application, desired).includes('policies')) return [];
  return around.services.map((serviceId) => ({ action: 'update', serviceId, current, desired, fields: ['policies'] }));
}

/** Our mark goes; everything else stays as it is. */
function release(application: FoundApplication): Change<AccessObject> {
  return { ...deletion(application), onlyMark: true };
}

function deletion(application: FoundApplication): Change<AccessObject> & { readonly action: 'delete' } {
  return { action: 'delete', serviceId: application.owner?.resource ?? nobody, current: plain(application) };
}

/** Policies of ours that no application uses when everything else is done, one of somebody else's included. */
function unusedPolicies(
  remote: RemoteAccess,
  ready: readonly Wanted[],
  policies: readonly AccessPolicy[],
  leftovers: readonly FoundApplication[],
): readonly AccessPolicy[] {
  const needed = new Set(policies.map((policy) => policy.name));
  const changing = new Set([...leftovers, ...ready.flatMap(({ found }) => found ?? [])].map(({ id }) => id));
  const stays = [...remote.foreign, ...remote.ours].filter(({ id }) => !changing.has(id));
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

function plain(found: FoundApplication): AccessApplication {
  const { id, name, domain, policies, owner } = found;
  return { id, name, domain, policies, ...(owner === undefined ? {} : { owner }) };
}

function withoutOwner({ owner: _owner, ...rest }: AccessApplication): AccessApplication {
  return rest;
}
