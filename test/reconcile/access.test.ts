// Whole passes with the real Access reconciler: no name and no rule is ever open without its lock, whatever fails or dies.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createAccessReconciler } from '../../src/access/reconciler.ts';
import { closedService } from '../../src/ingress/closing.ts';
import { createSilentLogger } from '../../src/logger.ts';
import type { IngressEntry } from '../../src/model.ts';
import { entryFor } from '../contract/reconciler.ts';
import { createWorld, type World } from './world.ts';

const policies = { family: { allow: { emails: ['a@example.com'] } }, friends: { allow: { everyone: true } } };
const family = { policy: 'family' };

interface LockedWorld extends World {
  /** Names that had a rule to an origin and a record while nothing locked them. */
  readonly opened: readonly string[];
  /** `one.example.com family` for every application there is. */
  locked(): readonly string[];
}

/** The world with a real Access reconciler; at every call of the API, and after every pass, it looks for open doors. */
async function createLockedWorld(t: TestContext): Promise<LockedWorld> {
  const world = await createWorld(t);
  world.isWatching = false;
  const { remote } = world;
  const { access: store } = remote.store;
  const opened: string[] = [];
  const create = () =>
    createAccessReconciler({
      api: remote.api,
      account: remote.account,
      owner: 'home',
      policies: () => policies,
      logger: createSilentLogger(),
    });
  let access = create();
  const policyName = (id: string) =>
    store.policies
      .list()
      .find((policy) => policy.id === id)
      ?.fields.name.replace(/^.*policy=/, '') ?? id;
  const locked = () =>
    store.apps.list().map(({ fields }) => `${fields.domain} ${fields.policies.map(({ id }) => policyName(id)).join()}`);
  const look = () => {
    for (const { hostname, service } of world.rules()) {
      if (hostname === undefined || service === closedService) continue;
      const entry = world.entries.find((one) => one.rule.hostname === hostname && one.rule.service === service);
      if (entry === undefined || entry.access === 'public') continue;
      // A lock that is changed is the old one until it is the new one.
      const locks = Object.keys(policies).map((policy) => `${hostname} ${policy}`);
      if (!locked().some((lock) => locks.includes(lock))) opened.push(hostname);
    }
    for (const app of store.apps.list())
      if (app.fields.policies.length === 0) opened.push(`${app.fields.domain} (empty)`);
  };
  const { deps, pass, restart } = world;
  const before = remote.before;
  remote.before = (call) => {
    before(call);
    look();
  };
  return Object.assign(world, {
    opened,
    locked,
    deps: () => ({ ...deps(), access }),
    async pass(...args: Parameters<World['pass']>) {
      const done = await pass(...args);
      look();
      return done;
    },
    restart() {
      restart();
      access = create();
    },
  });
}

const guarded = (name: string, policy = family) => entryFor(name, { access: policy });

test('from a policy to public and back: there is no moment without the lock that is asked for', async (t) => {
  const world = await createLockedWorld(t);
  world.entries = [guarded('a')];
  await world.pass();
  assert.deepEqual(world.locked(), ['a.example.com family']);
  world.entries = [entryFor('a')];
  await world.pass();
  assert.deepEqual(world.locked(), []);
  assert.equal(world.served('a'), entryFor('a').rule.service);
  world.entries = [guarded('a')];
  await world.pass();
  assert.deepEqual(world.locked(), ['a.example.com family']);
  assert.equal(world.served('a'), entryFor('a').rule.service);
  assert.deepEqual(world.opened, []);
});

test('when the way back to a policy fails, the service is closed until it succeeds', async (t) => {
  const world = await createLockedWorld(t);
  world.entries = [entryFor('a'), entryFor('b')];
  await world.pass();
  world.remote.fault = ({ method, path }) =>
    method === 'POST' && path.includes('/access/') ? { status: 403 } : undefined;
  world.entries = [guarded('a'), entryFor('b')];
  const failed = await world.pass();
  assert.deepEqual(failed.failed, ['access/family', 'docker/a']);
  assert.equal(world.served('a'), closedService);
  assert.equal(world.served('b'), entryFor('b').rule.service);
  world.remote.fault = () => undefined;
  const mended = await world.pass();
  assert.deepEqual(mended.failed, []);
  assert.equal(world.served('a'), entryFor('a').rule.service);
  assert.deepEqual(world.opened, []);
});

