// Bytes that are no request, no TLS and no tunnel at the ports strangers can reach, and origins that answer badly: a visitor beside them notices nothing.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { edgeServerName } from '../../src/protocol/server-names.ts';
import { type Program, startProgram, visit } from '../program/program.ts';
import { freePorts } from './process.ts';
import { keepVisiting, type SteadyVisitor } from './steady.ts';

let program: Program;
let visitor: SteadyVisitor;
let origin: Server;
let ports: { readonly name: string; readonly port: number }[];
let answerWith: (socket: Socket) => void = (socket) => socket.end();
const sockets = new Set<Socket>();

before(async () => {
  origin = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => answerWith(socket));
  });
  await once(origin.listen(0, '127.0.0.1'), 'listening');
  const { port } = origin.address() as { port: number };
  const [tunnelPort = 0, apiPort = 0] = await freePorts(2);
  const free = '127.0.0.1:0';
  program = await startProgram({
    embedded_edge: { http: free, https: free, tunnel: `127.0.0.1:${tunnelPort}`, api: `127.0.0.1:${apiPort}` },
    services: [
      { name: 'good', service: 'hello_world' },
      { name: 'bad', address: '127.0.0.1', port },
    ],
  });
  await program.until('good.localhost', ({ status }) => status === 200);
  ports = [
    { name: 'http', port: program.httpPort },
    { name: 'https', port: program.httpsPort },
    { name: 'tunnel', port: tunnelPort },
    { name: 'api', port: apiPort },
    { name: 'web', port: program.webPort },
  ];
});
after(async () => {
  for (const socket of sockets) socket.destroy();
  await program?.stop();
  origin?.close();
});
beforeEach(() => {
  visitor = keepVisiting(program, 'good.localhost');
});
afterEach(() => visitor.stop());

const portOf = (name: string) => ports.find((one) => one.name === name)?.port ?? 0;

/** Sends bytes and reads until the other side closes or, where it rightly waits, until it answered once. */
function send(port: number, bytes: string | Uint8Array, end = false): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true }, () => {
      socket.write(bytes);
      if (end) socket.end();
    });
    const done = () => {
      socket.destroy();
      resolve(text);
    };
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (!end) done();
    });
    socket.on('error', done);
    socket.on('end', done);
    socket.on('close', done);
  });
}

const head = (lines: string) => `GET / HTTP/1.1\r\nHost: good.localhost\r\n${lines}\r\n\r\n`;
const statusOf = (answer: string) => Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1] ?? 0);

