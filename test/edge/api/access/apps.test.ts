// Access applications over HTTP: what they guard, which policies they carry, and every way to be refused.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { type ApiFixture, type Result, startApi } from '../fixture.ts';

let fixture: ApiFixture;
let apps = '';
let access = '';
beforeEach(async () => {
  fixture = await startApi();
  access = `${fixture.account}/access`;
  apps = `${access}/apps`;
});
afterEach(() => fixture.stop());

const family = { name: 'family', decision: 'allow', include: [{ email: { email: 'a@example.com' } }] };

async function make(path: string, body: unknown): Promise<Result> {
  const answer = await fixture.call('POST', path, body);
  assert.equal(answer.status, 201, JSON.stringify(answer.body.errors));
  return answer.body.result;
}

function app(body: object): Promise<Result> {
  return make(apps, { type: 'self_hosted', ...body });
}

test('an application is created with defaults, read, and shown in the listing', async () => {
  const made = await app({ domain: 'Grafana.Example.com' });
  assert.match(made.id, /^[0-9a-f-]{36}$/);
  assert.match(String(made.aud), /^[0-9a-f]{64}$/);
  assert.deepEqual(
    [made.name, made.domain, made.self_hosted_domains, made.destinations],
    [
      'grafana.example.com',
      'grafana.example.com',
      ['grafana.example.com'],
      [{ type: 'public', uri: 'grafana.example.com' }],
    ],
  );
  assert.deepEqual(
    [made.session_duration, made.allowed_idps, made.tags, made.policies, made.app_launcher_visible],
    ['24h', [], [], [], true],
  );
  assert.deepEqual((await fixture.call('GET', `${apps}/${made.id}`)).body.result, made);
  const { body } = await fixture.call('GET', apps);
  assert.deepEqual([...body.result], [made]);
  assert.deepEqual(body.result_info, { page: 1, per_page: 25, count: 1, total_count: 1, total_pages: 1 });
});

test('everything sent is kept, and a put replaces all of it but the id, the audience and policies it does not name', async () => {
  await make(`${access}/tags`, { name: 'ours' });
  const policy = await make(`${access}/policies`, family);
  const [login] = (await fixture.call('GET', `${access}/identity_providers`)).body.result;
  const sent = {
    domain: 'a.example.com',
    destinations: [
      { type: 'public', uri: 'a.example.com' },
      { type: 'public', uri: 'a.example.com/api' },
      { type: 'private', cidr: '10.0.0.0/8', port_range: '22' },
    ],
    name: 'A',
    session_duration: '2h45m',
    tags: ['ours'],
    allowed_idps: [login?.id],
    auto_redirect_to_identity: true,
    app_launcher_visible: false,
    http_only_cookie_attribute: false,
    skip_interstitial: true,
    cors_headers: { allow_all_origins: true, max_age: 10 },
    same_site_cookie_attribute: 'lax',
  };
  const made = await app({ ...sent, policies: [policy.id] });
  for (const [key, value] of Object.entries(sent)) assert.deepEqual(made[key], value, key);
  const put = await fixture.call('PUT', `${apps}/${made.id}`, { type: 'self_hosted', domain: 'b.example.com/x*' });
  assert.equal(put.status, 200);
  const { result } = put.body;
  assert.deepEqual([result.id, result.aud, result.domain], [made.id, made.aud, 'b.example.com/x*']);
  assert.deepEqual([result.tags, result.allowed_idps, result.app_launcher_visible], [[], [], true]);
  assert.deepEqual([result.cors_headers, result.created_at], [undefined, made.created_at]);
  assert.deepEqual(
    (result.policies as Result).map((one) => one.id),
    [policy.id],
  );
});

