// A pass against the real API: its order, what it leaves out, and what is never true at any moment of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closedService } from '../src/ingress/closing.ts';
import type { IngressEntry, Plan } from '../src/model.ts';
import { reasons } from '../src/plan/policy.ts';
import { type Pass, reconcile } from '../src/reconcile.ts';
import { never } from './cloudflare/api-world.ts';
import { entryFor } from './contract/reconciler.ts';
import { createWorld, unenforced, type World } from './reconcile/world.ts';

const family = { policy: 'family' };

function guarded(name: string, fields: { readonly service?: string } = {}): IngressEntry {
  return entryFor(name, { ...fields, access: family });
}

function planOf(pass: Pass, target: Plan<unknown>['target']): Plan<unknown> {
  const plan = pass.plans.find((found) => found.target === target);
  assert.ok(plan !== undefined);
  return plan;
}

function codes(pass: Pass): readonly string[] {
  return pass.diagnostics.map((diagnostic) => diagnostic.code);
}

function refuseAll(world: World): void {
  world.remote.fault = () => ({ status: 401 });
}

function refuseWrites(world: World): void {
  world.remote.fault = ({ method }) => (method === 'GET' ? undefined : { status: 401 });
}

function recover(world: World): void {
  world.remote.fault = () => undefined;
}

test('the door is locked before the road is opened, and the sign hung last', async (t) => {
  const world = await createWorld(t);
  world.entries = [guarded('a'), entryFor('b')];
  const pass = await world.pass();
  assert.deepEqual(world.events, ['lock a', 'rules a b', 'batch']);
  assert.deepEqual(world.signed().toSorted(), ['a', 'b']);
  assert.deepEqual(pass.failed, []);
});

test('the sign is taken down first and the lock removed last', async (t) => {
  const world = await createWorld(t);
  world.entries = [guarded('a'), entryFor('b')];
  await world.pass();
  world.events.length = 0;
  world.entries = [entryFor('b')];
  await world.pass();
  // The address goes at once, before anything is asked; the rule when its name is down.
  assert.deepEqual(world.events, ['rules b', 'batch', 'rules b', 'unlock a']);
  assert.equal(world.served('a'), undefined);
  assert.deepEqual(world.signed(), ['b']);
});

test('a pass in which nothing changed asks nothing; a full one looks, and changes nothing', async (t) => {
  const world = await createWorld(t);
  world.entries = [guarded('a'), entryFor('b')];
  const first = await world.pass();
  world.remote.calls.length = 0;
  world.events.length = 0;
  const second = await world.pass();
  assert.equal(world.remote.calls.length, 0);
  assert.deepEqual(second.desired, first.desired);
  assert.deepEqual(
    second.plans.map((plan) => plan.changes.length),
    [0, 0, 0],
  );
  await world.pass({ full: true });
  assert.ok(world.remote.calls.every((call) => call.method === 'GET'));
  assert.equal(world.remote.calls.length, 1);
  assert.deepEqual(world.events, []);
});

for (const isRemote of [false, true]) {
  const where = isRemote ? 'rules kept by the API' : 'rules in our connector';

  test(`100 new services are published with at most 10 API calls, a steady state makes none: ${where}`, async (t) => {
    const world = await createWorld(t, isRemote);
    world.entries = Array.from({ length: 100 }, (_, at) => entryFor(`s${at}`));
    await world.pass();
    assert.equal(world.signed().length, 100);
    assert.equal(world.rules().length, 101);
    assert.ok(world.remote.calls.length <= 10, `${world.remote.calls.length} calls`);
    world.remote.calls.length = 0;
    await world.pass();
    assert.equal(world.remote.calls.length, 0);
  });

  test(`services come, move, are guarded, stop and go, and the end is right: ${where}`, async (t) => {
    const world = await createWorld(t, isRemote);
    const states: readonly (readonly IngressEntry[])[] = [
      [guarded('a'), entryFor('b')],
      [guarded('a', { service: 'http://10.7.7.7:1' }), guarded('b'), entryFor('c')],
      [guarded('a', { service: closedService }), entryFor('b'), entryFor('c')],
      [entryFor('c')],
      [],
    ];
    for (const entries of states) {
      world.entries = entries;
      assert.deepEqual((await world.pass()).failed, []);
      const names = entries.map((entry) => entry.rule.hostname.split('.')[0] ?? '');
      assert.deepEqual(world.signed().toSorted(), names.toSorted());
      assert.deepEqual(
        names.map(world.served),
        entries.map((entry) => entry.rule.service),
      );
      assert.equal(world.rules().length, entries.length + 1);
      if (!isRemote) world.restart();
    }
  });
}

