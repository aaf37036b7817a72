// Short-lived SSH certificates: an authority per guarded ssh entry, made once, and never more important than the lock.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { never } from '../cloudflare/api-world.ts';
import { desiredFor, entryFor } from '../contract/reconciler.ts';
import { type AccessWorld, codes, createAccessWorld, locks, summary, writes } from './world.ts';

const family = { policy: 'family' };
const shell = entryFor('shell', { service: 'ssh://10.0.0.1:22', access: family });
const web = entryFor('web', { access: family });
const desired = desiredFor([shell, web]);

function authorities({ remote }: AccessWorld): readonly string[] {
  const { apps, sshCas } = remote.store.access;
  return sshCas.list().map(({ appId }) => apps.get(appId).fields.domain ?? '');
}

test('a guarded ssh entry gets an authority, others none, and a second look asks for nothing', async (t) => {
  const world = await createAccessWorld(t);
  assert.deepEqual(await world.settle(desired), []);
  assert.deepEqual(authorities(world), ['shell.example.com']);
  assert.deepEqual(summary(await world.reconciler.plan(desired, never())), []);
  world.remote.calls.length = 0;
  await world.settle(desired);
  assert.deepEqual(writes(world), []);
});

test('services without ssh cost no call more', async (t) => {
  const world = await createAccessWorld(t);
  await world.settle(desiredFor([web]));
  assert.deepEqual(
    world.remote.calls.filter(({ path }) => path.endsWith('/ca')),
    [],
  );
});

test('an authority that is missing is made without touching the application', async (t) => {
  const world = await createAccessWorld(t);
  await world.settle(desiredFor([entryFor('shell', { access: family })]));
  const plan = await world.reconciler.plan(desiredFor([shell]), never());
  assert.deepEqual(summary(plan), ['update shell.example.com family (sshCa)']);
  world.remote.calls.length = 0;
  await world.reconciler.apply(plan, 'upsert', never());
  assert.deepEqual(writes(world), ['POST apps']);
  assert.deepEqual(authorities(world), ['shell.example.com']);
});

test('it goes with its application', async (t) => {
  const world = await createAccessWorld(t);
  await world.settle(desired);
  await world.settle(desiredFor([web]));
  assert.deepEqual(authorities(world), []);
});

const refusals = [
  ['making it', ({ method, path }: { method: string; path: string }) => method === 'POST' && path.endsWith('/ca')],
  ['listing them', ({ method, path }: { method: string; path: string }) => method === 'GET' && path.endsWith('/ca')],
] as const;
for (const [what, isRefused] of refusals)
  test(`an API that refuses ${what} is a warning: the lock is there all the same`, async (t) => {
    const world = await createAccessWorld(t);
    world.remote.fault = (call) => (isRefused(call) ? { status: 403 } : undefined);
    assert.deepEqual(await world.settle(desired), []);
    assert.deepEqual(locks(world), ['shell.example.com family', 'web.example.com family']);
    const [[code, severity] = []] = codes(world);
    assert.deepEqual([code, severity], ['W_SSH_CA', 'warning']);
  });

test('an API that knows no list of them is asked to make one', async (t) => {
  const world = await createAccessWorld(t);
  world.remote.fault = ({ method, path }) => (method === 'GET' && path.endsWith('/ca') ? { status: 404 } : undefined);
  assert.deepEqual(await world.settle(desired), []);
  assert.deepEqual(codes(world), []);
  assert.deepEqual(authorities(world), ['shell.example.com']);
});

test('one that somebody made meanwhile is as good', async (t) => {
  const world = await createAccessWorld(t);
  await world.settle(desiredFor([entryFor('shell', { access: family })]));
  const plan = await world.reconciler.plan(desiredFor([shell]), never());
  const [app] = world.remote.store.access.apps.list();
  world.remote.store.access.sshCas.create(app?.id ?? '');
  assert.deepEqual(await world.reconciler.apply(plan, 'upsert', never()), []);
  assert.deepEqual(codes(world), []);
});
