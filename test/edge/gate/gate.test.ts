// The gate between visitors and origins: who gets through, with what, and what becomes of the others.
import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { test } from 'node:test';
import { createLocalJWKSet, jwtVerify } from 'jose';
import WebSocket from 'ws';
import { systemClock } from '../../../src/clock.ts';
import { openSigningKeys } from '../../../src/edge/gate/keys.ts';
import { asPerson, attribute, password, people, startGateRig } from './gate-rig.ts';

const alice = { include: [{ email: { email: 'alice@example.com' } }] };

test('a host without an application is not guarded, and its cookies are its own', async (t) => {
  const { rig, reached } = await startGateRig(t);
  const got = await rig.fetch({ path: '/cdn-cgi/access/login', headers: { cookie: 'CF_Authorization=x' } });
  assert.equal(got.text, 'from the origin');
  assert.equal(reached[0]?.cookie, 'CF_Authorization=x');
});

test('an application without policies lets nobody in, by any name of its host', async (t) => {
  const { rig, guard, reached } = await startGateRig(t, await people('alice@example.com'));
  guard('app.test', []);
  for (const host of ['app.test', 'APP.test', 'app.test.', 'app.test:8080']) {
    const got = await rig.fetch({ headers: { ...asPerson, host } });
    assert.equal(got.status, 403, host);
  }
  assert.equal((await rig.fetch({ method: 'HEAD' })).status, 403);
  assert.equal((await rig.fetch({ secure: true })).status, 403);
  assert.equal(reached.length, 0);
});

test('where there is no way to log in, the page says which setting offers one', async (t) => {
  const { rig, guard } = await startGateRig(t);
  guard('app.test', [alice]);
  const got = await rig.fetch({ headers: asPerson });
  assert.equal(got.status, 403);
  assert.match(got.text, /embedded_edge\.login\.users/);
});

test('a person logs in with a password, comes back to where he was going, and the origin learns who he is', async (t) => {
  const { guard, reached, browser, store } = await startGateRig(t, await people('Alice@example.com'));
  const app = guard('app.test', [alice]);
  const visitor = browser();
  const first = await visitor.get('/photos?album=1&x=%2F');
  assert.equal(first.status, 302);
  assert.match(first.headers.location ?? '', /^\/cdn-cgi\/access\/login\/app\.test\?kid=[0-9a-f]{64}&redirect_url=/);
  assert.equal(first.headers['cf-access-aud'], app.fields.aud);
  assert.equal(first.headers['cf-access-domain'], 'app.test');
  assert.equal(reached.length, 0);

  const entered = await visitor.login('/photos?album=1&x=%2F', 'alice@EXAMPLE.com', password);
  assert.equal(entered.status, 303);
  assert.equal(entered.headers.location, '/photos?album=1&x=%2F');
  const cookie = String(entered.headers['set-cookie']);
  assert.match(cookie, /^CF_Authorization=[^;]+; Path=\/; Max-Age=86400; HttpOnly; SameSite=Lax$/);

  const got = await visitor.get('/photos?album=1&x=%2F', {
    headers: {
      cookie: `theme=dark; CF_Authorization=${visitor.cookies.get('CF_Authorization')}; lang=en`,
      'Cf-Access-Authenticated-User-Email': 'root@example.com',
      'CF-Access-JWT-Assertion': 'forged',
      'cf-access-client-secret': 'leaked',
    },
  });
  assert.equal(got.text, 'from the origin');
  const [seen] = reached;
  assert.equal(seen?.cookie, 'theme=dark; lang=en');
  assert.equal(seen?.['cf-access-authenticated-user-email'], 'alice@example.com');
  assert.equal(seen?.['cf-access-client-secret'], undefined);
  const jwks = JSON.parse((await visitor.get('/cdn-cgi/access/certs')).text);
  assert.equal(jwks.keys[0].kty, 'RSA');
  assert.equal('d' in jwks.keys[0], false);
  const { payload, protectedHeader } = await jwtVerify(
    seen?.['cf-access-jwt-assertion'] ?? '',
    createLocalJWKSet(jwks),
    { audience: app.fields.aud, issuer: `https://${String(store.access.organization.get().fields.auth_domain)}` },
  );
  assert.equal(protectedHeader.alg, 'RS256');
  assert.equal(payload.email, 'alice@example.com');
  assert.equal(payload.type, 'app');
  const identity = JSON.parse((await visitor.get('/cdn-cgi/access/get-identity')).text);
  assert.equal(identity.email, 'alice@example.com');

  await visitor.get('/cdn-cgi/access/logout');
  assert.equal(visitor.cookies.has('CF_Authorization'), false);
  assert.equal((await visitor.get('/')).status, 302);
});

