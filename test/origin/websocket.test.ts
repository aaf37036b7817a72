// Websockets to HTTP origins: the handshake passes through, then bytes flow both ways untouched.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type WebSocket, WebSocketServer } from 'ws';
import { decodeResponseHeaders } from '../../src/protocol/headers.ts';
import { ask, header, readAnswer, type TestConnection } from '../connector/native/edge.ts';
import { startRawOrigin, startRig, until } from '../connector/native/rig.ts';

const handshake = {
  'cf-cloudflared-proxy-connection-upgrade': 'websocket',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  ':path': '/socket?x=1',
};

async function startWebsocketOrigin(
  t: TestContext,
  onSocket: (socket: WebSocket, request: http.IncomingMessage) => void,
) {
  const server = http.createServer((_request, response) => response.writeHead(403).end('not you'));
  const sockets = new WebSocketServer({ server, path: '/socket' });
  sockets.on('connection', onSocket);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function open(connection: TestConnection) {
  const stream = connection.request(handshake, { endStream: false });
  stream.on('error', () => undefined);
  const [headers] = await once(stream, 'response');
  return { stream, answer: decodeResponseHeaders(headers) };
}

/** A masked text frame with a zero mask: the payload stays readable. */
function textFrame(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}

test('the upgrade is agreed on and frames pass both ways', async (t) => {
  const origin = await startWebsocketOrigin(t, (socket, request) => {
    socket.send(`hello ${request.headers.host} ${request.headers['sec-websocket-version']}`);
    socket.on('message', (data) => socket.send(`echo ${data}`));
  });
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  const { stream, answer } = await open(connection);
  assert.equal(answer.upgraded, true);
  assert.equal(header(answer.headers, 'sec-websocket-accept'), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  let received = '';
  stream.on('data', (chunk) => {
    received += chunk;
  });
  stream.write(textFrame('one'));
  await until(() => received.includes('echo one'));
  assert.match(received, /hello app\.test 13/);
  stream.destroy();
});

test('a refused handshake is passed on with its status and body', async (t) => {
  const server = http.createServer((_request, response) => response.writeHead(403, { 'X-Why': 'no' }).end('not you'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const service = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { connection } = await startRig(t, [{ hostname: 'app.test', service }]);
  const answer = await readAnswer(connection.request(handshake, { endStream: false }));
  assert.equal(answer.status, 403);
  assert.equal(answer.upgraded, false);
  assert.equal(header(answer.headers, 'x-why'), 'no');
  assert.equal(answer.body.toString(), 'not you');
});

test("the visitor closing ends the origin's socket, and the other way round", async (t) => {
  const sockets: WebSocket[] = [];
  const origin = await startWebsocketOrigin(t, (socket) => sockets.push(socket));
  const { connection, connector } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  const first = await open(connection);
  const firstSocket = sockets[0];
  assert.ok(firstSocket);
  const closed = once(firstSocket, 'close');
  first.stream.end();
  await closed;
  const second = await open(connection);
  second.stream.resume();
  const ended = once(second.stream, 'close');
  sockets[1]?.terminate();
  await ended;
  await until(() => connector.metrics().concurrent === 0);
});

test('an origin that is not there or talks nonsense becomes a 502', async (t) => {
  const port = await startRawOrigin(t, (socket) => socket.once('data', () => socket.end('nonsense\r\n\r\n')));
  const { connection } = await startRig(t, [
    { hostname: 'gone.test', service: 'ws://127.0.0.1:1' },
    { hostname: 'odd.test', service: `http://127.0.0.1:${port}` },
  ]);
  for (const host of ['gone.test', 'odd.test']) {
    const answer = await ask(connection, { ...handshake, ':authority': host });
    assert.deepEqual([answer.status, answer.source], [502, 'cloudflared']);
  }
});

test('a visitor who leaves during the handshake leaves nothing behind', async (t) => {
  let open = 0;
  const port = await startRawOrigin(t, (socket) => {
    open++;
    socket.on('close', () => open--);
    socket.resume();
    socket.on('end', () => socket.end());
  });
  const { connection, connector } = await startRig(t, [{ hostname: 'app.test', service: `http://127.0.0.1:${port}` }]);
  const stream = connection.request(handshake, { endStream: false });
  stream.on('error', () => undefined);
  await until(() => open === 1);
  stream.close(8);
  await until(() => open === 0 && connector.metrics().concurrent === 0);
});

test('a websocket survives the swap that removes its rule', async (t) => {
  const origin = await startWebsocketOrigin(t, (socket) => socket.on('message', (data) => socket.send(`echo ${data}`)));
  const { connection, connector } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  const { stream } = await open(connection);
  await connector.updateIngress([{ service: 'http_status:404' }]);
  let received = '';
  stream.on('data', (chunk) => {
    received += chunk;
  });
  stream.write(textFrame('still'));
  await until(() => received.includes('echo still'));
  stream.destroy();
});
