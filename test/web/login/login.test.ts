// Who gets in at the page: the password's owner, Home Assistant's users through its own proxy, and nobody who only says so.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hashPassword } from '../../../src/edge/password-hash.ts';
import { csrfProof } from '../../../src/web/login/caller.ts';
import { createFixture, type Over, secrets } from '../fixture.ts';

const passwordHash = await hashPassword('open sesame');
const elsewhere = (over: Over = {}) => createFixture({ ownNames: undefined, passwordHash, ...over });

function logIn(app: ReturnType<typeof createFixture>['app'], password: string, remoteAddress = '192.168.1.5') {
  return app.inject({ method: 'POST', url: '/api/login', remoteAddress, body: { password } });
}

function cookieOf(answer: Awaited<ReturnType<typeof logIn>>): string {
  return String(answer.headers['set-cookie']).split(';')[0] ?? '';
}

const write = { method: 'POST', url: '/api/services/choice', body: { id: 'docker/idle', action: 'hide' } } as const;

describe('the login', () => {
  test('off loopback nothing is shown to nobody but health and metrics', async () => {
    const { app } = elsewhere();
    for (const url of ['/', '/api/status', '/api/services', '/api/settings', '/api/events', '/api/activity']) {
      const refused = await app.inject({ url });
      assert.equal(refused.statusCode, 401, url);
      assert.ok(!refused.body.includes('evil'), url);
    }
    for (const url of ['/healthz', '/readyz', '/metrics', '/api/session'])
      assert.equal((await app.inject({ url })).statusCode, 200);
  });

  test('the password opens a session, and its cookie is no script’s or other site’s business', async () => {
    const { app } = elsewhere();
    const came = await logIn(app, 'open sesame');
    assert.match(String(came.headers['set-cookie']), /^sallyport_session=[0-9a-f]{64}; .*HttpOnly; SameSite=Strict$/);
    const cookie = cookieOf(came);
    assert.equal((await app.inject({ url: '/api/services', headers: { cookie } })).statusCode, 200);
    await app.inject({ method: 'POST', url: '/api/logout', headers: { cookie } });
    assert.equal((await app.inject({ url: '/api/services', headers: { cookie } })).statusCode, 401);
  });

  test('behind HTTPS the cookie is for HTTPS only', async () => {
    const { app } = elsewhere();
    const headers = { 'x-forwarded-proto': 'https' };
    const came = await app.inject({ method: 'POST', url: '/api/login', headers, body: { password: secrets.token } });
    assert.match(String(came.headers['set-cookie']), /; Secure$/);
  });

  test('without a password set, the token of the data directory lets in and nothing else', async () => {
    const { app } = createFixture({ ownNames: undefined });
    assert.equal((await logIn(app, '')).statusCode, 401);
    assert.equal((await logIn(app, secrets.token)).statusCode, 200);
  });

  test('a password guesser is sent away, while the token still works', async () => {
    const { app } = elsewhere();
    const codes: number[] = [];
    for (let at = 0; at < 10; at++) codes.push((await logIn(app, `guess ${at}`)).statusCode);
    assert.deepEqual(codes, [...new Array(8).fill(401), 429, 429]);
    const right = await logIn(app, 'open sesame');
    assert.equal(right.statusCode, 429);
    assert.ok(Number(right.headers['retry-after']) > 0);
    assert.equal((await logIn(app, secrets.token)).statusCode, 200);
  });

  test('a plain form logs in without scripts, and understands nothing else', async () => {
    const { app } = elsewhere();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const came = await app.inject({ method: 'POST', url: '/login', headers, body: 'password=open+sesame' });
    assert.equal(came.statusCode, 303);
    assert.equal(came.headers.location, './');
    assert.equal((await app.inject({ url: '/', headers: { cookie: cookieOf(came) } })).statusCode, 200);
    const form = { ...headers, authorization: `Bearer ${secrets.token}` };
    assert.equal((await app.inject({ method: 'POST', url: '/api/pass', headers: form, body: 'a=b' })).statusCode, 415);
  });
});

