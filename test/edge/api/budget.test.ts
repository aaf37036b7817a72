// The request budget and eventual listings, which tests of other parts switch on.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { type ApiFixture, startApi } from './fixture.ts';

let now = 0;
const clock = { now: () => now, sleep: async () => undefined };
let fixture: ApiFixture | undefined;
beforeEach(() => {
  now = Date.UTC(2026, 0, 1);
});
afterEach(async () => {
  await fixture?.stop();
  fixture = undefined;
});

async function status(path = '/zones', headers?: Record<string, string>): Promise<number> {
  return (await fixture?.call('GET', path, undefined, headers))?.status ?? 0;
}

test('without a budget nobody is stopped or told of one', async () => {
  fixture = await startApi({ clock });
  for (let n = 0; n < 50; n++) assert.equal(await status(), 200);
  assert.equal((await fixture.call('GET', '/zones')).headers.get('ratelimit'), null);
});

test('who exceeds the budget is shut out for a whole window', async () => {
  fixture = await startApi({ clock, rateLimit: { requests: 3, windowMs: 300_000 } });
  const first = await fixture.call('GET', '/zones');
  assert.deepEqual(
    [first.headers.get('ratelimit'), first.headers.get('ratelimit-policy'), first.headers.get('retry-after')],
    ['"default";r=2;t=300', '"default";q=3;w=300', null],
  );
  assert.deepEqual([await status('/nowhere'), await status()], [404, 200]);
  now += 200_000;
  const refused = await fixture.call('GET', '/zones');
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '300']);
  assert.deepEqual(refused.body.errors, [
    { code: 971, message: 'Please wait and consider throttling your request speed' },
  ]);
  assert.equal(refused.body.success, false);
  now += 299_999;
  const still = await fixture.call('GET', '/zones');
  assert.deepEqual([still.status, still.headers.get('retry-after')], [429, '1']);
  now += 1;
  assert.equal(await status(), 200);
});

test('a budget is whole again after its window', async () => {
  fixture = await startApi({ clock, rateLimit: { requests: 2, windowMs: 1_000 } });
  for (let round = 0; round < 3; round++) {
    assert.deepEqual([await status(), await status()], [200, 200]);
    now += 1_000;
  }
});

test('strangers cannot use up the budget', async () => {
  fixture = await startApi({ clock, rateLimit: { requests: 1, windowMs: 1_000 } });
  for (let n = 0; n < 5; n++) assert.equal(await status('/zones', { authorization: 'Bearer wrong' }), 403);
  assert.equal(await status(), 200);
});

test('what was just made is missing from listings for a while, but found by its id', async () => {
  const own = await startApi({ clock, listing: { lagMs: 2_000, isShuffled: false } });
  fixture = own;
  const records = `/zones/${own.zone.id}/dns_records`;
  const tunnels = `${own.account}/cfd_tunnel`;
  const apps = `${own.account}/access/apps`;
  const made = await Promise.all([
    own.call('POST', records, { type: 'A', name: 'a', content: '192.0.2.1' }),
    own.call('POST', tunnels, { name: 'home' }),
    own.call('POST', apps, { type: 'self_hosted', domain: 'a.example.com' }),
  ]);
  const counts = () =>
    Promise.all(
      [records, tunnels, apps].map(async (path) => (await own.call('GET', path)).body.result_info?.total_count),
    );
  assert.deepEqual(await counts(), [0, 0, 0]);
  for (const [at, path] of [records, tunnels, apps].entries())
    assert.equal(await status(`${path}/${made[at]?.body.result.id}`), 200);
  now += 2_000;
  assert.deepEqual(await counts(), [1, 1, 1]);
});

test('a listing may have an order of its own, the same on every page', async () => {
  const own = await startApi({ clock, listing: { lagMs: 0, isShuffled: true } });
  fixture = own;
  const tags = `${own.account}/access/tags`;
  const made = Array.from({ length: 30 }, (_, n) => `tag ${String(n).padStart(2, '0')}`);
  for (const name of made) await own.call('POST', tags, { name });
  const pages = await Promise.all([1, 2, 3].map((page) => own.call('GET', `${tags}?per_page=10&page=${page}`)));
  const listed = pages.flatMap((page) => page.body.result.map(({ name }) => name));
  assert.notDeepEqual(listed, made);
  assert.deepEqual(listed.toSorted(), made);
});
