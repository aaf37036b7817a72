// Forged sessions, forms from elsewhere and guessed passwords get nowhere.
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { signToken, type TokenClaims, type TokenKey, tokenKey } from '../../../src/edge/gate/tokens.ts';
import { asPerson, attribute, password, people, startGateRig } from './gate-rig.ts';

const alice = { include: [{ email: { email: 'alice@example.com' } }] };

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

test('no forged, foreign, old or altered session opens anything', async (t) => {
  const { rig, guard, browser, store, time, reached } = await startGateRig(t, await people('alice@example.com'));
  const app = guard('app.test', [alice]);
  rig.directory.addRoute('other.test', rig.tunnel.id);
  const other = guard('other.test', [alice]);
  const [kept] = store.access.signingKeys.list();
  assert.ok(kept);
  const key = tokenKey(kept.kid, kept.privateKey, kept.createdAt);
  const visitor = browser();
  await visitor.login('/', 'alice@example.com', password);
  const session = visitor.cookies.get('CF_Authorization') ?? '';
  const [head = '', body = '', signature = ''] = session.split('.');
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as TokenClaims;
  const strangePem = generateKeyPairSync('rsa', { modulusLength: 2048 })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
  const strange: TokenKey = tokenKey(kept.kid, strangePem, 0);
  const publicPem = key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const hmac = (header: unknown, secret: string) => {
    const text = `${encode(header)}.${encode(claims)}`;
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
  };
  const open = async (cookie: string) => (await rig.fetch({ headers: { cookie } })).status;
  assert.equal(await open(`CF_Authorization=${session}`), 200);
  assert.equal(await open(`CF_Authorization=${signToken(claims, key)}`), 200);
  reached.length = 0;

  const seconds = Math.floor(time.now / 1_000);
  const forged: readonly (readonly [string, string])[] = [
    ['no algorithm', `${encode({ alg: 'none', typ: 'JWT' })}.${body}.`],
    ['no algorithm, with a signature', `${encode({ alg: 'none', kid: kept.kid })}.${body}.${signature}`],
    ['the public key as a shared secret', hmac({ alg: 'HS256', kid: kept.kid }, publicPem)],
    ['another algorithm over the same bytes', `${encode({ alg: 'RS512', kid: kept.kid })}.${body}.${signature}`],
    ['another key', signToken(claims, strange)],
    [
      'a key of its own',
      `${encode({ alg: 'RS256', jwk: strange.publicKey.export({ format: 'jwk' }) })}.${body}.${signature}`,
    ],
    ['no key', `${encode({ alg: 'RS256' })}.${body}.${signature}`],
    ['a critical extension', `${encode({ alg: 'RS256', kid: kept.kid, crit: ['x'] })}.${body}.${signature}`],
    ['another body', `${head}.${encode({ ...claims, email: 'root@example.com' })}.${signature}`],
    ['no signature', `${head}.${body}.`],
    ['a changed signature', `${head}.${body}.${signature.slice(0, -4)}AAAA`],
    ['more after it', `${session}.x`],
    ['the token of another application', signToken({ ...claims, aud: [other.fields.aud] }, key)],
    ['an audience as text', signToken({ ...claims, aud: app.fields.aud as never }, key)],
    ['another issuer', signToken({ ...claims, iss: 'https://evil.cloudflareaccess.com' }, key)],
    ['one that is over', signToken({ ...claims, exp: seconds - 1 }, key)],
    ['one that began in the future', signToken({ ...claims, iat: seconds + 3_600 }, key)],
    ['one that never ends', signToken({ ...claims, exp: undefined as never }, key)],
    ['one without a beginning', signToken({ ...claims, iat: undefined as never }, key)],
    ['one of another kind', signToken({ ...claims, type: 'org' }, key)],
    ['one of somebody else', signToken({ ...claims, email: 'eve@example.com' }, key)],
    ['one by no login method', signToken({ ...claims, idp: { id: 'nowhere', type: 'oidc' } }, key)],
    ['one with the mark of another password', signToken({ ...claims, identity_nonce: '0000000000000000' }, key)],
    ['something long', 'x'.repeat(60_000)],
    ['something long in three parts', `${'a'.repeat(4_000)}.${'b'.repeat(20_000)}.${'c'.repeat(400)}`],
    ['nothing', ''],
  ];
  for (const [name, token] of forged) {
    assert.equal(await open(`CF_Authorization=${token}`), 401, name);
    assert.equal(await open(`CF_Authorization_${app.fields.aud.slice(0, 16)}=${token}`), 401, name);
  }
  const many = Array.from({ length: 200 }, () => 'CF_Authorization=x').join('; ');
  assert.equal(await open(`${many}; CF_Authorization=${session}`), 401);
  assert.equal(await open(`xCF_Authorization=${session}`), 401);
  for (const name of ['cf-access-jwt-assertion', 'cf-access-token', 'authorization'])
    assert.equal((await rig.fetch({ headers: { [name]: session } })).status, 401, name);
  assert.equal(reached.length, 0);
});

