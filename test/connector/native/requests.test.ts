// Requests and answers through a real edge end: what arrives is what was sent, and nothing can hurt the connection.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type http from 'node:http';
import { test } from 'node:test';
import { ask, header, readAnswer } from './edge.ts';
import { createRecordingLogger, startCannedOrigin, startOrigin, startRawOrigin, startRig, until } from './rig.ts';

test("the origin sees the method, path, Host and headers the edge sent, and the connector's id", async (t) => {
  let seen: http.IncomingMessage | undefined;
  const origin = await startOrigin(t, (request, response) => {
    seen = request;
    response.end();
  });
  const { connection, connector } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  await ask(connection, {
    ':method': 'DELETE',
    ':path': '/a%2Fb/../c?d=%20&e',
    'cf-connecting-ip': '203.0.113.7',
    'x-multi': ['1', '2'],
    cookie: ['a=1', 'b=2'],
    'x-latin': 'caf\u00e9',
    'cf-warp-tag-id': 'forged',
  });
  assert.equal(seen?.method, 'DELETE');
  assert.equal(seen?.url, '/a%2Fb/../c?d=%20&e');
  assert.deepEqual(seen?.rawHeaders, [
    ...['host', 'app.test', 'connection', 'keep-alive', 'cf-connecting-ip', '203.0.113.7'],
    ...[
      'x-multi',
      '1',
      'x-multi',
      '2',
      'cookie',
      'a=1; b=2',
      'x-latin',
      'caf\u00e9',
      'Cf-Warp-Tag-Id',
      connector.connectorId,
    ],
  ]);
});

test("an answer's status, headers and body arrive untouched", async (t) => {
  const origin = await startCannedOrigin(
    t,
    'HTTP/1.1 418 Short\r\nX-A: 1\r\nX-A: 2\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nX-Latin: \xe9\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc',
  );
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  const answer = await ask(connection);
  assert.equal(answer.status, 418);
  assert.equal(answer.source, 'origin');
  assert.deepEqual(answer.headers, [
    ...['X-A', '1', 'X-A', '2', 'Set-Cookie', 'a=b', 'Set-Cookie', 'c=d'],
    ...['X-Latin', '\u00e9', 'Content-Encoding', 'gzip', 'Content-Length', '3'],
  ]);
  assert.equal(answer.raw['content-length'], '3');
  assert.equal(answer.body.toString(), 'abc');
});

test('redirects are passed on, not followed', async (t) => {
  const origin = await startCannedOrigin(t, 'HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n');
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  const answer = await ask(connection);
  assert.equal(answer.status, 302);
  assert.equal(header(answer.headers, 'location'), '/elsewhere');
});

test('early hints are dropped and the answer follows', async (t) => {
  const origin = await startCannedOrigin(
    t,
    'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  );
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  const answer = await ask(connection);
  assert.equal(answer.status, 200);
  assert.equal(answer.body.toString(), 'ok');
});

const bodyless = [
  { name: 'HEAD', method: 'HEAD', answer: 'HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n', length: '1234' },
  {
    name: '304 with a length',
    method: 'GET',
    answer: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n',
    length: '99',
  },
  { name: '204', method: 'GET', answer: 'HTTP/1.1 204 No Content\r\n\r\n', length: undefined },
  { name: '205 with a body', method: 'GET', answer: 'HTTP/1.1 205 Reset\r\nContent-Length: 2\r\n\r\nno', length: '2' },
];
for (const c of bodyless) {
  test(`${c.name} is an answer without a body`, async (t) => {
    const origin = await startCannedOrigin(t, c.answer);
    const { connection } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
    const answer = await ask(connection, { ':method': c.method });
    assert.equal(answer.status, Number(c.answer.slice(9, 12)));
    assert.equal(answer.body.length, 0);
    assert.equal(header(answer.headers, 'content-length'), c.length);
  });
}

test('a body with a length is sent with it, one without is chunked, and no body is no body', async (t) => {
  const begun = Promise.withResolvers<void>();
  const origin = await startOrigin(t, (request, response) => {
    let size = 0;
    if (request.headers['transfer-encoding'] !== undefined) begun.resolve();
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
    });
    request.on('end', () =>
      response.end(`${request.headers['content-length']} ${request.headers['transfer-encoding']} ${size}`),
    );
  });
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  const sized = await ask(connection, { ':method': 'POST', 'content-length': '5' }, Buffer.from('hello'));
  assert.equal(sized.body.toString(), '5 undefined 5');
  const open = connection.request({ ':method': 'POST', ':path': '/' });
  const chunked = readAnswer(open);
  open.write('hel');
  await begun.promise;
  open.end('lo');
  assert.equal((await chunked).body.toString(), 'undefined chunked 5');
  const none = await ask(connection, { ':method': 'POST', 'content-length': '0' });
  assert.equal(none.body.toString(), '0 undefined 0');
  const get = await ask(connection, {});
  assert.equal(get.body.toString(), 'undefined undefined 0');
});

