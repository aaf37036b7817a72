// What a token may do, found by reading: against the real API with tokens as people make them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CheckedPlace, checkToken, type PermissionCheck } from '../../src/cloudflare/check-token.ts';
import { createCloudflareApi } from '../../src/cloudflare/client.ts';
import type { RestrictedToken } from '../../src/edge/api/grants.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { createApiWorld, never } from './api-world.ts';

const everything = [
  'Zone > Zone > Read',
  'Zone > DNS > Edit',
  'Account > Cloudflare Tunnel > Edit',
  'Account > Access: Apps and Policies > Edit',
  'Account > Access: Service Tokens > Edit',
  'Account > Access: Organizations, Identity Providers, and Groups > Read',
  'Account > Account Settings > Read',
];
const token = 'a-token-with-few-rights';

async function check(
  t: Parameters<typeof createApiWorld>[0],
  fields: Partial<RestrictedToken>,
  place: Partial<CheckedPlace> = {},
): Promise<readonly PermissionCheck[]> {
  const world = await createApiWorld(t, { restricted: [{ token, permissions: everything, ...fields }] });
  for (const zone of ['example.com', 'example.org']) world.store.ensureZone(zone);
  const tunnelId = world.store.tunnels.create({ name: 'home' }).id;
  const api = createCloudflareApi({ apiToken: token, baseUrl: world.baseUrl, logger: createSilentLogger() });
  const where = { account: world.account, zones: ['example.com', 'example.org'], tunnelId, ...place };
  return checkToken(api, where, never());
}

const namesOf = (checks: readonly PermissionCheck[]) =>
  checks
    .filter(({ ok }) => !ok)
    .map(({ permission, zone }) => (zone === undefined ? permission : `${permission} ${zone}`));

test('a token with every permission passes every check, one per permission and zone', async (t) => {
  const checks = await check(t, {});
  assert.deepEqual(namesOf(checks), []);
  assert.deepEqual(
    checks.map(({ permission }) => permission),
    [
      'the token itself',
      'Zone > Zone > Read',
      'Zone > DNS > Edit',
      'Zone > Zone > Read',
      'Zone > DNS > Edit',
      ...everything.slice(2),
    ],
  );
});

for (const missing of everything) {
  test(`a token without "${missing}" is told so`, async (t) => {
    const checks = await check(t, { permissions: everything.filter((one) => one !== missing) });
    const found = checks.filter(({ ok }) => !ok);
    assert.ok(found.length > 0);
    for (const one of found) {
      assert.equal(one.permission, missing);
      assert.match(one.problem ?? '', /^the API token lacks "/);
      assert.ok(one.problem?.includes(missing));
      assert.match(one.hint ?? '', /https:\/\/dash\.cloudflare\.com\/profile\/api-tokens/);
    }
  });
}

const almost = [
  { has: 'Zone > DNS > Read', needs: 'Zone > DNS > Edit' },
  { has: 'Account > Cloudflare Tunnel > Read', needs: 'Account > Cloudflare Tunnel > Edit' },
];
for (const { has, needs } of almost) {
  test(`"${has}" is not enough where "${needs}" is needed`, async (t) => {
    const checks = await check(t, { permissions: [...everything.filter((one) => one !== needs), has] });
    assert.deepEqual(new Set(checks.filter(({ ok }) => !ok).map(({ permission }) => permission)), new Set([needs]));
  });
}

test('the zone a token is not for is named', async (t) => {
  assert.deepEqual(namesOf(await check(t, { zones: ['example.org'] })), ['Zone > Zone > Read example.com']);
});

const useless: readonly { readonly name: string; readonly fields: Partial<RestrictedToken>; readonly says: RegExp }[] =
  [
    {
      name: 'expired',
      fields: { status: 'expired', expiresOn: '2026-01-31T10:00:00Z' },
      says: /expired on 2026-01-31/,
    },
    { name: 'disabled', fields: { status: 'disabled' }, says: /it is disabled/ },
    { name: 'for later', fields: { notBefore: '2999-01-01T00:00:00Z' }, says: /not valid before 2999-01-01/ },
  ];
for (const { name, fields, says } of useless) {
  test(`a token that is ${name} fails one check, which says so`, async (t) => {
    const checks = await check(t, fields);
    assert.equal(checks.length, 1);
    assert.match(checks[0]?.problem ?? '', says);
  });
}

test("an account's own token is verified at its account", async (t) => {
  assert.deepEqual(namesOf(await check(t, { isAccountOwned: true })), []);
});

test('a token nobody knows is not shown, and told to be unknown', async (t) => {
  const checks = await check(t, { token: 'another-one' });
  assert.equal(checks.length, 1);
  assert.equal(checks[0]?.ok, false);
  assert.ok(!JSON.stringify(checks).includes(token));
});
