// POST /tunnel: a tunnel for whoever asks on this machine, gone when nobody is connected to it.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createEdgeApi } from '../../../src/edge/api/server.ts';
import { openEdgeStore } from '../../../src/edge/store/store.ts';
import { createSilentLogger } from '../../../src/logger.ts';
import { type Answer, type ApiFixture, apiToken, connection, startApi } from './fixture.ts';

let now = 0;
let wake: (() => void) | undefined;
/** Sleeps until the test says that time has passed. */
const clock = {
  now: () => now,
  sleep: (_ms: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      wake = resolve;
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    }),
};
let fixture: ApiFixture;
beforeEach(async () => {
  now = Date.UTC(2026, 0, 1);
  wake = undefined;
  fixture = await startApi({ clock });
});
afterEach(() => fixture.stop());

async function ask(from: ApiFixture = fixture, headers: Record<string, string> = {}): Promise<Answer> {
  const url = new URL('/tunnel', from.api.baseUrl);
  const response = await fetch(url, { method: 'POST', headers });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
}

/** Lets `ms` pass and what sleeps look around. */
async function pass(ms: number): Promise<void> {
  now += ms;
  wake?.();
  wake = undefined;
  await setImmediate();
}

function isThere(hostname: unknown): boolean {
  return fixture.store.route(String(hostname)) !== undefined;
}

test('it takes no token and gives all that a connector needs', async () => {
  const { status, body } = await ask();
  assert.equal(status, 200);
  const { id, name, hostname, account_tag, secret } = body.result;
  assert.deepEqual([body.success, body.errors], [true, []]);
  assert.match(name, /^qt-/);
  assert.match(String(hostname), /^[a-z]+-[a-z]+-[0-9a-f]{12}\.example\.com$/);
  assert.equal(account_tag, fixture.store.account.id);
  const tunnel = fixture.store.tunnel(id);
  assert.equal(Buffer.from(tunnel?.secret ?? []).toString('base64'), secret);
  assert.equal(Buffer.from(String(secret), 'base64').length, 32);
  assert.deepEqual(fixture.store.route(String(hostname)), { tunnelId: id });
  assert.notEqual((await ask()).body.result.hostname, hostname);
});

test('it goes some time after its connector, and takes its record along', async () => {
  const { id, hostname } = (await ask()).body.result;
  const other = fixture.store.tunnels.create({ name: 'not quick' });
  fixture.registry.held.push(connection(id));
  fixture.store.reportLocalConfiguration(id, { ingress: [] });
  await pass(600_000);
  assert.ok(isThere(hostname));
  fixture.registry.held.length = 0;
  await pass(0);
  await pass(14_999);
  assert.ok(isThere(hostname));
  await pass(1);
  assert.equal(isThere(hostname), false);
  assert.equal(fixture.store.tunnel(id), undefined);
  assert.deepEqual(
    fixture.store.tunnels.list().map((one) => one.id),
    [other.id],
  );
  assert.deepEqual(fixture.store.records.list(fixture.zone.id), []);
  assert.equal(fixture.store.tunnels.get(other.id)?.deletedAt, null);
});

test('a connector that comes back in time keeps it', async () => {
  const { id, hostname } = (await ask()).body.result;
  fixture.registry.held.push(connection(id));
  await pass(0);
  fixture.registry.held.length = 0;
  await pass(0);
  await pass(10_000);
  fixture.registry.held.push(connection(id));
  await pass(10_000);
  await pass(10_000);
  assert.ok(isThere(hostname));
});

test('one that nobody ever connects to goes too', async () => {
  const { hostname } = (await ask()).body.result;
  await pass(119_999);
  assert.ok(isThere(hostname));
  await pass(1);
  assert.equal(isThere(hostname), false);
});

test('what an earlier run left behind is looked after', async () => {
  const { hostname } = fixture.store.quickTunnels.create(fixture.zone);
  const next = await createEdgeApi({
    store: fixture.store,
    registry: fixture.registry,
    listen: { host: '127.0.0.1', port: 0 },
    tokens: { apiToken },
    logger: createSilentLogger(),
    clock,
  });
  await pass(120_000);
  assert.equal(isThere(hostname), false);
  await next.stop();
});

test('a name that leads elsewhere by now is left alone', async () => {
  const { hostname } = (await ask()).body.result;
  const [record] = fixture.store.records.named(fixture.zone.id, String(hostname));
  fixture.store.records.patch(fixture.zone, record?.id ?? '', { content: 'mine.example.net' });
  await pass(120_000);
  assert.deepEqual(
    fixture.store.records.list(fixture.zone.id).map(({ content }) => content),
    ['mine.example.net'],
  );
  assert.deepEqual(fixture.store.quickTunnels.list(), []);
});

test('there are only so many at once', async () => {
  const few = await startApi({ quickTunnels: { atOnce: 2 } });
  assert.deepEqual([(await ask(few)).status, (await ask(few)).status, (await ask(few)).status], [200, 200, 429]);
  await few.stop();
});

test('web pages, other methods and other names for this machine are turned away', async () => {
  assert.equal((await ask(fixture, { origin: 'https://evil.example' })).status, 403);
  for (const method of ['GET', 'DELETE', 'PUT'])
    assert.equal((await fetch(new URL('/tunnel', fixture.api.baseUrl), { method })).status, 404, method);
  assert.deepEqual(fixture.store.quickTunnels.list(), []);
});

test('without a zone there is nothing to give', async () => {
  const store = openEdgeStore(':memory:');
  const api = await createEdgeApi({
    store,
    registry: fixture.registry,
    listen: { host: '127.0.0.1', port: 0 },
    tokens: { apiToken },
    logger: createSilentLogger(),
  });
  const response = await fetch(new URL('/tunnel', api.baseUrl), { method: 'POST' });
  assert.equal(response.status, 503);
  await api.stop();
  store.close();
});

for (const { isOpen, status } of [
  { isOpen: false, status: 400 },
  { isOpen: true, status: 200 },
])
  test(`an API that others can reach answers ${status} without a token when quick tunnels are ${isOpen ? '' : 'not '}open`, async () => {
    const { store, registry } = fixture;
    const listen = { host: '0.0.0.0', port: 0 };
    const logger = createSilentLogger();
    const api = await createEdgeApi({
      store,
      registry,
      listen,
      tokens: { apiToken },
      logger,
      quickTunnels: { isOpen },
    });
    const url = new URL('/tunnel', api.baseUrl);
    assert.equal((await fetch(url, { method: 'POST' })).status, status);
    const headers = { authorization: `Bearer ${apiToken}` };
    assert.equal((await fetch(url, { method: 'POST', headers })).status, 200);
    assert.equal((await fetch(new URL('/client/v4/zones', api.baseUrl))).status, 400);
    await api.stop();
  });