test('after a restart, rules kept by the API that route to another address are closed before anything else is written', async (t) => {
  const world = await createWorld(t, true);
  world.entries = [guarded('a'), entryFor('b')];
  await world.pass();
  world.restart();
  world.entries = [guarded('a', { service: 'http://10.7.7.7:1' })];
  world.locks.clear();
  world.isWatching = false;
  world.lockFails.add('docker/a');
  world.events.length = 0;
  const served: (string | undefined)[] = [];
  world.remote.fault = ({ method, path }) => {
    if (method === 'POST' && path.endsWith('/batch')) served.push(world.served('a'), world.served('b'));
    return undefined;
  };
  await world.pass();
  assert.deepEqual(served, [closedService, closedService]);
  assert.equal(world.served('a'), closedService);
  assert.equal(world.served('b'), undefined);
});

test('while the API hangs, an address that is gone reaches nobody and a new one is followed', async (t) => {
  const world = await createWorld(t);
  world.entries = [guarded('stopped'), entryFor('gone'), guarded('moved'), entryFor('stays')];
  await world.pass();
  const ending = new AbortController();
  world.remote.fault = () => {
    // The first remote call of the pass: all of this has happened before it.
    assert.equal(world.served('stopped'), closedService);
    assert.equal(world.served('gone'), closedService);
    assert.equal(world.served('moved'), 'http://10.7.7.7:1');
    assert.equal(world.served('stays'), entryFor('stays').rule.service);
    ending.abort(new Error('deadline'));
    return 'hang';
  };
  world.entries = [
    guarded('stopped', { service: closedService }),
    guarded('moved', { service: 'http://10.7.7.7:1' }),
    entryFor('stays'),
  ];
  await assert.rejects(world.pass({}, ending.signal), /deadline/);
});

test('a pass that was cut short is made up for, even when the world here is again what it was', async (t) => {
  const world = await createWorld(t);
  world.entries = [entryFor('a')];
  await world.pass();
  const ending = new AbortController();
  world.entries = [];
  world.remote.fault = () => {
    ending.abort(new Error('deadline'));
    return 'hang';
  };
  await assert.rejects(world.pass({}, ending.signal), /deadline/);
  assert.equal(world.served('a'), closedService);
  recover(world);
  world.entries = [entryFor('a')];
  await world.pass();
  assert.equal(world.served('a'), entryFor('a').rule.service);
});

test('with the API down the addresses still follow the containers, the failure is shown, and the next pass makes up for it', async (t) => {
  const world = await createWorld(t);
  world.entries = [entryFor('a'), entryFor('b')];
  await world.pass();
  refuseAll(world);
  world.entries = [entryFor('a', { service: 'http://10.7.7.7:1' }), entryFor('c')];
  const pass = await world.pass();
  assert.equal(world.served('a'), 'http://10.7.7.7:1');
  assert.equal(world.served('b'), closedService);
  assert.ok(codes(pass).includes('E_API_UNAUTHORIZED'));
  assert.deepEqual(new Set(pass.failed), new Set(['docker/a', 'docker/c']));
  assert.equal(planOf(pass, 'ingress').held[0]?.reason, reasons.signUp);
  recover(world);
  assert.deepEqual((await world.pass()).failed, []);
  assert.deepEqual(world.signed().toSorted(), ['a', 'c']);
  assert.equal(world.served('b'), undefined);
});

