// Access applications and policies of ours, kept in line with the desired state. Reads the account once per plan and once more before it writes.
import type { CloudflareApi } from '../cloudflare/client.ts';
import type { Reconciler } from '../contracts.ts';
import { checkOwnerId } from '../dns/ownership.ts';
import { ApiError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type {
  AccessApplication,
  AccessObject,
  AccessPolicy,
  DesiredState,
  Diagnostic,
  Plan,
  ServiceId,
} from '../model.ts';
import type { PolicySetting } from '../settings/settings.ts';
import { ownerTag } from './ownership.ts';
import { planAccess } from './plan.ts';
import { type AccessDirectory, directoryNeeds } from './policy-rules.ts';
import {
  applicationDifferences,
  type FoundApplication,
  normalPlace,
  policyDifferences,
  type RemoteAccess,
  readRemote,
  toApiApplication,
  toApiPolicy,
} from './remote.ts';

/** What the reconciler works with. */
export interface AccessOptions {
  readonly api: Pick<CloudflareApi, 'access'>;
  readonly account: string;
  /** Our id, in the tag of every application and the name of every policy we make. */
  readonly owner: string;
  /** The policies of the settings as they are now. */
  readonly policies: () => Readonly<Record<string, PolicySetting>>;
  readonly logger: Logger;
}

type Phase = 'upsert' | 'delete';

/** A reconciler for the Access part of one account. Throws ValidationError when the owner id cannot be marked. */
export function createAccessReconciler(options: AccessOptions): Reconciler<AccessObject> {
  const { account, logger } = options;
  const owner = checkOwnerId(options.owner);
  const { access } = options.api;
  let problems: Diagnostic[] = [];
  /** Why the API takes nothing at the moment: the rest of this apply need not try. */
  let outage: ApiError | undefined;

  async function read(signal: AbortSignal): Promise<RemoteAccess> {
    const [applications, policies] = await Promise.all([
      access.applications.list(account, signal),
      access.policies.list(account, signal),
    ]);
    return readRemote(applications, policies, owner);
  }

  /** Only the lists that a policy in use names something from. */
  async function readDirectory(
    names: readonly string[],
    settings: Readonly<Record<string, PolicySetting>>,
    signal: AbortSignal,
  ): Promise<AccessDirectory> {
    const needs = directoryNeeds(names.map((name) => (Object.hasOwn(settings, name) ? settings[name] : undefined)));
    const [groups, loginMethods, serviceTokens] = await Promise.all([
      needs.groups ? access.groups(account, signal) : [],
      needs.loginMethods ? access.loginMethods(account, signal) : [],
      needs.serviceTokens ? access.serviceTokens(account, signal) : [],
    ]);
    return { groups, loginMethods, serviceTokens };
  }

  async function plan(desired: DesiredState, signal: AbortSignal): Promise<Plan<AccessObject>> {
    problems = [];
    const settings = options.policies();
    const names = desired.accessApplications.flatMap((application) => application.policies);
    try {
      const [remote, directory] = await Promise.all([read(signal), readDirectory(names, settings, signal)]);
      const planned = planAccess({ remote, desired, settings, directory });
      problems.push(...planned.problems);
      return planned.plan;
    } catch (error) {
      // Whoever wants no policy needs neither Access nor a token that may use it.
      if (names.length > 0 || !(error instanceof ApiError) || !isRefusal(error)) throw error;
      logger.debug({ code: error.code, reason: error.message }, 'Access is not available, and not needed');
      return { target: 'access', changes: [], held: [], owned: 0 };
    }
  }

  async function apply(planned: Plan<AccessObject>, phase: Phase, signal: AbortSignal): Promise<readonly ServiceId[]> {
    signal.throwIfAborted();
    outage = undefined;
    const work = phase === 'upsert' ? upserts(planned) : deletes(planned);
    if (work.applications.length + work.policies.length === 0) return [];
    const remote = await read(signal);
    return phase === 'upsert' ? upsert(work, remote, signal) : remove(work, remote, signal);
  }

  /** Policies first, each application then whole with its policies: there is no moment in which it has none. */
  async function upsert(work: Work, remote: RemoteAccess, signal: AbortSignal): Promise<readonly ServiceId[]> {
    const failed = new Set<ServiceId>();
    const ids = new Map([...remote.policies].map(([name, { id }]) => [name, id]));
    const broken = new Set<string>();
    for (const { object, services } of work.policies) {
      const id = await attempt(services, failed, () => putPolicy(object, remote, signal));
      if (id === undefined) broken.add(object.name);
      else ids.set(object.name, id);
    }
    const ready = work.applications.filter(({ object, services }) => {
      const isReady = object.policies.length > 0 && object.policies.every((name) => ids.has(name) && !broken.has(name));
      if (!isReady) for (const service of services) failed.add(service);
      return isReady;
    });
    const isTagged = await ensureTag(ready, remote, failed, signal);
    await inParallel(isTagged ? ready : [], ({ object, services }) =>
      attempt(services, failed, () => putApplication(object, ids, remote, signal)),
    );
    return [...failed];
  }

  /** The policy's id. One that is as it should be already costs no call. */
  async function putPolicy(policy: AccessPolicy, remote: RemoteAccess, signal: AbortSignal): Promise<string> {
    const found = remote.policies.get(policy.name);
    if (found === undefined)
      return (await access.policies.create(account, toApiPolicy(policy, owner, found), signal)).id;
    if (policyDifferences(found, policy).length > 0)
      await access.policies.update({ account, id: found.id }, toApiPolicy(policy, owner, found), signal);
    return found.id;
  }

  /** Applications can only carry a tag that exists; one of ours that is there already has it. */
  async function ensureTag(
    work: readonly Item<AccessApplication>[],
    remote: RemoteAccess,
    failed: Set<ServiceId>,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (work.length === 0 || remote.ours.length > 0) return true;
    const services = work.flatMap((item) => item.services);
    const tag = ownerTag(owner);
    const done = await attempt(services, failed, async () => {
      if (!(await access.tags.list(account, signal)).includes(tag)) await access.tags.create(account, tag, signal);
      return true;
    });
    return done === true;
  }

  async function putApplication(
    wanted: AccessApplication,
    ids: ReadonlyMap<string, string>,
    remote: RemoteAccess,
    signal: AbortSignal,
  ): Promise<boolean> {
    const found = findOurs(remote, wanted);
    const other = remote.foreign.find(({ places }) => places.some((place) => isSamePlace(place, wanted.domain)));
    if (other !== undefined) throw taken(wanted.domain);
    const fields = toApiApplication(wanted, policyIds(wanted, ids), owner, found);
    if (found !== undefined) {
      if (applicationDifferences(found, wanted).length > 0)
        await access.applications.update({ account, id: found.id }, fields, signal);
      return true;
    }
    try {
      await access.applications.create(account, fields, signal);
    } catch (error) {
      // An answer may have been lost, and the attempt after it found the place taken, by us.
      if (!(error instanceof ApiError) || isOutage(error)) throw error;
      const made = findOurs(await read(signal), wanted);
      if (made === undefined || applicationDifferences(made, wanted).length > 0) throw error;
    }
    return true;
  }

  /** Applications first: a policy that one still uses stays, whoever's that is. */
  async function remove(work: Work, remote: RemoteAccess, signal: AbortSignal): Promise<readonly ServiceId[]> {
    const failed = new Set<ServiceId>();
    const gone = new Set<string>();
    await inParallel(work.applications, async ({ object, services }) => {
      const found = remote.ours.find(({ id, domain }) => id === object.id && domain === object.domain);
      if (found === undefined) return;
      const done = await attempt(services, failed, async () => {
        await unlessGone(access.applications.delete(account, found.id, signal));
        return true;
      });
      if (done === true) gone.add(found.id);
    });
    const there = [...remote.ours, ...remote.foreign];
    const used = new Set(there.filter(({ id }) => !gone.has(id)).flatMap((application) => application.policyIds));
    const ours = new Set([...remote.policies.values(), ...remote.duplicates].map(({ id }) => id));
    for (const { object, services } of work.policies) {
      const { id } = object;
      if (id === undefined || used.has(id) || !ours.has(id)) continue;
      await attempt(services, failed, async () => {
        await unlessGone(access.policies.delete(account, id, signal));
        return true;
      });
    }
    return [...failed];
  }

  /** The outcome; undefined, and the services failed, when the API refused it. */
  async function attempt<T>(
    services: readonly ServiceId[],
    failed: Set<ServiceId>,
    act: () => Promise<T>,
  ): Promise<T | undefined> {
    try {
      if (outage !== undefined) throw outage;
      return await act();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (isOutage(error)) outage = error;
      logger.warn({ services, code: error.code, reason: error.message }, 'access change failed');
      const hint = error.hint === undefined ? {} : { hint: error.hint };
      for (const serviceId of services) {
        failed.add(serviceId);
        problems.push({ severity: 'error', code: error.code, message: error.message, serviceId, ...hint });
      }
      return undefined;
    }
  }

  return { target: 'access', plan, apply, diagnostics: () => problems };
}

/** One object to write or delete, and whom it is for. */
interface Item<T> {
  readonly object: T;
  readonly services: readonly ServiceId[];
}

interface Work {
  readonly applications: readonly Item<AccessApplication>[];
  readonly policies: readonly Item<AccessPolicy>[];
}

function upserts(plan: Plan<AccessObject>): Work {
  const changes = plan.changes.flatMap((change) =>
    change.action === 'delete' ? [] : [{ object: change.desired, serviceId: change.serviceId }],
  );
  return sort(changes);
}

function deletes(plan: Plan<AccessObject>): Work {
  const changes = plan.changes.flatMap((change) =>
    change.action === 'delete' ? [{ object: change.current, serviceId: change.serviceId }] : [],
  );
  return sort(changes);
}

/** Each object once, for all services it was planned for. */
function sort(changes: readonly { readonly object: AccessObject; readonly serviceId: ServiceId }[]): Work {
  const applications = new Map<string, Item<AccessApplication>>();
  const policies: Item<AccessPolicy>[] = [];
  for (const { object, serviceId } of changes) {
    if ('decision' in object) {
      policies.push({ object, services: [...new Set([serviceId, ...object.users])] });
      continue;
    }
    const key = object.id ?? object.domain;
    const services = [...(applications.get(key)?.services ?? []), serviceId];
    applications.set(key, { object, services });
  }
  return { applications: [...applications.values()], policies };
}

function findOurs(remote: RemoteAccess, wanted: AccessApplication): FoundApplication | undefined {
  return remote.ours.find(({ domain }) => domain === wanted.domain);
}

function isSamePlace(a: string, b: string): boolean {
  return normalPlace(a) === normalPlace(b);
}

/** Of an application's policies, which all exist. */
function policyIds(application: AccessApplication, ids: ReadonlyMap<string, string>): readonly string[] {
  return application.policies.flatMap((name) => ids.get(name) ?? []);
}

function taken(domain: string): ApiError {
  return new ApiError({
    code: 'E_CONFLICT',
    message: `an Access application for ${domain} that is not ours has appeared`,
    hint: 'delete it, or choose another hostname',
  });
}

/** The API understood and will not, whoever asks again with this token. */
function isRefusal(error: ApiError): boolean {
  return !error.retryable && error.status !== undefined;
}

/** Not this change is wrong but the moment, or the token. */
function isOutage(error: ApiError): boolean {
  return error.retryable || error.status === 401 || error.status === 403;
}

async function unlessGone(deleting: Promise<void>): Promise<void> {
  try {
    await deleting;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
  }
}

/** Calls that are on their way at once: quick enough for a hundred applications, and far from the API's limit. */
const parallel = 4;

async function inParallel<T>(items: readonly T[], act: (item: T) => Promise<unknown>): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (const item of queue) await act(item);
    }),
  );
}
