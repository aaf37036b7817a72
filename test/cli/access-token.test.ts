// `access token` and `access ssh-ca` against a real API: what is printed, what is kept, and what is left alone.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import Cloudflare from 'cloudflare';
import { type ApiWorld, apiToken, createApiWorld } from '../cloudflare/api-world.ts';
import { createHome, type Outcome, sallyport } from './command.ts';

interface TokenWorld {
  readonly remote: ApiWorld;
  readonly sdk: Cloudflare;
  readonly account: { readonly account_id: string };
  readonly dataDir: string;
  access(...args: readonly string[]): Promise<Outcome>;
}

async function createTokenWorld(t: TestContext, lines = ''): Promise<TokenWorld> {
  const remote = await createApiWorld(t);
  remote.store.ensureZone('example.com');
  const home = createHome();
  t.after(() => home.remove());
  mkdirSync(home.dataDir);
  const cloudflare = `cloudflare: { api_token: ${apiToken}, api_url: "${remote.baseUrl}" }`;
  const file = home.settings(`edge: cloudflare\ndomain: example.com\nowner: home\n${cloudflare}\n${lines}`);
  return {
    remote,
    sdk: new Cloudflare({ apiToken, baseURL: remote.baseUrl, maxRetries: 0 }),
    account: { account_id: remote.account },
    dataDir: home.dataDir,
    access: (...args) => sallyport('--settings', file, ...args),
  };
}

/** The two headers of an output. */
function headersOf({ stdout }: Outcome): { readonly id: string; readonly secret: string } {
  const [, id = '', secret = ''] = /^CF-Access-Client-Id: (\S+)\nCF-Access-Client-Secret: (\S+)\n$/.exec(stdout) ?? [];
  return { id, secret };
}

function holds({ remote }: TokenWorld, { id, secret }: { readonly id: string; readonly secret: string }): boolean {
  return remote.store.access.serviceTokens.verify(id, secret) !== undefined;
}

test('a new token is printed once as two headers, works, and its secret is nowhere else', async (t) => {
  const world = await createTokenWorld(t);
  const made = await world.access('access', 'token', 'create', 'phone', '--duration', '30d');
  assert.equal(made.exit, 0, made.stderr);
  const headers = headersOf(made);
  assert.ok(holds(world, headers));
  assert.ok(!made.stderr.includes(headers.secret));
  assert.match(made.stderr, /shown this once[\s\S]*service_tokens: \[phone\]/);
  const [token] = world.remote.store.access.serviceTokens.list();
  assert.deepEqual([token?.fields.name, token?.fields.duration], ['sallyport owner=home token=phone', '720h']);
  const listed = await world.access('access', 'token', 'list');
  assert.match(listed.stdout, /^phone\s+yes\s/m);
  assert.ok(!`${listed.stdout}${listed.stderr}`.includes(headers.secret));
  for (const name of readdirSync(world.dataDir, { recursive: true, encoding: 'utf8' })) {
    const path = join(world.dataDir, name);
    if (statSync(path).isFile()) assert.ok(!readFileSync(path, 'utf8').includes(headers.secret), name);
  }
});

test('as JSON, a new token is one object with everything an app needs', async (t) => {
  const world = await createTokenWorld(t);
  const made = await world.access('--json', 'access', 'token', 'create', 'phone');
  const { name, clientId, clientSecret, ...rest } = JSON.parse(made.stdout) as Record<string, string>;
  assert.equal(name, 'phone');
  assert.deepEqual(Object.keys(rest), ['id', 'expiresAt']);
  assert.ok(holds(world, { id: clientId ?? '', secret: clientSecret ?? '' }));
  assert.deepEqual(JSON.parse((await world.access('--json', 'access', 'token', 'list')).stdout), [
    { name: 'phone', id: rest.id, isOurs: true, clientId, expiresAt: rest.expiresAt, isEnabled: true, policies: [] },
  ]);
});