test('a GET whose stream ends only after its headers has no body, and one with a body keeps it', async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => response.end(`${request.headers['transfer-encoding']} ${text}`));
  });
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  const late = connection.request({ ':path': '/' }, { endStream: false });
  const lateAnswer = readAnswer(late);
  late.end();
  assert.equal((await lateAnswer).body.toString(), 'undefined ');
  const withBody = await ask(connection, { ':path': '/' }, Buffer.from('query'));
  assert.match(withBody.body.toString(), / query$/);
});

test('Expect: 100-continue is answered when the body is wanted and not passed on', async (t) => {
  let expect: string | undefined = 'unseen';
  const origin = await startOrigin(t, (request, response) => {
    expect = request.headers.expect;
    request.pipe(response);
  });
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  const stream = connection.request({ ':method': 'POST', ':path': '/', expect: '100-continue' });
  const answer = readAnswer(stream);
  await once(stream, 'continue');
  stream.end('now');
  assert.equal((await answer).body.toString(), 'now');
  assert.equal(expect, undefined);
});

test('64 MB flow both ways at once and arrive whole', async (t) => {
  const origin = await startOrigin(t, (request, response) => request.pipe(response));
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  const block = randomBytes(1024 * 1024);
  const stream = connection.request({ ':method': 'POST', ':path': '/' });
  const received = createHash('sha256');
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length;
    received.update(chunk);
  });
  const ended = once(stream, 'end');
  const sent = createHash('sha256');
  for (let i = 0; i < 64; i++) {
    sent.update(block);
    if (!stream.write(block)) await once(stream, 'drain');
  }
  stream.end();
  await ended;
  assert.equal(size, 64 * block.length);
  assert.equal(received.digest('hex'), sent.digest('hex'));
});

test('server-sent events arrive one by one while the answer stays open', async (t) => {
  const open: http.ServerResponse[] = [];
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write('data: 1\n\n');
    open.push(response);
  });
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  const stream = connection.request({ ':path': '/' }, { endStream: true });
  const [first] = await once(stream, 'data');
  assert.equal(String(first), 'data: 1\n\n');
  open[0]?.write('data: 2\n\n');
  const [second] = await once(stream, 'data');
  assert.equal(String(second), 'data: 2\n\n');
  stream.destroy();
});

test('trailers the origin announced arrive after the body', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(200, { Trailer: 'X-Sum' });
    response.write('body');
    response.addTrailers({ 'X-Sum': '42' });
    response.end();
  });
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  const answer = await ask(connection);
  assert.equal(answer.body.toString(), 'body');
  assert.equal(answer.trailers['x-sum'], '42');
});

test('trailers HTTP/2 does not allow cost neither the body nor the connection', async (t) => {
  const origin = await startCannedOrigin(
    t,
    'HTTP/1.1 200 OK\r\nTrailer: Date\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nDate: a\r\nDate: b\r\n\r\n',
    false,
  );
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  assert.equal((await ask(connection)).body.toString(), 'body');
});

test('a visitor who leaves aborts the request at the origin', async (t) => {
  const closed = Promise.withResolvers<void>();
  const origin = await startOrigin(t, (request) => {
    request.on('close', () => closed.resolve());
  });
  const { connection, connector } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  const stream = connection.request({ ':path': '/' }, { endStream: true });
  stream.on('error', () => undefined);
  await until(() => connector.metrics().concurrent === 1);
  stream.close(http2Cancel);
  await closed.promise;
  await until(() => connector.metrics().concurrent === 0);
  assert.equal(connector.metrics().errors, 0);
});

const http2Cancel = 8;

test('an upload the visitor breaks off never looks complete to the origin', async (t) => {
  const outcome = Promise.withResolvers<string>();
  const origin = await startOrigin(t, (request) => {
    request.on('end', () => outcome.resolve('complete'));
    request.on('aborted', () => outcome.resolve('aborted'));
    request.resume();
  });
  const { connection, connector } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  const stream = connection.request({ ':method': 'POST', ':path': '/' });
  stream.on('error', () => undefined);
  stream.write('the first half');
  await until(() => connector.metrics().concurrent === 1);
  stream.destroy(new Error('gone'));
  assert.equal(await outcome.promise, 'aborted');
});