describe('requests that are none', () => {
  const cases: readonly [name: string, bytes: string, statuses: readonly number[]][] = [
    ['one header of 128 KB', head(`X-Big: ${'x'.repeat(128 * 1024)}`), [431]],
    [
      '64 KB in a thousand headers',
      head(Array.from({ length: 1000 }, (_, i) => `X-${i}: ${'x'.repeat(60)}`).join('\r\n')),
      [200, 431],
    ],
    ['two hundred headers', head(Array.from({ length: 200 }, (_, i) => `X-${i}: y`).join('\r\n')), [200, 431]],
    ['a header name with a space', head('X Y: z'), [400]],
    ['a header name of nothing', head(': z'), [400]],
    ['a header without a colon', head('nonsense'), [400]],
    ['a header name that is not ASCII', head('X-\u00e4: z'), [400]],
    ['a NUL in a value', head('X: a\u0000b'), [400]],
    ['a bare CR in a value', head('X: a\rb'), [400]],
    ['a folded value', head('X: a\r\n b'), [200, 400]],
    [
      'both lengths',
      'POST / HTTP/1.1\r\nHost: good.localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      [400],
    ],
    ['two lengths', head('Content-Length: 1\r\nContent-Length: 2'), [400]],
    ['a length that is none', head('Content-Length: -1'), [400]],
    ['an unknown coding', 'POST / HTTP/1.1\r\nHost: good.localhost\r\nTransfer-Encoding: xchunked\r\n\r\n', [400, 501]],
    [
      'a chunk size that is none',
      'POST / HTTP/1.1\r\nHost: good.localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      [400, 200, 502],
    ],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', [400]],
    ['two hosts', 'GET / HTTP/1.1\r\nHost: good.localhost\r\nHost: bad.localhost\r\n\r\n', [400]],
    ['a host that is none', 'GET / HTTP/1.1\r\nHost: good localhost/\r\n\r\n', [400, 404, 530]],
    ['the whole URL as target', 'GET http://good.localhost/ HTTP/1.1\r\nHost: bad.localhost\r\n\r\n', [200]],
    ['somebody else’s URL as target', 'GET http://example.com/ HTTP/1.1\r\nHost: good.localhost\r\n\r\n', [404, 530]],
    ['an asterisk', 'OPTIONS * HTTP/1.1\r\nHost: good.localhost\r\n\r\n', [200, 204, 400, 404, 405]],
    [
      'a tunnel of its own',
      'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n',
      [0, 400, 404, 405, 530],
    ],
    ['a method that is none', 'G\u0001T / HTTP/1.1\r\nHost: good.localhost\r\n\r\n', [400]],
    ['HTTP/0.9', 'GET /\r\n', [0, 400]],
    ['HTTP/3.7', 'GET / HTTP/3.7\r\nHost: good.localhost\r\n\r\n', [400, 505]],
    ['HTTP/2 in the clear', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [0, 400, 505]],
    ['random bytes', String.fromCharCode(...Array.from({ length: 500 }, (_, i) => (i * 181 + 7) % 256)), [0, 400]],
    ['a TLS hello', '\u0016\u0003\u0001\u0000\u0005hello', [0, 400]],
  ];
  for (const [name, bytes, statuses] of cases)
    test(`${name}: answered as such or hung up on`, async () => {
      const answer = await send(program.httpPort, Buffer.from(bytes, 'latin1'), statuses.includes(0));
      assert.ok(statuses.includes(statusOf(answer)), answer.slice(0, 300));
      assert.doesNotMatch(answer, /at .*\.ts:\d+|node:internal/);
    });

  test('a header that is latin1 reaches the hello page like any other', async () => {
    assert.equal((await program.get('good.localhost', '/', { 'x-name': 'J\u00f6rg' })).status, 200);
  });

  for (const bytes of ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', '\u0000'.repeat(5_000), `${'A'.repeat(300_000)}`])
    test(`${bytes.length} bytes of it at every port end nothing`, async () => {
      await Promise.all(ports.map(({ port }) => send(port, Buffer.from(bytes, 'latin1'), true)));
      for (const { name, port } of ports) assert.ok(await isListening(port), name);
    });
});

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** A TLS connection, as a connector or a browser has one. */
async function dialTls(port: number, servername: string, protocols: string[] = []): Promise<Socket> {
  const ca = readFileSync(join(program.dataDir, 'certificates', 'ca.pem'), 'utf8');
  const socket = connectTls({ host: '127.0.0.1', port, servername, ca, ALPNProtocols: protocols });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  return socket;
}

const dialTunnel = () => dialTls(portOf('tunnel'), edgeServerName);

describe('the tunnel port', () => {
  const garbage: readonly [name: string, bytes: Uint8Array][] = [
    ['text', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['zeros', Buffer.alloc(100_000)],
    ['a settings frame that is too long', Buffer.from([0xff, 0xff, 0xff, 4, 0, 0, 0, 0, 0])],
    ['a push promise', Buffer.from([0, 0, 4, 5, 4, 0, 0, 0, 1, 0, 0, 0, 2])],
    ['an answer to a stream that was never opened', Buffer.from([0, 0, 1, 1, 4, 0, 0, 0, 99, 0x88])],
    ['headers that do not decode', Buffer.from([0, 0, 4, 1, 4, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff])],
    [
      'a flood of pings',
      Buffer.concat(
        Array.from({ length: 20_000 }, () => Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8])),
      ),
    ],
  ];
  for (const [name, bytes] of garbage)
    test(`${name} after TLS ends that connection and no other`, async () => {
      const socket = await dialTunnel();
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.resume();
      socket.write(bytes);
      // A settings frame first, where the garbage needs a connection that has begun.
      socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
      socket.end(bytes);
      await closed;
      assert.equal(connected(), 4);
    });

  test('the same at the public HTTPS port, as HTTP/1.1 and as HTTP/2', async () => {
    for (const alpn of ['http/1.1', 'h2'])
      for (const [, bytes] of garbage) {
        const socket = await dialTls(portOf('https'), 'good.localhost', [alpn]);
        const closed = new Promise((resolve) => socket.once('close', resolve));
        socket.resume();
        socket.end(bytes);
        await closed;
      }
    assert.equal(connected(), 4);
  });

  test('half a handshake, and a handshake cut in the middle, end nothing', async () => {
    const hello = Buffer.from('160301020001000001fc0303', 'hex');
    for (const bytes of [hello, Buffer.concat([hello, Buffer.alloc(2_000, 7)]), Buffer.from([0x15, 3, 1, 0, 2, 2, 40])])
      await send(portOf('tunnel'), bytes, true);
    assert.equal(connected(), 4);
  });

  test('a slow one and two hundred idle ones leave room for visitors, and for connectors who come back', async () => {
    const idle = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const socket = connect({ host: '127.0.0.1', port: portOf('tunnel'), localAddress: '127.0.0.9' });
        socket.on('error', () => undefined);
        await once(socket, 'connect');
        return socket;
      }),
    );
    for (const byte of [0x16, 3, 1, 2, 0]) for (const socket of idle.slice(0, 20)) socket.write(Buffer.from([byte]));
    for (let visits = 0; visits < 20; visits++) assert.equal((await program.get('good.localhost')).status, 200);
    const late = await dialTunnel();
    assert.equal(connected(), 4);
    late.destroy();
    for (const socket of idle) socket.destroy();
  });
});