test('policies come as ids, as references with a precedence, or as policies of its own', async () => {
  const first = await make(`${access}/policies`, family);
  const second = await make(`${access}/policies`, { ...family, name: 'second', decision: 'bypass' });
  const shown = (policies: unknown) =>
    (policies as Result).map(({ name, precedence, reusable, decision }) => [name, precedence, reusable, decision]);
  const made = await app({
    domain: 'a.example.com',
    policies: [
      { id: second.id, precedence: 5 },
      { id: first.id, precedence: 2 },
      { ...family, name: 'own', precedence: 9 },
    ],
  });
  assert.deepEqual(shown(made.policies), [
    ['family', 2, true, 'allow'],
    ['second', 5, true, 'bypass'],
    ['own', 9, false, 'allow'],
  ]);
  const own = (made.policies as Result)[2] as Result;
  // What was read can be sent back; the fields of a reusable policy are not changed by it.
  const echoed = (made.policies as Result).map((one) => ({ ...one, name: `${one.name}!` }));
  const put = await fixture.call('PUT', `${apps}/${made.id}`, { ...made, policies: echoed });
  assert.deepEqual(shown(put.body.result.policies), [
    ['family', 2, true, 'allow'],
    ['second', 5, true, 'bypass'],
    ['own!', 9, false, 'allow'],
  ]);
  const fewer = await fixture.call('PUT', `${apps}/${made.id}`, { ...made, policies: [second.id] });
  assert.deepEqual(shown(fewer.body.result.policies), [['second', 1, true, 'bypass']]);
  assert.equal((await fixture.call('GET', `${apps}/${made.id}/policies/${own.id}`)).status, 404);
  const none = await fixture.call('PUT', `${apps}/${made.id}`, { ...made, policies: [] });
  assert.deepEqual(shown(none.body.result.policies), []);
  const kept = await fixture.call('GET', `${access}/policies/${first.id}`);
  assert.deepEqual([kept.status, kept.body.result.app_count], [200, 0]);
});

const refusals: { name: string; body: object; code: number; message: RegExp; status?: number }[] = [
  { name: 'no type', body: { type: undefined, domain: 'a.example.com' }, code: 12130, message: /type/ },
  { name: 'an unknown type', body: { type: 'own' }, code: 12130, message: /type/ },
  { name: 'no domain', body: {}, code: 12130, message: /domain is required/ },
  { name: 'a foreign domain', body: { domain: 'a.example.net' }, code: 12130, message: /does not belong to zone/ },
  { name: 'a lookalike domain', body: { domain: 'badexample.com' }, code: 12130, message: /does not belong to zone/ },
  { name: 'a URL', body: { domain: 'https://a.example.com' }, code: 12130, message: /not a valid domain/ },
  { name: 'a port', body: { domain: 'a.example.com:8080' }, code: 12130, message: /not a valid domain/ },
  { name: 'a query', body: { domain: 'a.example.com/x?y' }, code: 12130, message: /not a valid domain/ },
  { name: 'two wildcards in a label', body: { domain: '*a*.example.com' }, code: 12130, message: /not a valid domain/ },
  {
    name: 'two wildcards in a part',
    body: { domain: 'a.example.com/*x*' },
    code: 12130,
    message: /not a valid domain/,
  },
  {
    name: 'a domain that is none of its destinations',
    body: { domain: 'a.example.com', destinations: [{ type: 'public', uri: 'b.example.com' }] },
    code: 12130,
    message: /domain not included in destinations/,
  },
  {
    name: 'a destination twice',
    body: { self_hosted_domains: ['a.example.com', 'A.example.com/'] },
    code: 12130,
    message: /destinations must be unique/,
  },
  {
    name: 'an unknown kind of destination',
    body: { domain: 'a.example.com', destinations: [{ type: 'moon', uri: 'a.example.com' }] },
    code: 12130,
    message: /unknown type of destination/,
  },
  {
    name: 'a taken domain',
    body: { domain: 'taken.example.com' },
    code: 11010,
    message: /already_exists/,
    status: 409,
  },
  {
    name: 'a taken second domain',
    body: { self_hosted_domains: ['a.example.com', 'taken.example.com'] },
    code: 11010,
    message: /already_exists/,
    status: 409,
  },
  {
    name: 'a session without end',
    body: { domain: 'a.example.com', session_duration: 'forever' },
    code: 12130,
    message: /session_duration/,
  },
  {
    name: 'a tag nobody made',
    body: { domain: 'a.example.com', tags: ['nope'] },
    code: 12130,
    message: /tags must be created before/,
  },
  {
    name: 'an unknown login method',
    body: { domain: 'a.example.com', allowed_idps: [crypto.randomUUID()] },
    code: 12130,
    message: /identity provider does not exist/,
  },
  {
    name: 'a redirect without a login method',
    body: { domain: 'a.example.com', auto_redirect_to_identity: true },
    code: 12130,
    message: /exactly one allowed_idp/,
  },
  {
    name: 'WARP logins nobody switched on',
    body: { domain: 'a.example.com', allow_authenticate_via_warp: true },
    code: 12130,
    message: /Warp Auth Session Duration/,
  },
  {
    name: 'an unknown policy',
    body: { domain: 'a.example.com', policies: [crypto.randomUUID()] },
    code: 12130,
    message: /policy does not exist/,
  },
  { name: 'an empty policy', body: { domain: 'a.example.com', policies: [{}] }, code: 12130, message: /needs an id/ },
  {
    name: 'one precedence twice',
    body: {
      domain: 'a.example.com',
      policies: [
        { ...family, precedence: 1 },
        { ...family, precedence: 1 },
      ],
    },
    code: 12130,
    message: /policy precedences must be unique/,
  },
  { name: 'a number for a name', body: { domain: 'a.example.com', name: 7 }, code: 12130, message: /name/ },
];

