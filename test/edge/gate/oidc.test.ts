// Logging in at a real OpenID Connect provider, and everything that may be wrong on the way.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { SignJWT } from 'jose';
import { type GateRig, people, startGateRig } from './gate-rig.ts';
import { startIdentityProvider } from './identity-provider.ts';

const alice = { include: [{ email: { email: 'alice@example.com' } }] };
const callback = 'http://app.test/cdn-cgi/access/callback';

/** A browser at the provider, on its way from the page it wanted to see. */
async function setOut(world: GateRig, path: string) {
  const browser = world.browser();
  const sent = await browser.follow(path);
  return { browser, authorizationUrl: sent.headers.location ?? '' };
}

for (const method of ['client_secret_basic', 'client_secret_post'])
  test(`a person logs in at the provider (${method}) and comes back to where he was going`, async (t) => {
    const world = await startGateRig(t);
    const provider = await startIdentityProvider(t, callback, { token_endpoint_auth_method: method });
    const { id } = world.store.access.identityProviders.create({ name: 'Home', type: 'oidc', config: provider.config });
    world.guard('app.test', [{ include: [{ login_method: { id } }], require: alice.include }]);
    provider.person = { email: 'Alice@example.com' };
    const { browser, authorizationUrl } = await setOut(world, '/photos?x=1');
    const asked = new URL(authorizationUrl).searchParams;
    assert.equal(asked.get('redirect_uri'), callback);
    assert.equal(asked.get('code_challenge_method'), 'S256');
    const back = new URL(await provider.walk(authorizationUrl));
    const entered = await browser.get(back.pathname + back.search);
    assert.equal(entered.status, 303, entered.text);
    assert.equal(entered.headers.location, '/photos?x=1');
    assert.equal((await browser.get('/photos?x=1')).text, 'from the origin');
    assert.equal(world.reached[0]?.['cf-access-authenticated-user-email'], 'alice@example.com');

    // The answer is for one login of one browser.
    assert.equal((await browser.get(back.pathname + back.search)).status, 403);
    assert.equal((await world.browser().get(back.pathname + back.search)).status, 403);
    world.store.access.identityProviders.replace(id, { name: 'Home', type: 'onetimepin2', config: {} });
    assert.equal((await browser.get('/')).status, 403);
  });

test('whom the provider does not know, has not verified, or the policy does not name, stays outside', async (t) => {
  const world = await startGateRig(t);
  const provider = await startIdentityProvider(t, callback);
  world.store.access.identityProviders.create({ name: 'Home', type: 'oidc', config: provider.config });
  world.guard('app.test', [alice]);
  const attempts = [
    [undefined, /did not log you in/],
    [{ email: 'eve@example.com' }, /You are logged in as eve@example\.com, who may not open app\.test/],
    [{ email: 'alice@example.com', isVerified: false }, /has not verified the e-mail address/],
  ] as const;
  for (const [person, expected] of attempts) {
    provider.person = person;
    const { browser, authorizationUrl } = await setOut(world, '/');
    const back = new URL(await provider.walk(authorizationUrl));
    const refused = await browser.get(back.pathname + back.search);
    assert.equal(refused.status, 403);
    assert.match(refused.text, expected);
    assert.equal(browser.cookies.has('CF_Authorization'), false);
  }
  assert.equal(world.reached.length, 0);
});

test('an application offers the login methods it allows, and takes no others', async (t) => {
  const world = await startGateRig(t, await people('alice@example.com'));
  const provider = await startIdentityProvider(t, callback);
  const providers = world.store.access.identityProviders;
  const first = providers.create({ name: 'First <b>', type: 'oidc', config: provider.config });
  const second = providers.create({ name: 'Second', type: 'oidc', config: provider.config });
  const app = world.guard('app.test', [alice]);
  const page = await world.browser().follow('/');
  assert.match(page.text, /Log in with First &lt;b&gt;/);
  assert.match(page.text, /Log in with Second/);
  assert.match(page.text, /name="password"/);
  world.store.access.apps.replace(app.id, {
    ...{ type: 'self_hosted', domain: 'app.test', kept: {} },
    allowed_idps: [first.id],
  });
  const { browser, authorizationUrl } = await setOut(world, '/');
  assert.ok(authorizationUrl.startsWith(provider.issuer));
  const query = new URLSearchParams({ kid: app.fields.aud, redirect_url: '/' });
  assert.equal((await browser.get(`/cdn-cgi/access/sso/${second.id}?${query}`)).status, 404);
});

test('the secret of a provider is used and never shown', async (t) => {
  const world = await startGateRig(t);
  const provider = await startIdentityProvider(t, callback);
  const providers = world.store.access.identityProviders;
  const { id, fields } = providers.create({ name: 'Home', type: 'oidc', config: provider.config });
  assert.equal(providers.clientSecret(id), provider.config.client_secret);
  assert.ok(!JSON.stringify(providers.list()).includes(String(provider.config.client_secret)));
  providers.replace(id, { name: 'Home', type: 'oidc', config: fields.config });
  assert.equal(providers.clientSecret(id), provider.config.client_secret);
  providers.delete(id);
  assert.equal(providers.clientSecret(id), undefined);
});

