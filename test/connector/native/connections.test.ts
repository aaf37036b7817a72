// The connector's connections: registration, loss, refusal, rules under load, and the way out.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { systemClock } from '../../../src/clock.ts';
import { staticEdges } from '../../../src/connector/native/edge-addresses.ts';
import { EdgeError, ValidationError } from '../../../src/errors.ts';
import { bytesToUuid } from '../../../src/protocol/credentials.ts';
import { ask, readAnswer, startTestEdge, type TestEdge } from './edge.ts';
import {
  createRecordingLogger,
  createTestConnector,
  credentials,
  quickTimings,
  startOrigin,
  startRig,
  until,
} from './rig.ts';

const signal = () => AbortSignal.timeout(10_000);

test('four connections register with one connector id and their own index', async (t) => {
  const edge = await startTestEdge();
  t.after(() => edge.close());
  const connector = createTestConnector(edge);
  t.after(() => connector.stop(0));
  await connector.start(signal());
  await edge.waitFor(4);
  const seen = edge.connections.map((connection) => connection.registration);
  assert.deepEqual(seen.map((request) => request?.connIndex).sort(), [0, 1, 2, 3]);
  for (const request of seen) {
    assert.equal(bytesToUuid(request?.options.client.clientId ?? new Uint8Array()), connector.connectorId);
    assert.equal(bytesToUuid(request?.tunnelId ?? new Uint8Array()), credentials.tunnelId);
    assert.equal(request?.auth.accountTag, 'account');
    assert.deepEqual(request?.auth.tunnelSecret, credentials.tunnelSecret);
    assert.deepEqual(request?.options.client.features, ['serialized_headers']);
  }
  await until(() => connector.connections().every((info) => info.state === 'connected'));
  assert.deepEqual(
    connector.connections().map(({ index, location }) => [index, location]),
    [0, 1, 2, 3].map((i) => [i, 'test01']),
  );
  assert.equal(connector.ready, true);
});

test('there are no more connections than edge addresses', async (t) => {
  const edge = await startTestEdge();
  t.after(() => edge.close());
  const connector = createTestConnector(edge, { edges: staticEdges([edge.address, edge.address]) });
  t.after(() => connector.stop(0));
  await connector.start(signal());
  await edge.waitFor(2);
  assert.equal(connector.connections().length, 2);
});

test('connection 0 reports the rules of a locally managed tunnel, and again after a swap', async (t) => {
  const { edge, connector } = await startRig(t, [{ hostname: 'app.test', service: 'http://127.0.0.1:1' }]);
  const [connection] = edge.connections;
  await until(() => connection?.configurations.length === 1);
  await connector.updateIngress([{ service: 'http_status:410' }]);
  await until(() => connection?.configurations.length === 2);
  assert.deepEqual(connection?.configurations, [
    {
      __configuration_flags: {},
      ingress: [{ hostname: 'app.test', service: 'http://127.0.0.1:1' }, { service: 'http_status:404' }],
      'warp-routing': {},
    },
    { __configuration_flags: {}, ingress: [{ service: 'http_status:410' }], 'warp-routing': {} },
  ]);
});

test('a remotely managed tunnel reports nothing', async (t) => {
  const edge = await startTestEdge({ remotelyManaged: true });
  t.after(() => edge.close());
  const connector = createTestConnector(edge, { haConnections: 1 });
  t.after(() => connector.stop(0));
  await connector.start(signal());
  await connector.updateIngress([{ service: 'http_status:410' }]);
  assert.equal((await ask(edge.first())).status, 410);
  assert.deepEqual(edge.first().configurations, []);
});

test('a wrong secret at the first start ends it with an error a person can act on', async (t) => {
  const edge = await startTestEdge({ refuse: () => 'Unauthorized: Failed to get tunnel' });
  t.after(() => edge.close());
  const connector = createTestConnector(edge);
  t.after(() => connector.stop(0));
  await assert.rejects(connector.start(signal()), (error) => {
    assert.ok(error instanceof EdgeError);
    assert.equal(error.code, 'E_EDGE_REFUSED');
    assert.equal(error.permanent, true);
    assert.match(error.message, /Unauthorized/);
    assert.match(error.hint ?? '', /token or credentials file/);
    return true;
  });
  assert.ok(edge.attempts.length > 1, 'a tunnel that was just created may not be known everywhere at once');
  assert.ok(connector.connections().every((info) => info.state === 'stopped'));
});

test('a tunnel that is unknown for a moment after its creation is tried again', async (t) => {
  const edge = await startTestEdge({ refuse: () => (edge.attempts.length < 3 ? 'Unauthorized' : undefined) });
  t.after(() => edge.close());
  const connector = createTestConnector(edge, { haConnections: 1 });
  t.after(() => connector.stop(0));
  await connector.start(signal());
  assert.equal(edge.attempts.length, 3);
});

