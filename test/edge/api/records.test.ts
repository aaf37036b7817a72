// DNS records over HTTP: the listing's filters, single changes and batches.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { type ApiFixture, startApi } from './fixture.ts';

let fixture: ApiFixture;
let base = '';
beforeEach(async () => {
  fixture = await startApi();
  base = `/zones/${fixture.zone.id}/dns_records`;
});
afterEach(() => fixture.stop());

const target = '6ba7b810-9dad-11d1-80b4-00c04fd430c8.cfargotunnel.com';

function fill(): void {
  const { records } = fixture.store;
  const make = (input: Parameters<typeof records.create>[1]) => records.create(fixture.zone, input);
  make({ type: 'CNAME', name: 'grafana', content: target, proxied: true, comment: 'sallyport:home docker/Grafana' });
  make({ type: 'CNAME', name: '*', content: target, proxied: true, comment: 'by hand' });
  make({ type: 'A', name: 'nas', content: '192.0.2.5', ttl: 300, tags: ['owner:home', 'kind:box'] });
  make({ type: 'TXT', name: 'nas', content: 'Heritage=x', tags: ['owner:office'] });
  make({ type: 'MX', name: '@', content: 'mail.example.com', priority: 10 });
}

const queries: { query: string; want: string[] }[] = [
  { query: '', want: ['grafana', '*', 'nas', 'nas', ''] },
  { query: 'direction=desc', want: ['', 'nas', 'nas', '*', 'grafana'] },
  { query: 'order=name', want: ['*', '', 'grafana', 'nas', 'nas'] },
  { query: 'order=ttl&direction=desc&per_page=1', want: ['nas'] },
  { query: 'type=cname', want: ['grafana', '*'] },
  { query: 'type=CNAME&name=grafana.example.com', want: ['grafana'] },
  { query: 'name=GRAFANA.example.com', want: ['grafana'] },
  { query: 'name.exact=nas.example.com', want: ['nas', 'nas'] },
  { query: 'name.contains=AFA', want: ['grafana'] },
  { query: 'name.startswith=n', want: ['nas', 'nas'] },
  { query: 'name.endswith=.example.com', want: ['grafana', '*', 'nas', 'nas'] },
  { query: `content=${target}`, want: ['grafana', '*'] },
  { query: 'content.contains=heritage', want: ['nas'] },
  { query: 'comment=by hand', want: ['*'] },
  { query: 'comment.startswith=SALLYPORT:', want: ['grafana'] },
  { query: 'comment.contains=grafana', want: ['grafana'] },
  { query: 'comment.present', want: ['grafana', '*'] },
  { query: 'comment.absent=true', want: ['nas', 'nas', ''] },
  { query: 'proxied=true', want: ['grafana', '*'] },
  { query: 'proxied=false&type=A', want: ['nas'] },
  { query: 'type=MX&name=nas.example.com', want: [] },
  { query: 'type=MX&name=nas.example.com&match=any', want: ['nas', 'nas', ''] },
  { query: 'tag=owner:home', want: ['nas'] },
  { query: 'tag.present=owner', want: ['nas', 'nas'] },
  { query: 'tag.absent=owner', want: ['grafana', '*', ''] },
  { query: 'tag.startswith=owner:off&tag.exact=kind:box', want: [] },
  { query: 'tag.startswith=owner:off&tag.exact=kind:box&tag_match=any', want: ['nas', 'nas'] },
  { query: 'search=mail', want: [''] },
  { query: 'search=grafana&match=any', want: ['grafana'] },
  { query: 'per_page=2&page=2', want: ['nas', 'nas'] },
  { query: 'per_page=5000000', want: ['grafana', '*', 'nas', 'nas', ''] },
];

test('the listing returns what its filters ask for, in the order asked for', async () => {
  fill();
  for (const { query, want } of queries) {
    const { body } = await fixture.call('GET', `${base}?${query}`);
    const names = body.result.map((record) => record.name.replace(/\.?example\.com$/, ''));
    assert.deepEqual(names, want, query);
  }
});

test('a page says where it is in the whole', async () => {
  fill();
  const { body } = await fixture.call('GET', `${base}?per_page=2&page=3`);
  assert.deepEqual(body.result_info, { page: 3, per_page: 2, count: 1, total_count: 5, total_pages: 3 });
});

