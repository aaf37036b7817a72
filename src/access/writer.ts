// Writes Access objects in the order that keeps every lock shut: policies, applications whole with them, and deletes the other way round.
import type { NameDecisions } from '../adoption.ts';
import { ApiError } from '../errors.ts';
import type { AccessApplication, AccessPolicy } from '../model.ts';
import { type Attempts, inParallel, isOutage, unlessGone, unlessStatus } from './attempts.ts';
import { ownerTag } from './ownership.ts';
import { isSamePlace, splitPlace } from './places.ts';
import { type Reader, readAccess } from './reader.ts';
import {
  adoptionObstacle,
  applicationDifferences,
  type FoundApplication,
  policyDifferences,
  type RemoteAccess,
} from './remote.ts';
import { sshCaWarning } from './ssh-ca.ts';
import { toApiApplication, toApiPolicy, toApiRelease } from './to-api.ts';
import type { Item, Work } from './work.ts';

/** What one apply works with. */
export interface WriterOptions {
  readonly reader: Reader;
  readonly attempts: Attempts;
  /** As just read: the plan may be older. */
  readonly remote: RemoteAccess;
  readonly decisions: NameDecisions;
}

/** Both phases; what fails is in the attempts. */
export interface Writer {
  upsert(work: Work, signal: AbortSignal): Promise<void>;
  remove(work: Work, signal: AbortSignal): Promise<void>;
}

