// Service tokens, login methods, tags, keys, SSH authorities and the organisation over HTTP.
import assert from 'node:assert/strict';
import { createPublicKey, sign, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { openEdgeStore } from '../../../../src/edge/store/store.ts';
import { type ApiFixture, type Result, startApi } from '../fixture.ts';

let now = 0;
const clock = { now: () => now, sleep: async () => undefined };
let fixture: ApiFixture;
let access = '';
beforeEach(async () => {
  now = Date.UTC(2026, 0, 1);
  fixture = await startApi({ clock });
  access = `${fixture.account}/access`;
});
afterEach(() => fixture.stop());

async function make(path: string, body?: unknown): Promise<Result> {
  const answer = await fixture.call('POST', `${access}/${path}`, body);
  assert.ok(answer.status === 201 || answer.status === 200, JSON.stringify(answer.body.errors));
  return answer.body.result;
}

async function refusalOf(method: string, path: string, body?: unknown): Promise<(number | undefined)[]> {
  const answer = await fixture.call(method, `${access}/${path}`, body);
  assert.equal(answer.body.success, false, path);
  return [answer.status, answer.body.errors[0]?.code];
}

test("a service token's secret is told once and then never again", async () => {
  const { serviceTokens } = fixture.store.access;
  const made = await make('service_tokens', { name: 'phone' });
  const { client_secret: secret, ...shown } = made;
  assert.match(String(secret), /^[0-9a-f]{64}$/);
  assert.match(String(made.client_id), /^[0-9a-f]{32}\.access$/);
  assert.deepEqual([made.duration, made.expires_at, made.enabled], ['8760h', '2027-01-01T00:00:00.000Z', true]);
  assert.deepEqual((await fixture.call('GET', `${access}/service_tokens/${made.id}`)).body.result, shown);
  assert.deepEqual([...(await fixture.call('GET', `${access}/service_tokens`)).body.result], [shown]);
  assert.equal(serviceTokens.verify(String(made.client_id), String(secret))?.id, made.id);
  assert.equal(serviceTokens.verify(String(made.client_id), 'wrong'), undefined);
  assert.equal(serviceTokens.verify('nobody.access', String(secret)), undefined);
});

test('rotating ends the old secret at once, or when it was asked to', async () => {
  const { serviceTokens } = fixture.store.access;
  const made = await make('service_tokens', { name: 'phone' });
  const holds = (token: Result) =>
    serviceTokens.verify(String(made.client_id), String(token.client_secret)) !== undefined;
  const second = await make(`service_tokens/${made.id}/rotate`);
  assert.deepEqual([holds(made), holds(second), second.client_id], [false, true, made.client_id]);
  const until = { previous_client_secret_expires_at: new Date(now + 1_000).toISOString() };
  const third = await make(`service_tokens/${made.id}/rotate`, until);
  assert.deepEqual([holds(second), holds(third), third.client_secret_version], [true, true, 3]);
  now += 1_000;
  assert.deepEqual([holds(second), holds(third)], [false, true]);
  const path = `${access}/service_tokens/${made.id}`;
  const same = await fixture.call('PUT', path, { name: 'tablet', client_secret_version: 3 });
  assert.deepEqual([same.body.result.name, same.body.result.client_secret], ['tablet', undefined]);
  const fourth = await fixture.call('PUT', path, { client_secret_version: 4 });
  assert.deepEqual([holds(third), holds(fourth.body.result)], [false, true]);
  assert.deepEqual(await refusalOf('PUT', `service_tokens/${made.id}`, { client_secret_version: 9 }), [400, 12130]);
});

test('a service token expires, is refreshed, and can be switched off', async () => {
  const { serviceTokens } = fixture.store.access;
  const made = await make('service_tokens', { name: 'phone', duration: '1h30m' });
  const works = () => serviceTokens.verify(String(made.client_id), String(made.client_secret)) !== undefined;
  assert.equal(made.expires_at, '2026-01-01T01:30:00.000Z');
  now += 90 * 60_000;
  assert.equal(works(), false);
  assert.equal((await make(`service_tokens/${made.id}/refresh`)).expires_at, '2026-01-01T03:00:00.000Z');
  assert.equal(works(), true);
  await fixture.call('PUT', `${access}/service_tokens/${made.id}`, { enabled: false });
  assert.equal(works(), false);
});

test('a service token that is made for ever does not end', async () => {
  const made = await make('service_tokens', { name: 'phone', duration: 'forever' });
  assert.deepEqual([made.duration, made.expires_at], ['forever', '9999-12-31T23:59:59.000Z']);
  now = Date.UTC(9000, 0, 1);
  const { serviceTokens } = fixture.store.access;
  assert.equal(serviceTokens.verify(String(made.client_id), String(made.client_secret))?.id, made.id);
  assert.deepEqual(await refusalOf('POST', 'service_tokens', { name: 'x', duration: 'for long' }), [400, 12130]);
});

test('a service token that a policy names stays', async () => {
  const { id } = await make('service_tokens', { name: 'phone' });
  const include = [{ service_token: { token_id: id } }];
  const policy = await make('policies', { name: 'p', decision: 'non_identity', include });
  assert.deepEqual(await refusalOf('DELETE', `service_tokens/${id}`), [409, 12132]);
  await fixture.call('DELETE', `${access}/policies/${policy.id}`);
  assert.equal((await fixture.call('DELETE', `${access}/service_tokens/${id}`)).body.result.id, id);
  for (const path of ['', '/rotate', '/refresh'])
    assert.deepEqual(await refusalOf(path === '' ? 'GET' : 'POST', `service_tokens/${id}${path}`), [404, 12135]);
});

test('login methods are kept without their secrets, and stay while somebody names them', async () => {
  const [pin] = (await fixture.call('GET', `${access}/identity_providers`)).body.result;
  assert.equal(pin?.type, 'onetimepin');
  assert.deepEqual(
    await refusalOf('POST', 'identity_providers', { name: '', type: 'onetimepin', config: {} }),
    [409, 12132],
  );
  const config = { client_id: 'id', client_secret: 'hush-hush', auth_url: 'https://idp.example' };
  const made = await make('identity_providers', { name: 'home', type: 'oidc', config });
  assert.deepEqual(made.config, { ...config, client_secret: '**********************************' });
  const path = `${access}/identity_providers/${made.id}`;
  assert.deepEqual((await fixture.call('GET', path)).body.result, made);
  const put = await fixture.call('PUT', path, { name: 'work', type: 'oidc', config: {} });
  assert.deepEqual([put.body.result.name, put.body.result.config], ['work', {}]);

  const app = await make('apps', { type: 'self_hosted', domain: 'a.example.com', allowed_idps: [made.id] });
  assert.deepEqual(await refusalOf('DELETE', `identity_providers/${made.id}`), [409, 12132]);
  await fixture.call('DELETE', `${access}/apps/${app.id}`);
  await make('groups', { name: 'g', include: [{ okta: { name: 'x', identity_provider_id: made.id } }] });
  assert.deepEqual(await refusalOf('DELETE', `identity_providers/${made.id}`), [409, 12132]);
  assert.equal((await fixture.call('DELETE', `${access}/identity_providers/${pin?.id}`)).status, 202);
  for (const body of [
    { name: 'x', type: 'moon', config: {} },
    { name: 'x', type: 'oidc' },
    { name: ' ', type: 'oidc', config: {} },
  ])
    assert.deepEqual(await refusalOf('POST', 'identity_providers', body), [400, 12130]);
});

test('a tag is made before it is carried, follows its applications when renamed, and stays while carried', async () => {
  const tag = await make('tags', { name: 'ours' });
  assert.deepEqual([tag.name, tag.app_count], ['ours', 0]);
  assert.deepEqual(await refusalOf('POST', 'tags', { name: 'ours' }), [409, 12132]);
  for (const name of ['', ' ', 'x'.repeat(36)])
    assert.deepEqual(await refusalOf('POST', 'tags', { name }), [400, 12130]);
  const app = await make('apps', { type: 'self_hosted', domain: 'a.example.com', tags: ['ours'] });
  assert.equal((await fixture.call('GET', `${access}/tags/ours`)).body.result.app_count, 1);
  assert.deepEqual(await refusalOf('DELETE', 'tags/ours'), [409, 12132]);
  await fixture.call('PUT', `${access}/tags/ours`, { name: 'still ours' });
  assert.deepEqual((await fixture.call('GET', `${access}/apps/${app.id}`)).body.result.tags, ['still ours']);
  assert.deepEqual(await refusalOf('GET', 'tags/ours'), [404, 12135]);
  await fixture.call('DELETE', `${access}/apps/${app.id}`);
  assert.deepEqual((await fixture.call('DELETE', `${access}/tags/still%20ours`)).body.result, { name: 'still ours' });
  assert.deepEqual([...(await fixture.call('GET', `${access}/tags`)).body.result], []);
});

test('an application has at most one SSH authority, with a real ECDSA key', async () => {
  const app = await make('apps', { type: 'self_hosted', domain: 'ssh.example.com' });
  assert.deepEqual(await refusalOf('GET', `apps/${app.id}/ca`), [404, 12135]);
  const ca = await make(`apps/${app.id}/ca`);
  assert.deepEqual(await refusalOf('POST', `apps/${app.id}/ca`), [409, 12132]);
  assert.equal(ca.aud, app.aud);
  assert.deepEqual((await fixture.call('GET', `${access}/apps/${app.id}/ca`)).body.result, ca);
  assert.deepEqual([...(await fixture.call('GET', `${access}/apps/ca`)).body.result], [ca]);

  const [type, blob = ''] = String(ca.public_key).split(' ');
  assert.equal(type, 'ecdsa-sha2-nistp256');
  const bytes = Buffer.from(blob, 'base64');
  const point = bytes.subarray(bytes.length - 65);
  assert.equal(
    bytes.subarray(0, bytes.length - 65).toString('latin1'),
    '\0\0\0\x13ecdsa-sha2-nistp256\0\0\0\x08nistp256\0\0\0\x41',
  );
  assert.equal(point[0], 4);
  const key = createPublicKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    },
  });
  const message = Buffer.from('a certificate');
  assert.ok(verify('sha256', message, key, sign('sha256', message, fixture.store.access.sshCas.privateKey(app.id))));

  const gone = await fixture.call('DELETE', `${access}/apps/${app.id}/ca`);
  assert.deepEqual([gone.status, gone.body.result], [202, { id: ca.id }]);
  const again = await make(`apps/${app.id}/ca`);
  assert.notEqual(again.public_key, ca.public_key);
});

