// The ingress reconciler on both kinds of target: a connector's table, and a configuration the real API keeps.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { TunnelConfiguration } from '../../src/cloudflare/configurations.ts';
import { closedService, closeInstead } from '../../src/ingress/closing.ts';
import { createLocalIngress, createRemoteIngress, type IngressReconciler } from '../../src/ingress/reconciler.ts';
import { createIngressTable, type IngressTable } from '../../src/ingress/table.ts';
import type { DesiredState, IngressRule, ServiceId } from '../../src/model.ts';
import { restrict } from '../../src/plan/policy.ts';
import { type ApiWorld, createApiWorld, never } from '../cloudflare/api-world.ts';
import { desiredFor, entryFor, testReconciler } from '../contract/reconciler.ts';

interface LocalWorld {
  readonly ingress: IngressReconciler;
  readonly table: IngressTable;
  updates(): number;
}

function createLocalWorld(): LocalWorld {
  const table = createIngressTable();
  let updates = 0;
  const ingress = createLocalIngress({
    async updateIngress(rules: readonly IngressRule[]) {
      updates++;
      table.swap(rules);
    },
  });
  return { ingress, table, updates: () => updates };
}

interface RemoteWorld extends ApiWorld {
  readonly ingress: IngressReconciler;
  readonly owned: Set<string>;
  again(): IngressReconciler;
  config(): TunnelConfiguration;
  put(config: TunnelConfiguration): void;
  puts(): number;
}

async function createRemoteWorld(t: TestContext, exclusive = false): Promise<RemoteWorld> {
  const world = await createApiWorld(t);
  const tunnel = await world.api.tunnels.create(
    world.account,
    { name: 'home', tunnelSecret: Buffer.alloc(32, 1).toString('base64'), configSrc: 'cloudflare' },
    never(),
  );
  const owned = new Set<string>();
  const again = () =>
    createRemoteIngress({
      api: world.api,
      account: world.account,
      tunnelId: tunnel.id,
      ownedHostnames: async () => owned,
      exclusive,
    });
  return Object.assign(world, {
    ingress: again(),
    again,
    owned,
    config: () => (world.store.configurations.get(tunnel.id)?.config ?? {}) as TunnelConfiguration,
    put: (config: TunnelConfiguration) => void world.store.configurations.put(tunnel.id, config),
    puts: () => world.calls.filter((call) => call.method === 'PUT').length,
  });
}

async function settle(ingress: IngressReconciler, desired: DesiredState): Promise<readonly ServiceId[]> {
  return ingress.apply(await ingress.plan(desired, never()), 'upsert', never());
}

function servicesOf(
  rules: readonly { readonly hostname?: string; readonly service: string }[] | undefined,
): readonly string[] {
  return (rules ?? []).map((rule) => `${rule.hostname ?? '*'} ${rule.service}`);
}

testReconciler('local ingress', async () => {
  const { ingress, table } = createLocalWorld();
  return { reconciler: abortable(ingress), look: () => table.rules() };
});

testReconciler('remote ingress', async (t) => {
  const world = await createRemoteWorld(t);
  return { reconciler: world.ingress, look: () => world.config() };
});

/** A local table asks nobody; the pass checks its signal between steps, so the contract is checked the same way. */
function abortable(ingress: IngressReconciler): IngressReconciler {
  return {
    ...ingress,
    apply: async (plan, phase, signal) => {
      signal.throwIfAborted();
      return ingress.apply(plan, phase, signal);
    },
  };
}

test('equal rules are not handed to the connector again', async () => {
  const world = createLocalWorld();
  await settle(world.ingress, desiredFor([entryFor('a')]));
  await settle(world.ingress, desiredFor([entryFor('a')]));
  await settle(world.ingress, desiredFor([entryFor('a', { access: { policy: 'family' } })]));
  assert.equal(world.updates(), 1);
});

test('a stopped service answers 503 at once and a moved one is followed, without a plan', async () => {
  const world = createLocalWorld();
  await settle(world.ingress, desiredFor([entryFor('a'), entryFor('b'), entryFor('c')]));
  const next = desiredFor([entryFor('a', { service: 'http://10.0.0.9:1' }), entryFor('c', { service: closedService })]);
  await world.ingress.withdraw(next, never());
  assert.deepEqual(servicesOf(world.table.rules()), [
    'a.example.com http://10.0.0.9:1',
    'c.example.com http_status:503',
    'b.example.com http_status:503',
    '* http_status:404',
  ]);
});

test('in an incomplete pass a vanished service keeps its name and loses its address', async () => {
  const world = createLocalWorld();
  await settle(world.ingress, desiredFor([entryFor('a'), entryFor('b')]));
  const desired = desiredFor([entryFor('a')]);
  const policy = { mode: 'sync', complete: false } as const;
  const plan = restrict(await world.ingress.plan(desired, never()), policy, closeInstead(desired));
  await world.ingress.apply(plan, 'upsert', never());
  assert.deepEqual(servicesOf(world.table.rules()).slice(0, 2), [
    `a.example.com ${entryFor('a').rule.service}`,
    `b.example.com ${closedService}`,
  ]);
  const later = await world.ingress.plan(desired, never());
  assert.deepEqual(
    later.changes.map((change) => [change.action, change.serviceId]),
    [['delete', 'docker/b']],
  );
});

