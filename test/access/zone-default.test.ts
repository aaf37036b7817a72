// The lock of a whole zone against a real API: kept, never over somebody else's, gone with the setting, and nobody public who did not ask.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSamePlace } from '../../src/access/places.ts';
import { noLogin } from '../../src/ingress/access-applications.ts';
import { never } from '../cloudflare/api-world.ts';
import { entryFor } from '../contract/reconciler.ts';
import { applyAll, codes, createAccessWorld, desiredInZone, locks, type Raw, summary } from './world.ts';

const open = entryFor('open');
const guarded = entryFor('guarded', { access: { policy: 'friends' } });
const both = desiredInZone([open, guarded], 'family');
const zoneService = 'access/zone-default';

test('every name of the zone is locked, public ones are exceptions, and the SDK reads what the plan said', async (t) => {
  const world = await createAccessWorld(t);
  const plan = await world.reconciler.plan(both, never());
  assert.deepEqual(summary(plan), [
    'create policy friends',
    `create policy ${noLogin}`,
    'create policy family',
    'create guarded.example.com friends',
    `create open.example.com ${noLogin}`,
    'create *.example.com family',
  ]);
  assert.deepEqual(await applyAll(world.reconciler, plan), []);
  const { applications, policies } = await world.look();
  const policyOf = (app: Raw | undefined) =>
    ((app?.policies ?? []) as readonly Raw[]).map(({ name, decision, include }) => ({ name, decision, include }));
  const at = (domain: string) => applications.find((app) => app.domain === domain);
  assert.deepEqual(at('*.example.com')?.destinations, [{ type: 'public', uri: '*.example.com' }]);
  assert.equal(at('*.example.com')?.name, '*.example.com (access/zone-default)');
  assert.deepEqual(at('*.example.com')?.tags, ['sallyport-home']);
  assert.deepEqual(policyOf(at('*.example.com')), [
    { name: 'sallyport owner=home policy=family', decision: 'allow', include: [{ email: { email: 'a@example.com' } }] },
  ]);
  assert.deepEqual(policyOf(at('open.example.com')), [
    { name: `sallyport owner=home policy=${noLogin}`, decision: 'bypass', include: [{ everyone: {} }] },
  ]);
  assert.equal(policies.length, 3);
  assert.deepEqual(summary(await world.reconciler.plan(both, never())), []);
});

test('from public to a policy and back is one change of one application', async (t) => {
  const world = await createAccessWorld(t);
  const shut = desiredInZone([entryFor('open', { access: { policy: 'friends' } }), guarded], 'family');
  await world.settle(both);
  assert.deepEqual(summary(await world.reconciler.plan(shut, never())), [
    'update open.example.com friends (policies)',
    `delete policy ${noLogin}`,
  ]);
  await world.settle(shut);
  assert.deepEqual(locks(world), ['*.example.com family', 'guarded.example.com friends', 'open.example.com friends']);
  await world.settle(both);
  assert.deepEqual(locks(world), [
    '*.example.com family',
    'guarded.example.com friends',
    `open.example.com ${noLogin}`,
  ]);
});

test('without the setting, its lock and the exceptions from it go, and need no confirmation', async (t) => {
  const world = await createAccessWorld(t);
  const many = Array.from({ length: 5 }, (_, index) => entryFor(`open${index}`));
  await world.settle(desiredInZone(many, 'family'));
  const plan = await world.reconciler.plan(desiredInZone(many, undefined), never());
  assert.equal(plan.changes.length, 5 + 1 + 2);
  // Five exceptions and two policies that nothing uses any more.
  assert.equal(plan.following, 7);
  assert.deepEqual(await applyAll(world.reconciler, plan), []);
  assert.deepEqual(locks(world), []);
});

test('while deletes are held, the exception of a service that went is locked like any other name', async (t) => {
  const world = await createAccessWorld(t);
  await world.settle(both);
  const plan = await world.reconciler.plan(desiredInZone([guarded], 'family'), never());
  await world.reconciler.apply(plan, 'upsert', never());
  assert.ok(locks(world).includes('open.example.com family'));
  await world.reconciler.apply(plan, 'delete', never());
  assert.deepEqual(locks(world), ['*.example.com family', 'guarded.example.com friends']);
});

test("somebody else's lock of the zone stays, is said, and nothing below it becomes an exception", async (t) => {
  const world = await createAccessWorld(t);
  await world.sdk.zeroTrust.access.applications.create({
    ...world.account,
    type: 'self_hosted',
    name: 'all mine',
    domain: '*.example.com',
  });
  const before = JSON.stringify((await world.look()).applications);
  const plan = await world.reconciler.plan(both, never());
  assert.deepEqual(summary(plan), ['create policy friends', 'create guarded.example.com friends']);
  assert.deepEqual(
    plan.held.map(({ change }) => change.serviceId),
    [zoneService],
  );
  assert.match(plan.held[0]?.reason ?? '', /\*\.example\.com exists \("all mine"\).*sallyport adopt \*\.example\.com/);
  assert.deepEqual(codes(world), [['E_CONFLICT', 'error', undefined]]);
  await applyAll(world.reconciler, plan);
  const after = (await world.look()).applications.filter(({ name }) => name === 'all mine');
  assert.equal(JSON.stringify(after), before);
});

test("a public name below somebody else's narrower wildcard stays with them", async (t) => {
  const world = await createAccessWorld(t);
  await world.sdk.zeroTrust.access.applications.create({
    ...world.account,
    type: 'self_hosted',
    name: 'lab',
    domain: '*.lab.example.com',
  });
  const desired = desiredInZone([entryFor('x.lab'), open], 'family');
  assert.deepEqual(summary(await world.reconciler.plan(desired, never())), [
    `create policy ${noLogin}`,
    'create policy family',
    `create open.example.com ${noLogin}`,
    'create *.example.com family',
  ]);
  assert.deepEqual(codes(world), [['E_CONFLICT', 'warning', 'docker/x.lab']]);
});

test('a policy that cannot be resolved makes no lock of the zone and no exception, and closes nothing else', async (t) => {
  const world = await createAccessWorld(t);
  world.policies = { ...world.policies, family: { allow: { groups: ['nobody'] } } };
  const plan = await world.reconciler.plan(both, never());
  assert.deepEqual(summary(plan), ['create policy friends', 'create guarded.example.com friends']);
  assert.deepEqual(codes(world), [['E_NO_POLICY', 'error', undefined]]);
});

const samePlaces = [
  ['*.example.com', '*.example.com/', true],
  ['*.example.com', 'example.com', false],
] as const;
for (const [a, b, isSame] of samePlaces)
  test(`${a} and ${b} are ${isSame ? 'one place' : 'two places'}`, () => assert.equal(isSamePlace(a, b), isSame));
