// Tokens that may not do everything, as people make them in the dashboard: refused like Cloudflare refuses, shown only what is theirs.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { RestrictedToken } from '../../../src/edge/api/grants.ts';
import { type ApiFixture, startApi } from './fixture.ts';

let fixture: ApiFixture | undefined;
afterEach(async () => {
  await fixture?.stop();
  fixture = undefined;
});

const token = 'a-restricted-token';

async function start(fields: Partial<RestrictedToken>) {
  const restricted: RestrictedToken[] = [{ token, permissions: [], ...fields }];
  const started = await startApi({ restricted });
  fixture = started;
  started.store.ensureZone('example.org');
  const call = (method: string, path: string, body?: unknown) =>
    started.call(method, path, body, { authorization: `Bearer ${token}` });
  return { ...started, restricted, call };
}

const record = { type: 'CNAME', name: 'a.example.com', content: 'b.example.com' };

test('reading needs Read, writing needs Edit, and Edit includes Read', async () => {
  const { call, zone, restricted } = await start({ permissions: ['Zone > DNS > Read'] });
  const path = `/zones/${zone.id}/dns_records`;
  assert.equal((await call('GET', path)).status, 200);
  const refused = await call('POST', path, record);
  assert.equal(refused.status, 403);
  assert.deepEqual(refused.body.errors, [{ code: 10000, message: 'Authentication error' }]);
  restricted.splice(0, 1, { token, permissions: ['Zone > DNS > Edit'] });
  assert.equal((await call('POST', path, record)).status, 200);
  assert.equal((await call('GET', path)).status, 200);
});

test('a token for one zone neither sees nor changes another', async () => {
  const permissions = ['Zone > Zone > Read', 'Zone > DNS > Edit'];
  const { call, store } = await start({ permissions, zones: ['example.org'] });
  const listed = await call('GET', '/zones');
  assert.deepEqual(
    listed.body.result.map((zone) => [zone.name, zone.permissions]),
    [['example.org', ['#zone:read', '#dns_records:edit', '#dns_records:read']]],
  );
  const other = store.zones.named('example.com')?.id;
  assert.equal((await call('GET', `/zones/${other}`)).status, 403);
  assert.equal((await call('POST', `/zones/${other}/dns_records`, record)).status, 403);
});

const needs: readonly { readonly path: string; readonly permission: string }[] = [
  { path: '', permission: 'Account > Account Settings > Read' },
  { path: '/cfd_tunnel', permission: 'Account > Cloudflare Tunnel > Read' },
  { path: '/access/apps', permission: 'Account > Access: Apps and Policies > Read' },
  { path: '/access/policies', permission: 'Account > Access: Apps and Policies > Read' },
  { path: '/access/service_tokens', permission: 'Account > Access: Service Tokens > Read' },
  {
    path: '/access/groups',
    permission: 'Account > Access: Organizations, Identity Providers, and Groups > Read',
  },
];
for (const { path, permission } of needs) {
  test(`/accounts/:account${path} needs "${permission}"`, async () => {
    const { call, account, restricted } = await start({});
    assert.equal((await call('GET', account + path)).status, 403);
    restricted.splice(0, 1, { token, permissions: [permission] });
    assert.equal((await call('GET', account + path)).status, 200);
  });
}

test("a tunnel's token is a secret that reading alone does not get", async () => {
  const { call, account, store, restricted } = await start({ permissions: ['Account > Cloudflare Tunnel > Read'] });
  const path = `${account}/cfd_tunnel/${store.tunnels.create({ name: 'home' }).id}/token`;
  assert.equal((await call('GET', path)).status, 403);
  restricted.splice(0, 1, { token, permissions: ['Account > Cloudflare Tunnel > Edit'] });
  assert.equal((await call('GET', path)).status, 200);
});

test('without zone or account rights the lists are empty, as at Cloudflare', async () => {
  const { call } = await start({});
  for (const path of ['/zones', '/accounts']) {
    const answer = await call('GET', path);
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body.result, []);
  }
});

test('a token that expired says so where it is verified, and may do nothing', async () => {
  const expiresOn = '2026-01-31T00:00:00Z';
  const { call } = await start({ permissions: ['Zone > Zone > Read'], status: 'expired', expiresOn });
  const verified = await call('GET', '/user/tokens/verify');
  assert.deepEqual([verified.body.result.status, verified.body.result.expires_on], ['expired', expiresOn]);
  assert.equal((await call('GET', '/zones')).status, 403);
});

test("an account's own token is verified at the account, not at a user", async () => {
  const { call, account } = await start({ isAccountOwned: true });
  assert.equal((await call('GET', '/user/tokens/verify')).status, 401);
  assert.equal((await call('GET', `${account}/tokens/verify`)).body.result.status, 'active');
});

test('a token that is taken away is refused from then on', async () => {
  const { call, restricted } = await start({ permissions: ['Zone > Zone > Read'] });
  assert.equal((await call('GET', '/zones')).status, 200);
  restricted.length = 0;
  assert.equal((await call('GET', '/zones')).status, 403);
});
