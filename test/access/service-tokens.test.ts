// Service tokens in policies: named as they were made, looked at while the list is read anyway, and said to end before they do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTokenName } from '../../src/access/ownership.ts';
import { tokenWarnings } from '../../src/access/token-expiry.ts';
import type { AccessPolicy } from '../../src/model.ts';
import { never } from '../cloudflare/api-world.ts';
import { desiredFor, entryFor } from '../contract/reconciler.ts';
import { codes, createAccessWorld, type Raw } from './world.ts';

const dayMs = 86_400_000;
const one = desiredFor([entryFor('one', { access: { policy: 'apps' } })]);
const apps = { apps: { allow: { service_tokens: ['phone'] } } };

test('a token made here is named as it was made, and the SDK reads its id in the policy', async (t) => {
  const world = await createAccessWorld(t);
  world.policies = apps;
  const { api, account } = world.remote;
  const made = await api.access.tokens.create(
    account,
    { name: formatTokenName('home', 'phone'), duration: '8760h' },
    never(),
  );
  assert.deepEqual(await world.settle(one), []);
  const [policy] = (await world.look()).policies as readonly Raw[];
  assert.deepEqual([policy?.decision, policy?.include], ['non_identity', [{ service_token: { token_id: made.id } }]]);
  const read = await world.sdk.zeroTrust.access.serviceTokens.get(made.id, world.account);
  assert.deepEqual(
    [read.name, read.duration, read.client_id],
    [formatTokenName('home', 'phone'), '8760h', made.client_id],
  );
  world.policies = { apps: { allow: { service_tokens: [formatTokenName('home', 'phone')] } } };
  assert.deepEqual((await world.reconciler.plan(one, never())).changes, []);
});

test("a token of ours and somebody else's of one name are ambiguous: the service stays closed", async (t) => {
  const world = await createAccessWorld(t);
  world.policies = apps;
  for (const name of ['phone', formatTokenName('home', 'phone')])
    await world.sdk.zeroTrust.access.serviceTokens.create({ ...world.account, name });
  const plan = await world.reconciler.plan(one, never());
  assert.match(plan.held[0]?.reason ?? '', /service token "phone", of which there are several/);
});

test("another instance's token is no phone of ours", async (t) => {
  const world = await createAccessWorld(t);
  world.policies = apps;
  await world.sdk.zeroTrust.access.serviceTokens.create({ ...world.account, name: formatTokenName('cabin', 'phone') });
  assert.match((await world.reconciler.plan(one, never())).held[0]?.reason ?? '', /which does not exist/);
});

test('a token that ends within two weeks is a warning, in time and without a call of its own', async (t) => {
  const world = await createAccessWorld(t);
  world.policies = apps;
  await world.sdk.zeroTrust.access.serviceTokens.create({ ...world.account, name: 'phone', duration: '720h' });
  await world.settle(one);
  assert.deepEqual(codes(world), []);
  world.now += 17 * dayMs;
  world.remote.calls.length = 0;
  await world.settle(one);
  assert.deepEqual(codes(world), [['W_TOKEN_EXPIRES', 'warning', undefined]]);
  assert.equal(world.remote.calls.length, 3);
});

const token = { id: 't1', name: 'phone' };
const policy: AccessPolicy = {
  name: 'apps/service-tokens',
  decision: 'non_identity',
  include: [{ service_token: { token_id: 't1' } }],
  require: [],
  exclude: [],
  users: [],
};
const now = Date.UTC(2026, 0, 1);
const table: readonly (readonly [string, object, RegExp | undefined])[] = [
  ['lasts for long', { expiresAt: now + 15 * dayMs }, undefined],
  ['has no end', {}, undefined],
  ['ends soon', { expiresAt: now + 3 * dayMs }, /"phone" of policy apps expires on 2026-01-04$/],
  ['has ended', { expiresAt: now - dayMs }, /expired on 2025-12-31: nobody gets in with it$/],
  ['is switched off', { isDisabled: true }, /is switched off/],
];
for (const [what, fields, said] of table)
  test(`a token that ${what} is ${said === undefined ? 'not mentioned' : 'said'}`, () => {
    const [warning] = tokenWarnings([policy], [{ ...token, ...fields }], now);
    if (said === undefined) assert.equal(warning, undefined);
    else assert.match(warning?.message ?? '', said);
    assert.deepEqual(tokenWarnings([], [{ ...token, ...fields }], now), []);
  });