interface Forged {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly key?: 'strange';
  readonly answer?: string;
}

/** A provider that answers what a test wants to the code it was given. */
async function startLiar(t: TestContext, clientId: string) {
  const right = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const strange = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const held: { forged: Forged; nonce: string } = { forged: {}, nonce: '' };
  const server = createServer(async (request, response) => {
    response.setHeader('content-type', 'application/json');
    if (request.url === '/jwks') {
      const jwk = { ...right.publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256', use: 'sig' };
      response.end(JSON.stringify({ keys: [jwk] }));
      return;
    }
    const { claims = {}, key, answer } = held.forged;
    const now = Math.floor(Date.now() / 1_000);
    const payload = {
      ...{ iss: 'https://liar.test', sub: 'x', aud: clientId, iat: now, exp: now + 60, nonce: held.nonce },
      ...{ email: 'alice@example.com', ...claims },
    };
    const token = await new SignJWT(payload)
      .setProtectedHeader({ alg: 'RS256', kid: 'one' })
      .sign(key === 'strange' ? strange.privateKey : right.privateKey);
    response.end(answer ?? JSON.stringify({ id_token: token }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(held, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

test('an id_token that is not for this login, or not by this provider, logs nobody in', async (t) => {
  const world = await startGateRig(t);
  const liar = await startLiar(t, 'ours');
  const config = {
    ...{ client_id: 'ours', client_secret: 's', issuer: 'https://liar.test' },
    ...{ auth_url: `${liar.url}/auth`, token_url: `${liar.url}/token`, certs_url: `${liar.url}/jwks` },
  };
  world.store.access.identityProviders.create({ name: 'Liar', type: 'oidc', config });
  world.guard('app.test', [alice]);
  const now = Math.floor(Date.now() / 1_000);
  const none = Buffer.from('{"alg":"none"}').toString('base64url');
  const body = Buffer.from('{"email":"alice@example.com"}').toString('base64url');
  const lies: readonly (readonly [string, Forged, number])[] = [
    ['the truth', {}, 303],
    ['another nonce', { claims: { nonce: 'x' } }, 403],
    ['no nonce', { claims: { nonce: undefined } }, 403],
    ['another audience', { claims: { aud: 'theirs' } }, 403],
    ['several audiences', { claims: { aud: ['ours', 'theirs'] } }, 403],
    ['another authorized party', { claims: { azp: 'theirs' } }, 403],
    ['another issuer', { claims: { iss: 'https://else.test' } }, 403],
    ['an old one', { claims: { iat: now - 7_200, exp: now - 3_600 } }, 403],
    ['no end', { claims: { exp: undefined } }, 403],
    ['another key', { key: 'strange' }, 403],
    ['no signature', { answer: JSON.stringify({ id_token: `${none}.${body}.` }) }, 403],
    ['no token', { answer: '{}' }, 403],
    ['no JSON', { answer: '<html>' }, 403],
    ['an error', { answer: '{"error":"invalid_grant"}' }, 403],
    ['something endless', { answer: `{"id_token":"${'x'.repeat(400_000)}"}` }, 403],
    ['no e-mail address', { claims: { email: undefined } }, 403],
    ['a header instead of an address', { claims: { email: 'a@b\r\nx: y' } }, 403],
    ['an address nobody verified', { claims: { email_verified: false } }, 403],
  ];
  for (const [name, forged, expected] of lies) {
    const { browser, authorizationUrl } = await setOut(world, '/');
    const query = new URL(authorizationUrl).searchParams;
    liar.nonce = query.get('nonce') ?? '';
    liar.forged = forged;
    const back = new URLSearchParams({ code: 'code', state: query.get('state') ?? '' });
    const got = await browser.get(`/cdn-cgi/access/callback?${back}`);
    assert.equal(got.status, expected, `${name}: ${got.text}`);
    assert.equal(browser.cookies.has('CF_Authorization'), expected === 303, name);
  }
});

test('a provider whose addresses are not safe, or not all there, is no way to log in', async (t) => {
  const world = await startGateRig(t);
  const whole = {
    client_id: 'x',
    auth_url: 'https://a.test/',
    token_url: 'https://a.test/',
    certs_url: 'https://a.test/',
  };
  world.guard('app.test', [alice]);
  for (const config of [
    { ...whole, token_url: 'http://a.test/' },
    { ...whole, auth_url: 'javascript:alert(1)' },
    { ...whole, certs_url: undefined },
    { ...whole, client_id: '' },
  ])
    world.store.access.identityProviders.create({ name: 'Bad', type: 'oidc', config });
  assert.match((await world.browser().get('/')).text, /No way to log in/);
});