test('keys say when they change next, and change when told to', async () => {
  const keys = async () => (await fixture.call('GET', `${access}/keys`)).body.result;
  assert.equal((await keys()).days_until_next_rotation, 42);
  now += 40 * 86_400_000;
  assert.equal((await keys()).days_until_next_rotation, 2);
  const put = await fixture.call('PUT', `${access}/keys`, { key_rotation_interval_days: 30 });
  assert.deepEqual([put.body.result.key_rotation_interval_days, put.body.result.days_until_next_rotation], [30, 0]);
  const rotated = await make('keys/rotate');
  assert.deepEqual([rotated.days_until_next_rotation, rotated.last_key_rotation_at], [30, new Date(now).toISOString()]);
  for (const days of [20, 366, 21.5, 'x'])
    assert.deepEqual(await refusalOf('PUT', 'keys', { key_rotation_interval_days: days }), [400, 12130]);
});

test('there are no client certificates', async () => {
  const { body } = await fixture.call('GET', `${access}/certificates`);
  assert.deepEqual([[...body.result], body.result_info?.total_count], [[], 0]);
});

test('the organisation is there, and changes field by field', async () => {
  const { result } = (await fixture.call('GET', `${access}/organizations`)).body;
  assert.match(String(result.auth_domain), /^sallyport-[0-9a-f]{8}\.cloudflareaccess\.com$/);
  assert.deepEqual(
    await refusalOf('POST', 'organizations', { name: 'x', auth_domain: 'x.cloudflareaccess.com' }),
    [409, 12132],
  );
  const put = await fixture.call('PUT', `${access}/organizations`, { warp_auth_session_duration: '24h' });
  assert.deepEqual([put.body.result.name, put.body.result.warp_auth_session_duration], [result.name, '24h']);
  await make('apps', { type: 'self_hosted', domain: 'a.example.com', allow_authenticate_via_warp: true });
  for (const body of [{ name: '' }, { session_duration: 'long' }, { is_ui_read_only: 'yes' }])
    assert.deepEqual(await refusalOf('PUT', 'organizations', body), [400, 12130]);
});

