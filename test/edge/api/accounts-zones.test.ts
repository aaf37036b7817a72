// The token check, the account, and zones.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiFixture, startApi } from './fixture.ts';

let fixture: ApiFixture;
before(async () => {
  fixture = await startApi();
  for (const name of ['alpha.example', 'beta.example', 'gamma.test']) fixture.store.ensureZone(name);
});
after(() => fixture.stop());

test('the token verifies as active, and its id is stable and not the token', async () => {
  const { body } = await fixture.call('GET', '/user/tokens/verify');
  assert.equal(body.result.status, 'active');
  assert.match(body.result.id, /^[0-9a-f]{32}$/);
  assert.equal((await fixture.call('GET', '/user/tokens/verify')).body.result.id, body.result.id);
});

test('the one account is listed and read', async () => {
  const list = await fixture.call('GET', '/accounts');
  assert.deepEqual(list.body.result_info, { page: 1, per_page: 20, count: 1, total_count: 1, total_pages: 1 });
  assert.equal(list.body.result[0]?.id, fixture.store.account.id);
  assert.deepEqual((await fixture.call('GET', fixture.account)).body.result, list.body.result[0]);
  assert.deepEqual((await fixture.call('GET', '/accounts?name=other')).body.result, []);
});

const queries: { query: string; want: string[] }[] = [
  { query: '', want: ['alpha.example', 'beta.example', 'example.com', 'gamma.test'] },
  { query: 'direction=desc', want: ['gamma.test', 'example.com', 'beta.example', 'alpha.example'] },
  { query: 'name=Beta.Example', want: ['beta.example'] },
  { query: 'name=nope', want: [] },
  { query: 'name=starts_with:be', want: ['beta.example'] },
  { query: 'name=ends_with:.example', want: ['alpha.example', 'beta.example'] },
  { query: 'name=contains:amp', want: ['alpha.example', 'beta.example', 'example.com'] },
  { query: 'name=not_equal:example.com', want: ['alpha.example', 'beta.example', 'gamma.test'] },
  { query: 'status=pending', want: [] },
  { query: 'status=pending&name=gamma.test&match=any', want: ['gamma.test'] },
  { query: `account.id=${'0'.repeat(32)}`, want: [] },
  { query: 'page=2&per_page=3', want: ['gamma.test'] },
  { query: 'page=9', want: [] },
];

for (const { query, want } of queries)
  test(`/zones?${query} lists ${want.length}`, async () => {
    const { body } = await fixture.call('GET', `/zones?${query}`);
    assert.deepEqual(
      body.result.map((zone) => zone.name),
      want,
    );
  });

for (const query of ['page=0', 'page=x', 'per_page=51', 'direction=up', 'name=a&name=b'])
  test(`/zones?${query} is refused`, async () => {
    const { status, body } = await fixture.call('GET', `/zones?${query}`);
    assert.deepEqual([status, body.errors[0]?.code], [400, 1001]);
  });

test('a zone is made once and can be read', async () => {
  const made = await fixture.call('POST', '/zones', {
    name: 'New.Example',
    account: { id: fixture.store.account.id },
    type: 'full',
  });
  assert.equal(made.body.result.name, 'new.example');
  assert.equal(made.body.result.status, 'active');
  assert.deepEqual((await fixture.call('GET', `/zones/${made.body.result.id}`)).body.result, made.body.result);
  const again = await fixture.call('POST', '/zones', { name: 'new.example' });
  assert.deepEqual([again.status, again.body.errors[0]?.code], [400, 1061]);
  const invalid = await fixture.call('POST', '/zones', { name: 'not a zone' });
  assert.deepEqual([invalid.status, invalid.body.errors[0]?.code], [400, 1099]);
  const foreign = await fixture.call('POST', '/zones', { name: 'x.example', account: { id: '0'.repeat(32) } });
  assert.deepEqual([foreign.status, foreign.body.errors[0]?.code], [403, 9109]);
});
