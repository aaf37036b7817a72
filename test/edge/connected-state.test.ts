// Whether a tunnel is connected, as the store remembers it and the API says it, with connectors coming and going.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { createEdgeApi } from '../../src/edge/api/server.ts';
import { openEdgeStore } from '../../src/edge/store/store.ts';
import { createSilentLogger, type Logger } from '../../src/logger.ts';
import { type Rig, startRig, until } from './rig.ts';

const apiToken = 'a-token-for-tests';

/** A data plane on a real store, with the API beside it. */
async function setUp(t: TestContext) {
  const store = openEdgeStore(':memory:');
  const rig = await startRig(t, { directory: store });
  t.after(() => store.close());
  const { id } = store.tunnels.create({ name: 'app' });
  const tunnel = store.tunnel(id);
  assert.ok(tunnel);
  const api = await createEdgeApi({
    store,
    registry: rig.edge.registry,
    listen: { host: '127.0.0.1', port: 0 },
    tokens: { apiToken },
    logger: createSilentLogger(),
  });
  t.after(() => api.stop());
  const call = async (method: string) => {
    const url = `${api.baseUrl}/accounts/${store.account.id}/cfd_tunnel/${id}`;
    const response = await fetch(url, { method, headers: { authorization: `Bearer ${apiToken}` } });
    const body = (await response.json()) as { readonly result: Record<string, unknown> };
    return body.result;
  };
  const none = () => until(() => rig.edge.registry.connections(id).length === 0);
  return { rig, store, tunnel, call, none };
}

test('a tunnel that was connected while nobody looked is down, not inactive', async (t) => {
  const { rig, store, tunnel, call, none } = await setUp(t);
  const connector = await rig.connect({ tunnel });
  assert.notEqual(store.tunnels.get(tunnel.id)?.connsActiveAt, null);
  await connector.close();
  await none();
  const { status, conns_inactive_at } = await call('GET');
  assert.equal(status, 'down');
  assert.equal(typeof conns_inactive_at, 'string');
});

test('inactive, healthy, down and healthy again', async (t) => {
  const { rig, tunnel, call, none } = await setUp(t);
  assert.equal((await call('GET')).status, 'inactive');
  const first = await rig.connect({ tunnel });
  const second = await rig.connect({ tunnel, clientId: first.clientId, connIndex: 1 });
  assert.equal((await call('GET')).status, 'healthy');
  await first.close();
  await second.close();
  await none();
  assert.equal((await call('GET')).status, 'down');
  await rig.connect({ tunnel });
  const { status, conns_inactive_at } = await call('GET');
  assert.deepEqual([status, conns_inactive_at], ['healthy', null]);
});

test('a tunnel deleted while connected remembers when that ended', async (t) => {
  const { rig, store, tunnel, none } = await setUp(t);
  const connector = await rig.connect({ tunnel });
  store.tunnels.delete(tunnel.id);
  await connector.closed;
  await none();
  assert.notEqual(store.tunnels.get(tunnel.id)?.connsInactiveAt, null);
});

test('a store that cannot remember it keeps no connector out', async (t) => {
  const rig = await startRig(t);
  Object.assign(rig.directory, {
    connectionsChanged: () => {
      throw new Error('disk full');
    },
  });
  const connector = await rig.connect();
  assert.ok('details' in connector.response);
  await connector.close();
  await until(() => rig.edge.registry.connections(rig.tunnel.id).length === 0);
  assert.equal((await rig.fetch()).status, 530);
});

/** Keeps the messages of one level. */
function keepInfo(lines: string[]): Logger {
  const ignore = () => undefined;
  const logger: Logger = {
    trace: ignore,
    debug: ignore,
    info: (_fields: unknown, message?: string) => {
      lines.push(String(message));
    },
    warn: ignore,
    error: ignore,
    child: () => logger,
  };
  return logger;
}

test('a connector is announced once, however many connections it has', async (t) => {
  const lines: string[] = [];
  const rig: Rig = await startRig(t, { logger: keepInfo(lines) });
  const first = await rig.connect();
  const others = [];
  for (const connIndex of [1, 2, 3]) others.push(await rig.connect({ clientId: first.clientId, connIndex }));
  assert.deepEqual(lines, ['connector registered']);
  for (const one of [first, ...others]) await one.close();
  await until(() => rig.edge.registry.connections(rig.tunnel.id).length === 0);
  assert.deepEqual(lines, ['connector registered', 'connector disconnected']);
});
