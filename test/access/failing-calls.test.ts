// Every call fails once, each in its turn, on a long way through all kinds of changes: what must never be true is looked for at every call.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { splitPlace } from '../../src/access/places.ts';
import { type Choices, noChoices } from '../../src/choices.ts';
import { ApiError } from '../../src/errors.ts';
import { noLogin } from '../../src/ingress/access-applications.ts';
import type { AccessApplication, DesiredState, IngressEntry, ServiceId } from '../../src/model.ts';
import type { PolicySetting } from '../../src/settings/settings.ts';
import { never, type SeenCall } from '../cloudflare/api-world.ts';
import { contractZone, entryFor } from '../contract/reconciler.ts';
import { type AccessWorld, addForeigners, createAccessWorld, desiredInZone, locks, ownPolicy } from './world.ts';

const family: PolicySetting = { allow: { emails: ['a@example.com'], groups: ['theirs'], service_tokens: ['theirs'] } };
const friends: PolicySetting = { allow: { email_domains: ['example.org'] }, session: '24h' };

interface Step {
  readonly what: string;
  readonly policies: Readonly<Record<string, PolicySetting>>;
  readonly entries: readonly IngressEntry[];
  readonly zoneDefault?: string;
  readonly choices?: Choices;
}

const guarded = (name: string, policy: string, bypassPaths?: readonly string[]) =>
  entryFor(name, { access: { policy, ...(bypassPaths === undefined ? {} : { bypassPaths }) } });
const shell = entryFor('shell', { service: 'ssh://10.0.0.1:22', access: { policy: 'family' } });
const both = { family, friends };
const adopted = { ...noChoices, adopted: [`adopted.${contractZone}`] };

const steps: readonly Step[] = [
  { what: 'a start', policies: both, entries: [guarded('a', 'family', ['/x']), guarded('b', 'friends'), shell] },
  { what: 'a becomes public, b changes', policies: both, entries: [entryFor('a'), guarded('b', 'family'), shell] },
  {
    what: 'the zone is locked',
    policies: both,
    entries: [entryFor('a'), guarded('b', 'family')],
    zoneDefault: 'friends',
  },
  { what: 'a is guarded again', policies: both, entries: [guarded('a', 'friends', ['/y'])], zoneDefault: 'friends' },
  {
    what: 'a policy is renamed and changed, an application adopted',
    policies: { kin: { ...friends, session: '12h' } },
    entries: [guarded('a', 'kin'), guarded('adopted', 'kin')],
    zoneDefault: 'kin',
    choices: adopted,
  },
  {
    what: 'the zone is unlocked, one name is released',
    policies: { kin: friends },
    entries: [entryFor('b')],
    choices: { ...noChoices, released: [`adopted.${contractZone}`] },
  },
];

const nowhere: Step = { what: 'nothing', policies: both, entries: [] };

interface WatchedWorld extends AccessWorld {
  /** What must never be true, as it was found. */
  readonly found: string[];
  /** Makes what a step says come true, as far as the API lets it. */
  take(step: Step): Promise<void>;
}

/** A world full of somebody else's objects, looked at before every call and after every step. */
async function createWatchedWorld(t: TestContext): Promise<WatchedWorld> {
  const world = await createAccessWorld(t);
  const { access } = world.remote.store;
  const { sdk, account } = world;
  await addForeigners(world, 4);
  await sdk.zeroTrust.access.groups.create({ ...account, name: 'theirs', include: [{ everyone: {} }] });
  await sdk.zeroTrust.access.serviceTokens.create({ ...account, name: 'theirs' });
  const theirs = new Set([...access.apps.list(), ...access.policies.list()].map(({ id }) => id));
  const foreign = () =>
    JSON.stringify([access.groups.list(), access.serviceTokens.list(), access.identityProviders.list()]) +
    JSON.stringify([...access.apps.list(), ...access.policies.list()].filter(({ id }) => theirs.has(id)));
  const before = foreign();
  const found: string[] = [];
  let last = desiredInZone([], undefined);
  let now = last;
  let wasLocked: ReadonlySet<string> = new Set();
  /** Hosts of services that were said to be not as they must be: nothing of theirs is open. */
  let withheld: ReadonlySet<string> = new Set();

  function look(): void {
    if (foreign() !== before) found.push('something of somebody else’s has changed');
    const ours = access.apps.list().filter(({ id }) => !theirs.has(id));
    for (const { fields } of ours) if (fields.policies.length === 0) found.push(`${fields.domain} has no policy`);
    const lines = locks(world);
    const mayBeOpen = new Set([...exceptions(last), ...exceptions(now)]);
    const nothingToOpen = new Set([...publicHosts(last), ...publicHosts(now), ...withheld]);
    for (const line of lines) {
      const place = line.replace(` ${noLogin}`, '');
      // What nobody wants any more has no rule.
      const hasRule = [...last.ingress, ...now.ingress].some(({ rule }) => rule.hostname === splitPlace(place).host);
      if (!hasRule || place === line || mayBeOpen.has(place) || nothingToOpen.has(splitPlace(place).host)) continue;
      found.push(`${place} is open`);
    }
    const isLocked = (domain: string) => lines.some((line) => line.startsWith(`${domain} `) && !line.includes(noLogin));
    for (const domain of guardedIn(last, now))
      if (wasLocked.has(domain) && !isLocked(domain)) found.push(`${domain} is unlocked`);
    wasLocked = new Set(guardedIn(now, now).filter(isLocked));
  }

  async function settled(): Promise<readonly ServiceId[]> {
    try {
      const plan = await world.reconciler.plan(now, never());
      const failed = await world.reconciler.apply(plan, 'upsert', never());
      // Rules have changed by now: what fails from here on closes nothing.
      await world.reconciler.apply(plan, 'delete', never());
      return [...failed, ...plan.held.map(({ change }) => change.serviceId)];
    } catch (error) {
      // Nothing could be read, or read again: whatever a policy guards stays out.
      if (!(error instanceof ApiError)) throw error;
      return now.ingress.flatMap(({ access: wanted, serviceId }) => (wanted === 'public' ? [] : [serviceId]));
    }
  }

  let isChanged = true;
  world.remote.before = ({ method }) => {
    if (isChanged) look();
    isChanged = method !== 'GET';
  };
  return Object.assign(world, {
    found,
    async take({ policies, entries, zoneDefault, choices = noChoices }: Step) {
      world.policies = policies;
      world.choices = choices;
      now = desiredInZone(entries, zoneDefault);
      const out = new Set(await settled());
      withheld = new Set(now.ingress.filter(({ serviceId }) => out.has(serviceId)).map(({ rule }) => rule.hostname));
      last = now;
      look();
    },
  });
}

