// Whole passes over rules that were changed by hand: what is open stays locked, names stay as they are, and nothing else waits.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createChoiceStore, type DriftChoice } from '../../src/choices.ts';
import type { RemoteRule, TunnelConfiguration } from '../../src/cloudflare/configurations.ts';
import { closedService } from '../../src/ingress/closing.ts';
import { createRuleMemory } from '../../src/ingress/drift-memory.ts';
import { withoutDecisions } from '../../src/ingress/drift-settle.ts';
import { createRemoteIngress } from '../../src/ingress/reconciler.ts';
import { createSilentLogger } from '../../src/logger.ts';
import type { IngressEntry } from '../../src/model.ts';
import { never } from '../cloudflare/api-world.ts';
import { entryFor } from '../contract/reconciler.ts';
import { createWorld, type World } from './world.ts';

const elsewhere = 'http://nas.lan:5000';
const family = { policy: 'family' };
const a = entryFor('a');
const guarded = entryFor('a', { access: family });
const b = entryFor('b', { service: 'http://10.0.0.2:80' });

interface DriftWorld extends World {
  edit(name: string, fields: Partial<RemoteRule>): void;
  decide(name: string, choice: DriftChoice): void;
}

/** The world with rules that the API keeps and a memory of them. */
async function createDriftWorld(t: TestContext): Promise<DriftWorld> {
  const world = await createWorld(t, true);
  world.isWatching = false;
  const { remote, deps, restart } = world;
  const dataDir = mkdtempSync(join(tmpdir(), 'sallyport-drift-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const tunnelId = (await remote.api.tunnels.byName(remote.account, 'home', never()))?.id ?? '';
  const choices = createChoiceStore(dataDir);
  const zone = remote.store.ensureZone('example.com');
  const start = () =>
    createRemoteIngress({
      api: remote.api,
      account: remote.account,
      tunnelId,
      ownedHostnames: async () => new Set(remote.store.records.list(zone.id).map(({ name }) => name)),
      memory: createRuleMemory({ dataDir, tunnelId, logger: createSilentLogger() }),
      choices: choices.read,
      onDecided: (done) => void choices.update((now) => withoutDecisions(now, done)),
    });
  let ingress = start();
  return Object.assign(world, {
    deps: () => ({ ...deps(), ingress }),
    restart() {
      restart();
      ingress = start();
    },
    edit(name: string, fields: Partial<RemoteRule>) {
      const config = remote.store.configurations.get(tunnelId)?.config as TunnelConfiguration;
      const rules = (config.ingress ?? []).map((rule) =>
        rule.hostname === `${name}.example.com` ? { ...rule, ...fields } : rule,
      );
      remote.store.configurations.put(tunnelId, { ...config, ingress: rules });
    },
    decide: (name: string, choice: DriftChoice) =>
      void choices.update((now) => ({ ...now, drift: { ...now.drift, [`${name}.example.com`]: choice } })),
  });
}

const full = { full: true };

test('a held rule keeps its name and its lock, and other services go on being published', async (t) => {
  const world = await createDriftWorld(t);
  world.entries = [guarded];
  await world.pass();
  world.edit('a', { service: elsewhere });
  const records = world.records();
  world.entries = [guarded, b];
  const pass = await world.pass(full);
  assert.equal(world.served('a'), elsewhere);
  assert.ok(world.locks.has('a.example.com'));
  assert.deepEqual(
    world.records().filter(({ name }) => name.startsWith('a.')),
    records,
  );
  assert.equal(world.served('b'), b.rule.service);
  assert.deepEqual(world.signed().toSorted(), ['a', 'b']);
  assert.deepEqual([pass.failed, pass.isUndone], [[], false]);
  assert.ok(pass.diagnostics.some(({ code, serviceId }) => code === 'W_DRIFT' && serviceId === 'docker/a'));
});

test('a pass in which nothing changed asks nothing although a rule waits for a decision', async (t) => {
  const world = await createDriftWorld(t);
  world.entries = [a];
  await world.pass();
  world.edit('a', { service: elsewhere });
  await world.pass(full);
  world.remote.calls.length = 0;
  const pass = await world.pass();
  assert.deepEqual(world.remote.calls, []);
  assert.equal(pass.plans.find(({ target }) => target === 'ingress')?.held.length, 1);
});

for (const choice of [undefined, 'theirs', 'ignore'] as const) {
  test(`a rule opened by hand while its lock is missing is closed: ${choice ?? 'undecided'}`, async (t) => {
    const world = await createDriftWorld(t);
    world.entries = [guarded];
    await world.pass();
    if (choice !== undefined) world.decide('a', choice);
    for (const service of [elsewhere, guarded.rule.service]) {
      world.edit('a', { service });
      world.locks.clear();
      world.lockFails.add('docker/a');
      await world.pass(full);
      assert.equal(world.served('a'), closedService, service);
      world.edit('a', { service });
      await world.pass(full);
      assert.equal(world.served('a'), closedService, service);
      world.lockFails.clear();
      await world.pass(full);
      assert.equal(world.served('a'), service);
    }
  });

  test(`a lock that is lost closes what was written by hand until it is there again, in one pass: ${choice ?? 'undecided'}`, async (t) => {
    const world = await createDriftWorld(t);
    world.entries = [guarded];
    await world.pass();
    world.edit('a', { service: elsewhere });
    if (choice !== undefined) world.decide('a', choice);
    const settled = await world.pass(full);
    assert.deepEqual(settled.plans.find(({ target }) => target === 'ingress')?.changes, []);
    world.remote.calls.length = 0;
    await world.pass(full);
    assert.ok(world.remote.calls.every(({ method }) => method === 'GET'));
    world.locks.clear();
    await world.pass(full);
    assert.equal(world.remote.calls.filter(({ method }) => method === 'PUT').length, 2, 'closed, then opened');
    assert.equal(world.served('a'), elsewhere);
    assert.ok(world.locks.has('a.example.com'));
  });

  test(`a name that gets a policy closes until it is locked, whatever is written by hand: ${choice ?? 'undecided'}`, async (t) => {
    const world = await createDriftWorld(t);
    world.entries = [a];
    await world.pass();
    world.edit('a', { service: elsewhere });
    if (choice !== undefined) world.decide('a', choice);
    await world.pass(full);
    world.lockFails.add('docker/a');
    world.entries = [guarded];
    await world.pass();
    assert.equal(world.served('a'), closedService);
    world.lockFails.clear();
    await world.pass();
    assert.ok(world.locks.has('a.example.com'));
    // Another policy is another wish: what was taken for the old one is over.
    assert.equal(world.served('a'), choice === 'theirs' ? a.rule.service : elsewhere);
  });
}

test('a container that comes back under the name is not served by what was written for the one before', async (t) => {
  const world = await createDriftWorld(t);
  world.entries = [a];
  await world.pass();
  world.edit('a', { service: elsewhere });
  await world.pass(full);
  const other: IngressEntry = { ...a, serviceId: 'docker/other', rule: { ...a.rule, service: 'http://10.0.0.7:80' } };
  for (const isRestarted of [true, false]) {
    if (isRestarted) world.restart();
    world.entries = [other];
    await world.pass(full);
    assert.equal(world.served('a'), other.rule.service);
  }
});

test('in dry-run nothing is remembered, decided or written', async (t) => {
  const world = await createDriftWorld(t);
  world.entries = [a];
  await world.pass();
  world.edit('a', { service: elsewhere });
  world.decide('a', 'mine');
  world.mode = 'dry-run';
  await world.pass(full);
  assert.equal(world.served('a'), elsewhere);
  world.mode = 'sync';
  await world.pass(full);
  assert.equal(world.served('a'), a.rule.service);
});