for (const query of ['per_page=5000001', 'per_page=0', 'proxied=maybe', 'order=id', 'match=some', 'type=a&type=b'])
  test(`the listing refuses ${query}`, async () => {
    const { status, body } = await fixture.call('GET', `${base}?${query}`);
    assert.deepEqual([status, body.errors[0]?.code], [400, 1001]);
  });

test('a record comes back with everything that was sent', async () => {
  const sent = {
    type: 'CNAME',
    name: 'grafana',
    content: target,
    proxied: true,
    ttl: 1,
    comment: 'ours',
    tags: ['owner:home'],
    settings: { flatten_cname: false },
  };
  const made = await fixture.call('POST', base, { ...sent, something: 'unknown' });
  assert.equal(made.status, 200);
  const { id, created_on, modified_on, ...rest } = made.body.result;
  assert.match(id, /^[0-9a-f]{32}$/);
  assert.equal(created_on, modified_on);
  assert.deepEqual(rest, { ...sent, name: 'grafana.example.com', proxiable: true, meta: {} });
  assert.deepEqual((await fixture.call('GET', `${base}/${id}`)).body.result, made.body.result);
});

test('a record is changed, overwritten and deleted', async () => {
  const { id } = (await fixture.call('POST', base, { type: 'A', name: 'x', content: '192.0.2.1', comment: 'c' })).body
    .result;
  const patched = await fixture.call('PATCH', `${base}/${id}`, { proxied: true });
  assert.deepEqual([patched.body.result.proxied, patched.body.result.comment], [true, 'c']);
  const put = await fixture.call('PUT', `${base}/${id}`, { type: 'A', name: 'x', content: '192.0.2.2' });
  assert.deepEqual([put.body.result.proxied, put.body.result.comment], [false, null]);
  assert.deepEqual((await fixture.call('DELETE', `${base}/${id}`)).body.result, { id });
  for (const [method, body] of [
    ['GET', undefined],
    ['DELETE', undefined],
    ['PATCH', {}],
    ['PUT', { type: 'A', name: 'x', content: '192.0.2.2' }],
  ] as const) {
    const gone = await fixture.call(method, `${base}/${id}`, body);
    assert.deepEqual([gone.status, gone.body.errors[0]?.code], [404, 81044], method);
  }
});

test('refusals carry their code and words', async () => {
  await fixture.call('POST', base, { type: 'CNAME', name: 'x', content: 'a.example.net' });
  const clash = await fixture.call('POST', base, { type: 'A', name: 'x', content: '192.0.2.1' });
  assert.equal(clash.status, 400);
  assert.equal(clash.body.errors[0]?.code, 81054);
  assert.match(clash.body.errors[0]?.message ?? '', /^A CNAME record with that host already exists\./);
});

test('a batch answers list by list', async () => {
  const first = (await fixture.call('POST', base, { type: 'A', name: 'a', content: '192.0.2.1' })).body.result;
  const second = (await fixture.call('POST', base, { type: 'A', name: 'b', content: '192.0.2.1' })).body.result;
  const { body } = await fixture.call('POST', `${base}/batch`, {
    deletes: [{ id: first.id }],
    patches: [{ id: second.id, comment: 'changed' }],
    posts: [{ type: 'A', name: 'a', content: '192.0.2.1' }],
  });
  assert.deepEqual(body.result.deletes, [first]);
  assert.equal(body.result.patches[0]?.comment, 'changed');
  assert.deepEqual(body.result.puts, []);
  assert.notEqual(body.result.posts[0]?.id, first.id);
});

test('a batch with one bad operation changes nothing', async () => {
  const first = (await fixture.call('POST', base, { type: 'A', name: 'a', content: '192.0.2.1' })).body.result;
  const { status, body } = await fixture.call('POST', `${base}/batch`, {
    deletes: [{ id: first.id }],
    posts: [{ type: 'A', name: 'b', content: 'nonsense' }],
  });
  assert.deepEqual([status, body.errors[0]?.code], [400, 9005]);
  assert.deepEqual((await fixture.call('GET', base)).body.result, [first]);
});

for (const [name, batch] of Object.entries({
  'a delete without id': { deletes: [{}] },
  'a post without type': { posts: [{ name: 'x' }] },
  'a list that is none': { posts: { type: 'A' } },
}))
  test(`a batch with ${name} is refused`, async () => {
    const { status, body } = await fixture.call('POST', `${base}/batch`, batch);
    assert.deepEqual([status, body.errors[0]?.code], [400, 1001]);
  });
