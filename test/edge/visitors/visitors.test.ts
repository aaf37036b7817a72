// What visitors may send: HTTP/1.1, HTTP/2, TLS, websockets, and everything hostile.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import test, { type TestContext } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { type ClientOptions, type RawData, WebSocket } from 'ws';
import { type Rig, startRig, until } from '../rig.ts';
import { answer, type EdgeStream, respond } from '../test-connector.ts';

/** Sends bytes as they are, and resolves to everything that comes back until the edge closes. */
async function raw(port: number, text: string | Buffer): Promise<string> {
  const socket = connectTcp(port, '127.0.0.1');
  socket.write(text);
  return (await collect(socket)).toString('latin1');
}

async function collect(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

interface Http2Answer {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders | undefined;
}

function openHttp2(t: TestContext, rig: Rig, host = 'app.test'): ClientHttp2Session {
  const session = connectHttp2(`https://${host}:${rig.ports.https}`, {
    // The whole upload waits in this client's own queue.
    maxSessionMemory: 200,
    ca: rig.edge.caPem,
    servername: host,
    createConnection: () =>
      connectTls({
        host: '127.0.0.1',
        port: rig.ports.https,
        ca: rig.edge.caPem,
        servername: host,
        ALPNProtocols: ['h2'],
      }),
  });
  session.on('error', () => undefined);
  t.after(() => session.destroy());
  return session;
}

async function fetchHttp2(
  session: ClientHttp2Session,
  headers: Record<string, string>,
  body?: Buffer,
): Promise<Http2Answer> {
  const stream = session.request(
    { ':path': '/', ':authority': 'app.test', ...headers },
    { endStream: body === undefined },
  );
  if (body !== undefined) stream.end(body);
  let trailers: IncomingHttpHeaders | undefined;
  stream.once('trailers', (found) => {
    trailers = found;
  });
  const [response] = await once(stream, 'response');
  return { headers: response, body: await collect(stream), trailers };
}

/** Echoes bytes as an origin that accepted the websocket would. */
function echo({ stream, headers }: EdgeStream): void {
  assert.ok(headers['sec-websocket-key']);
  respond(stream, 101, ['Upgrade', 'websocket', 'Connection', 'Upgrade', 'Sec-WebSocket-Accept', proof(headers)]);
  stream.pipe(stream);
}

function proof(headers: IncomingHttpHeaders): string {
  const key = `${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  return createHash('sha1').update(key).digest('base64');
}

test('a browser that trusts the CA gets HTTPS for every routed name, over HTTP/1.1 and HTTP/2', async (t) => {
  const rig = await startRig(t);
  let seen: EdgeStream | undefined;
  await rig.connect({
    onStream: (incoming) => {
      seen = incoming;
      answer(incoming.stream, 200, [], 'secure');
    },
  });
  rig.directory.addRoute('*.deep.example.test', rig.tunnel.id);
  assert.equal((await rig.fetch({ secure: true })).text, 'secure');
  assert.equal((await rig.fetch({ secure: true, host: 'any.deep.example.test' })).text, 'secure');
  const session = openHttp2(t, rig);
  const got = await fetchHttp2(session, { cookie: 'a=1', 'x-one': '1' });
  assert.equal(got.headers[':status'], 200);
  assert.equal(got.body.toString(), 'secure');
  assert.equal(seen?.headers[':authority'], 'app.test');
  assert.equal(seen?.headers['cf-visitor'], '{"scheme":"https"}');
  assert.equal(seen?.headers['x-forwarded-proto'], 'https');
  assert.equal(seen?.headers['x-one'], '1');
  assert.equal(seen?.headers.cookie, 'a=1');
});

test('an HTTP/2 visitor sends and receives 64 MB unchanged', async (t) => {
  const rig = await startRig(t);
  await rig.connect({
    onStream: ({ stream }) => {
      respond(stream, 200, []);
      stream.pipe(stream);
    },
  });
  const data = randomBytes(64 * 1024 * 1024);
  const got = await fetchHttp2(openHttp2(t, rig), { ':method': 'POST' }, data);
  assert.ok(got.body.equals(data));
});

test('an HTTP/2 visitor gets trailers, and may ask for them (gRPC)', async (t) => {
  const rig = await startRig(t);
  let te: string | string[] | undefined;
  await rig.connect({
    onStream: ({ stream, headers }) => {
      te = headers.te;
      stream.respond({ ':status': 200, 'cf-cloudflared-response-headers': '' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end('message');
    },
  });
  const got = await fetchHttp2(openHttp2(t, rig), { ':method': 'POST', te: 'trailers' }, Buffer.from('x'));
  assert.equal(got.body.toString(), 'message');
  assert.equal(got.trailers?.['grpc-status'], '0');
  assert.equal(te, 'trailers');
});

test('an HTTP/2 visitor who asks first is told to go on', async (t) => {
  const rig = await startRig(t);
  await rig.connect({
    onStream: ({ stream }) => {
      respond(stream, 200, []);
      stream.pipe(stream);
    },
  });
  const session = openHttp2(t, rig);
  const headers = { ':method': 'POST', ':path': '/', ':authority': 'app.test', expect: '100-continue' };
  const stream = session.request(headers, { endStream: false });
  await once(stream, 'continue');
  stream.end('now');
  assert.equal((await collect(stream)).toString(), 'now');
});

test('an HTTP/2 CONNECT to anything but a websocket is refused', async (t) => {
  const rig = await startRig(t);
  const connector = await rig.connect();
  const stream = openHttp2(t, rig).request({ ':method': 'CONNECT', ':authority': 'app.test:22' }, { endStream: false });
  const [response] = await once(stream, 'response');
  assert.equal(response[':status'], 400);
  assert.equal(connector.served(), 0);
});

test('a truncated body is a reset stream for an HTTP/2 visitor', async (t) => {
  const rig = await startRig(t);
  const origins: EdgeStream[] = [];
  await rig.connect({
    onStream: (incoming) => {
      origins.push(incoming);
      respond(incoming.stream, 200, []);
      incoming.stream.write('partial');
    },
  });
  const session = openHttp2(t, rig);
  const stream = session.request({ ':path': '/', ':authority': 'app.test' });
  await once(stream, 'data');
  origins[0]?.stream.destroy(new Error('the origin is gone'));
  const [error] = await once(stream, 'error');
  assert.match(String(error), /NGHTTP2_INTERNAL_ERROR/);
});

test('error pages reach HTTP/2 visitors', async (t) => {
  const rig = await startRig(t);
  const got = await fetchHttp2(openHttp2(t, rig), {});
  assert.equal(got.headers[':status'], 530);
  assert.match(got.body.toString(), /error code: 1033/);
});

for (const secure of [false, true]) {
  test(`a websocket echoes ${secure ? 'over TLS' : 'in the clear'}, and its end reaches the origin`, async (t) => {
    const rig = await startRig(t);
    let ended = false;
    await rig.connect({
      onStream: (incoming) => {
        assert.equal(incoming.kind, 'websocket');
        incoming.stream.once('close', () => {
          ended = true;
        });
        echo(incoming);
      },
    });
    const url = secure ? `wss://127.0.0.1:${rig.ports.https}/chat` : `ws://127.0.0.1:${rig.ports.http}/chat`;
    // `servername` is passed on to TLS, though ws's types do not name it.
    const options: ClientOptions & { servername: string } = {
      headers: { host: 'app.test' },
      ca: rig.edge.caPem,
      servername: 'app.test',
      perMessageDeflate: false,
    };
    const socket = new WebSocket(url, options);
    await once(socket, 'open');
    // What comes back is our own masked frame, which a client must refuse: reading the raw socket shows the bytes pass untouched.
    const stream = rawSocket(socket);
    socket.send('hello');
    const [chunk] = await once(stream, 'data');
    assert.equal(unmask(chunk), 'hello');
    stream.destroy();
    await until(() => ended);
  });
}