test('over HTTPS the cookie is secure, and HTTP/2 is guarded like everything else', async (t) => {
  const { rig, guard, browser, reached } = await startGateRig(t, await people('alice@example.com'));
  guard('app.test', [alice]);
  const visitor = browser({ secure: true });
  const entered = await visitor.login('/', 'alice@example.com', password);
  assert.match(String(entered.headers['set-cookie']), /; Secure$/);
  const session = connectHttp2(`https://127.0.0.1:${rig.ports.https}`, {
    ca: rig.edge.caPem,
    servername: 'app.test',
    settings: { enablePush: false },
  });
  t.after(() => session.close());
  const ask = (headers: Record<string, string>) =>
    new Promise<number>((resolve, reject) => {
      const stream = session.request({ ':path': '/', ':authority': 'app.test', ...headers });
      stream.on('error', reject);
      stream.on('response', (answered) => resolve(answered[':status'] ?? 0));
      stream.resume();
    });
  assert.equal(await ask(asPerson), 302);
  assert.equal(await ask({}), 401);
  assert.equal(await ask({ ':method': 'HEAD' }), 401);
  // A cookie may come in pieces.
  const cookie = `CF_Authorization=${visitor.cookies.get('CF_Authorization')}`;
  assert.equal(await ask({ cookie }), 200);
  assert.equal(reached.length, 1);
});

test('programs are told 401 instead of being sent to a page they cannot read', async (t) => {
  const { rig, guard } = await startGateRig(t, await people('alice@example.com'));
  const app = guard('app.test', [alice]);
  const asking: readonly Record<string, string>[] = [
    {},
    { accept: '*/*' },
    { accept: 'application/json' },
    { ...asPerson, 'x-requested-with': 'XMLHttpRequest' },
    { ...asPerson, 'sec-fetch-mode': 'cors' },
  ];
  for (const headers of asking) {
    const got = await rig.fetch({ headers });
    assert.equal(got.status, 401, JSON.stringify(headers));
    assert.equal(got.headers['cf-access-aud'], app.fields.aud);
    assert.equal(got.headers['www-authenticate'], 'Cloudflare-Access');
    assert.equal(JSON.parse(got.text).error, 'Login needed');
  }
  const posted = await rig.fetch({ method: 'POST', path: '/form', headers: asPerson, body: 'a=b' });
  assert.equal(posted.status, 303);
  assert.match(posted.headers.location ?? '', /redirect_url=%2F$/);
});