test('a refusal that may pass is tried again', async (t) => {
  const edge = await startTestEdge({ refuse: () => (edge.attempts.length < 6 ? 'later, please' : undefined) });
  t.after(() => edge.close());
  const connector = createTestConnector(edge, { haConnections: 1 });
  t.after(() => connector.stop(0));
  await connector.start(signal());
  assert.equal(edge.connections.length, 1);
});

test('an established connector survives refusals: it keeps trying', async (t) => {
  let refusing = false;
  const edge = await startTestEdge({ refuse: () => (refusing ? 'Unauthorized' : undefined) });
  t.after(() => edge.close());
  const connector = createTestConnector(edge, { haConnections: 1 });
  t.after(() => connector.stop(0));
  await connector.start(signal());
  refusing = true;
  edge.first().socket.destroy();
  await until(() => edge.attempts.length >= 7);
  refusing = false;
  await edge.waitFor(1);
});

test('a duplicate connection goes to another address', async (t) => {
  const busy = await startTestEdge({ refuse: () => 'EDUPCONN' });
  t.after(() => busy.close());
  const free = await startTestEdge({ authority: busy.authority });
  t.after(() => free.close());
  const connector = createTestConnector(free, { haConnections: 1, edges: staticEdges([busy.address, free.address]) });
  t.after(() => connector.stop(0));
  await connector.start(signal());
  assert.equal(free.connections.length, 1);
});

test("an edge whose certificate is not the edge's is not trusted", async (t) => {
  const edge = await startTestEdge({ serverName: 'other.test' });
  t.after(() => edge.close());
  const connector = createTestConnector(edge, { haConnections: 1 });
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  const abort = new AbortController();
  connector.onChange(() => {
    const [info] = connector.connections();
    if (info?.lastError !== undefined && !abort.signal.aborted) {
      assert.match(info.lastError, /certificate is not trusted/);
      abort.abort(new Error('enough'));
      resolve();
    }
  });
  await assert.rejects(connector.start(abort.signal), /enough/);
  await aborted;
  assert.equal(edge.attempts.length, 0);
});

test('a lost connection in the middle of traffic comes back, and its requests end for both sides', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    response.write('half');
  });
  const { edge, connector, connection } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  const stream = connection.request({ ':path': '/' }, { endStream: true });
  const cut = readAnswer(stream);
  await once(stream, 'data');
  connection.socket.destroy();
  await assert.rejects(cut);
  await until(() => connector.metrics().concurrent === 0);
  await edge.waitFor(1);
  await until(() => connector.ready);
  assert.equal((await ask(edge.first(), { ':authority': 'other.test' })).status, 404);
});

test('the edge can restart: the connector returns by itself', async (t) => {
  const edge = await startTestEdge();
  const connector = createTestConnector(edge, { haConnections: 2 });
  t.after(() => connector.stop(0));
  await connector.start(signal());
  await edge.waitFor(2);
  await edge.close();
  await until(() => !connector.ready);
  const again: TestEdge = await startTestEdge({ authority: edge.authority, port: edge.port });
  t.after(() => again.close());
  await again.waitFor(2);
});