test('whatever stands in a cookie, the gate answers and nobody gets in', async (t) => {
  const { rig, guard, reached } = await startGateRig(t, await people('alice@example.com'));
  guard('app.test', [alice]);
  const part = fc.string({
    unit: fc.constantFrom('a', '.', '=', '-', '{', 'eyJhbGciOiJub25lIn0', 'CF_', ' '),
    maxLength: 30,
  });
  await fc.assert(
    fc.asyncProperty(part, part, async (name, value) => {
      const cookie = `CF_Authorization=${value}; CF_Login=${name}; ${name}=${value}`;
      const got = await rig.fetch({ path: '/cdn-cgi/access/get-identity', headers: { cookie } });
      assert.equal(got.status, 401);
      assert.equal((await rig.fetch({ headers: { cookie } })).status, 401);
    }),
    { numRuns: 60 },
  );
  assert.equal(reached.length, 0);
});

test('the form of another site, of another browser, or of yesterday logs nobody in', async (t) => {
  const { rig, guard, browser, time } = await startGateRig(t, await people('alice@example.com'));
  const app = guard('app.test', [alice]);
  const visitor = browser();
  const page = await visitor.follow('/');
  const token = attribute(page.text, /name="token" value="([^"]+)"/);
  const action = attribute(page.text, /<form method="post" action="([^"]+)"/);
  const right = { email: 'alice@example.com', password, token };
  const stranger = browser();
  await stranger.follow('/');
  assert.equal((await stranger.post(action, right)).status, 403);
  assert.equal((await visitor.post(action, { ...right, token: '' })).status, 403);
  assert.equal((await visitor.post(action, { ...right, token: `${token.slice(0, -6)}AAAAAA` })).status, 403);
  assert.equal((await visitor.post(action, right, { origin: 'https://evil.test' })).status, 403);
  assert.equal((await visitor.post(action, right, { origin: 'null' })).status, 403);
  assert.equal((await visitor.post(action, right, { 'sec-fetch-site': 'cross-site' })).status, 403);
  assert.equal((await visitor.post(action, { ...right, more: 'x'.repeat(20_000) })).status, 413);
  assert.equal(
    (await visitor.get(`/cdn-cgi/access/login/app.test?kid=${app.fields.aud}&redirect_url=//evil.test`)).status,
    200,
  );
  assert.equal((await visitor.get('/cdn-cgi/access/login/app.test?kid=0000')).status, 404);
  assert.equal((await visitor.get('/cdn-cgi/access/callback?code=x&state=y')).status, 403);
  assert.equal((await visitor.get('/cdn-cgi/access/nothing')).status, 404);
  assert.equal((await rig.fetch({ method: 'PUT', path: '/cdn-cgi/access/login' })).status, 405);
  assert.equal((await visitor.post(action, right, { origin: 'http://app.test' })).status, 303);
  time.now += 31 * 60_000;
  assert.equal((await visitor.post(action, right)).status, 403);
});

test('a login never leads to another host', async (t) => {
  const { guard, browser } = await startGateRig(t, await people('alice@example.com'));
  const app = guard('app.test', [alice]);
  for (const target of ['//evil.test', 'https://evil.test/', '/\\evil.test', '/%09/evil.test', '/.//evil.test']) {
    const query = new URLSearchParams({ kid: app.fields.aud, redirect_url: target });
    const entered = await browser().login(`/cdn-cgi/access/login/app.test?${query}`, 'alice@example.com', password);
    assert.equal(entered.status, 303);
    assert.equal(new URL(entered.headers.location ?? '', 'http://app.test').host, 'app.test');
  }
});

test('wrong passwords and unknown people look the same, and are not tried for ever', async (t) => {
  const { guard, browser, time } = await startGateRig(t, await people('alice@example.com'));
  guard('app.test', [alice]);
  const clean = (text: string) => text.replace(/value="[^"]*"/g, '');
  const wrong = await browser().login('/', 'alice@example.com', 'wrong');
  const unknown = await browser().login('/', 'bob@example.com', password);
  assert.equal(wrong.status, 401);
  assert.equal(unknown.status, 401);
  assert.equal(clean(wrong.text), clean(unknown.text));
  for (let i = 0; i < 7; i++) await browser().login('/', 'alice@example.com', `wrong ${i}`);
  const late = await browser().login('/', 'alice@example.com', password);
  assert.equal(late.status, 429);
  assert.ok(Number(late.headers['retry-after']) > 600);
  assert.equal((await browser().login('/', 'bob@example.com', password)).status, 401);
  time.now += 16 * 60_000;
  assert.equal((await browser().login('/', 'alice@example.com', password)).status, 303);
});

test('what is denied to a person is a page, and to a program JSON', async (t) => {
  const { rig, guard } = await startGateRig(t);
  guard('app.test', [], { kept: { custom_deny_message: 'Ask <me>' } });
  const page = await rig.fetch({ headers: asPerson });
  assert.match(page.text, /Ask &lt;me&gt;/);
  assert.equal(JSON.parse((await rig.fetch()).text).error, 'No access');
});