/** A writer for one apply. */
export function createWriter({ reader, attempts, remote, decisions }: WriterOptions): Writer {
  const { access, account, owner } = reader;
  const { attempt } = attempts;

  /** Policies first, each application then whole with its policies: there is no moment in which it has none. */
  async function upsert(work: Work, signal: AbortSignal): Promise<void> {
    const ids = new Map([...remote.policies].map(([name, { id }]) => [name, id]));
    const broken = new Set<string>();
    for (const { object, services } of work.policies) {
      const id = await attempt(services, () => putPolicy(object, signal));
      if (id === undefined) broken.add(object.name);
      else ids.set(object.name, id);
    }
    const ready = work.applications.filter(({ object, services }) => {
      const isReady = object.policies.length > 0 && object.policies.every((name) => ids.has(name) && !broken.has(name));
      if (!isReady) attempts.fail(services);
      return isReady;
    });
    const isTagged = await ensureTag(ready, signal);
    await inParallel(isTagged ? ready : [], (item) => putItem(item, ids, signal));
  }

  /** The policy's id. One that is as it should be already costs no call. */
  async function putPolicy(policy: AccessPolicy, signal: AbortSignal): Promise<string> {
    const found = remote.policies.get(policy.name);
    if (found === undefined)
      return (await access.policies.create(account, toApiPolicy(policy, owner, found), signal)).id;
    if (policyDifferences(found, policy).length > 0)
      await access.policies.update({ account, id: found.id }, toApiPolicy(policy, owner, found), signal);
    return found.id;
  }

  /** Applications can only carry a tag that exists; one of ours that is there already has it. */
  async function ensureTag(work: readonly Item<AccessApplication>[], signal: AbortSignal): Promise<boolean> {
    if (work.length === 0 || remote.ours.length > 0) return true;
    const services = work.flatMap((item) => item.services);
    const tag = ownerTag(owner);
    const done = await attempt(services, async () => {
      if (!(await access.tags.list(account, signal)).includes(tag)) await access.tags.create(account, tag, signal);
      return true;
    });
    return done === true;
  }

  async function putItem(
    { object, services }: Item<AccessApplication>,
    ids: ReadonlyMap<string, string>,
    signal: AbortSignal,
  ): Promise<void> {
    const id = await attempt(services, () => putApplication(object, ids, signal));
    if (id === undefined || object.sshCa !== true) return;
    await attempts.attemptOptional(
      (error) => sshCaWarning(error, object, services[0]),
      // Somebody, or an attempt whose answer was lost, made it already.
      () => unlessStatus(409, access.sshCas.create(account, id, signal)),
    );
  }

  /** The application's id. */
  async function putApplication(
    wanted: AccessApplication,
    ids: ReadonlyMap<string, string>,
    signal: AbortSignal,
  ): Promise<string> {
    const found = findOurs(remote, wanted) ?? findAdopted(wanted);
    const other = remote.foreign.find(
      (one) => one.id !== found?.id && one.places.some((place) => isSamePlace(place, wanted.domain)),
    );
    if (other !== undefined) throw taken(wanted.domain);
    const fields = toApiApplication(wanted, policyIds(wanted, ids), owner, found);
    if (found !== undefined) {
      if (!remote.ours.includes(found) || writtenDifferences(found, wanted).length > 0)
        await access.applications.update({ account, id: found.id }, fields, signal);
      return found.id;
    }
    try {
      return (await access.applications.create(account, fields, signal)).id;
    } catch (error) {
      // An answer may have been lost, and the attempt after it found the place taken, by us.
      if (!(error instanceof ApiError) || isOutage(error)) throw error;
      const made = findOurs(await readAccess(reader, signal), wanted);
      if (made === undefined || writtenDifferences(made, wanted).length > 0) throw error;
      return made.id;
    }
  }

  /** Somebody else's application that the plan is about, if it may still be taken over. */
  function findAdopted({ id, domain }: AccessApplication): FoundApplication | undefined {
    if (id === undefined || !decisions.isAdopted(splitPlace(domain).host)) return undefined;
    return remote.foreign.find(
      (one) =>
        one.id === id && adoptionObstacle(one) === undefined && one.places.some((place) => isSamePlace(place, domain)),
    );
  }

  async function release({ id }: AccessApplication, signal: AbortSignal): Promise<true> {
    const found = remote.ours.find((one) => one.id === id);
    if (found !== undefined && decisions.isReleased(splitPlace(found.domain).host))
      await access.applications.update({ account, id: found.id }, toApiRelease(found, owner), signal);
    return true;
  }

  /** Applications first: a policy that one still uses stays, whoever's that is. */
  async function remove(work: Work, signal: AbortSignal): Promise<void> {
    await inParallel(work.releases, ({ object, services }) => attempt(services, () => release(object, signal)));
    const gone = new Set<string>();
    await inParallel(work.applications, async ({ object, services }) => {
      const found = remote.ours.find(({ id, domain }) => id === object.id && domain === object.domain);
      if (found === undefined || decisions.isReleased(splitPlace(found.domain).host)) return;
      const done = await attempt(services, async () => {
        await unlessGone(access.applications.delete(account, found.id, signal));
        return true;
      });
      if (done === true) gone.add(found.id);
    });
    const there = [...remote.ours, ...remote.foreign].filter(({ id }) => !gone.has(id));
    const used = new Set(there.flatMap((application) => application.policyIds));
    const ours = new Set([...remote.policies.values(), ...remote.duplicates].map(({ id }) => id));
    for (const { object, services } of work.policies) {
      const { id } = object;
      if (id === undefined || used.has(id) || !ours.has(id)) continue;
      await attempt(services, async () => {
        await unlessGone(access.policies.delete(account, id, signal));
        return true;
      });
    }
  }

  return { upsert, remove };
}

function findOurs(remote: RemoteAccess, wanted: AccessApplication): FoundApplication | undefined {
  return remote.ours.find(({ domain }) => domain === wanted.domain);
}

/** Without the SSH authority, which is an object of its own. */
function writtenDifferences(found: FoundApplication, wanted: AccessApplication): readonly string[] {
  return applicationDifferences(found, wanted).filter((field) => field !== 'sshCa');
}

/** Of an application's policies, which all exist. */
function policyIds(application: AccessApplication, ids: ReadonlyMap<string, string>): readonly string[] {
  return application.policies.flatMap((name) => ids.get(name) ?? []);
}

function taken(domain: string): ApiError {
  return new ApiError({
    code: 'E_CONFLICT',
    message: `an Access application for ${domain} that is not ours has appeared`,
    hint: `take it over with \`sallyport adopt ${splitPlace(domain).host}\`, delete it, or choose another hostname`,
  });
}
