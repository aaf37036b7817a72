// The login in the browser, against a small service that stands in for the page and its store.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, test } from 'node:test';
import { AppError } from '../../src/errors.ts';
import { awaitCertificate, loginRequest } from '../../src/tunnel/login.ts';

/** Time that passes at once, and how much of it did. */
function hurriedClock() {
  const slept: number[] = [];
  return {
    slept,
    now: () => 0,
    sleep: async (ms: number, signal?: AbortSignal) => {
      signal?.throwIfAborted();
      slept.push(ms);
    },
  };
}

describe('login', () => {
  const servers: Server[] = [];
  after(() => {
    for (const server of servers) server.close();
  });

  async function serve(listener: RequestListener): Promise<string> {
    const server = createServer(listener);
    servers.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/store`;
  }

  const never = new AbortController().signal;
  const isAppError = (says: RegExp) => (error: unknown) => error instanceof AppError && says.test(error.message);

  test('the page is told where to leave the certificate, under a name nobody can guess', () => {
    const one = loginRequest('https://dash.example.com/argotunnel?x=1', 'https://store.example.com');
    const page = new URL(one.pageUrl);
    assert.equal(page.searchParams.get('callback'), one.storeUrl);
    assert.equal(page.searchParams.get('aud'), '');
    assert.equal(page.searchParams.get('x'), '1');
    const key = one.storeUrl.slice('https://store.example.com/'.length);
    assert.equal(Buffer.from(key, 'base64url').length, 32);
    const two = loginRequest('https://dash.example.com/argotunnel', 'https://store.example.com/');
    assert.notEqual(two.storeUrl, one.storeUrl);
  });

  test('it waits until the store has something', async () => {
    let asked = 0;
    const url = await serve((_request, response) => {
      asked++;
      response.statusCode = asked < 4 ? 404 : 200;
      response.end(asked < 4 ? 'not yet' : 'the certificate');
    });
    const clock = hurriedClock();
    assert.equal(await awaitCertificate(url, clock, never), 'the certificate');
    assert.deepEqual(clock.slept, [1000, 2000, 4000]);
  });

  test('it gives up after ten polls', async () => {
    let asked = 0;
    const url = await serve((_request, response) => {
      asked++;
      response.writeHead(204).end();
    });
    await assert.rejects(awaitCertificate(url, hurriedClock(), never), isAppError(/nobody logged in/));
    assert.equal(asked, 10);
  });

  const refusing: readonly [what: string, listener: RequestListener, says: RegExp][] = [
    ['a broken service', (_request, response) => response.writeHead(503).end(), /answered 503/],
    ['an answer without end', (_request, response) => response.end('x'.repeat(300_000)), /more than a certificate/],
    [
      'a redirect',
      (_request, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      /cannot be reached/,
    ],
    ['a cut connection', (request) => request.socket.destroy(), /cannot be reached/],
  ];
  for (const [what, listener, says] of refusing)
    test(`${what} ends the login`, async () => {
      await assert.rejects(awaitCertificate(await serve(listener), hurriedClock(), never), isAppError(says));
    });

  test('it can be given up while the store is silent', async () => {
    const giveUp = new AbortController();
    const url = await serve(() => giveUp.abort(new Error('given up')));
    await assert.rejects(awaitCertificate(url, hurriedClock(), giveUp.signal), /given up/);
    for (const server of servers) server.closeAllConnections();
  });
});