test('a token may be valid for ever', async (t) => {
  const world = await createTokenWorld(t);
  const made = await world.access('access', 'token', 'create', 'phone', '--duration', 'forever');
  assert.ok(holds(world, headersOf(made)));
  assert.match(made.stderr, /valid for ever/);
  assert.match((await world.access('access', 'token', 'list')).stdout, /for ever/);
});

test('rotating ends the old secret, refreshing ends none, deleting ends the token', async (t) => {
  const world = await createTokenWorld(t);
  const first = headersOf(await world.access('access', 'token', 'create', 'phone'));
  const second = headersOf(await world.access('access', 'token', 'rotate', 'phone'));
  assert.deepEqual([holds(world, first), holds(world, second), first.id], [false, true, second.id]);
  const refreshed = await world.access('access', 'token', 'refresh', 'phone');
  assert.deepEqual([refreshed.exit, refreshed.stdout, holds(world, second)], [0, '', true]);
  assert.match(refreshed.stderr, /valid until 20\d\d-\d\d-\d\d/);
  assert.equal((await world.access('access', 'token', 'delete', 'phone')).exit, 0);
  assert.deepEqual(world.remote.store.access.serviceTokens.list(), []);
});

test("somebody else's tokens stay byte for byte, unless --force says otherwise", async (t) => {
  const world = await createTokenWorld(t);
  const theirs = await world.sdk.zeroTrust.access.serviceTokens.create({ ...world.account, name: 'theirs' });
  const look = () => JSON.stringify(world.remote.store.access.serviceTokens.list());
  const before = look();
  for (const verb of ['rotate', 'refresh', 'delete']) {
    const refused = await world.access('access', 'token', verb, 'theirs');
    assert.deepEqual([refused.exit, refused.stdout], [1, '']);
    assert.match(refused.stderr, /^error E_CONFLICT: .*"theirs" was not made by this Sallyport: add --force/);
  }
  assert.match((await world.access('access', 'token', 'create', 'theirs')).stderr, /E_CONFLICT.*already/);
  assert.equal(look(), before);
  const rotated = await world.access('access', 'token', 'rotate', 'theirs', '--force');
  assert.equal(headersOf(rotated).id, theirs.client_id);
  assert.equal((await world.access('access', 'token', 'delete', theirs.id ?? '', '--force')).exit, 0);
});

test('another instance’s token is not ours', async (t) => {
  const world = await createTokenWorld(t);
  await world.sdk.zeroTrust.access.serviceTokens.create({
    ...world.account,
    name: 'sallyport owner=cabin token=phone',
  });
  assert.equal((await world.access('access', 'token', 'delete', 'phone')).exit, 1);
  assert.equal((await world.access('access', 'token', 'create', 'phone')).exit, 0);
  assert.equal(world.remote.store.access.serviceTokens.list().length, 2);
});

test('a token that a policy names is not deleted by mistake', async (t) => {
  const world = await createTokenWorld(t, 'access: { policies: { family: { allow: { service_tokens: [phone] } } } }');
  await world.access('access', 'token', 'create', 'phone');
  const refused = await world.access('access', 'token', 'delete', 'phone');
  assert.match(refused.stderr, /E_CONFLICT.*"phone" is named by policy family: take it out/);
  const [token] = world.remote.store.access.serviceTokens.list();
  await world.access('access', 'token', 'create', 'tablet');
  const tablet = world.remote.store.access.serviceTokens.list().find((one) => one.id !== token?.id);
  await world.sdk.zeroTrust.access.policies.create({
    ...world.account,
    name: 'by hand',
    decision: 'non_identity',
    include: [{ service_token: { token_id: tablet?.id ?? '' } }],
  });
  assert.match((await world.access('access', 'token', 'delete', 'tablet')).stderr, /named by policy by hand/);
  assert.match((await world.access('access', 'token', 'list')).stdout, /^tablet .*by hand$/m);
  assert.equal((await world.access('access', 'token', 'delete', 'phone', '--force')).exit, 0);
});

