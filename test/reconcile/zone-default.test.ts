// Whole passes with a lock for the whole zone: who asked for a policy is never open, who wrote public is never closed for want of an exception.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createAccessReconciler } from '../../src/access/reconciler.ts';
import { noLogin } from '../../src/ingress/access-applications.ts';
import { closedService } from '../../src/ingress/closing.ts';
import { compileIngress } from '../../src/ingress/compile.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { contractZone, entryFor } from '../contract/reconciler.ts';
import { createWorld, type World } from './world.ts';

const policies = { family: { allow: { emails: ['a@example.com'] } }, zone: { allow: { emails: ['z@example.com'] } } };
const guarded = (name: string) => entryFor(name, { access: { policy: 'family' } });

interface ZoneWorld extends World {
  zoneDefault: string | undefined;
  /** Names whose rule led to an origin while their lock was not the one asked for. */
  readonly opened: readonly string[];
  /** `a.example.com family` for every application there is. */
  locked(): readonly string[];
}

async function createZoneWorld(t: TestContext): Promise<ZoneWorld> {
  const world = await createWorld(t);
  world.isWatching = false;
  const { remote, deps, pass } = world;
  const { access: store } = remote.store;
  const opened: string[] = [];
  const access = createAccessReconciler({
    api: remote.api,
    account: remote.account,
    owner: 'home',
    policies: () => policies,
    logger: createSilentLogger(),
  });
  const locked = () =>
    store.apps.list().map((app) => {
      const names = store.appPolicies.list(app).map(({ policy }) => policy.fields.name.replace(/^.*policy=/, ''));
      return `${app.fields.domain} ${names.join()}`;
    });
  const look = () => {
    const there = locked();
    for (const { hostname, service } of world.rules()) {
      const entry = world.entries.find((one) => one.rule.hostname === hostname && one.rule.service === service);
      if (entry === undefined || entry.access === 'public' || service === closedService) continue;
      if (!there.includes(`${hostname} ${entry.access.policy}`)) opened.push(hostname ?? '');
    }
  };
  const { before } = remote;
  remote.before = (call) => {
    before(call);
    look();
  };
  const zoneWorld: ZoneWorld = Object.assign(world, {
    zoneDefault: 'zone' as string | undefined,
    opened,
    locked,
    deps: () => ({
      ...deps(),
      access,
      compile: (entries: World['entries'], previous: World['entries']) => {
        const { zoneDefault } = zoneWorld;
        const tunnelTarget = 'tunnel.cfargotunnel.com';
        return compileIngress(entries, { zones: [contractZone], tunnelTarget, owner: 'home', previous, zoneDefault });
      },
    }),
    async pass(...args: Parameters<World['pass']>) {
      const done = await pass(...args);
      look();
      return done;
    },
  });
  return zoneWorld;
}

const isWriteOf =
  (noun: string) =>
  ({ method, path }: { readonly method: string; readonly path: string }) =>
    method !== 'GET' && path.includes(`/access/${noun}`);

test('from a policy to public and back below the lock of the zone: no moment is open, and both ends are right', async (t) => {
  const world = await createZoneWorld(t);
  for (const entry of [guarded('a'), entryFor('a'), guarded('a')]) {
    world.entries = [entry];
    assert.deepEqual((await world.pass()).failed, []);
    const policy = entry.access === 'public' ? noLogin : entry.access.policy;
    assert.deepEqual(world.locked().toSorted(), ['*.example.com zone', `a.example.com ${policy}`]);
    assert.equal(world.served('a'), entry.rule.service);
  }
  assert.deepEqual(world.opened, []);
});

test('when the way back to a policy fails, the service is closed until it succeeds', async (t) => {
  const world = await createZoneWorld(t);
  world.entries = [entryFor('a'), entryFor('b')];
  await world.pass();
  world.remote.fault = (call) => (isWriteOf('apps')(call) ? { status: 400 } : undefined);
  world.entries = [guarded('a'), entryFor('b')];
  assert.deepEqual((await world.pass()).failed, ['docker/a']);
  assert.deepEqual([world.served('a'), world.served('b')], [closedService, entryFor('b').rule.service]);
  world.remote.fault = () => undefined;
  assert.deepEqual((await world.pass()).failed, []);
  assert.equal(world.served('a'), guarded('a').rule.service);
  assert.deepEqual(world.opened, []);
});

test('a public service stays up when the exception it needs now cannot be made, and gets it later', async (t) => {
  const world = await createZoneWorld(t);
  world.zoneDefault = undefined;
  world.entries = [entryFor('a')];
  await world.pass();
  world.zoneDefault = 'zone';
  world.remote.fault = (call) => (isWriteOf('apps')(call) ? { status: 400 } : undefined);
  const failed = await world.pass();
  assert.ok(failed.isUndone);
  assert.equal(world.served('a'), entryFor('a').rule.service);
  world.remote.fault = () => undefined;
  assert.deepEqual((await world.pass()).failed, []);
  assert.deepEqual(world.locked().toSorted(), ['*.example.com zone', `a.example.com ${noLogin}`]);
});

test('a lock that somebody opened by hand and that cannot be mended closes its service', async (t) => {
  const world = await createZoneWorld(t);
  world.entries = [guarded('a'), guarded('b')];
  await world.pass();
  const { apps, policies: shared } = world.remote.store.access;
  const app = apps.list().find(({ fields }) => fields.domain === 'a.example.com');
  assert.ok(app !== undefined);
  const open = shared.create({ name: 'open', decision: 'bypass', include: [{ everyone: {} }], kept: {} });
  const { type, name, tags, domain } = app.fields;
  apps.replace(app.id, { type, name, tags, domain: domain ?? '', policies: [{ id: open.id }], kept: {} });
  world.remote.fault = (call) => (isWriteOf('apps')(call) ? { status: 400 } : undefined);
  await world.pass({ full: true });
  assert.deepEqual([world.served('a'), world.served('b')], [closedService, guarded('b').rule.service]);
  world.remote.fault = () => undefined;
  await world.pass({ full: true });
  assert.equal(world.served('a'), guarded('a').rule.service);
});

test('without the setting the zone is as it was, and a steady state makes no call', async (t) => {
  const world = await createZoneWorld(t);
  world.entries = [entryFor('a'), guarded('b')];
  await world.pass();
  world.remote.calls.length = 0;
  await world.pass();
  assert.deepEqual(world.remote.calls, []);
  world.zoneDefault = undefined;
  await world.pass();
  assert.deepEqual(world.locked(), ['b.example.com family']);
  assert.deepEqual(world.opened, []);
});