test('an edge that stops answering is noticed and left', async (t) => {
  const edge = await startTestEdge();
  t.after(() => edge.close());
  // Between the two, so that the silence is the network's: nothing arrives and nobody hangs up.
  const pairs: net.Socket[] = [];
  const proxy = net.createServer((socket) => {
    const upstream = net.connect(edge.port, '127.0.0.1');
    pairs.push(socket, upstream);
    for (const end of [socket, upstream]) end.on('error', () => undefined);
    socket.pipe(upstream).pipe(socket);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => {
    proxy.close();
    for (const socket of pairs) socket.destroy();
  });
  const connector = createTestConnector(edge, {
    edges: staticEdges([`127.0.0.1:${(proxy.address() as net.AddressInfo).port}`]),
    timings: { ...quickTimings, pingIntervalMs: 50 },
  });
  t.after(() => connector.stop(0));
  await connector.start(signal());
  for (const socket of pairs.slice(0, 2)) {
    socket.unpipe();
    socket.pause();
  }
  await until(() => edge.attempts.length === 2);
  await until(() => connector.ready);
});

const garbage = [
  { name: 'closes at once', act: (socket: net.Socket) => socket.destroy() },
  { name: 'speaks HTTP/1.1', act: (socket: net.Socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n') },
  { name: 'sends noise', act: (socket: net.Socket) => socket.write(Buffer.alloc(100_000, 0xa5)) },
  {
    name: 'sends the preface and then noise',
    act: (socket: net.Socket) => socket.write(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${'z'.repeat(10_000)}`),
  },
  { name: 'says nothing', act: () => undefined },
];
for (const c of garbage) {
  test(`an edge that ${c.name} is left, and the next attempt succeeds`, async (t) => {
    let seen = 0;
    const edge = await startTestEdge({
      onSocket: (socket) => {
        if (seen++ > 0) return false;
        c.act(socket);
        return true;
      },
    });
    t.after(() => edge.close());
    const connector = createTestConnector(edge, { haConnections: 1, timings: { ...quickTimings, rpcTimeoutMs: 200 } });
    t.after(() => connector.stop(0));
    await connector.start(signal());
    assert.equal(edge.connections.length, 1);
  });
}

test('garbage on the control stream ends that connection only', async (t) => {
  const { edge, connector, connection } = await startRig(t, []);
  const second = connection.request({ 'cf-cloudflared-proxy-connection-upgrade': 'control-stream', ':path': '/' });
  await assert.rejects(readAnswer(second), /PROTOCOL_ERROR/);
  assert.equal(connector.ready, true);
  connection.control.write(Buffer.alloc(64, 0xff));
  await until(() => edge.attempts.length === 2);
  await until(() => connector.ready);
});

test('a thousand rule swaps under load lose no request', async (t) => {
  const origins = await Promise.all(
    ['a', 'b'].map((name) => startOrigin(t, (_request, response) => setTimeout(() => response.end(name), 2))),
  );
  const rules = (origin: string | undefined, i: number) => [
    { hostname: 'app.test', service: origin ?? '' },
    { hostname: `h${i}.test`, service: `http_status:${400 + (i % 50)}` },
    { service: 'http_status:404' },
  ];
  const { connector, connection } = await startRig(t, [{ hostname: 'app.test', service: origins[0] ?? '' }]);
  let swapping = true;
  const answers: string[] = [];
  const load = Array.from({ length: 16 }, async () => {
    while (swapping) {
      const answer = await ask(connection);
      answers.push(`${answer.status} ${answer.body}`);
    }
  });
  for (let i = 0; i < 1_000; i++) {
    await connector.updateIngress(rules(origins[i % 2], i));
    await new Promise((resolve) => setImmediate(resolve));
  }
  swapping = false;
  await Promise.all(load);
  assert.ok(answers.length > 50);
  assert.deepEqual([...new Set(answers)].sort(), ['200 a', '200 b']);
  assert.equal(connector.metrics().errors, 0);
});

test('invalid rules are refused and the old ones stay', async (t) => {
  const { connector, connection } = await startRig(t, [{ hostname: 'app.test', service: 'http_status:418' }]);
  await assert.rejects(connector.updateIngress([{ hostname: 'app.test', service: 'nonsense' }]), ValidationError);
  assert.equal((await ask(connection)).status, 418);
});

test('stopping unregisters, lets requests in flight finish, serves new ones, and ends when the edge closes', async (t) => {
  const slow = Promise.withResolvers<http.ServerResponse>();
  const origin = await startOrigin(t, (request, response) => {
    if (request.url === '/slow') slow.resolve(response);
    else response.end('quick');
  });
  const { connector, connection } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  const answer = ask(connection, { ':path': '/slow' });
  const response = await slow.promise;
  const stopped = connector.stop(10_000);
  await until(() => connection.unregistered);
  assert.equal(connector.connections()[0]?.state, 'draining');
  assert.equal((await ask(connection)).body.toString(), 'quick');
  response.end('at last');
  assert.equal((await answer).body.toString(), 'at last');
  connection.session.close();
  await stopped;
  assert.equal(connector.connections()[0]?.state, 'stopped');
});

test('stopping ends after the grace period even when the edge never closes', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    response.write('half');
  });
  const { connector, connection } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  const stream = connection.request({ ':path': '/' }, { endStream: true });
  const cut = readAnswer(stream);
  await once(stream, 'data');
  const stopped = connector.stop(50);
  await assert.rejects(cut);
  await stopped;
  assert.equal(connector.stop(50), connector.stop(0), 'stopping twice is stopping once');
});

test('giving up a start whose edge is not there leaves nothing running', async (t) => {
  const edge = await startTestEdge();
  await edge.close();
  const connector = createTestConnector(edge);
  const abort = new AbortController();
  const started = connector.start(abort.signal);
  await until(() => connector.connections()[0]?.state === 'backing-off');
  abort.abort(new Error('changed my mind'));
  await assert.rejects(started, /changed my mind/);
  assert.equal(connector.ready, false);
  t.diagnostic('the test process exits by itself');
});

test('a start whose name lookup hangs can be given up at once', async (t) => {
  const edge = await startTestEdge();
  t.after(() => edge.close());
  const asked = Promise.withResolvers<void>();
  const connector = createTestConnector(edge, {
    edges: () => {
      asked.resolve();
      return new Promise(() => undefined);
    },
  });
  const calledOff = new AbortController();
  const starting = connector.start(calledOff.signal);
  await asked.promise;
  calledOff.abort(new Error('enough'));
  await assert.rejects(starting, /enough/);
  await connector.stop(0);
});

test('a TCP address that accepts and never speaks TLS is left in time', async (t) => {
  const sockets = new Set<net.Socket>();
  const mute = net.createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1');
  await once(mute, 'listening');
  t.after(() => {
    mute.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = mute.address() as net.AddressInfo;
  const edge = await startTestEdge();
  t.after(() => edge.close());
  const connector = createTestConnector(edge, {
    haConnections: 1,
    edges: staticEdges([`127.0.0.1:${port}`, edge.address]),
    timings: { ...quickTimings, dialTimeoutMs: 100 },
  });
  t.after(() => connector.stop(0));
  await connector.start(signal());
  assert.equal(edge.connections.length, 1);
});

test('pushed configurations are refused with our version when the rules are ours', async (t) => {
  const { connector, connection } = await startRig(t, [{ hostname: 'app.test', service: 'http_status:418' }]);
  const push = { version: 7, config: { ingress: [{ service: 'http_status:410' }] } };
  const answer = await pushTo(connection, JSON.stringify(push));
  assert.deepEqual(answer, { lastAppliedVersion: -1, err: 'this tunnel is configured locally' });
  assert.equal((await ask(connection)).status, 418);
  assert.equal(connector.table.version, 0);
});

test('pushed configurations are applied in order when the tunnel is managed remotely, and bad ones change nothing', async (t) => {
  const { connection } = await startRig(t, [], { onConfiguration: 'apply' });
  const config = (status: number) => ({ ingress: [{ service: `http_status:${status}` }] });
  assert.deepEqual(await pushTo(connection, JSON.stringify({ version: 3, config: config(410) })), {
    lastAppliedVersion: 3,
    err: null,
  });
  assert.equal((await ask(connection)).status, 410);
  assert.deepEqual(await pushTo(connection, JSON.stringify({ version: 2, config: config(411) })), {
    lastAppliedVersion: 3,
    err: null,
  });
  for (const bad of [
    'not json',
    '{"version":4}',
    '{"version":4,"config":{"ingress":[{"service":"nonsense"}]}}',
    '{"version":4,"config":{"ingress":7}}',
    `{"version":4,"config":{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}}`,
  ]) {
    const answer = await pushTo(connection, bad);
    assert.equal(answer.lastAppliedVersion, 3);
    assert.equal(typeof answer.err, 'string');
  }
  assert.equal((await ask(connection)).status, 410);
  assert.deepEqual(await pushTo(connection, JSON.stringify({ version: 5, config: { ingress: [] } })), {
    lastAppliedVersion: 5,
    err: null,
  });
  assert.equal((await ask(connection)).status, 503);
});

async function pushTo(
  connection: TestEdge['connections'][number],
  body: string,
): Promise<{ lastAppliedVersion: number; err: unknown }> {
  const headers = { 'cf-cloudflared-proxy-connection-upgrade': 'update-configuration', ':path': '/' };
  const stream = connection.request(headers, { endStream: false });
  const answer = readAnswer(stream);
  stream.end(body);
  return JSON.parse((await answer).body.toString());
}

test('secrets never reach the log', async (t) => {
  const { logger, lines } = createRecordingLogger();
  const edge = await startTestEdge({ refuse: () => (edge.attempts.length < 2 ? 'Unauthorized' : undefined) });
  t.after(() => edge.close());
  const secret = Buffer.from('a very secret secret of 32 bytes');
  const connector = createTestConnector(edge, {
    logger,
    haConnections: 1,
    clock: systemClock,
    credentials: { ...credentials, tunnelSecret: secret },
  });
  t.after(() => connector.stop(0));
  await connector.start(signal());
  const written = JSON.stringify(lines);
  assert.ok(lines.length > 1);
  for (const form of [secret.toString(), secret.toString('base64'), secret.toString('hex')])
    assert.ok(!written.includes(form));
});

test('a connector that takes its rules from the edge says so', async (t) => {
  const edge = await startTestEdge();
  t.after(() => edge.close());
  const connector = createTestConnector(edge, { onConfiguration: 'apply' });
  t.after(() => connector.stop(0));
  await connector.start(signal());
  assert.ok(edge.connections[0]?.registration?.options.client.features.includes('allow_remote_config'));
});
