// HTTP origins of every kind, through a real edge and connector.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http, { type RequestListener } from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { createTestAuthority } from '../connector/native/certificates.ts';
import { ask, header } from '../connector/native/edge.ts';
import { startOrigin, startRawOrigin, startRig, until } from '../connector/native/rig.ts';

async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

async function startHttpsOrigin(t: TestContext, names: readonly string[], listener: RequestListener) {
  const authority = await createTestAuthority();
  const { cert, key } = await authority.issue(names);
  const server = https.createServer({ cert, key }, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const caPool = join(await temporaryDirectory(t), 'pool.pem');
  await writeFile(caPool, authority.caPem);
  return { service: `https://localhost:${(server.address() as AddressInfo).port}`, caPool };
}

const sniOf: RequestListener = (request, response) =>
  response.end(`${(request.socket as TLSSocket).servername} ${request.headers.host}`);

test('an https origin is verified: unknown authorities are refused, caPool and noTLSVerify admit them', async (t) => {
  const { service, caPool } = await startHttpsOrigin(t, ['localhost'], sniOf);
  const { connection } = await startRig(t, [
    { hostname: 'strict.test', service },
    { hostname: 'pool.test', service, originRequest: { caPool } },
    { hostname: 'lax.test', service, originRequest: { noTLSVerify: true } },
    { hostname: 'missing.test', service, originRequest: { caPool: '/does/not/exist.pem' } },
  ]);
  assert.equal((await ask(connection, { ':authority': 'strict.test' })).status, 502);
  assert.equal((await ask(connection, { ':authority': 'pool.test' })).body.toString(), 'localhost pool.test');
  assert.equal((await ask(connection, { ':authority': 'lax.test' })).body.toString(), 'localhost lax.test');
  assert.equal((await ask(connection, { ':authority': 'missing.test' })).status, 502);
});

test('originServerName is sent and verified', async (t) => {
  const { service, caPool } = await startHttpsOrigin(t, ['inside.test'], sniOf);
  const { connection } = await startRig(t, [
    { hostname: 'good.test', service, originRequest: { caPool, originServerName: 'inside.test' } },
    { hostname: 'wrong.test', service, originRequest: { caPool, originServerName: 'other.test' } },
  ]);
  assert.equal((await ask(connection, { ':authority': 'good.test' })).body.toString(), 'inside.test good.test');
  assert.equal((await ask(connection, { ':authority': 'wrong.test' })).status, 502);
});

test('matchSNItoHost asks for the certificate of each Host, also in turns', async (t) => {
  const { service, caPool } = await startHttpsOrigin(t, ['a.test', 'b.test'], sniOf);
  const { connection } = await startRig(t, [
    { hostname: '*.test', service, originRequest: { caPool, matchSNItoHost: true } },
  ]);
  for (const host of ['a.test', 'b.test', 'a.test', 'b.test:8443'])
    assert.equal((await ask(connection, { ':authority': host })).body.toString(), `${host.split(':')[0]} ${host}`);
  assert.equal((await ask(connection, { ':authority': 'c.test' })).status, 502);
});

test('one kept TLS connection serves visitors of different hosts', async (t) => {
  const sockets = new Set<unknown>();
  const { service } = await startHttpsOrigin(t, ['localhost'], (request, response) => {
    sockets.add(request.socket);
    response.end();
  });
  const { connection } = await startRig(t, [{ hostname: '*.test', service, originRequest: { noTLSVerify: true } }]);
  for (const host of ['a.test', 'b.test', 'c.test'])
    assert.equal((await ask(connection, { ':authority': host })).status, 200);
  assert.equal(sockets.size, 1);
});

test("httpHostHeader replaces the Host and X-Forwarded-Host keeps the visitor's", async (t) => {
  const origin = await startOrigin(t, (request, response) =>
    response.end(`${request.headers.host} ${request.headers['x-forwarded-host']}`),
  );
  const { connection } = await startRig(t, [
    { hostname: 'app.test', service: origin, originRequest: { httpHostHeader: 'inside.test' } },
    { hostname: 'plain.test', service: origin },
  ]);
  assert.equal((await ask(connection)).body.toString(), 'inside.test app.test');
  assert.equal((await ask(connection, { ':authority': 'plain.test:81' })).body.toString(), 'plain.test:81 undefined');
});

test('disableChunkedEncoding sends a body of unknown length with its length', async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    request.resume();
    response.end(`${request.headers['content-length']} ${request.headers['transfer-encoding']}`);
  });
  const { connection } = await startRig(t, [
    { hostname: 'app.test', service: origin, originRequest: { disableChunkedEncoding: true } },
  ]);
  const answer = await ask(connection, { ':method': 'POST' }, Buffer.from('hello'));
  assert.equal(answer.body.toString(), '5 undefined');
});

test('a unix socket is an origin', async (t) => {
  const path = join(await temporaryDirectory(t), 'origin.sock');
  const server = http.createServer((request, response) => response.end(`unix ${request.url} ${request.headers.host}`));
  server.listen(path);
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: `unix:${path}` }]);
  assert.equal((await ask(connection, { ':path': '/x' })).body.toString(), 'unix /x app.test');
});