test('without Zero Trust everything of Access is refused, until an organisation is made', async () => {
  const bare = await startApi({ isAccessEnabled: false });
  const base = `${bare.account}/access`;
  for (const path of [
    'apps',
    'policies',
    'groups',
    'service_tokens',
    'identity_providers',
    'tags',
    'keys',
    'organizations',
    'certificates',
    'apps/ca',
  ]) {
    const { status, body } = await bare.call('GET', `${base}/${path}`);
    assert.deepEqual([status, body.errors[0]?.code], [403, 9999], path);
    assert.match(body.errors[0]?.message ?? '', /^access\.api\.error\.not_enabled: /);
  }
  const organization = { name: 'Home', auth_domain: 'home.cloudflareaccess.com' };
  const made = await bare.call('POST', `${base}/organizations`, organization);
  assert.deepEqual([made.status, made.body.result.name], [201, 'Home']);
  assert.equal((await bare.call('GET', `${base}/apps`)).status, 200);
  await bare.stop();
});

test("Access of another account, or of what is none, is somebody else's", async () => {
  const foreign = await fixture.call('GET', `/accounts/${'f'.repeat(32)}/access/apps`);
  assert.deepEqual([foreign.status, foreign.body.errors[0]?.code], [403, 9109]);
  const none = await fixture.call('POST', '/accounts/home/access/apps', {});
  assert.deepEqual([none.status, none.body.errors[0]?.code], [404, 7003]);
  const anonymous = await fixture.call('GET', `${access}/apps`, undefined, {});
  assert.deepEqual([anonymous.status, anonymous.body.errors[0]?.code], [400, 9106]);
  for (const path of ['apps', 'bookmarks', 'apps/x/y'])
    assert.deepEqual(await refusalOf('PATCH', path, {}), [404, 7003], path);
});

