// Names that change hands in a whole pass: the rules, kept by the API, and the record go together.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { noChoices } from '../../src/choices.ts';
import { createDnsReconciler } from '../../src/dns/reconciler.ts';
import { createRemoteIngress } from '../../src/ingress/reconciler.ts';
import { createSilentLogger } from '../../src/logger.ts';
import type { IngressRule } from '../../src/model.ts';
import { type Pass, reconcile } from '../../src/reconcile.ts';
import { never } from '../cloudflare/api-world.ts';
import { contractZone, entryFor } from '../contract/reconciler.ts';
import { createWorld, tunnelTarget, type World } from './world.ts';

const nas = `nas.${contractZone}`;
const theirRule: IngressRule = {
  hostname: nas,
  service: 'http://192.0.2.7:5000',
  originRequest: { noTLSVerify: true },
};
const catchAll: IngressRule = { service: 'http_status:404' };

/** A world with choices, and a tunnel that others use too. */
async function createShared(t: TestContext) {
  const world = await createWorld(t, true);
  world.isWatching = false;
  const { api, account, store } = world.remote;
  const [tunnel] = await api.tunnels.list(account, never());
  const tunnelId = tunnel?.id ?? '';
  const zone = store.ensureZone(contractZone);
  const decided = { ...noChoices, adopted: [] as string[], released: [] as string[] };
  const choices = () => decided;
  const logger = createSilentLogger();
  const dns = createDnsReconciler({ api, zones: [contractZone], owner: 'home', tunnelTarget, choices, logger });
  const ownedHostnames = (signal: AbortSignal) => dns.ownedHostnames(signal);
  const ingress = createRemoteIngress({ api, account, tunnelId, ownedHostnames, choices });
  const put = (rules: readonly IngressRule[]) =>
    api.configurations.put({ account, tunnelId }, { ingress: [...rules, catchAll] } as never, never());
  const make = (content: string) => store.records.create(zone, { type: 'CNAME', name: nas, content, proxied: true });
  const pass = () => reconcile({ ...world.deps(), dns, ingress }, { full: true }, never());
  const rule = () => world.rules().find(({ hostname }) => hostname === nas);
  return { world, decided, put, make, pass, rule };
}

function record(world: World) {
  return world.records().find(({ name }) => name === nas);
}

function codes({ diagnostics }: Pass): readonly string[] {
  return diagnostics.map(({ code }) => code).toSorted();
}

test('what somebody else has under a name stays until it is adopted, and then one pass takes rule and record', async (t) => {
  const { world, decided, put, make, pass, rule } = await createShared(t);
  await put([theirRule]);
  const theirs = make('x.cfargotunnel.com');
  world.entries = [entryFor('nas', { service: 'http://10.0.0.1:3000' })];
  assert.ok(codes(await pass()).includes('E_CONFLICT'));
  assert.deepEqual([rule(), record(world)], [theirRule, theirs]);

  decided.adopted.push(nas);
  const { diagnostics, failed } = await pass();
  assert.deepEqual([diagnostics, failed], [[], []]);
  assert.equal(rule()?.service, 'http://10.0.0.1:3000');
  assert.equal(record(world)?.content, tunnelTarget);
  assert.equal(record(world)?.id, theirs.id);

  world.entries = [];
  await pass();
  assert.deepEqual([rule(), record(world)], [undefined, undefined]);
});

test('a released name keeps rule and record as they are, whatever its service does', async (t) => {
  const { world, decided, pass, rule } = await createShared(t);
  world.entries = [entryFor('nas', { service: 'http://10.0.0.1:3000' })];
  await pass();
  const before = { rule: rule(), content: record(world)?.content };
  decided.released.push(nas);
  world.entries = [entryFor('nas', { service: 'http://10.0.0.9:3000' })];
  const first = await pass();
  assert.deepEqual(
    codes(first).filter((code) => code === 'W_RELEASED'),
    ['W_RELEASED'],
  );
  assert.deepEqual([first.failed, record(world)?.comment], [[], null]);
  for (const entries of [world.entries, []]) {
    world.entries = entries;
    await pass();
    assert.deepEqual({ rule: rule(), content: record(world)?.content }, before);
  }
});