test('http2Origin speaks HTTP/2 to an origin that can, and carries trailers', async (t) => {
  const authority = await createTestAuthority();
  const { cert, key } = await authority.issue(['localhost']);
  const server = http2.createSecureServer({ cert, key, allowHTTP1: true }, (request, response) => {
    response.setHeader('content-type', 'application/grpc');
    response.addTrailers({ 'grpc-status': '0' });
    response.end(`${request.httpVersion} ${request.headers[':authority']} ${request.url}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session) => sessions.add(session));
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  const service = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { connection } = await startRig(t, [
    { hostname: 'two.test', service, originRequest: { noTLSVerify: true, http2Origin: true } },
    { hostname: 'one.test', service, originRequest: { noTLSVerify: true } },
  ]);
  const two = await ask(connection, { ':authority': 'two.test', ':path': '/p' });
  assert.equal(two.body.toString(), '2.0 two.test /p');
  assert.equal(two.trailers['grpc-status'], '0');
  const posted = await ask(connection, { ':authority': 'two.test', ':method': 'POST' }, Buffer.from('x'));
  assert.equal(posted.status, 200);
  assert.match((await ask(connection, { ':authority': 'one.test' })).body.toString(), /^1\.1 /);
});

test('http_status answers with the status and nothing else', async (t) => {
  const { connection } = await startRig(t, [{ hostname: 'gone.test', service: 'http_status:410' }]);
  const answer = await ask(connection, { ':authority': 'gone.test' });
  assert.deepEqual([answer.status, answer.source, answer.body.length], [410, 'origin', 0]);
});

test('a closed name is explained to people, with the time to try again, and to programs by its status alone', async (t) => {
  const { connection } = await startRig(t, [{ hostname: 'closed.test', service: 'http_status:503' }]);
  const person = await ask(connection, { ':authority': 'closed.test', accept: 'text/html,*/*;q=0.8' });
  const program = await ask(connection, { ':authority': 'closed.test', accept: 'application/json' });
  assert.deepEqual([person.status, program.status, program.body.length], [503, 503, 0]);
  assert.match(person.body.toString(), /tries again by itself/);
  for (const { headers } of [person, program]) assert.equal(header(headers, 'retry-after'), '10');
});

test('hello_world is a page that shows the request and escapes it', async (t) => {
  const { connection } = await startRig(t, [{ hostname: 'hello.test', service: 'hello_world' }]);
  const answer = await ask(connection, { ':authority': 'hello.test', ':path': '/<script>' });
  assert.equal(answer.status, 200);
  assert.match(header(answer.headers, 'content-type') ?? '', /^text\/html/);
  assert.match(answer.body.toString(), /hello\.test/);
  assert.doesNotMatch(answer.body.toString(), /<script>/);
  assert.equal((await ask(connection, { ':authority': 'hello.test', ':method': 'HEAD' })).body.length, 0);
});

test('connections to an origin close once no rule uses it and its last request is answered', async (t) => {
  let open = 0;
  const release = Promise.withResolvers<void>();
  const server = http.createServer(async (request, response) => {
    if (request.url === '/slow') await release.promise;
    response.end('done');
  });
  server.on('connection', (socket) => {
    open++;
    socket.on('close', () => open--);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const service = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { connection, connector } = await startRig(t, [{ hostname: 'app.test', service }]);
  const slow = ask(connection, { ':path': '/slow' });
  await until(() => open === 1);
  await connector.updateIngress([{ service: 'http_status:404' }]);
  assert.equal((await ask(connection)).status, 404);
  release.resolve();
  assert.equal((await slow).body.toString(), 'done');
  await until(() => open === 0);
});

test('a connection still being opened is given up once no rule leads there, so that no stranger gets the request', async (t) => {
  let asked = 0;
  const port = await startRawOrigin(t, () => asked++);
  // It takes connections and never speaks: without giving up, the visitor would wait for an hour.
  const rule = { hostname: 'app.test', service: `https://127.0.0.1:${port}`, originRequest: { tlsTimeout: 3600 } };
  const { connection, connector } = await startRig(t, [rule]);
  const answer = ask(connection, { ':authority': 'app.test' });
  await until(() => asked === 1);
  await connector.updateIngress([{ service: 'http_status:404' }]);
  assert.equal((await answer).status, 502);
});

test('no more than keepAliveConnections idle connections stay open', async (t) => {
  let open = 0;
  const port = await startRawOrigin(t, (socket) => {
    open++;
    socket.on('close', () => open--);
    socket.on('end', () => socket.end());
    socket.on('data', () => setImmediate(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')));
  });
  const { connection } = await startRig(t, [
    { hostname: 'app.test', service: `http://127.0.0.1:${port}`, originRequest: { keepAliveConnections: 2 } },
  ]);
  await Promise.all(Array.from({ length: 10 }, () => ask(connection)));
  await until(() => open <= 2);
  assert.equal((await ask(connection)).status, 200);
});

test('a visitor who leaves before the answer leaves no connection to the origin behind', async (t) => {
  let opened = 0;
  let open = 0;
  let asked = 0;
  const port = await startRawOrigin(t, (socket) => {
    opened++;
    open++;
    socket.on('data', () => {
      asked++;
      if (asked > 1) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    });
    socket.on('end', () => socket.end());
    socket.on('close', () => open--);
  });
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: `http://127.0.0.1:${port}` }]);
  const stream = connection.request({ ':path': '/silent' });
  stream.on('error', () => undefined);
  await until(() => asked === 1);
  stream.close(http2.constants.NGHTTP2_CANCEL);
  await until(() => open === 0);
  assert.equal((await ask(connection)).status, 200);
  assert.equal(opened, 2);
});