/** The socket below a ws client, with the client's own parser taken off. */
function rawSocket(socket: WebSocket): Socket {
  const { _socket: stream } = socket as unknown as { _socket: Socket };
  stream.removeAllListeners('data');
  socket.on('error', () => undefined);
  return stream;
}

function unmask(frame: RawData): string {
  assert.ok(Buffer.isBuffer(frame));
  const mask = frame.subarray(2, 6);
  return Buffer.from(frame.subarray(6).map((byte, i) => byte ^ (mask[i % 4] ?? 0))).toString();
}

test('a websocket over HTTP/2 (RFC 8441) becomes an ordinary one at the connector', async (t) => {
  const rig = await startRig(t);
  await rig.connect({ onStream: echo });
  const session = openHttp2(t, rig);
  await once(session, 'remoteSettings');
  const stream = session.request(
    { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat', ':authority': 'app.test' },
    { endStream: false },
  );
  const [response] = await once(stream, 'response');
  assert.equal(response[':status'], 200);
  assert.equal(response['sec-websocket-accept'], undefined);
  stream.write('raw bytes');
  const [chunk] = await once(stream, 'data');
  assert.equal(chunk.toString(), 'raw bytes');
  stream.end();
  await once(stream, 'close');
});

test('a refused websocket gets the answer of the origin', async (t) => {
  const rig = await startRig(t);
  await rig.connect({ onStream: ({ stream }) => answer(stream, 403, ['x-why', 'no'], 'not you') });
  const got = await rig.fetch({
    headers: { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' },
  });
  assert.equal(got.status, 403);
  assert.equal(got.headers['x-why'], 'no');
  assert.equal(got.text, 'not you');
});

test('a websocket to a tunnel without a connector gets an error page', async (t) => {
  const rig = await startRig(t);
  const got = await rig.fetch({ headers: { connection: 'Upgrade', upgrade: 'websocket' } });
  assert.equal(got.status, 530);
});

test('another upgrade than websocket is an ordinary request', async (t) => {
  const rig = await startRig(t);
  let seen: EdgeStream | undefined;
  await rig.connect({
    onStream: (incoming) => {
      seen = incoming;
      answer(incoming.stream, 200, [], 'plain');
    },
  });
  const headers = {
    connection: 'Upgrade, HTTP2-Settings',
    upgrade: 'h2c',
    'http2-settings': 'AAMAAABkAAQAoAAAAAIAAAAA',
  };
  assert.equal((await rig.fetch({ headers })).text, 'plain');
  assert.equal(seen?.kind, 'http');
  assert.equal(seen?.headers.upgrade, undefined);
  assert.equal(seen?.headers['http2-settings'], undefined);
});

test('headers only the edge may set cannot be forged', async (t) => {
  const rig = await startRig(t);
  let seen: EdgeStream | undefined;
  await rig.connect({
    onStream: (incoming) => {
      seen = incoming;
      answer(incoming.stream, 200, [], 'ok');
    },
  });
  const forged = {
    'CF-Connecting-IP': '6.6.6.6',
    'CF-Ray': 'forged',
    'Cf-Visitor': '{"scheme":"ftp"}',
    'CF-IPCountry': 'XX',
    'True-Client-IP': '6.6.6.6',
    'X-Forwarded-Proto': 'ftp',
    'Cf-Access-Jwt-Assertion': 'forged',
    'Cf-Access-Authenticated-User-Email': 'admin@example.com',
    'Cf-Warp-Tag-Id': 'forged',
    'Cf-Cloudflared-Proxy-Src': '10.0.0.1',
    'Cf-Cloudflared-Proxy-Connection-Upgrade': 'control-stream',
    'Cf-Int-Anything': 'forged',
    'Cf-Proxy-Anything': 'forged',
    'X-Secret-Hop': 'for the edge only',
    'Cf-Access-Jump-Destination': 'ssh.internal:22',
    Connection: 'close, X-Secret-Hop',
  };
  assert.equal((await rig.fetch({ headers: forged })).text, 'ok');
  assert.equal(seen?.kind, 'http');
  const ours = ['cf-connecting-ip', 'cf-ray', 'cf-visitor', 'cf-access-jump-destination'];
  const names = Object.keys(seen?.headers ?? {}).filter((name) => name.startsWith('cf-'));
  assert.deepEqual(names.sort(), ours.sort());
  assert.ok(!JSON.stringify(seen?.headers).includes('forged'));
  assert.equal(seen?.headers['cf-connecting-ip'], '127.0.0.1');
  assert.equal(seen?.headers['x-forwarded-proto'], 'http');
  assert.equal(seen?.headers['true-client-ip'], undefined);
  assert.equal(seen?.headers['x-secret-hop'], undefined);
});

interface Hostile {
  readonly name: string;
  readonly text: string;
  readonly answer: RegExp;
}

const close = 'Connection: close\r\n\r\n';
const hostile: readonly Hostile[] = [
  { name: 'garbage', text: '\x00\x01\x02garbage\r\n\r\n', answer: /^HTTP\/1\.1 400/ },
  { name: 'no Host', text: `GET / HTTP/1.1\r\n${close}`, answer: /^HTTP\/1\.1 400/ },
  {
    name: 'two Hosts',
    text: `GET / HTTP/1.1\r\nHost: app.test\r\nHost: x.test\r\n${close}`,
    answer: /^HTTP\/1\.1 400/,
  },
  { name: 'a Host that is none', text: `GET / HTTP/1.1\r\nHost: a b\r\n${close}`, answer: /^HTTP\/1\.1 400/ },
  {
    name: 'both Content-Length and Transfer-Encoding',
    text: `POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n${close}0\r\n\r\n`,
    answer: /^HTTP\/1\.1 400/,
  },
  {
    name: 'two Content-Lengths',
    text: `POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\nContent-Length: 6\r\n${close}hello`,
    answer: /^HTTP\/1\.1 400/,
  },
  {
    name: 'a Transfer-Encoding that is not chunked',
    text: `POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: xchunked\r\n${close}`,
    answer: /^HTTP\/1\.1 400/,
  },
  {
    name: 'a bare line feed in a header',
    text: `GET / HTTP/1.1\r\nHost: app.test\r\nX: a\nY: b\r\n${close}`,
    answer: /^HTTP\/1\.1 400/,
  },
  {
    name: 'a space before the colon',
    text: `GET / HTTP/1.1\r\nHost: app.test\r\nX : a\r\n${close}`,
    answer: /^HTTP\/1\.1 400/,
  },
  {
    name: 'an absolute target naming another host',
    text: `GET http://nowhere.test/ HTTP/1.1\r\nHost: app.test\r\n${close}`,
    answer: /^HTTP\/1\.1 530/,
  },
  {
    name: 'headers of more than 96 KiB',
    text: `GET / HTTP/1.1\r\nHost: app.test\r\nX: ${'x'.repeat(120_000)}\r\n${close}`,
    answer: /^HTTP\/1\.1 431/,
  },
  {
    name: 'one header of more than 64 KiB',
    text: `GET / HTTP/1.1\r\nHost: app.test\r\nX: ${'x'.repeat(70_000)}\r\n${close}`,
    answer: /^HTTP\/1\.1 431/,
  },
  {
    name: 'too many headers',
    text: `GET / HTTP/1.1\r\nHost: app.test\r\n${'a: b\r\n'.repeat(3_000)}${close}`,
    answer: /^HTTP\/1\.1 431/,
  },
  {
    name: 'an address of more than 16 KiB',
    text: `GET /${'x'.repeat(17_000)} HTTP/1.1\r\nHost: app.test\r\n${close}`,
    answer: /^HTTP\/1\.1 414/,
  },
  { name: 'CONNECT', text: `CONNECT app.test:443 HTTP/1.1\r\nHost: app.test\r\n${close}`, answer: /^$|^HTTP\/1\.1 4/ },
];

test('hostile requests are refused, and do not harm the tunnel they were meant for', async (t) => {
  const rig = await startRig(t);
  const connector = await rig.connect();
  for (const { name, text, answer: expected } of hostile) {
    await t.test(name, async () => {
      assert.match(await raw(rig.ports.http, Buffer.from(text, 'latin1')), expected);
    });
  }
  assert.equal(connector.served(), 0);
  assert.equal((await rig.fetch()).text, 'hello');
  assert.equal(rig.edge.registry.connections(rig.tunnel.id).length, 1);
});

test('odd but honest requests pass', async (t) => {
  const rig = await startRig(t);
  let seen: EdgeStream | undefined;
  await rig.connect({
    onStream: (incoming) => {
      seen = incoming;
      answer(incoming.stream, 200, ['x-latin', 'caf\xe9'], 'ok');
    },
  });
  const request = (line: string, more = '') =>
    raw(rig.ports.http, Buffer.from(`${line}\r\nHost: app.test\r\n${more}${close}`, 'latin1'));
  await t.test('latin1 in values, both ways', async () => {
    const got = await request('GET / HTTP/1.1', 'X-Name: caf\xe9\r\n');
    assert.match(got, /x-latin: caf\xe9\r\n/i);
    assert.equal(seen?.headers['x-name'], 'caf\xe9');
  });
  await t.test('repeated headers, single-valued ones included', async () => {
    await request('GET / HTTP/1.1', 'User-Agent: one\r\nUser-Agent: two\r\nX-A: 1\r\nX-A: 2\r\n');
    assert.equal(seen?.headers['x-a'], '1, 2');
    assert.equal(seen?.rawHeaders.filter((part) => part === 'user-agent').length, 2);
  });
  await t.test('an absolute target', async () => {
    await request('GET http://app.test/abs?x HTTP/1.1');
    assert.equal(seen?.headers[':path'], '/abs?x');
  });
  await t.test('OPTIONS *', async () => {
    await request('OPTIONS * HTTP/1.1');
    assert.equal(seen?.headers[':path'], '*');
  });
  await t.test('a port and capitals in Host', async () => {
    const got = await raw(rig.ports.http, `GET / HTTP/1.1\r\nHost: APP.test:8080\r\n${close}`);
    assert.match(got, /^HTTP\/1\.1 200/);
    assert.equal(seen?.headers[':authority'], 'APP.test:8080');
  });
  await t.test('two pipelined requests on one connection', async () => {
    const one = 'GET /1 HTTP/1.1\r\nHost: app.test\r\n\r\n';
    const got = await raw(rig.ports.http, `${one}GET /2 HTTP/1.1\r\nHost: app.test\r\n${close}`);
    assert.equal(got.match(/HTTP\/1\.1 200/g)?.length, 2);
  });
  await t.test('Expect: 100-continue', async () => {
    const got = await raw(
      rig.ports.http,
      `POST / HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 2\r\n${close}hi`,
    );
    assert.match(got, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200/);
    assert.equal(seen?.headers.expect, undefined);
  });
});

test('oversized headers over HTTP/2 cost the visitor the request, and the tunnel nothing', async (t) => {
  const rig = await startRig(t);
  await rig.connect();
  const session = openHttp2(t, rig);
  const stream = session.request({
    ':path': '/',
    ':authority': 'app.test',
    'x-big': 'x'.repeat(60_000),
    'x-more': 'y'.repeat(60_000),
  });
  const outcome = await new Promise((resolve) => {
    stream.once('error', resolve);
    stream.once('response', (headers) => resolve(headers[':status']));
    stream.once('close', () => resolve('closed'));
  });
  assert.ok(outcome !== 200, String(outcome));
  assert.equal((await rig.fetch()).text, 'hello');
});

test('garbage on the HTTPS port does no harm', async (t) => {
  const rig = await startRig(t);
  await rig.connect();
  for (const junk of [randomBytes(4_096), Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(0)]) {
    const socket = connectTcp(rig.ports.https, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.end(junk);
    socket.resume();
    await once(socket, 'close');
  }
  assert.equal((await rig.fetch({ secure: true })).text, 'hello');
});