const connected = () => program.status().connector?.connections.filter(({ state }) => state === 'connected').length;

describe('an origin that answers badly', () => {
  const ok = 'HTTP/1.1 200 OK\r\n';
  const cases: readonly [name: string, bytes: string][] = [
    ['nothing and closes', ''],
    ['garbage', '\u0000\u0001garbage\r\n\r\n'],
    ['no status', 'HTTP/1.1\r\n\r\n'],
    ['half a head', `${ok}X: `],
    ['a head of 300 KB', `${ok}X: ${'x'.repeat(300_000)}\r\nContent-Length: 0\r\n\r\n`],
    ['a header with a NUL', `${ok}X: a\u0000b\r\nContent-Length: 0\r\n\r\n`],
    ['both lengths', `${ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['two lengths', `${ok}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`],
    ['a status that is none', 'HTTP/1.1 999999 X\r\n\r\n'],
    ['HTTP/2 in the clear', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['an upgrade nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
  ];
  for (const [name, bytes] of cases)
    test(`${name}: the visitor gets 502, and the tunnel keeps its connections`, async () => {
      answerWith = (socket) => socket.end(Buffer.from(bytes, 'latin1'));
      const answer = await send(program.httpPort, 'GET / HTTP/1.1\r\nHost: bad.localhost\r\n\r\n');
      assert.equal(statusOf(answer), 502, answer.slice(0, 300));
      assert.equal(connected(), 4);
    });

  test('five thousand headers: they fit, so the visitor gets them', async () => {
    const headers = Array.from({ length: 5_000 }, (_, index) => `X-${index}: y\r\n`).join('');
    answerWith = (socket) => socket.end(`${ok}${headers}Content-Length: 0\r\n\r\n`);
    const answer = await send(program.httpPort, 'GET / HTTP/1.1\r\nHost: bad.localhost\r\n\r\n');
    assert.equal(statusOf(answer), 200, answer.slice(0, 300));
    assert.equal(connected(), 4);
  });

  for (const [name, bytes] of [
    ['less than it promised', `${ok}Content-Length: 100\r\n\r\nhalf`],
    ['a chunk that never ends', `${ok}Transfer-Encoding: chunked\r\n\r\nff\r\nhalf`],
    ['a chunk size that is none', `${ok}Transfer-Encoding: chunked\r\n\r\nzz\r\n`],
  ] as const)
    test(`${name}: the visitor’s answer breaks off too`, async () => {
      answerWith = (socket) => socket.end(bytes);
      const whole = await program.get('bad.localhost').then(
        ({ status }) => status !== 502,
        () => false,
      );
      assert.ok(!whole, 'it looked whole');
      assert.equal(connected(), 4);
    });

  test('never: whoever stops waiting leaves nothing behind', async () => {
    answerWith = () => undefined;
    const waiting = send(program.httpPort, 'GET / HTTP/1.1\r\nHost: bad.localhost\r\n\r\n', false);
    await visit(program.httpPort, 'good.localhost', '/');
    for (const socket of sockets) socket.destroy();
    assert.equal(statusOf(await waiting), 502);
    assert.equal(connected(), 4);
  });
});