describe('changes with a session', () => {
  test('need the proof only a page of ours can read', async () => {
    const { app, passes } = elsewhere();
    const cookie = cookieOf(await logIn(app, 'open sesame'));
    const other = cookieOf(await logIn(app, 'open sesame'));
    const proofOf = async (one: string): Promise<string> =>
      (await app.inject({ url: '/api/session', headers: { cookie: one } })).json().csrf;
    for (const proof of [undefined, 'x', await proofOf(other)]) {
      const headers = { cookie, ...(proof === undefined ? {} : { 'x-sallyport-csrf': proof }) };
      assert.equal((await app.inject({ ...write, headers })).statusCode, 403);
    }
    assert.deepEqual(passes, []);
    const headers = { cookie, 'x-sallyport-csrf': await proofOf(cookie) };
    assert.equal((await app.inject({ ...write, headers })).statusCode, 200);
  });

  test('a page of another site, or of another port, gets nowhere', async () => {
    const { app, passes } = elsewhere();
    const cookie = cookieOf(await logIn(app, 'open sesame'));
    for (const site of ['cross-site', 'same-site'])
      for (const request of [write, { method: 'GET', url: '/api/session' } as const]) {
        const answer = await app.inject({
          ...request,
          headers: { cookie, 'sec-fetch-site': site, origin: 'https://evil.example' },
        });
        assert.equal(answer.statusCode, 403);
        assert.equal(answer.headers['access-control-allow-origin'], undefined);
      }
    assert.deepEqual(passes, []);
  });

  test('on loopback everything is shown, and nothing is changed without token or login', async () => {
    const { app, passes } = createFixture();
    assert.equal((await app.inject('/api/services')).statusCode, 200);
    assert.equal((await app.inject(write)).statusCode, 401);
    assert.deepEqual(passes, []);
  });
});

describe('Home Assistant’s ingress', () => {
  const proxy = '172.30.32.2';
  const prefix = '/api/hassio_ingress/abc_DEF';
  const from = (user: string) => ({
    'x-ingress-path': prefix,
    'x-remote-user-id': user,
    'x-remote-user-display-name': 'Alice\u202e\n',
  });
  const proven = (user: string) => ({ ...from(user), 'x-sallyport-csrf': csrfProof(secrets.token, `ingress ${user}`) });
  const isAdmin = async (id: string) => (id === 'admin' ? true : id === 'guest' ? false : undefined);

  test('its users look at everything, and only administrators change things, under their name', async () => {
    const { app, passes } = elsewhere({ ingressProxy: proxy, program: { isAdmin } });
    const ask = (user: string) => app.inject({ ...write, remoteAddress: proxy, headers: proven(user) });
    const who = await app.inject({ url: '/api/session', remoteAddress: proxy, headers: from('admin') });
    assert.equal(who.json().name, 'Alice');
    assert.equal(who.json().csrf, proven('admin')['x-sallyport-csrf']);
    assert.equal(
      (await app.inject({ url: '/api/services', remoteAddress: proxy, headers: from('guest') })).statusCode,
      200,
    );
    for (const user of ['guest', 'unknown', '']) assert.equal((await ask(user)).statusCode, 403, user);
    assert.deepEqual(passes, []);
    assert.equal((await ask('admin')).statusCode, 200);
    const [newest] = (await app.inject({ url: '/api/activity', remoteAddress: proxy, headers: from('admin') })).json()
      .activity;
    assert.equal(newest.by, 'Alice');
  });

  test('forged headers from any other address, or with no proxy set, are as if they were not there', async () => {
    for (const [ingressProxy, remoteAddress] of [
      [proxy, '172.30.32.3'],
      [proxy, '192.168.1.5'],
      [undefined, proxy],
    ]) {
      const { app } = elsewhere({ ingressProxy, program: { isAdmin } });
      const headers = proven('admin');
      assert.equal(
        (await app.inject({ url: '/api/services', remoteAddress: remoteAddress ?? '', headers })).statusCode,
        401,
      );
      assert.equal((await app.inject({ ...write, remoteAddress: remoteAddress ?? '', headers })).statusCode, 401);
    }
  });

  test('an address on a socket for both families is the same address, and a prefix that is none counts as none', async () => {
    const { app } = elsewhere({ ingressProxy: proxy });
    const ask = (remoteAddress: string, path: string) =>
      app.inject({ url: '/api/services', remoteAddress, headers: { 'x-ingress-path': path } });
    assert.equal((await ask(`::ffff:${proxy}`, prefix)).statusCode, 200);
    for (const path of ['', '/', 'https://evil.example', '//evil.example', '/a"><script>', '/../x'])
      assert.equal((await ask(proxy, path)).statusCode, 401, path);
  });

  test('even where the page is for this machine only, ingress may name another host', async () => {
    const { app } = createFixture({ ingressProxy: proxy });
    const headers = { ...from('admin'), host: 'home.example' };
    assert.equal((await app.inject({ url: '/', remoteAddress: proxy, headers })).statusCode, 200);
  });
});
