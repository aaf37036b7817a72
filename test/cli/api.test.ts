// `plan` and `apply` where Cloudflare's API cannot be reached, refuses or answers nonsense: one error, exit code 1, and the token is not in it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { freePorts } from '../e2e/process.ts';
import { createHome, type Home, sallyport } from './command.ts';

let home: Home;
let server: Server;
let port: number;
let answer: RequestListener = (_request, response) => response.end();
const token = 'cf-token-that-nobody-may-see-0123456789';

before(async () => {
  home = createHome();
  server = createServer((request, response) => answer(request, response));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  port = (server.address() as { port: number }).port;
});
after(() => {
  server?.closeAllConnections();
  server?.close();
  home?.remove();
});

const settings = (at: number) =>
  home.settings(
    `domain: home.example\nedge: cloudflare\nconnector: native\ncloudflare: { api_token: ${token}, api_url: "http://127.0.0.1:${at}/client/v4" }\n`,
  );

const says =
  (status: number, body: unknown): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
const refusal = (status: number, code: number, message: string) =>
  says(status, { success: false, errors: [{ code, message }], messages: [], result: null });
const nothing = {
  success: true,
  errors: [],
  messages: [],
  result: [],
  result_info: { page: 1, per_page: 50, count: 0, total_count: 0, total_pages: 0 },
};

describe('an API that does not do what it should', () => {
  const cases: readonly [name: string, answer: RequestListener, says: RegExp][] = [
    ['a token it does not know', refusal(401, 10000, 'Authentication error'), /^error E_API_UNAUTHORIZED: /],
    [
      'a token with too few permissions',
      refusal(403, 9109, `Unauthorized to access ${token}`),
      /^error E_API_UNAUTHORIZED: /,
    ],
    ['no zone', says(200, nothing), /^error E_ZONE_UNKNOWN: .*home\.example.*\(cloudflare\.zones\): /],
    ['a page instead of JSON', says(200, '<html>hello</html>'), /^error E_API(_ANSWER)?: /],
    ['an answer without a result', says(200, { success: true }), /^error E_API(_ANSWER)?: /],
    ['a zone that is none', says(200, { ...nothing, result: [{ id: 5 }] }), /^error E_API(_ANSWER)?: /],
    ['a refusal without a reason', says(400, {}), /^error E_API: /],
  ];
  for (const [name, listener, pattern] of cases)
    test(`${name}: one error and exit code 1`, async () => {
      answer = listener;
      const { stdout, stderr, exit } = await sallyport('--settings', settings(port), 'plan');
      assert.deepEqual([stdout, exit], ['', 1]);
      assert.match(stderr, pattern);
      assert.match(stderr, /^[^\n]*\n$/);
      assert.ok(!stderr.includes(token), stderr);
    });

  test('nobody there: named, with the address', async () => {
    const [closed = 0] = await freePorts(1);
    const { stderr, exit } = await sallyport('--settings', settings(closed), 'plan');
    assert.equal(exit, 1);
    assert.match(stderr, /^error E_API_UNREACHABLE: [^\n]*\n$/);
    assert.ok(!stderr.includes(token));
  });

  test('`apply` says the same', async () => {
    answer = refusal(401, 10000, 'Authentication error');
    const { stderr, exit } = await sallyport('--settings', settings(port), '--log-level', 'error', 'apply');
    assert.equal(exit, 1);
    assert.match(stderr, /^error E_API_UNAUTHORIZED: [^\n]*\n$/);
    assert.ok(!stderr.includes(token));
  });
});