test('an answer that is lost leaves no second token behind', async (t) => {
  const world = await createTokenWorld(t);
  let lost = 0;
  world.remote.fault = ({ method, path }) =>
    method === 'POST' && path.endsWith('/service_tokens') && lost++ === 0 ? 'lose-answer' : undefined;
  const made = await world.access('access', 'token', 'create', 'phone');
  if (made.exit === 0) assert.ok(holds(world, headersOf(made)));
  assert.ok(world.remote.store.access.serviceTokens.list().length <= 1);
});

const wrong: readonly (readonly [readonly string[], RegExp])[] = [
  [['create', ''], /is not a name for a service token/],
  [['create', 'a/b'], /is not a name for a service token/],
  [['create', 'x', '--duration', '30m'], /cannot be valid for 30m/],
  [['create', 'x', '--duration', 'long'], /"long" is not a duration/],
  [['rotate', 'phome'], /there is no service token "phome": did you mean phone\?/],
  [['delete', 'zzz'], /there is no service token "zzz": there is phone/],
];
for (const [args, said] of wrong)
  test(`\`access token ${args.join(' ')}\` says what is wrong and changes nothing`, async (t) => {
    const world = await createTokenWorld(t);
    await world.access('access', 'token', 'create', 'phone');
    const refused = await world.access('access', 'token', ...args);
    assert.deepEqual([refused.exit, refused.stdout], [1, '']);
    assert.match(refused.stderr, said);
    assert.equal(world.remote.store.access.serviceTokens.list().length, 1);
  });

test('a refused token names the permission that is missing', async (t) => {
  const world = await createTokenWorld(t);
  world.remote.fault = ({ path }) => (path.includes('/service_tokens') ? { status: 403 } : undefined);
  const refused = await world.access('access', 'token', 'list');
  assert.equal(refused.exit, 1);
  assert.match(refused.stderr, /E_API_UNAUTHORIZED.*Access: Service Tokens/);
  assert.ok(!refused.stderr.includes(apiToken));
});

test('the key of an SSH authority is printed with the two lines for sshd', async (t) => {
  const world = await createTokenWorld(t);
  const { applications } = world.sdk.zeroTrust.access;
  assert.match((await world.access('access', 'ssh-ca')).stderr, /no entry has an authority/);
  const keys: string[] = [];
  for (const name of ['shell', 'nas']) {
    const app = await applications.create({ ...world.account, type: 'self_hosted', domain: `${name}.example.com` });
    const ca = await applications.cas.create(app.id ?? '', world.account);
    keys.push(ca.public_key ?? '');
  }
  const one = await world.access('access', 'ssh-ca', 'Shell.example.com');
  assert.equal(one.exit, 0);
  const lines = one.stdout.split('\n');
  assert.deepEqual(
    lines.filter((line) => line !== '' && !line.startsWith('#')),
    [keys[0], 'PubkeyAuthentication yes', 'TrustedUserCAKeys /etc/ssh/ca.pub'],
  );
  assert.deepEqual(JSON.parse((await world.access('--json', 'access', 'ssh-ca')).stdout), [
    { hostname: 'nas.example.com', publicKey: keys[1] },
    { hostname: 'shell.example.com', publicKey: keys[0] },
  ]);
  assert.match((await world.access('access', 'ssh-ca', 'x.example.com')).stderr, /there is one for nas\.example\.com/);
});

test('without a running embedded edge, the commands say so', async (t) => {
  const home = createHome();
  t.after(() => home.remove());
  const file = home.settings('embedded_edge: { api: "127.0.0.1:9" }');
  const refused = await sallyport('--settings', file, 'access', 'token', 'list');
  assert.equal(refused.exit, 1);
  assert.match(refused.stderr, /the embedded edge of these settings is not running: start `sallyport run`/);
});