/** What a person makes by hand, and later has adopted. */
async function addAdoptable({ remote, sdk, account }: AccessWorld): Promise<void> {
  const domain = `adopted.${contractZone}`;
  if (remote.store.access.apps.list().some(({ fields }) => fields.domain === domain)) return;
  const policies = [ownPolicy('theirs', 'allow')];
  await sdk.zeroTrust.access.applications.create({
    ...account,
    type: 'self_hosted',
    name: 'by hand',
    domain,
    policies,
  });
}

function exceptions({ accessApplications }: DesiredState): readonly string[] {
  return accessApplications.filter(isException).map(({ domain }) => domain);
}

/** Places that both want locked. */
function guardedIn(last: DesiredState, now: DesiredState): readonly string[] {
  const places = ({ accessApplications }: DesiredState) =>
    accessApplications.filter((one) => !isException(one)).map(({ domain }) => domain);
  const wanted = new Set(places(now));
  return places(last).filter((domain) => wanted.has(domain));
}

/** Hosts at which there is nothing left to open. */
function publicHosts({ ingress }: DesiredState): readonly string[] {
  return ingress.filter(({ access }) => access === 'public').map(({ rule }) => rule.hostname);
}

function isException({ policies }: AccessApplication): boolean {
  return policies.includes(noLogin);
}

function expected({ entries, zoneDefault }: Step): readonly string[] {
  return desiredInZone(entries, zoneDefault)
    .accessApplications.map(({ domain, policies }) => `${domain} ${policies.join()}`)
    .filter((line) => !line.startsWith('adopted.'))
    .toSorted();
}

/** Our locks, without the half of a policy that is for programs. */
function ownLocks(world: AccessWorld): readonly string[] {
  return locks(world)
    .filter((line) => !line.startsWith('theirs-') && !line.startsWith('adopted.'))
    .map((line) => line.replace(',family/service-tokens', ''));
}

const statuses = [400, 403];

/** Most reads are alike: every third of them is tried. */
const strides = { write: 1, read: 3 } as const;

for (const kind of ['write', 'read'] as const)
  test(`whichever ${kind} fails: no lock is missing or empty, nothing of others changes, the next pass ends right`, async (t) => {
    const world = await createWatchedWorld(t);
    const isOfKind = ({ method }: SeenCall) => (method === 'GET') === (kind === 'read');
    let failures = 0;
    for (const [index, step] of steps.entries()) {
      // Each failure begins where the step before it ended; the way back there is watched as well.
      for (let unlucky = 1, didFail = true; didFail; unlucky += strides[kind]) {
        await addAdoptable(world);
        await world.take(steps[index - 1] ?? nowhere);
        let count = 0;
        didFail = false;
        world.remote.fault = (call) => {
          if (!isOfKind(call) || ++count !== unlucky) return undefined;
          didFail = true;
          failures++;
          return { status: statuses[unlucky % 2] ?? 400 };
        };
        await world.take(step);
        world.remote.fault = () => undefined;
        await world.take(step);
        const where = `${kind} ${unlucky} of ${step.what}`;
        assert.deepEqual(ownLocks(world), expected(step), where);
        assert.deepEqual(world.found, [], where);
      }
    }
    assert.ok(failures * strides[kind] >= 20, `only ${failures} failed`);
  });

test('a policy that somebody took off by hand is put back by the next pass', async (t) => {
  const world = await createAccessWorld(t);
  const desired = desiredInZone([guarded('a', 'friends')], 'family');
  await world.settle(desired);
  const right = locks(world);
  for (const { id = '', name, domain, tags } of (await world.look()).applications as readonly Record<string, string>[])
    await world.sdk.zeroTrust.access.applications.update(id, {
      ...world.account,
      type: 'self_hosted',
      name: name ?? '',
      domain: domain ?? '',
      tags: tags as unknown as string[],
      policies: [],
    });
  assert.deepEqual(locks(world), ['*.example.com ', 'a.example.com ']);
  assert.deepEqual(await world.settle(desired), []);
  assert.deepEqual(locks(world), right);
});
