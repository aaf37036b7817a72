// TCP inside a websocket: what `access ssh` speaks to an ssh:// rule.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { ask, readAnswer } from '../connector/native/edge.ts';
import { startRawOrigin, startRig, until } from '../connector/native/rig.ts';
import { handshake, open } from './websocket-client.ts';

test('bytes flow both ways and arrive whole', async (t) => {
  const port = await startRawOrigin(t, (socket) => socket.pipe(socket));
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: `tcp://127.0.0.1:${port}` }]);
  const client = await open(connection);
  const bytes = randomBytes(3_000_000);
  for (let at = 0; at < bytes.length; at += 100_000) client.send(2, bytes.subarray(at, at + 100_000));
  await until(() => client.data.length === bytes.length);
  assert.ok(client.data.equals(bytes));
  client.stream.destroy();
});

test('a server that speaks first is heard, and a ping is answered', async (t) => {
  const port = await startRawOrigin(t, (socket) => socket.write('SSH-2.0-test\r\n'));
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: `ssh://127.0.0.1:${port}` }]);
  const client = await open(connection);
  await until(() => client.data.toString() === 'SSH-2.0-test\r\n');
  client.send(9, Buffer.from('x'));
  await until(() => client.pongs === 1);
  client.stream.destroy();
});

test('the end of the TCP side reaches the client after the last byte, with a close', async (t) => {
  const port = await startRawOrigin(t, (socket) => socket.end('bye'));
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: `tcp://127.0.0.1:${port}` }]);
  const client = await open(connection);
  await until(() => client.closeCode !== undefined);
  assert.equal(client.data.toString(), 'bye');
  assert.equal(client.closeCode, 1000);
  client.send(8, Buffer.from([0x03, 0xe8]));
  await once(client.stream, 'close');
});

test('a close of the client is answered and ends the TCP side', async (t) => {
  const sockets: Socket[] = [];
  const port = await startRawOrigin(t, (socket) => {
    socket.resume();
    socket.on('end', () => socket.end());
    sockets.push(socket);
  });
  const { connection, connector } = await startRig(t, [{ hostname: 'app.test', service: `tcp://127.0.0.1:${port}` }]);
  const client = await open(connection);
  client.send(8, Buffer.from([0x03, 0xe8]));
  await until(() => client.closeCode === 1000);
  await until(() => sockets[0]?.destroyed === true && connector.metrics().concurrent === 0);
});

test('a client that leaves ends the TCP side', async (t) => {
  const sockets: Socket[] = [];
  const port = await startRawOrigin(t, (socket) => {
    socket.resume();
    socket.on('end', () => socket.end());
    sockets.push(socket);
  });
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: `tcp://127.0.0.1:${port}` }]);
  const client = await open(connection);
  client.stream.destroy();
  await until(() => sockets[0]?.destroyed === true);
});

test('a client that breaks the websocket protocol is told so and harms nobody else', async (t) => {
  const port = await startRawOrigin(t, (socket) => socket.resume());
  const { connection, connector } = await startRig(t, [{ hostname: 'app.test', service: `tcp://127.0.0.1:${port}` }]);
  const client = await open(connection);
  client.stream.write(Buffer.from([0x82, 0x01, 0x41]));
  await until(() => client.closeCode === 1002);
  client.stream.end();
  await until(() => connector.metrics().concurrent === 0);
  assert.equal((await ask(connection, { ':authority': 'other.test' })).status, 404);
});

test('a client that does not read stops the TCP side', async (t) => {
  let sent = 0;
  const port = await startRawOrigin(t, (socket) => {
    const block = Buffer.alloc(256 * 1024);
    const more = () => {
      while (sent < 1024 ** 3) {
        sent += block.length;
        if (!socket.write(block)) return;
      }
    };
    socket.on('drain', more);
    more();
  });
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: `tcp://127.0.0.1:${port}` }]);
  const stream = connection.request(handshake, { endStream: false });
  stream.on('error', () => undefined);
  await once(stream, 'response');
  let before = -1;
  for (let calm = 0; calm < 2_000; calm++) {
    if (sent !== before) calm = 0;
    before = sent;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(sent < 64 * 1024 * 1024, `the server was let send ${sent} bytes`);
  stream.destroy();
});

test('a port nobody listens on is a 502, and a browser gets an explanation', async (t) => {
  const { connection } = await startRig(t, [
    { hostname: 'gone.test', service: 'tcp://127.0.0.1:1' },
    { hostname: 'portless.test', service: 'foo://127.0.0.1' },
  ]);
  for (const host of ['gone.test', 'portless.test']) {
    const answer = await readAnswer(connection.request({ ...handshake, ':authority': host }, { endStream: false }));
    assert.equal(answer.status, 502);
  }
  const browser = await ask(connection, { ':authority': 'gone.test' });
  assert.equal(browser.status, 426);
  assert.match(browser.body.toString(), /access ssh/);
});