for (const { name, body, code, message, status = 400 } of refusals)
  test(`an application with ${name} is refused and leaves nothing behind`, async () => {
    await app({ domain: 'taken.example.com' });
    const answer = await fixture.call('POST', apps, { type: 'self_hosted', ...body });
    assert.deepEqual([answer.status, answer.body.errors[0]?.code], [status, code]);
    assert.match(answer.body.errors[0]?.message ?? '', message);
    assert.match(answer.body.errors[0]?.message ?? '', /^access\.api\.error\./);
    assert.equal((await fixture.call('GET', apps)).body.result_info?.total_count, 1);
    assert.equal(fixture.store.access.policies.list().length, 0);
  });

test('its type cannot be changed, and its own domain is not taken', async () => {
  const made = await app({ domain: 'a.example.com' });
  const same = await fixture.call('PUT', `${apps}/${made.id}`, {
    type: 'self_hosted',
    domain: 'a.example.com',
    name: 'B',
  });
  assert.deepEqual([same.status, same.body.result.name], [200, 'B']);
  const other = await fixture.call('PUT', `${apps}/${made.id}`, { type: 'ssh', domain: 'a.example.com' });
  assert.deepEqual([other.status, other.body.errors[0]?.code], [400, 12130]);
});

test('a path of a host, a wildcard and another host are applications of their own', async () => {
  for (const domain of ['a.example.com', 'a.example.com/api/*', '*.example.com', 'x-*.example.com', 'example.com'])
    assert.equal((await app({ domain })).domain, domain);
});

test('types without an address are kept as they are', async () => {
  const made = await make(apps, { type: 'app_launcher', name: 'Launcher' });
  assert.deepEqual(
    [made.type, made.name, made.domain, made.destinations],
    ['app_launcher', 'Launcher', undefined, undefined],
  );
  const bookmark = await make(apps, { type: 'bookmark', domain: 'https://elsewhere.example/x' });
  assert.equal(bookmark.domain, 'https://elsewhere.example/x');
});

test('what is unknown or no id is told apart', async () => {
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const body = method === 'PUT' ? { type: 'self_hosted', domain: 'a.example.com' } : undefined;
    const unknown = await fixture.call(method, `${apps}/${crypto.randomUUID()}`, body);
    assert.deepEqual([unknown.status, unknown.body.errors[0]?.code], [404, 11021], method);
    const garbage = await fixture.call(method, `${apps}/nonsense`, body);
    assert.deepEqual([garbage.status, garbage.body.errors[0]?.code], [400, 12045], method);
  }
});

