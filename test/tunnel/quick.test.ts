// Asking for a quick tunnel, against services that behave and services that do not.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, test } from 'node:test';
import { ApiError } from '../../src/errors.ts';
import { requestQuickTunnel } from '../../src/tunnel/quick.ts';

const secret = Buffer.alloc(32, 5).toString('base64');
const result = {
  id: '6BA7B810-9dad-41d1-80b4-00c04fd430c8',
  name: 'qt-x',
  hostname: 'calm-otter.example.com',
  account_tag: 'account',
  secret,
};

describe('a quick tunnel', () => {
  const servers: Server[] = [];
  after(() => {
    for (const server of servers) server.close().closeAllConnections();
  });

  async function serve(listener: RequestListener): Promise<string> {
    const server = createServer(listener);
    servers.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const never = new AbortController().signal;

  test('is asked for with an empty POST, and understood', async () => {
    const seen: unknown[] = [];
    const url = await serve((request, response) => {
      seen.push([request.method, request.url, request.headers.authorization, request.headers['content-length']]);
      response.end(JSON.stringify({ success: true, result, errors: [] }));
    });
    const tunnel = await requestQuickTunnel({ url: `${url}/`, apiToken: 'token' }, never);
    assert.deepEqual(seen, [['POST', '/tunnel', 'Bearer token', '0']]);
    assert.equal(tunnel.hostname, 'calm-otter.example.com');
    assert.deepEqual(tunnel.credentials, {
      accountTag: 'account',
      tunnelId: '6ba7b810-9dad-41d1-80b4-00c04fd430c8',
      tunnelSecret: new Uint8Array(32).fill(5),
    });
  });

  const json = (body: unknown, status = 200): RequestListener => {
    return (_request, response) => response.writeHead(status).end(JSON.stringify(body));
  };
  const wrong: readonly [what: string, listener: RequestListener, code: string, says: RegExp][] = [
    [
      'too many',
      json({ success: false, errors: [{ code: 1, message: 'slow down' }] }, 429),
      'E_API_RATE_LIMITED',
      /slow down/,
    ],
    ['a refusal', json({ success: false, result: null, errors: [{ message: 'no' }] }), 'E_API', /refused: no/],
    ['an error without words', json({}, 500), 'E_API', /status 500/],
    ['a page', (_request, response) => response.end('<html>'), 'E_API_ANSWER', /cannot be used/],
    [
      'a hostname that is none',
      json({ success: true, result: { ...result, hostname: 'a\nb' } }),
      'E_API_ANSWER',
      /cannot be used/,
    ],
    [
      'an id that is none',
      json({ success: true, result: { ...result, id: '../x' } }),
      'E_API_ANSWER',
      /cannot be used/,
    ],
    ['an answer without end', (_request, response) => response.end('x'.repeat(100_000)), 'E_API_ANSWER', /without end/],
    [
      'a redirect',
      (_request, response) => response.writeHead(307, { location: '/x' }).end(),
      'E_API_UNREACHABLE',
      /cannot be reached/,
    ],
    ['a cut connection', (request) => request.socket.destroy(), 'E_API_UNREACHABLE', /cannot be reached/],
  ];
  for (const [what, listener, code, says] of wrong)
    test(`${what} is an error that quotes no secret`, async () => {
      await assert.rejects(
        requestQuickTunnel({ url: await serve(listener) }, never),
        (error) =>
          error instanceof ApiError &&
          error.code === code &&
          says.test(error.message) &&
          !error.message.includes(secret.slice(0, 20)),
      );
    });
});
