// The API as a server: who is let in, what bad requests get, and that it starts and stops cleanly.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import { createEdgeApi } from '../../../src/edge/api/server.ts';
import { AppError, ValidationError } from '../../../src/errors.ts';
import { createSilentLogger } from '../../../src/logger.ts';
import { type ApiFixture, apiToken, startApi } from './fixture.ts';

let fixture: ApiFixture;
before(async () => {
  fixture = await startApi();
});
after(() => fixture.stop());

const valid = { authorization: `Bearer ${apiToken}` };

const callers: { name: string; path?: string; headers: Record<string, string>; status: number; codes: number[] }[] = [
  { name: 'the right token', headers: valid, status: 200, codes: [] },
  {
    name: 'the right token in another case of the scheme',
    headers: { authorization: `bearer ${apiToken}` },
    status: 200,
    codes: [],
  },
  { name: 'no token', headers: {}, status: 400, codes: [9106] },
  { name: 'another scheme', headers: { authorization: `Basic ${apiToken}` }, status: 400, codes: [6003] },
  { name: 'an empty token', headers: { authorization: 'Bearer' }, status: 400, codes: [6003] },
  { name: 'a wrong token', headers: { authorization: `Bearer ${apiToken}x` }, status: 403, codes: [10000] },
  {
    name: 'a wrong token on the path that verifies tokens',
    path: '/user/tokens/verify',
    headers: { authorization: 'Bearer x' },
    status: 401,
    codes: [1000],
  },
  {
    name: 'a wrong token on an unknown path',
    path: '/nope',
    headers: { authorization: 'Bearer x' },
    status: 403,
    codes: [10000],
  },
  { name: 'a page in a browser', headers: { ...valid, origin: 'https://evil.example' }, status: 403, codes: [10000] },
  { name: 'a page of no origin', headers: { ...valid, origin: 'null' }, status: 403, codes: [10000] },
];

for (const { name, path = '/zones', headers, status, codes } of callers)
  test(`${name} is answered with ${status} ${codes.join()}`, async () => {
    const answer = await fixture.call('GET', path, undefined, headers);
    assert.equal(answer.status, status);
    assert.equal(answer.body.success, status === 200);
    assert.deepEqual(
      answer.body.errors.map((error) => error.code),
      codes,
    );
    assert.equal(answer.headers.get('content-type'), 'application/json');
  });

for (const [host, status] of [
  ['127.0.0.1', 200],
  ['localhost:8098', 200],
  ['[::1]:8098', 200],
  ['rebound.example', 403],
  ['127.0.0.1.example', 403],
] as const)
  test(`on loopback the host ${host} is answered with ${status}`, async () => {
    const request = httpRequest(`${fixture.api.baseUrl}/zones`, { headers: { ...valid, host } }).end();
    const [response] = await once(request, 'response');
    response.resume();
    assert.equal(response.statusCode, status);
  });

test('every path nobody serves is answered with 404 and says which', async () => {
  for (const [method, path] of [
    ['GET', '/nope'],
    ['DELETE', '/zones'],
    ['GET', `/zones/${'f'.repeat(32)}`],
    ['GET', '/zones/example.com'],
    ['GET', '/accounts/%00/cfd_tunnel'],
    ['GET', '/zones/%zz'],
    ['GET', `${fixture.account}/cfd_tunnel/not-a-uuid`],
  ] as const) {
    const { status, body } = await fixture.call(method, path);
    assert.equal(status, 404, path);
    assert.deepEqual(
      body.errors.map((error) => error.code),
      [7003, 7000],
      path,
    );
    assert.match(body.errors[0]?.message ?? '', /^Could not route to \/client\/v4\//);
  }
});

test("another account's id is refused", async () => {
  const { status, body } = await fixture.call('GET', `/accounts/${'f'.repeat(32)}/cfd_tunnel`);
  assert.deepEqual([status, body.errors[0]?.code], [403, 9109]);
});

const bodies: { name: string; body: string; status: number; code: number }[] = [
  { name: 'no JSON', body: '{"name":', status: 400, code: 6007 },
  { name: 'nesting without end', body: '['.repeat(100_000), status: 400, code: 6007 },
  { name: 'no object', body: '[1]', status: 400, code: 1001 },
  { name: 'nothing', body: '', status: 400, code: 1001 },
  { name: 'a wrong type', body: '{"name":{"a":1}}', status: 400, code: 1001 },
  { name: 'too much', body: `{"name":"${'x'.repeat(5 * 1024 * 1024)}"}`, status: 413, code: 1001 },
];

for (const { name, body, status, code } of bodies)
  test(`a body with ${name} is answered with ${status}`, async () => {
    const answer = await fixture.call('POST', `${fixture.account}/cfd_tunnel`, body);
    assert.deepEqual([answer.status, answer.body.errors[0]?.code], [status, code]);
    assert.equal(answer.body.result, null);
    assert.doesNotMatch(JSON.stringify(answer.body), /node_modules|\.ts:/);
  });

test('what is not HTTP gets an envelope too', async () => {
  const socket = connect(fixture.api.address.port, '127.0.0.1');
  socket.end('GARBAGE\r\n\r\n');
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  assert.match(text, /^HTTP\/1\.1 400 /);
  assert.equal(JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4)).success, false);
});

test('a failure of the store is told as such, without its inside, and is logged without a secret', async () => {
  const lines: string[] = [];
  const broken = await startApi({ logger: pino({ level: 'trace' }, { write: (line) => lines.push(line) }) });
  broken.store.close();
  const { status, body } = await broken.call('POST', `${broken.account}/cfd_tunnel`, {
    name: 'home',
    tunnel_secret: Buffer.alloc(32, 7).toString('base64'),
  });
  assert.equal(status, 500);
  assert.deepEqual(body.errors, [{ code: 10_001, message: 'Service temporarily unavailable' }]);
  assert.equal(lines.length, 1);
  const { msg, err, path } = JSON.parse(lines[0] ?? '');
  assert.deepEqual([msg, path], ['edge API request failed', `/client/v4${broken.account}/cfd_tunnel`]);
  assert.match(err.message, /not open/);
  assert.doesNotMatch(lines.join(), /BwcHBwcH|a-token-for-tests/);
  await broken.stop();
});

test('a port in use names the setting', async () => {
  const options = {
    store: fixture.store,
    registry: fixture.registry,
    listen: fixture.api.address,
    tokens: { apiToken },
    logger: createSilentLogger(),
  };
  await assert.rejects(createEdgeApi(options), (error) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, 'E_LISTEN');
    assert.equal(error.where, 'embedded_edge.api');
    assert.match(error.message, /the port is in use/);
    return true;
  });
});

for (const [name, token] of Object.entries({ 'an empty token': '', 'a token with a space': 'a b' }))
  test(`${name} is refused at the start`, async () => {
    const options = {
      store: fixture.store,
      registry: fixture.registry,
      listen: { host: '127.0.0.1', port: 0 },
      tokens: { apiToken: token },
      logger: createSilentLogger(),
    };
    await assert.rejects(createEdgeApi(options), ValidationError);
  });

test('it stops although a client keeps its connection open', async () => {
  const own = await startApi();
  const socket = connect(own.api.address.port, '127.0.0.1');
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  await own.stop();
  await closed;
});

test('the base URL is one a client can use as it is', () => {
  assert.equal(fixture.api.baseUrl, `http://127.0.0.1:${fixture.api.address.port}/client/v4`);
});