test('websockets are guarded', async (t) => {
  const { rig, guard, browser, reached } = await startGateRig(t, await people('alice@example.com'));
  guard('app.test', [alice]);
  const open = (headers: Record<string, string>) =>
    new Promise<number>((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${rig.ports.http}/live`, {
        headers: { host: 'app.test', ...headers },
      });
      socket.on('unexpected-response', (request, response) => {
        resolve(response.statusCode ?? 0);
        request.destroy();
      });
      socket.on('error', () => undefined);
      socket.on('upgrade', (response) => {
        resolve(response.statusCode ?? 0);
        socket.terminate();
      });
    });
  assert.equal(await open(asPerson), 401);
  assert.equal(reached.length, 0);
  const visitor = browser();
  await visitor.login('/', 'alice@example.com', password);
  assert.equal(await open({ cookie: `CF_Authorization=${visitor.cookies.get('CF_Authorization')}` }), 101);
  assert.equal(reached[0]?.['cf-access-authenticated-user-email'], 'alice@example.com');
});

test('a service token opens what names it, in two headers or in one, and never reaches the origin', async (t) => {
  const { rig, guard, store, reached } = await startGateRig(t);
  const { token, clientSecret } = store.access.serviceTokens.create({ name: 'phone' });
  const other = store.access.serviceTokens.create({ name: 'other' });
  const policy = { decision: 'non_identity', include: [{ service_token: { token_id: token.id } }] } as const;
  guard('app.test', [policy], { kept: { read_service_tokens_from_header: 'Authorization' } });
  const { clientId } = token.fields;
  const shown = (id: string, secret: string) => ({ 'CF-Access-Client-Id': id, 'CF-Access-Client-Secret': secret });
  const single = (id: string, secret: string) => ({
    Authorization: JSON.stringify(
      Object.fromEntries(Object.entries(shown(id, secret)).map(([key, value]) => [key.toLowerCase(), value])),
    ),
  });
  const refused: readonly Record<string, string>[] = [
    {},
    shown(clientId, 'wrong'),
    shown(clientId, other.clientSecret),
    shown(other.token.fields.clientId, other.clientSecret),
    shown('', ''),
    shown(clientId.toUpperCase(), clientSecret),
    single(clientId, 'wrong'),
    { Authorization: 'Bearer x' },
    { Authorization: '{' },
    { Authorization: '{"cf-access-client-id": 1}' },
  ];
  for (const headers of refused) assert.equal((await rig.fetch({ headers })).status, 403, JSON.stringify(headers));
  assert.equal(reached.length, 0);
  assert.equal((await rig.fetch({ headers: shown(clientId, clientSecret) })).status, 200);
  assert.equal((await rig.fetch({ headers: single(clientId, clientSecret) })).status, 200);
  for (const seen of reached) {
    const claims = JSON.parse(
      Buffer.from(seen['cf-access-jwt-assertion']?.split('.')[1] ?? '', 'base64url').toString(),
    );
    assert.equal(claims.common_name, clientId);
    assert.equal(seen['cf-access-authenticated-user-email'], undefined);
    assert.ok(!JSON.stringify(seen).includes(clientSecret));
  }
  // What the origin was shown opens nothing: it is nobody's login.
  const cookie = `CF_Authorization=${reached[0]?.['cf-access-jwt-assertion']}`;
  assert.equal((await rig.fetch({ headers: { cookie } })).status, 403);
  store.access.serviceTokens.change(token.id, { enabled: false });
  assert.equal((await rig.fetch({ headers: shown(clientId, clientSecret) })).status, 403);
});

test('paths without login are open, what only looks like them is not', async (t) => {
  const { rig, guard } = await startGateRig(t, await people('alice@example.com'));
  guard('app.test', [alice]);
  guard('app.test/api/health', [{ decision: 'bypass' }]);
  guard('app.test/share/*', [{ decision: 'bypass' }]);
  for (const path of ['/api/health', '/api/health/deep', '/api/health?x=../..', '/share/x'])
    assert.equal((await rig.fetch({ path })).status, 200, path);
  const closed = ['/', '/api/healthy', '/api/health/../users', '/api/health/%2e%2e/users', '/api/health%2F..%2Fusers'];
  closed.push('/share/..', '/share/..;/x', '/share\\..\\x', '/api/health/%252e%252e/users', '/API/health/../users');
  for (const path of closed) assert.equal((await rig.fetch({ path })).status, 401, path);
  assert.equal((await rig.fetch({ path: `/share/${'%25'.repeat(1)}${'25'.repeat(9)}2e` })).status, 400);
});

test('two applications on one host keep their logins apart', async (t) => {
  const { guard, browser } = await startGateRig(t, await people('alice@example.com', 'root@example.com'));
  guard('app.test', [{}]);
  guard('app.test/admin', [{ include: [{ email: { email: 'root@example.com' } }] }]);
  const visitor = browser();
  await visitor.login('/', 'alice@example.com', password);
  assert.equal((await visitor.get('/')).status, 200);
  assert.equal((await visitor.get('/admin')).status, 302);
  const refused = await visitor.login('/admin', 'alice@example.com', password);
  assert.equal(refused.status, 403);
  assert.match(refused.text, /alice@example\.com/);
  await visitor.login('/admin', 'root@example.com', password);
  assert.equal((await visitor.get('/admin')).status, 200);
  assert.equal((await visitor.get('/')).status, 200);
});

test('a change of the policy, of the person or of the password ends sessions at once', async (t) => {
  const world = await startGateRig(t, await people('alice@example.com'));
  const { guard, browser, store, time } = world;
  const app = guard('app.test', [alice], { session_duration: '2h' });
  const visitor = browser();
  await visitor.login('/', 'alice@example.com', password);
  assert.equal((await visitor.get('/')).status, 200);
  const before = world.login;

  world.login = { ...before, users: [] };
  assert.equal((await visitor.get('/')).status, 403);
  world.login = {
    ...before,
    users: [{ email: 'alice@example.com', passwordHash: `${before.users[0]?.passwordHash.slice(0, -2)}AA` }],
  };
  assert.equal((await visitor.get('/')).status, 302);
  world.login = before;
  assert.equal((await visitor.get('/')).status, 200);

  const input = { type: 'self_hosted', domain: 'app.test', session_duration: '1h', kept: {} };
  store.access.apps.replace(app.id, input);
  time.now += 61 * 60_000;
  assert.equal((await visitor.get('/')).status, 302);
  store.access.apps.replace(app.id, { ...input, session_duration: '2h' });
  assert.equal((await visitor.get('/')).status, 200);
  store.access.apps.replace(app.id, { ...input, session_duration: '2h', policies: [] });
  assert.equal((await visitor.get('/')).status, 403);
  store.access.apps.delete(app.id);
  assert.equal((await visitor.get('/')).status, 200);
});

test('keys are renewed when the API asks for it, and old sessions go on', async (t) => {
  const { guard, browser, store, time } = await startGateRig(t, await people('alice@example.com'));
  guard('app.test', [alice], { session_duration: '730h' });
  const visitor = browser();
  await visitor.login('/', 'alice@example.com', password);
  time.now += 1_000;
  store.access.organization.rotateKeys();
  const clock = { ...systemClock, now: () => time.now };
  const keys = await openSigningKeys(store.access, clock);
  assert.equal(keys.list().length, 2);
  await keys.renew();
  assert.equal(keys.list().length, 2);
  time.now += 32 * 86_400_000;
  await keys.renew();
  assert.equal(keys.list().length, 1);
  time.now += 11 * 86_400_000;
  await keys.renew();
  assert.equal(keys.list().length, 2);
});

test('names without an application are closed where the organisation says so', async (t) => {
  const { rig, store } = await startGateRig(t);
  store.access.organization.change({ deny_unmatched_requests: true });
  assert.equal((await rig.fetch()).status, 403);
  store.access.organization.change({ deny_unmatched_requests_exempted_zone_names: ['test'] });
  assert.equal((await rig.fetch()).status, 200);
});

test('preflights go through where the application says so, and nothing else with them', async (t) => {
  const { rig, guard } = await startGateRig(t);
  guard('app.test', [alice], { kept: { options_preflight_bypass: true } });
  const headers = { origin: 'https://other.test', 'access-control-request-method': 'GET' };
  assert.equal((await rig.fetch({ method: 'OPTIONS', headers })).status, 200);
  assert.equal((await rig.fetch({ method: 'OPTIONS' })).status, 403);
  assert.equal((await rig.fetch({ method: 'GET', headers })).status, 403);
});

test('when the store cannot be read nothing is open', async (t) => {
  const { rig, store, reached } = await startGateRig(t);
  t.mock.method(store.access, 'generation', () => {
    throw new Error('the disk is gone');
  });
  assert.equal((await rig.fetch()).status, 503);
  assert.equal(reached.length, 0);
});

test('the login page escapes what it shows and can be framed by nobody', async (t) => {
  const { guard, browser } = await startGateRig(t, await people('alice@example.com'));
  guard('app.test', [alice], { name: '<script>alert(1)</script>' });
  const page = await browser().follow('/?<script>');
  assert.doesNotMatch(page.text, /<script/);
  assert.match(String(page.headers['content-security-policy']), /frame-ancestors 'none'/);
  assert.equal(String(page.headers['x-frame-options']), 'DENY');
  assert.match(String(page.headers['cache-control']), /no-store/);
  assert.ok(attribute(page.text, /name="token" value="([^"]+)"/).length > 100);
});