test('a policy that does not exist closes its service and no other', async (t) => {
  const world = await createLockedWorld(t);
  world.entries = [guarded('a', { policy: 'nobody' }), guarded('b'), entryFor('c')];
  const pass = await world.pass();
  assert.equal(world.served('a'), undefined);
  assert.deepEqual(world.signed().toSorted(), ['b', 'c']);
  assert.ok(pass.diagnostics.some(({ code, serviceId }) => code === 'E_NO_POLICY' && serviceId === 'docker/a'));
  assert.deepEqual(world.opened, []);
});

test('nothing to do is no call at all', async (t) => {
  const world = await createLockedWorld(t);
  world.entries = [guarded('a'), entryFor('b')];
  await world.pass();
  world.remote.calls.length = 0;
  await world.pass();
  assert.deepEqual(world.remote.calls, []);
});

const steps: readonly (readonly IngressEntry[])[] = [
  [guarded('a'), entryFor('b')],
  [entryFor('a'), guarded('b'), guarded('c', { policy: 'friends' })],
  [guarded('a', { policy: 'friends' }), guarded('c')],
  [],
];
const deaths = Array.from({ length: 20 }, (_, index) => index + 1);
for (const isFatal of [true, false])
  test(`whichever write fails${isFatal ? ', and the program dies of it' : ''}: nothing was open, and the end is right`, async (t) => {
    for (const deadly of deaths) {
      const world = await createLockedWorld(t);
      let writes = 0;
      world.remote.fault = ({ method }) => {
        if (method === 'GET') return undefined;
        writes++;
        return writes === deadly || (isFatal && writes > deadly) ? { status: 401 } : undefined;
      };
      for (const entries of steps) {
        world.entries = entries;
        await world.pass({ full: true });
        if (writes < deadly) continue;
        world.remote.fault = () => undefined;
        if (isFatal) world.restart();
        await world.pass({ full: true });
        assert.deepEqual(
          world.signed().toSorted(),
          entries.map((entry) => entry.rule.hostname.split('.')[0]).toSorted(),
          `write ${deadly}`,
        );
        const locks = entries.flatMap(({ rule, access }) =>
          access === 'public' ? [] : [`${rule.hostname} ${access.policy}`],
        );
        assert.deepEqual(world.locked().toSorted(), locks.toSorted(), `write ${deadly}`);
        for (const { rule } of entries) assert.equal(world.served(rule.hostname.split('.')[0] ?? ''), rule.service);
      }
      assert.deepEqual(world.opened, [], `write ${deadly}`);
      if (writes < deadly) return;
    }
  });

test('no lock is put in front of somebody else’s site, and nothing of ours is opened under its name', async (t) => {
  const world = await createLockedWorld(t);
  const { store } = world.remote;
  const zone = store.ensureZone('example.com');
  const theirs = store.records.create(zone, {
    type: 'CNAME',
    name: 'shop.example.com',
    content: 'their.host',
    proxied: true,
  });
  world.entries = [guarded('shop'), guarded('mine')];
  const pass = await world.pass();
  assert.deepEqual(world.locked(), ['mine.example.com family']);
  assert.equal(world.served('shop'), undefined);
  assert.deepEqual(world.opened, []);
  assert.deepEqual(world.signed().toSorted(), ['mine', 'shop']);
  assert.deepEqual(
    world.records().find(({ id }) => id === theirs.id),
    theirs,
  );
  assert.ok(pass.diagnostics.some(({ code, serviceId }) => code === 'E_CONFLICT' && serviceId === 'docker/shop'));
  // Another pass sees the same and writes nothing.
  world.remote.calls.length = 0;
  await world.pass({ full: true });
  assert.deepEqual(
    world.remote.calls.filter(({ method }) => method !== 'GET'),
    [],
  );
});

test('a name of one service that somebody else has does not hold its others', async (t) => {
  const world = await createLockedWorld(t);
  const { store } = world.remote;
  store.records.create(store.ensureZone('example.com'), {
    type: 'A',
    name: 'shop.example.com',
    content: '192.0.2.1',
    proxied: true,
  });
  const [shop, mine] = [guarded('shop'), guarded('mine')];
  world.entries = [{ ...shop, serviceId: mine.serviceId }, mine];
  await world.pass();
  assert.deepEqual(world.locked(), ['mine.example.com family']);
  assert.ok(world.signed().includes('mine'));
  assert.notEqual(world.served('mine'), undefined);
});