test('a token revoked in the middle of a pass leaves no name without a rule and no rule without a lock', async (t) => {
  const world = await createWorld(t);
  world.entries = [guarded('a'), guarded('b')];
  await world.pass();
  refuseWrites(world);
  world.entries = [guarded('b'), guarded('c')];
  const pass = await world.pass();
  assert.equal(world.served('a'), closedService);
  assert.ok(world.locks.has('a.example.com'), 'the lock stays while the name does');
  assert.deepEqual(world.signed().toSorted(), ['a', 'b']);
  assert.deepEqual(new Set(pass.failed), new Set(['docker/a', 'docker/c']));
  recover(world);
  await world.pass();
  assert.deepEqual(world.signed().toSorted(), ['b', 'c']);
  assert.deepEqual([...world.locks.keys()].toSorted(), ['b.example.com', 'c.example.com']);
});

test('a service whose lock fails has neither rule nor name; the others are published', async (t) => {
  const world = await createWorld(t);
  world.lockFails.add('docker/a');
  world.entries = [guarded('a'), guarded('b'), entryFor('c')];
  const pass = await world.pass();
  assert.equal(world.served('a'), undefined);
  assert.deepEqual(world.signed().toSorted(), ['b', 'c']);
  assert.deepEqual(pass.failed, ['docker/a']);
  world.lockFails.clear();
  await world.pass();
  assert.deepEqual(world.signed().toSorted(), ['a', 'b', 'c']);
});

test('a public service that shall be guarded and cannot be locked is closed', async (t) => {
  const world = await createWorld(t);
  world.entries = [entryFor('a')];
  await world.pass();
  world.lockFails.add('docker/a');
  world.entries = [guarded('a')];
  await world.pass();
  assert.equal(world.served('a'), closedService);
  world.lockFails.clear();
  await world.pass();
  assert.equal(world.served('a'), guarded('a').rule.service);
});

test('from policy to public and back there is no moment without the lock it needs', async (t) => {
  const world = await createWorld(t);
  for (const entry of [guarded('a'), entryFor('a'), guarded('a')]) {
    world.entries = [entry];
    await world.pass();
    assert.equal(world.locks.has('a.example.com'), entry.access !== 'public');
    assert.equal(world.served('a'), entry.rule.service);
  }
});

test('a lock that somebody removed and that cannot be made again closes its service, one that cannot be changed does not', async (t) => {
  const world = await createWorld(t);
  world.entries = [guarded('a'), guarded('b')];
  await world.pass();
  world.locks.delete('a.example.com');
  world.locks.set('b.example.com', 'friends');
  world.lockFails.add('docker/a').add('docker/b');
  world.isWatching = false;
  const pass = await reconcile(world.deps(), { full: true }, never());
  assert.equal(world.served('a'), closedService);
  assert.equal(world.served('b'), guarded('b').rule.service);
  assert.deepEqual(new Set(pass.failed), new Set(['docker/a', 'docker/b']));
});

test('while Access cannot be read nothing guarded is opened and what is live stays', async (t) => {
  const world = await createWorld(t);
  world.entries = [guarded('a')];
  await world.pass();
  world.isAccessDown = true;
  world.entries = [guarded('a'), guarded('b'), entryFor('c')];
  const pass = await world.pass();
  assert.equal(world.served('a'), guarded('a').rule.service);
  assert.equal(world.served('b'), undefined);
  assert.equal(world.served('c'), entryFor('c').rule.service);
  assert.deepEqual(world.signed().toSorted(), ['a', 'c']);
  assert.deepEqual(new Set(pass.failed), new Set(['docker/a', 'docker/b']));
});