test('an upload cut with the whole connection never looks complete to the origin', async (t) => {
  const outcome = Promise.withResolvers<string>();
  const origin = await startOrigin(t, (request) => {
    request.on('end', () => outcome.resolve('complete'));
    request.on('aborted', () => outcome.resolve('aborted'));
    request.once('data', () => connection.socket.destroy());
  });
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  const stream = connection.request({ ':method': 'POST', ':path': '/' });
  stream.on('error', () => undefined);
  stream.write('the first half');
  assert.equal(await outcome.promise, 'aborted');
});

test('an answer before the upload is done is delivered, and the upload is stopped', async (t) => {
  const port = await startRawOrigin(t, (socket) => {
    socket.once('data', () =>
      socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge'),
    );
  });
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: `http://127.0.0.1:${port}` }]);
  const stream = connection.request({ ':method': 'POST', ':path': '/' });
  stream.on('error', () => undefined);
  stream.write(Buffer.alloc(100_000));
  const [headers] = await once(stream, 'response');
  assert.equal(headers[':status'], 413);
  let body = '';
  stream.on('data', (chunk) => {
    body += chunk;
  });
  await once(stream, 'close');
  assert.equal(body, 'large');
});

const cuts = [
  { name: 'short of its Content-Length', answer: 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this' },
  { name: 'before its last chunk', answer: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n' },
];
for (const c of cuts) {
  test(`an answer that ends ${c.name} is cut, not completed`, async (t) => {
    const origin = await startCannedOrigin(t, c.answer);
    const { connection, connector } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
    const stream = connection.request({ ':path': '/' }, { endStream: true });
    await assert.rejects(readAnswer(stream), /NGHTTP2_INTERNAL_ERROR/);
    assert.equal(connector.metrics().errors, 1);
  });
}

test('an answer of unknown length that ends with the connection is complete', async (t) => {
  const origin = await startCannedOrigin(t, 'HTTP/1.1 200 OK\r\n\r\nall of it');
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  assert.equal((await ask(connection)).body.toString(), 'all of it');
});

const failures = [
  { name: 'closes without an answer', answer: '' },
  { name: 'answers something else than HTTP', answer: 'SSH-2.0-OpenSSH_9.2\r\n' },
  {
    name: 'answers with contradictory lengths',
    answer: 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
  },
  { name: 'answers with a status HTTP/2 cannot carry', answer: 'HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n' },
  { name: 'answers with 70 KB of headers', answer: `HTTP/1.1 200 OK\r\nX-Large: ${'x'.repeat(70_000)}\r\n\r\n` },
  {
    name: 'answers with a header that is too large once encoded',
    answer: `HTTP/1.1 200 OK\r\nX-Large: ${'x'.repeat(60_000)}\r\n\r\n`,
  },
];
for (const c of failures) {
  test(`an origin that ${c.name} becomes an empty 502, and others are served`, async (t) => {
    const bad = await startCannedOrigin(t, c.answer);
    const good = await startOrigin(t, (_request, response) => response.end('fine'));
    const { logger, lines } = createRecordingLogger();
    const { connection, connector } = await startRig(
      t,
      [
        { hostname: 'bad.test', service: bad },
        { hostname: 'app.test', service: good },
      ],
      { logger },
    );
    const answer = await ask(connection, { ':authority': 'bad.test' });
    assert.equal(answer.status, 502);
    assert.equal(answer.source, 'cloudflared');
    assert.equal(answer.body.length, 0);
    assert.deepEqual(answer.headers, []);
    assert.equal((await ask(connection)).body.toString(), 'fine');
    const failed = lines.filter((line) => line.message === 'request failed');
    assert.equal(failed.length, 1);
    assert.equal(failed[0]?.fields.host, 'bad.test');
    assert.equal(connector.connections()[0]?.state, 'connected');
  });
}

test('an origin that is not there becomes an empty 502', async (t) => {
  const port = await startRawOrigin(t, () => undefined);
  const { connection } = await startRig(t, [
    { hostname: 'refused.test', service: 'http://127.0.0.1:1' },
    { hostname: 'named.test', service: 'http://does-not-exist.invalid:80' },
    { hostname: 'unix.test', service: 'unix:/does/not/exist.sock' },
    { hostname: 'long.test', service: `unix:/${'x'.repeat(500)}` },
    {
      hostname: 'time.test',
      service: 'http://127.0.0.1:1',
      originRequest: { connectTimeout: -1, keepAliveTimeout: 1e12 },
    },
    { hostname: 'port.test', service: 'http://127.0.0.1:70000' },
    { hostname: 'tls.test', service: `https://127.0.0.1:${port}`, originRequest: { tlsTimeout: 0.1 } },
  ]);
  for (const host of ['refused.test', 'named.test', 'unix.test', 'long.test', 'time.test', 'port.test', 'tls.test']) {
    const answer = await ask(connection, { ':authority': host });
    assert.deepEqual([host, answer.status, answer.source], [host, 502, 'cloudflared']);
  }
});

test('requests with odd methods, many headers or large headers are served or refused, and the connection lives', async (t) => {
  const origin = await startOrigin(t, (request, response) => response.end(String(request.rawHeaders.length / 2)));
  const { connection, connector } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  const many: Record<string, string> = {};
  for (let i = 0; i < 500; i++) many[`x-${i}`] = 'v';
  assert.equal((await ask(connection, many)).body.toString(), '503');
  const large = await ask(connection, { 'x-large': 'x'.repeat(60_000) });
  assert.ok(large.status === 200 || large.status === 431);
  const odd = await ask(connection, { ':method': 'PURGE' });
  assert.ok(odd.status === 200 || odd.status === 400);
  const star = await ask(connection, { ':method': 'OPTIONS', ':path': '*' });
  assert.ok(star.status === 200 || star.status === 502);
  assert.equal(connector.connections()[0]?.state, 'connected');
  assert.equal(connector.connections().length, 1);
});

test('a raw TCP stream is refused', async (t) => {
  const { connection } = await startRig(t, []);
  const answer = await ask(connection, { 'cf-cloudflared-proxy-src': '203.0.113.7', ':authority': '127.0.0.1:22' });
  assert.equal(answer.status, 502);
  assert.equal(answer.source, 'cloudflared');
});

test('a visitor who does not read stops the origin instead of filling memory', async (t) => {
  let sent = 0;
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(200);
    const block = Buffer.alloc(256 * 1024);
    const more = () => {
      while (sent < 1024 ** 3) {
        sent += block.length;
        if (!response.write(block)) {
          response.once('drain', more);
          return;
        }
      }
    };
    more();
  });
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  const stream = connection.request({ ':path': '/' }, { endStream: true });
  stream.on('error', () => undefined);
  await once(stream, 'response');
  stream.pause();
  // The windows and socket buffers fill up; then nothing may move for many turns of the event loop.
  let before = -1;
  for (let calm = 0; calm < 2_000; calm++) {
    if (sent !== before) calm = 0;
    before = sent;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(sent < 64 * 1024 * 1024, `the origin was let send ${sent} bytes`);
  assert.equal((await ask(connection, { ':authority': 'other.test' })).status, 404);
  stream.destroy();
});

test('an origin that does not read stops the visitor instead of filling memory', async (t) => {
  const port = await startRawOrigin(t, (socket) => socket.pause());
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: `http://127.0.0.1:${port}` }]);
  const stream = connection.request({ ':method': 'POST', ':path': '/' });
  stream.on('error', () => undefined);
  const block = Buffer.alloc(256 * 1024);
  let accepted = 0;
  let before = -1;
  const pump = () => {
    while (accepted < 1024 ** 3) {
      accepted += block.length;
      if (!stream.write(block)) return;
    }
  };
  stream.on('drain', pump);
  pump();
  for (let calm = 0; calm < 2_000; calm++) {
    if (accepted !== before) calm = 0;
    before = accepted;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(accepted < 64 * 1024 * 1024, `the visitor was let send ${accepted} bytes`);
  stream.destroy();
});

test('a kept connection the origin closed costs no request', async (t) => {
  let served = 0;
  const port = await startRawOrigin(t, (socket) => {
    let requests = 0;
    socket.on('data', () => {
      requests++;
      if (requests === 2) {
        // Closed just as the next request arrives.
        socket.destroy();
        return;
      }
      served++;
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  });
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: `http://127.0.0.1:${port}` }]);
  for (let i = 0; i < 6; i++) assert.equal((await ask(connection)).status, 200);
  assert.equal(served, 6);
});

test('visitors who leave at once leave nothing behind', async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const { connection, connector } = await startRig(t, [{ hostname: 'app.test', service: origin }]);
  for (let i = 0; i < 300; i++) {
    const stream = connection.request({ ':path': '/', ':method': i % 2 === 0 ? 'GET' : 'POST' });
    stream.on('error', () => undefined);
    if (i % 3 !== 0) await new Promise((resolve) => setImmediate(resolve));
    stream.destroy();
  }
  await until(() => connector.metrics().concurrent === 0);
  assert.equal((await ask(connection, { ':authority': 'other.test' })).status, 404);
  assert.equal(connector.metrics().errors, 0);
});
