// Which connection takes the next request.
import assert from 'node:assert/strict';
import test from 'node:test';
import { type Connection, createRegistry } from '../../../src/edge/tunnels/registry.ts';

interface FakeConnection extends Connection {
  inFlight: number;
  draining: boolean;
  awaitsRules: boolean;
  readonly closed: string[];
}

function connection(connIndex: number, clientId = 'a', tunnelId = 't'): FakeConnection {
  const closed: string[] = [];
  const info = {
    id: `${clientId}${connIndex}`,
    tunnelId,
    clientId,
    connIndex,
    version: '',
    arch: '',
    features: [],
    originIp: '',
    location: '',
    openedAt: new Date(0),
  };
  return { info, inFlight: 0, draining: false, awaitsRules: false, closed, close: (reason) => closed.push(reason) };
}

function setUp(...connections: FakeConnection[]) {
  const registry = createRegistry<FakeConnection>();
  for (const one of connections) registry.add(one);
  return registry;
}

test('a connection that has not been told the rules takes requests only when no other can', () => {
  const [untold, told] = [connection(0), connection(0, 'b')];
  untold.awaitsRules = true;
  const registry = setUp(untold, told);
  told.inFlight = 100;
  for (let request = 0; request < 4; request++) assert.equal(registry.pick('t'), told);
  assert.equal(registry.pick('t', [told]), untold);
  told.draining = true;
  assert.equal(registry.pick('t'), untold);
});

test('equally busy connections take turns', () => {
  const all = [connection(0), connection(1), connection(2, 'b')];
  const registry = setUp(...all);
  const picked = Array.from({ length: 9 }, () => registry.pick('t')?.info.id);
  for (const { info } of all) assert.equal(picked.filter((id) => id === info.id).length, 3);
});

test('the least busy connection is next', () => {
  const [busy, idle, middling] = [connection(0), connection(1), connection(2)];
  busy.inFlight = 5;
  middling.inFlight = 1;
  const registry = setUp(busy, idle, middling);
  for (let i = 0; i < 4; i++) assert.equal(registry.pick('t'), idle);
});

test('connections that drain, were tried or belong to another tunnel are passed over', () => {
  const [draining, tried, other] = [connection(0), connection(1), connection(0, 'a', 'u')];
  draining.draining = true;
  const registry = setUp(draining, tried, other);
  assert.equal(registry.pick('t'), tried);
  assert.equal(registry.pick('t', [tried]), undefined);
  assert.equal(registry.pick('u'), other);
  assert.equal(registry.pick('nobody'), undefined);
});

test('a connection is found by tunnel, connector and index until it is removed', () => {
  const one = connection(1);
  const registry = setUp(connection(0), one, connection(1, 'b'));
  assert.equal(registry.find('t', 'a', 1), one);
  assert.equal(registry.find('t', 'a', 2), undefined);
  registry.remove(one);
  registry.remove(one);
  assert.equal(registry.find('t', 'a', 1), undefined);
  assert.equal(registry.list('t').length, 2);
});

test('disconnecting closes a connector, or all of a tunnel', () => {
  const [a0, a1, b0] = [connection(0), connection(1), connection(0, 'b')];
  const registry = setUp(a0, a1, b0);
  registry.disconnect('t', 'a');
  assert.deepEqual([a0.closed.length, a1.closed.length, b0.closed.length], [1, 1, 0]);
  registry.disconnect('t');
  assert.equal(b0.closed.length, 1);
  registry.disconnect('nobody');
});

test('the first connection of a tunnel and the loss of its last one are told', () => {
  const told: string[] = [];
  const registry = createRegistry<FakeConnection>((tunnelId, isConnected) => told.push(`${tunnelId} ${isConnected}`));
  const [a, b, other] = [connection(0), connection(1), connection(0, 'a', 'u')];
  for (const one of [a, b, other]) registry.add(one);
  assert.deepEqual(told.splice(0), ['t true', 'u true']);
  registry.remove(a);
  registry.remove(a);
  assert.deepEqual(told.splice(0), []);
  registry.remove(b);
  registry.remove(b);
  assert.deepEqual(told.splice(0), ['t false']);
});

test('a connection that joins one on its way out counts as the first', () => {
  const told: string[] = [];
  const registry = createRegistry<FakeConnection>((tunnelId, isConnected) => told.push(`${tunnelId} ${isConnected}`));
  const leaving = connection(0);
  registry.add(leaving);
  leaving.draining = true;
  registry.add(connection(1));
  registry.remove(leaving);
  assert.deepEqual(told, ['t true', 't true']);
});