test('an incomplete pass deletes nothing, and closes what vanished', async (t) => {
  const world = await createWorld(t);
  world.entries = [guarded('a'), entryFor('b')];
  await world.pass();
  world.complete = false;
  world.entries = [];
  const pass = await world.pass();
  assert.deepEqual([world.served('a'), world.served('b')], [closedService, closedService]);
  assert.deepEqual(world.signed().toSorted(), ['a', 'b']);
  assert.ok(world.locks.has('a.example.com'));
  assert.equal(planOf(pass, 'dns').held[0]?.reason, reasons.incomplete);
  world.complete = true;
  await world.pass();
  assert.deepEqual(world.signed(), []);
  assert.equal(world.locks.size, 0);
});

test('after a restart nothing that was published is deleted before the pass is complete', async (t) => {
  const world = await createWorld(t);
  world.entries = [entryFor('a'), entryFor('b')];
  await world.pass();
  const before = world.records();
  world.restart();
  world.complete = false;
  world.entries = [entryFor('a')];
  await world.pass();
  assert.deepEqual(world.records(), before);
  assert.equal(world.served('b'), closedService);
});

test('upsert-only publishes and closes, and deletes nothing', async (t) => {
  const world = await createWorld(t);
  world.mode = 'upsert-only';
  world.entries = [entryFor('a')];
  await world.pass();
  world.entries = [entryFor('b')];
  await world.pass();
  assert.deepEqual(world.signed().toSorted(), ['a', 'b']);
  assert.equal(world.served('a'), closedService);
});

test('dry-run changes nothing at all and says what it would', async (t) => {
  const world = await createWorld(t);
  world.entries = [guarded('a'), guarded('b')];
  await world.pass();
  const before = [world.records(), [...world.locks], world.rules()];
  world.mode = 'dry-run';
  world.entries = [entryFor('b', { service: 'http://10.7.7.7:1' }), entryFor('c')];
  const pass = await world.pass();
  assert.deepEqual([world.records(), [...world.locks], world.rules()], before);
  for (const plan of pass.plans) assert.deepEqual(plan.changes, []);
  assert.ok(planOf(pass, 'dns').held.length >= 2);
});

test('leaving dry-run makes up for what it held, although nothing changed here', async (t) => {
  const world = await createWorld(t);
  world.mode = 'dry-run';
  world.entries = [entryFor('a')];
  await world.pass();
  world.mode = 'sync';
  await world.pass();
  assert.deepEqual(world.signed(), ['a']);
});

test('another connector gets its rules, although nothing changed here', async (t) => {
  const world = await createWorld(t);
  world.entries = [entryFor('a')];
  const first = await world.pass();
  world.restart();
  await world.pass({ previous: first });
  assert.equal(world.served('a'), entryFor('a').rule.service);
});

test('a plan changes nothing, and shows that a service without a lock would stay closed', async (t) => {
  const world = await createWorld(t);
  world.entries = [entryFor('a')];
  await world.pass();
  const before = [world.records(), world.rules()];
  world.entries = [guarded('g'), entryFor('c')];
  const pass = await reconcile(unenforced(world, false), { full: true, planOnly: true }, never());
  assert.deepEqual([world.records(), world.rules()], before);
  assert.deepEqual(
    planOf(pass, 'dns').changes.map((change) => [change.action, change.serviceId]),
    [
      ['create', 'docker/c'],
      ['delete', 'docker/a'],
    ],
  );
  assert.ok(planOf(pass, 'ingress').held.some(({ change }) => change.serviceId === 'docker/g'));
});

test('more than half of our names going at once is held until somebody agrees; their addresses go at once', async (t) => {
  const world = await createWorld(t);
  world.entries = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => entryFor(name));
  await world.pass();
  world.entries = [entryFor('a')];
  const pass = await world.pass();
  assert.equal(world.signed().length, 6);
  assert.equal(world.served('f'), closedService);
  assert.equal(planOf(pass, 'dns').held[0]?.reason, reasons.many(5, 6));
  await world.pass({ confirmed: true });
  assert.deepEqual(world.signed(), ['a']);
  assert.equal(world.served('f'), undefined);
});