test('rules that a connector refuses leave the reconciler where it was', async () => {
  let isRefusing = false;
  const ingress = createLocalIngress({
    updateIngress: () => (isRefusing ? Promise.reject(new Error('refused')) : Promise.resolve()),
  });
  await settle(ingress, desiredFor([entryFor('a')]));
  isRefusing = true;
  await assert.rejects(settle(ingress, desiredFor([])), /refused/);
  assert.deepEqual(
    ingress.live().map((entry) => entry.serviceId),
    ['docker/a'],
  );
});

test('40 foreign rules and everything else in the configuration stay byte for byte', async (t) => {
  const world = await createRemoteWorld(t);
  const foreign = Array.from({ length: 40 }, (_, at) => ({
    hostname: `f${at}.example.com`,
    ...(at % 3 === 0 ? { path: '^/x' } : {}),
    service: `http://foreign:${at + 1}`,
    originRequest: at % 2 === 0 ? { someday: at, noTLSVerify: true } : {},
  }));
  const config = {
    ingress: [...foreign, { service: 'http_status:418' }],
    originRequest: { connectTimeout: 7 },
    'warp-routing': { maxActiveFlows: 9 },
    unknown: { deep: [1, { x: null }] },
  };
  world.put(config);
  assert.deepEqual(await settle(world.ingress, desiredFor([entryFor('a'), entryFor('b')])), []);
  const { ingress = [], ...others } = world.config();
  const names = new Set(['a.example.com', 'b.example.com']);
  assert.deepEqual({ ...others, ingress: ingress.filter((rule) => !names.has(rule.hostname ?? '')) }, config);
  assert.equal(ingress.length, 43);
  await settle(world.ingress, desiredFor([]));
  assert.deepEqual(world.config(), config);
});

test('a hostname whose rule is not ours is a conflict: the rule stays and the service is told', async (t) => {
  const world = await createRemoteWorld(t);
  const config = {
    ingress: [{ hostname: 'a.example.com', service: 'http://theirs:1' }, { service: 'http_status:404' }],
  };
  world.put(config);
  const desired = desiredFor([entryFor('a'), entryFor('a', { path: '^/x' })]);
  const plan = await world.ingress.plan(desired, never());
  assert.deepEqual(plan.changes, []);
  assert.equal(plan.held.length, 2);
  await world.ingress.apply(plan, 'upsert', never());
  assert.deepEqual(world.config(), config);
  assert.equal(world.ingress.diagnostics?.()[0]?.code, 'E_CONFLICT');
});

test('the same rule is ours when its name carries our mark, also after a restart', async (t) => {
  const world = await createRemoteWorld(t);
  world.put({ ingress: [{ hostname: 'a.example.com', service: 'http://old:1' }, { service: 'http_status:404' }] });
  world.owned.add('a.example.com');
  await settle(world.ingress, desiredFor([entryFor('a', { service: 'http://new:1' })]));
  assert.deepEqual(servicesOf(world.config().ingress), ['a.example.com http://new:1', '* http_status:404']);
  const restarted = world.again();
  const plan = await restarted.plan(desiredFor([]), never());
  assert.deepEqual(
    plan.changes.map((change) => change.action),
    ['delete'],
  );
});

test('a crash between rules and DNS is no conflict: the rules are as wanted', async (t) => {
  const world = await createRemoteWorld(t);
  const desired = desiredFor([entryFor('a')]);
  await settle(world.ingress, desired);
  const plan = await world.again().plan(desired, never());
  assert.deepEqual([plan.changes, plan.held], [[], []]);
});

test('in a tunnel of our own a wanted name needs no mark', async (t) => {
  const world = await createRemoteWorld(t, true);
  world.put({ ingress: [{ hostname: 'a.example.com', service: 'http://old:1' }, { service: 'http_status:404' }] });
  await settle(world.ingress, desiredFor([entryFor('a', { service: 'http://new:1' })]));
  assert.deepEqual(servicesOf(world.config().ingress), ['a.example.com http://new:1', '* http_status:404']);
});

test('what others change between plan and apply is kept, and a name they took meanwhile is theirs', async (t) => {
  const world = await createRemoteWorld(t);
  const plan = await world.ingress.plan(desiredFor([entryFor('a'), entryFor('b')]), never());
  const theirs = { hostname: 'a.example.com', service: 'http://theirs:1' };
  world.put({
    ingress: [theirs, { hostname: 'n.example.com', service: 'http://n:1' }, { service: 'http_status:404' }],
  });
  assert.deepEqual(await world.ingress.apply(plan, 'upsert', never()), ['docker/a']);
  assert.deepEqual(servicesOf(world.config().ingress), [
    'a.example.com http://theirs:1',
    'n.example.com http://n:1',
    `b.example.com ${entryFor('b').rule.service}`,
    '* http_status:404',
  ]);
});

test('a configuration that is as wanted is not written', async (t) => {
  const world = await createRemoteWorld(t);
  await settle(world.ingress, desiredFor([entryFor('a')]));
  await settle(world.ingress, desiredFor([entryFor('a')]));
  await settle(world.ingress, desiredFor([entryFor('a', { access: { policy: 'family' } })]));
  assert.equal(world.puts(), 1);
});

test('a rule of ours that was changed in the dashboard shows as drift and is put right', async (t) => {
  const world = await createRemoteWorld(t);
  const desired = desiredFor([entryFor('a')]);
  await settle(world.ingress, desired);
  world.put({
    ingress: [{ hostname: 'a.example.com', service: 'http://elsewhere:1' }, { service: 'http_status:404' }],
  });
  const plan = await world.ingress.plan(desired, never());
  assert.deepEqual(
    plan.changes.map((change) => (change.action === 'update' ? change.fields : [])),
    [['service']],
  );
});