test('all of it is there after a restart, and no client secret is in the file', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-access-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'edge.sqlite');
  const before = openEdgeStore(path, { clock });
  before.ensureZone('example.com');
  before.access.tags.create('ours');
  const app = before.access.apps.create({ type: 'self_hosted', domain: 'a.example.com', tags: ['ours'], kept: {} });
  const ca = before.access.sshCas.create(app.id);
  const config = { client_id: 'an id', client_secret: 'hush-hush' };
  before.access.identityProviders.create({ name: 'home', type: 'oidc', config });
  const { token, clientSecret } = before.access.serviceTokens.create({ name: 'phone' });
  before.close();

  const file = readFileSync(path);
  assert.ok(file.includes('phone') && file.includes('an id'));
  assert.ok(
    !file.includes(clientSecret) && !file.includes(Buffer.from(clientSecret, 'hex')) && !file.includes('hush-hush'),
  );
  const after = openEdgeStore(path, { clock });
  assert.deepEqual(after.access.apps.get(app.id), app);
  assert.deepEqual(after.access.sshCas.get(app.id), ca);
  assert.equal(after.access.serviceTokens.verify(token.fields.clientId, clientSecret)?.id, token.id);
  assert.equal(after.access.identityProviders.list().length, 2);
  after.close();
});