test('a name that moves to another container never reaches the old one, and keeps its record', async (t) => {
  const world = await createWorld(t);
  world.entries = [guarded('a')];
  await world.pass();
  const [record] = world.records();
  world.entries = [{ ...guarded('a', { service: 'http://10.7.7.7:1' }), serviceId: 'docker/other' }];
  await world.pass();
  assert.equal(world.served('a'), 'http://10.7.7.7:1');
  assert.equal(world.records()[0]?.id, record?.id);
  assert.match(world.records()[0]?.comment ?? '', /docker\/other$/);
});

test('a record somebody else has is a conflict of that service alone, and no reason to look again and again', async (t) => {
  const world = await createWorld(t);
  const zone = world.remote.store.ensureZone('example.com');
  const foreign = world.remote.store.records.create(zone, { type: 'A', name: 'a.example.com', content: '192.0.2.1' });
  world.entries = [entryFor('a'), entryFor('b')];
  const pass = await world.pass();
  assert.deepEqual(pass.failed, []);
  assert.ok(pass.diagnostics.some(({ code, serviceId }) => code === 'E_CONFLICT' && serviceId === 'docker/a'));
  assert.deepEqual(world.remote.store.records.get(zone.id, foreign.id), foreign);
  assert.deepEqual(world.signed().toSorted(), ['a', 'b']);
  world.remote.calls.length = 0;
  assert.ok(codes(await world.pass()).includes('E_CONFLICT'));
  assert.equal(world.remote.calls.length, 0);
});

test('where policies cannot be applied yet and others can reach the edge, guarded services stay closed, and that is no failure', async (t) => {
  const world = await createWorld(t);
  world.entries = [guarded('a'), entryFor('b')];
  // Live from a time when only this machine could reach the edge.
  world.locks.set('a.example.com', 'family');
  await reconcile(unenforced(world, true), { full: true }, never());
  assert.equal(world.served('a'), guarded('a').rule.service);
  const pass = await reconcile(unenforced(world, false), { full: true }, never());
  assert.equal(world.served('a'), closedService);
  assert.equal(world.served('b'), entryFor('b').rule.service);
  assert.deepEqual(pass.failed, []);
  assert.ok(codes(pass).includes('E_NO_POLICY'));
});

test('what is no AppError is a bug and ends the pass', async (t) => {
  const world = await createWorld(t);
  world.entries = [entryFor('a')];
  const broken = { ...world.deps(), dns: { ...world.deps().dns, plan: () => Promise.reject(new TypeError('bug')) } };
  await assert.rejects(reconcile(broken, { full: true }, never()), TypeError);
});

test('whichever write is the last one before the process dies, the next start ends right and nothing foreign changed', async (t) => {
  const steps: readonly (readonly IngressEntry[])[] = [
    [guarded('a'), entryFor('b')],
    [guarded('b'), entryFor('c')],
    [entryFor('a', { service: 'http://10.7.7.7:1' })],
    [],
  ];
  for (let deadly = 1; deadly <= 6; deadly++) {
    const world = await createWorld(t);
    const zone = world.remote.store.ensureZone('example.com');
    const foreign = world.remote.store.records.create(zone, {
      type: 'A',
      name: 'nas.example.com',
      content: '192.0.2.1',
    });
    let writes = 0;
    world.remote.fault = ({ method }) => (method !== 'GET' && ++writes >= deadly ? { status: 401 } : undefined);
    for (const entries of steps) {
      world.entries = entries;
      await world.pass({ full: true });
      if (writes < deadly) continue;
      recover(world);
      world.restart();
      await world.pass({ full: true });
      assert.deepEqual(
        world.signed().toSorted(),
        [...entries.map((entry) => entry.rule.hostname.split('.')[0]), 'nas'].toSorted(),
      );
      assert.deepEqual([...world.locks.keys()].length, entries.filter((entry) => entry.access !== 'public').length);
      for (const entry of entries)
        assert.equal(world.served(entry.rule.hostname.split('.')[0] ?? ''), entry.rule.service);
    }
    assert.deepEqual(world.remote.store.records.get(zone.id, foreign.id), foreign);
  }
});