test('deleting takes its own policies and its SSH key along, and leaves reusable policies', async () => {
  const policy = await make(`${access}/policies`, family);
  const made = await app({ domain: 'a.example.com', policies: [policy.id, { ...family, name: 'own' }] });
  await fixture.call('POST', `${apps}/${made.id}/ca`);
  const answer = await fixture.call('DELETE', `${apps}/${made.id}`);
  assert.deepEqual([answer.status, answer.body.result], [202, { id: made.id }]);
  assert.equal((await fixture.call('GET', `${apps}/${made.id}`)).status, 404);
  assert.deepEqual([...(await fixture.call('GET', `${apps}/ca`)).body.result], []);
  assert.deepEqual(
    fixture.store.access.policies.list().map(({ id }) => id),
    [policy.id],
  );
  await app({ domain: 'a.example.com' });
});

const filters: { query: string; want: string[] }[] = [
  { query: '', want: ['one.example.com', 'two.example.com/api', 'Launcher'] },
  { query: 'name=TWO', want: ['two.example.com/api'] },
  { query: 'name=one&exact=true', want: [] },
  { query: 'name=one.example.com&exact=true', want: ['one.example.com'] },
  { query: 'domain=example.com', want: ['one.example.com', 'two.example.com/api'] },
  { query: 'domain=other.example.com&exact=true', want: ['two.example.com/api'] },
  { query: 'search=launch', want: ['Launcher'] },
  { query: 'search=other', want: ['two.example.com/api'] },
  { query: 'aud=nope', want: [] },
  { query: 'per_page=1&page=2', want: ['two.example.com/api'] },
  { query: 'page=9', want: [] },
];

test('the listing returns what its filters ask for', async () => {
  const one = await app({ domain: 'one.example.com' });
  await app({ self_hosted_domains: ['two.example.com/api', 'other.example.com'] });
  await make(apps, { type: 'app_launcher', name: 'Launcher' });
  const list = async (query: string) =>
    (await fixture.call('GET', `${apps}?${query}`)).body.result.map(({ name }) => name);
  for (const { query, want } of filters) assert.deepEqual(await list(query), want, query);
  assert.deepEqual(await list(`aud=${one.aud}`), ['one.example.com']);
  for (const query of ['page=0', 'per_page=1001', 'exact=maybe']) {
    const answer = await fixture.call('GET', `${apps}?${query}`);
    assert.deepEqual([answer.status, answer.body.errors[0]?.code], [400, 12130], query);
  }
});

test('the legacy policies of an application live their own life', async () => {
  const made = await app({ domain: 'a.example.com' });
  const base = `${apps}/${made.id}/policies`;
  const first = await make(base, family);
  const second = await make(base, { ...family, name: 'second', precedence: 7 });
  const third = await make(base, { ...family, name: 'third' });
  assert.deepEqual([first.precedence, second.precedence, third.precedence, first.reusable], [1, 7, 8, false]);
  assert.deepEqual((await fixture.call('GET', `${base}/${first.id}`)).body.result, first);
  const taken = await fixture.call('POST', base, { ...family, precedence: 7 });
  assert.deepEqual([taken.status, taken.body.errors[0]?.code], [400, 12130]);
  const put = await fixture.call('PUT', `${base}/${first.id}`, { ...family, name: 'last', precedence: 9 });
  assert.deepEqual([put.body.result.id, put.body.result.name], [first.id, 'last']);
  assert.deepEqual(
    (await fixture.call('GET', base)).body.result.map(({ name }) => name),
    ['second', 'third', 'last'],
  );
  assert.equal((await fixture.call('GET', `${access}/policies/${first.id}`)).status, 404);

  const reusable = await fixture.call('PUT', `${base}/${second.id}/make_reusable`);
  assert.equal(reusable.body.result.reusable, true);
  assert.equal((await fixture.call('GET', `${access}/policies/${second.id}`)).body.result.app_count, 1);
  for (const [method, body] of [
    ['PUT', family],
    ['DELETE', undefined],
  ] as const) {
    const answer = await fixture.call(method, `${base}/${second.id}`, body);
    assert.match(answer.body.errors[0]?.message ?? '', /only be changed through \/access\/policies/, method);
  }
  assert.equal((await fixture.call('DELETE', `${base}/${third.id}`)).status, 202);
  assert.equal((await fixture.call('GET', `${base}/${third.id}`)).body.errors[0]?.code, 12135);
});
