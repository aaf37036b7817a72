// Tunnels in the store: names, secrets, soft deletion, and when they were connected.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { Clock } from '../../../src/clock.ts';
import { RefusedError } from '../../../src/edge/store/refusal.ts';
import { type EdgeStore, openEdgeStore } from '../../../src/edge/store/store.ts';

let store: EdgeStore;
let time = 0;
const clock: Clock = { now: () => time, sleep: () => Promise.reject(new Error('nobody sleeps here')) };

beforeEach(() => {
  time = Date.UTC(2026, 0, 1);
  store = openEdgeStore(':memory:', { clock });
});
afterEach(() => store.close());

function refusalOf(work: () => unknown): [number | undefined, number | undefined] | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof RefusedError) return [error.status, error.lines[0]?.code];
    throw error;
  }
  return undefined;
}

test('a tunnel gets a UUID and a secret of 32 random bytes', () => {
  const one = store.tunnels.create({ name: 'one' });
  const two = store.tunnels.create({ name: 'two' });
  assert.match(one.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(one.secret.length, 32);
  assert.notDeepEqual(one.secret, two.secret);
  assert.equal(one.configSrc, 'local');
});

test('a secret that was sent is the one stored', () => {
  const secret = Buffer.alloc(40, 7);
  const { id } = store.tunnels.create({ name: 'one', tunnel_secret: secret.toString('base64') });
  assert.deepEqual(Buffer.from(store.tunnel(id)?.secret ?? []), secret);
});

for (const tunnel_secret of ['', 'AAAA', Buffer.alloc(31).toString('base64'), `${'A'.repeat(50)}!`, 'x y z'.repeat(20)])
  test(`the secret ${JSON.stringify(tunnel_secret.slice(0, 12))}… is refused without being quoted`, () => {
    assert.deepEqual(
      refusalOf(() => store.tunnels.create({ name: 'one', tunnel_secret })),
      [400, 1001],
    );
    assert.throws(
      () => store.tunnels.create({ name: 'one', tunnel_secret }),
      (error) => error instanceof Error && (tunnel_secret === '' || !error.message.includes(tunnel_secret)),
    );
  });

test('a name belongs to one live tunnel at a time', () => {
  const { id } = store.tunnels.create({ name: 'home' });
  assert.deepEqual(
    refusalOf(() => store.tunnels.create({ name: ' home ' })),
    [409, 1013],
  );
  const other = store.tunnels.create({ name: 'other' });
  assert.deepEqual(
    refusalOf(() => store.tunnels.edit(other.id, { name: 'home' })),
    [409, 1013],
  );
  store.tunnels.delete(id);
  assert.equal(store.tunnels.edit(other.id, { name: 'home' }).name, 'home');
});

for (const name of ['', '   ', 'x'.repeat(256)])
  test(`a tunnel cannot be called ${JSON.stringify(name.slice(0, 8))}`, () => {
    assert.deepEqual(
      refusalOf(() => store.tunnels.create({ name })),
      [400, 1001],
    );
  });

test('renaming to its own name changes nothing', () => {
  const { id } = store.tunnels.create({ name: 'home' });
  assert.equal(store.tunnels.edit(id, { name: 'home' }).name, 'home');
});

test('a new secret is what the data plane sees from then on', () => {
  const { id } = store.tunnels.create({ name: 'home' });
  store.tunnels.edit(id, { tunnel_secret: Buffer.alloc(32, 9).toString('base64') });
  assert.deepEqual(Buffer.from(store.tunnel(id)?.secret ?? []), Buffer.alloc(32, 9));
});

test('a deleted tunnel stays readable, and can neither be changed nor deleted again', () => {
  const { id } = store.tunnels.create({ name: 'home' });
  time += 1_000;
  assert.equal(store.tunnels.delete(id).deletedAt, '2026-01-01T00:00:01.000Z');
  assert.equal(store.tunnels.get(id)?.deletedAt, '2026-01-01T00:00:01.000Z');
  assert.deepEqual(
    refusalOf(() => store.tunnels.delete(id)),
    [404, 1003],
  );
  assert.deepEqual(
    refusalOf(() => store.tunnels.edit(id, { name: 'x' })),
    [404, 1003],
  );
});

test('the times of the first connection and the last loss are kept', () => {
  const { id } = store.tunnels.create({ name: 'home' });
  const times = () => [store.tunnels.get(id)?.connsActiveAt, store.tunnels.get(id)?.connsInactiveAt];
  store.connectionsChanged(id, false);
  assert.deepEqual(times(), [null, null]);
  time += 1_000;
  store.connectionsChanged(id, true);
  time += 1_000;
  store.connectionsChanged(id, true);
  assert.deepEqual(times(), ['2026-01-01T00:00:01.000Z', null]);
  time += 1_000;
  store.connectionsChanged(id, false);
  assert.deepEqual(times(), ['2026-01-01T00:00:01.000Z', '2026-01-01T00:00:03.000Z']);
});

test('a configuration counts its versions from 1 and is kept verbatim', () => {
  const { id } = store.tunnels.create({ name: 'home' });
  assert.equal(store.configurations.get(id), undefined);
  const config = {
    ingress: [{ service: 'http_status:404', ours: 1 }],
    'warp-routing': {},
    unknown: JSON.parse('{"__proto__":{"x":1}}'),
  };
  assert.equal(store.configurations.put(id, config).version, 1);
  assert.equal(store.configurations.put(id, config).version, 2);
  assert.deepEqual(store.configuration(id), { version: 2, config });
  assert.equal(store.configurations.get(id)?.source, 'cloudflare');
});

test('what a connector reports is shown until something is put, and is never pushed', () => {
  const { id } = store.tunnels.create({ name: 'home' });
  store.reportLocalConfiguration(id, { ingress: [] });
  assert.deepEqual(store.configurations.get(id), {
    version: 0,
    config: { ingress: [] },
    source: 'local',
    createdAt: '2026-01-01T00:00:00.000Z',
  });
  assert.equal(store.configuration(id), undefined);
  store.configurations.put(id, { ingress: [{ service: 'http_status:404' }] });
  store.reportLocalConfiguration(id, { ingress: [] });
  assert.equal(store.configurations.get(id)?.source, 'cloudflare');
});

test('reports of unknown or deleted tunnels are ignored, and huge ones refused', () => {
  const { id } = store.tunnels.create({ name: 'home' });
  store.reportLocalConfiguration('6ba7b810-9dad-11d1-80b4-00c04fd430c8', {});
  assert.throws(() => store.reportLocalConfiguration(id, 'x'.repeat(2_000_000)), { code: 'E_INPUT_INVALID' });
  store.tunnels.delete(id);
  store.reportLocalConfiguration(id, {});
  assert.equal(store.configurations.get(id), undefined);
});
