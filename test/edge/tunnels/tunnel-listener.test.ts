// The port connectors dial: who is let in, who is not, and how connections end.
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { performServerHandshake, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import test, { type TestContext } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { EdgeTimeouts } from '../../../src/edge/edge.ts';
import { edgeServerName } from '../../../src/protocol/server-names.ts';
import { type Rig, startRig, until } from '../rig.ts';
import { answer } from '../test-connector.ts';

const hour = 3_600_000;
const patient: EdgeTimeouts['tunnel'] = {
  handshake: hour,
  registration: hour,
  pingEvery: hour,
  pingAnswer: hour,
  claimAnswer: hour,
  drain: hour,
};

/** The reason of a refusal. */
function causeOf(connector: Awaited<ReturnType<Rig['connect']>>): string {
  return 'error' in connector.response ? connector.response.error.cause : 'accepted';
}

/** A line to a port that can be cut as by a power failure: both ends stay open, nothing arrives any more. */
async function createLine(t: TestContext, port: number): Promise<{ readonly port: number; cut(): void }> {
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = connectTcp(port, '127.0.0.1');
    for (const socket of [near, far]) socket.on('error', () => undefined);
    near.on('data', (chunk) => far.write(chunk));
    far.on('data', (chunk) => near.write(chunk));
    sockets.push(near, far);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const cut = () => {
    for (const socket of sockets) socket.removeAllListeners('data').pause();
  };
  return { port: (server.address() as AddressInfo).port, cut };
}

test('a connector registers, is listed with what it said of itself, and disappears when it is gone', async (t) => {
  const rig = await startRig(t);
  const connector = await rig.connect({ connIndex: 3 });
  const [listed, ...others] = rig.edge.registry.connections(rig.tunnel.id);
  assert.deepEqual(others, []);
  assert.equal(listed?.clientId, connector.clientId);
  assert.equal(listed?.connIndex, 3);
  assert.equal(listed?.version, 'test');
  assert.equal(listed?.arch, 'test');
  assert.deepEqual(listed?.features, ['allow_remote_config', 'serialized_headers']);
  assert.equal(listed?.originIp, '127.0.0.1');
  assert.equal(listed?.location, 'sallyport');
  assert.equal(listed?.draining, false);
  await connector.close();
  await until(() => rig.edge.registry.connections(rig.tunnel.id).length === 0);
});

test('a remotely managed tunnel is announced as such', async (t) => {
  const rig = await startRig(t);
  const tunnel = rig.directory.addTunnel('remote', { remotelyManaged: true });
  const { response } = await rig.connect({ tunnel });
  assert.ok('details' in response && response.details.tunnelIsRemotelyManaged);
});

const strangers: readonly { readonly name: string; readonly change: (tunnel: Rig['tunnel']) => Rig['tunnel'] }[] = [
  { name: 'a wrong secret', change: (tunnel) => ({ ...tunnel, secret: randomBytes(32) }) },
  { name: 'a secret of another length', change: (tunnel) => ({ ...tunnel, secret: tunnel.secret.subarray(0, 31) }) },
  { name: 'no secret', change: (tunnel) => ({ ...tunnel, secret: new Uint8Array() }) },
  { name: 'an unknown tunnel', change: (tunnel) => ({ ...tunnel, id: randomUUID() }) },
  { name: 'another account', change: (tunnel) => ({ ...tunnel, accountTag: 'somebody else' }) },
];

for (const { name, change } of strangers) {
  test(`${name} is unauthorized, and the edge closes the connection`, async (t) => {
    const rig = await startRig(t);
    const connector = await rig.connect({ tunnel: change(rig.tunnel) });
    assert.equal(causeOf(connector), 'Unauthorized: Invalid tunnel secret');
    await connector.closed;
    assert.deepEqual(rig.edge.registry.connections(rig.tunnel.id), []);
  });
}

test('a tunnel without a secret admits nobody', async (t) => {
  const rig = await startRig(t);
  const open = rig.directory.addTunnel('open');
  Object.assign(open, { secret: new Uint8Array() });
  assert.equal(causeOf(await rig.connect({ tunnel: open })), 'Unauthorized: Invalid tunnel secret');
});

test('the same connector and index twice is a duplicate; the first connection stays', async (t) => {
  const rig = await startRig(t);
  const first = await rig.connect();
  const second = await rig.connect({ clientId: first.clientId });
  assert.equal(causeOf(second), 'EDUPCONN');
  await second.closed;
  assert.equal((await rig.fetch()).text, 'hello');
  assert.equal(first.served(), 1);
});

test('a connector may replace its own connection', async (t) => {
  const rig = await startRig(t);
  const first = await rig.connect();
  const second = await rig.connect({ clientId: first.clientId, replaceExisting: true });
  assert.equal(causeOf(second), 'accepted');
  await first.closed;
  assert.equal(rig.edge.registry.connections(rig.tunnel.id).length, 1);
});

test('a connection that only looks alive makes room for its successor', async (t) => {
  const rig = await startRig(t, { timeouts: { tunnel: { ...patient, claimAnswer: 100 } } });
  const line = await createLine(t, rig.ports.tunnel);
  const first = await rig.connect({ port: line.port });
  line.cut();
  const second = await rig.connect({ clientId: first.clientId });
  assert.equal(causeOf(second), 'accepted');
  assert.equal(rig.edge.registry.connections(rig.tunnel.id).length, 1);
});

test('a dead connector is noticed by itself', async (t) => {
  const rig = await startRig(t, { timeouts: { tunnel: { ...patient, pingEvery: 50, pingAnswer: 100 } } });
  const line = await createLine(t, rig.ports.tunnel);
  await rig.connect({ port: line.port });
  line.cut();
  await until(() => rig.edge.registry.connections(rig.tunnel.id).length === 0);
  assert.equal((await rig.fetch()).status, 530);
});

test('a live connector survives many pings', async (t) => {
  const rig = await startRig(t, { timeouts: { tunnel: { ...patient, pingEvery: 5, pingAnswer: hour } } });
  const connector = await rig.connect();
  let pings = 0;
  connector.session.on('ping', () => pings++);
  await until(() => pings > 10);
  assert.equal((await rig.fetch()).text, 'hello');
});

test('after unregistering, a connection closes once its last request is answered', async (t) => {
  const rig = await startRig(t);
  const streams: ServerHttp2Stream[] = [];
  const connector = await rig.connect({ onStream: ({ stream }) => streams.push(stream) });
  const waiting = rig.fetch();
  await until(() => streams.length === 1);
  await connector.client.unregisterConnection(5_000);
  assert.equal((await rig.fetch()).status, 530);
  assert.equal(streams.length, 1);
  for (const stream of streams) answer(stream, 200, [], 'finished');
  assert.equal((await waiting).text, 'finished');
  await connector.closed;
  assert.deepEqual(rig.edge.registry.connections(rig.tunnel.id), []);
});

test('a draining connection whose requests never end is closed in the end', async (t) => {
  const rig = await startRig(t, { timeouts: { tunnel: { ...patient, drain: 100 } } });
  let waiting = false;
  const connector = await rig.connect({
    onStream: () => {
      waiting = true;
    },
  });
  const request = rig.fetch({ method: 'POST' });
  await until(() => waiting);
  await connector.client.unregisterConnection(5_000);
  await connector.closed;
  assert.equal((await request).status, 502);
});

test('a connector that says goodbye without unregistering gets no new requests', async (t) => {
  const rig = await startRig(t);
  const first = await rig.connect({ connIndex: 0 });
  await rig.connect({ connIndex: 1 });
  first.session.goaway();
  await until(() => rig.edge.registry.connections(rig.tunnel.id).length === 1);
  for (let i = 0; i < 4; i++) assert.equal((await rig.fetch()).status, 200);
  assert.equal(first.served(), 0);
});

test('a deleted tunnel loses its connectors', async (t) => {
  const rig = await startRig(t);
  const connector = await rig.connect();
  rig.directory.removeTunnel(rig.tunnel.id);
  await connector.closed;
  assert.equal((await rig.fetch()).status, 530);
});

test('one connector can be disconnected, the others stay', async (t) => {
  const rig = await startRig(t);
  const first = await rig.connect();
  const second = await rig.connect();
  rig.edge.registry.disconnect(rig.tunnel.id, first.clientId);
  await first.closed;
  assert.deepEqual(
    rig.edge.registry.connections(rig.tunnel.id).map(({ clientId }) => clientId),
    [second.clientId],
  );
});

test('a locally managed tunnel reports its configuration', async (t) => {
  const rig = await startRig(t);
  const { client } = await rig.connect();
  await client.updateLocalConfiguration(Buffer.from('{"ingress":[{"service":"http_status:404"}]}'));
  assert.deepEqual(rig.directory.reported.get(rig.tunnel.id), { ingress: [{ service: 'http_status:404' }] });
  await assert.rejects(client.updateLocalConfiguration(Buffer.from('not json')), /not JSON/);
  assert.equal((await rig.fetch()).text, 'hello');
});

test('who never registers is put out', async (t) => {
  const rig = await startRig(t, { timeouts: { tunnel: { ...patient, registration: 50 } } });
  const socket = connectTls({ port: rig.ports.tunnel, ca: rig.edge.caPem, servername: edgeServerName });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  const session = performServerHandshake(socket);
  session.on('error', () => undefined);
  session.on('stream', (stream) => stream.on('error', () => undefined));
  await once(socket, 'close');
});

test('who never finishes the handshake is put out', async (t) => {
  const rig = await startRig(t, { timeouts: { tunnel: { ...patient, handshake: 50 } } });
  const socket = connectTcp(rig.ports.tunnel, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.resume();
  await once(socket, 'close');
});

test('garbage on the tunnel port, before and after TLS, does no harm', async (t) => {
  const rig = await startRig(t);
  await rig.connect();
  const junk = [randomBytes(65_536), Buffer.from('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n'), Buffer.alloc(9, 0xff)];
  for (const bytes of junk) {
    const plain = connectTcp(rig.ports.tunnel, '127.0.0.1');
    plain.on('error', () => undefined);
    plain.resume();
    plain.end(bytes);
    await once(plain, 'close');
    const secure = connectTls({ port: rig.ports.tunnel, ca: rig.edge.caPem, servername: edgeServerName });
    secure.on('error', () => undefined);
    await once(secure, 'secureConnect');
    secure.resume();
    secure.write(bytes);
    if (bytes.length < 9 || bytes[0] !== 0xff) secure.end();
    else secure.destroy();
    await once(secure, 'close');
  }
  assert.equal((await rig.fetch()).text, 'hello');
  assert.equal(rig.edge.registry.connections(rig.tunnel.id).length, 1);
});

test('garbage on the control stream ends that connection only', async (t) => {
  const rig = await startRig(t);
  await rig.connect();
  const socket = connectTls({ port: rig.ports.tunnel, ca: rig.edge.caPem, servername: edgeServerName });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  const session = performServerHandshake(socket);
  session.on('error', () => undefined);
  session.on('stream', (stream) => {
    stream.on('error', () => undefined);
    stream.respond();
    stream.write(randomBytes(10_000));
  });
  await once(socket, 'close');
  assert.equal((await rig.fetch()).text, 'hello');
});

test('a crowd of silent strangers is turned away, and connectors get in again when it is gone', async (t) => {
  const rig = await startRig(t);
  const crowd = Array.from({ length: 300 }, () => connectTcp(rig.ports.tunnel, '127.0.0.1'));
  let gone = 0;
  for (const socket of crowd) {
    socket.on('error', () => undefined);
    socket.resume();
    socket.once('close', () => gone++);
  }
  await until(() => gone >= 300 - 64);
  assert.equal(gone, 300 - 64, 'one host may have 64 waiting');
  for (const socket of crowd) socket.destroy();
  await until(() => gone === 300);
  let connector: Awaited<ReturnType<Rig['connect']>> | undefined;
  while (connector === undefined) connector = await rig.connect().catch(() => undefined);
  assert.equal(causeOf(connector), 'accepted');
});

for (const servername of ['a b', '%', 'app.test', 'x'.repeat(200)]) {
  test(`a stranger who asks for ${servername.slice(0, 8)} and answers 421 ends only its own connection`, async (t) => {
    const rig = await startRig(t);
    await rig.connect();
    const socket = connectTls({ port: rig.ports.tunnel, ca: rig.edge.caPem, servername, rejectUnauthorized: false });
    socket.on('error', () => undefined);
    socket.once('secureConnect', () => {
      const session = performServerHandshake(socket);
      session.on('error', () => undefined);
      session.on('stream', (stream) => {
        stream.on('error', () => undefined);
        stream.respond({ ':status': 421 });
      });
      session.origin('https://x.test');
    });
    await once(socket, 'close');
    assert.equal((await rig.fetch()).text, 'hello');
  });
}

test('TLS 1.2 and curve P-256 alone are enough', async (t) => {
  const rig = await startRig(t);
  const socket = connectTls({
    port: rig.ports.tunnel,
    ca: rig.edge.caPem,
    servername: edgeServerName,
    maxVersion: 'TLSv1.2',
    ecdhCurve: 'P-256',
  });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  assert.ok(socket.authorized);
  assert.deepEqual(
    socket.getPeerCertificate().subjectaltname,
    'DNS:h2.cftunnel.com, DNS:quic.cftunnel.com, DNS:probe.cftunnel.com',
  );
  socket.destroy();
});
