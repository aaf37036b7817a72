// Reusable policies and groups over HTTP: their rules, what they refer to, and what holds them in place.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { type ApiFixture, type Result, startApi } from '../fixture.ts';

let fixture: ApiFixture;
let access = '';
beforeEach(async () => {
  fixture = await startApi();
  access = `${fixture.account}/access`;
});
afterEach(() => fixture.stop());

const include = [{ everyone: {} }];

async function make(path: string, body: unknown): Promise<Result> {
  const answer = await fixture.call('POST', `${access}/${path}`, body);
  assert.equal(answer.status, 201, JSON.stringify(answer.body.errors));
  return answer.body.result;
}

test('a policy is created, read, listed, overwritten and deleted', async () => {
  const made = await make('policies', {
    name: 'family',
    decision: 'allow',
    include: [{ email: { email: 'a@example.com' } }],
    session_duration: '12h',
    purpose_justification_required: true,
  });
  const { id, created_at, updated_at, ...rest } = made;
  assert.match(id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(rest, {
    uid: id,
    name: 'family',
    decision: 'allow',
    include: [{ email: { email: 'a@example.com' } }],
    exclude: [],
    require: [],
    session_duration: '12h',
    purpose_justification_required: true,
    reusable: true,
    app_count: 0,
  });
  assert.deepEqual((await fixture.call('GET', `${access}/policies/${id}`)).body.result, made);
  assert.deepEqual([...(await fixture.call('GET', `${access}/policies`)).body.result], [made]);
  const put = await fixture.call('PUT', `${access}/policies/${id}`, { name: 'all', decision: 'bypass', include });
  assert.deepEqual(
    [put.body.result.id, put.body.result.decision, put.body.result.session_duration, put.body.result.created_at],
    [id, 'bypass', undefined, created_at],
  );
  const gone = await fixture.call('DELETE', `${access}/policies/${id}`);
  assert.deepEqual([gone.status, gone.body.result], [202, { id }]);
  for (const method of ['GET', 'DELETE']) {
    const answer = await fixture.call(method, `${access}/policies/${id}`);
    assert.deepEqual([answer.status, answer.body.errors[0]?.code], [404, 12135], method);
  }
});

test('a policy in use is not deleted', async () => {
  const { id } = await make('policies', { name: 'p', decision: 'allow', include });
  const app = await make('apps', { type: 'self_hosted', domain: 'a.example.com', policies: [id] });
  const refused = await fixture.call('DELETE', `${access}/policies/${id}`);
  assert.deepEqual([refused.status, refused.body.errors[0]?.code], [409, 12132]);
  assert.equal((await fixture.call('GET', `${access}/policies/${id}`)).body.result.app_count, 1);
  await fixture.call('DELETE', `${access}/apps/${app.id}`);
  assert.equal((await fixture.call('DELETE', `${access}/policies/${id}`)).status, 202);
});

const rules: { sent: object; kept?: object }[] = [
  { sent: { email: { email: 'a@example.com' } } },
  { sent: { email_domain: { domain: 'Example.COM' } }, kept: { email_domain: { domain: 'example.com' } } },
  { sent: { ip: { ip: '192.0.2.1' } }, kept: { ip: { ip: '192.0.2.1/32' } } },
  { sent: { ip: { ip: '2001:db8::/32' } } },
  { sent: { ip: { ip: '2001:db8::1' } }, kept: { ip: { ip: '2001:db8::1/128' } } },
  { sent: { geo: { country_code: 'de' } }, kept: { geo: { country_code: 'DE' } } },
  { sent: { everyone: {} } },
  { sent: { any_valid_service_token: {} } },
  { sent: { certificate: {} } },
  { sent: { common_name: { common_name: 'laptop' } } },
  { sent: { auth_method: { auth_method: 'mfa' } } },
  { sent: { ip_list: { id: 'list' } } },
  { sent: { email_list: { id: 'list' } } },
  { sent: { device_posture: { integration_uid: 'check' } } },
  { sent: { user_risk_score: { user_risk_score: ['low', 'medium'] } } },
  { sent: { external_evaluation: { evaluate_url: 'https://e.example', keys_url: 'https://k.example' } } },
];

for (const { sent, kept = sent } of rules)
  test(`the rule ${JSON.stringify(sent)} is accepted in every list`, async () => {
    const made = await make('policies', {
      name: 'p',
      decision: 'allow',
      include: [sent],
      exclude: [sent],
      require: [sent],
    });
    assert.deepEqual([made.include, made.exclude, made.require], [[kept], [kept], [kept]]);
  });

const badRules: object[] = [
  {},
  { email: { email: 'a@example.com' }, everyone: {} },
  { constructor: {} },
  { moon: {} },
  { everyone: [] },
  { everyone: null },
  { email: {} },
  { email: { email: 'not one' } },
  { email: { email: 7 } },
  { email_domain: { domain: '@example.com' } },
  { ip: { ip: '300.0.0.1' } },
  { ip: { ip: '10.0.0.0/33' } },
  { ip: { ip: '10.0.0.0/8/8' } },
  { ip: { ip: 'fe80::1%eth0' } },
  { geo: { country_code: 'Germany' } },
  { user_risk_score: { user_risk_score: ['extreme'] } },
  { login_method: { id: crypto.randomUUID() } },
  { service_token: { token_id: crypto.randomUUID() } },
  { azureAD: { id: 'group', identity_provider_id: crypto.randomUUID() } },
];

for (const rule of badRules)
  test(`the rule ${JSON.stringify(rule).replaceAll(/[0-9a-f-]{36}/g, 'unknown')} is refused in policies and groups`, async () => {
    for (const list of ['include', 'exclude', 'require'])
      for (const path of ['policies', 'groups']) {
        const body = { name: 'p', decision: 'allow', include, [list]: [rule] };
        const { status, body: answer } = await fixture.call('POST', `${access}/${path}`, body);
        assert.deepEqual([status, answer.errors[0]?.code], [400, 12130], `${path} ${list}`);
      }
    assert.equal((await fixture.call('GET', `${access}/policies`)).body.result_info?.total_count, 0);
  });

const badPolicies: { name: string; body: unknown }[] = [
  { name: 'no name', body: { decision: 'allow', include } },
  { name: 'a blank name', body: { name: ' ', decision: 'allow', include } },
  { name: 'no decision', body: { name: 'p', include } },
  { name: 'an unknown decision', body: { name: 'p', decision: 'maybe', include } },
  { name: 'no rules', body: { name: 'p', decision: 'allow' } },
  { name: 'nobody included', body: { name: 'p', decision: 'allow', include: [] } },
  { name: 'rules that are no list', body: { name: 'p', decision: 'allow', include: 'everyone' } },
  { name: 'null for include', body: { name: 'p', decision: 'allow', include: null } },
  { name: 'a session that is none', body: { name: 'p', decision: 'allow', include, session_duration: '1d' } },
  { name: 'nothing', body: undefined },
];

for (const { name, body } of badPolicies)
  test(`a policy with ${name} is refused`, async () => {
    const { status, body: answer } = await fixture.call('POST', `${access}/policies`, body);
    assert.deepEqual([status, answer.errors[0]?.code], [400, 12130]);
    assert.match(answer.errors[0]?.message ?? '', /^access\.api\.error\.invalid_request: /);
  });

test('a group is created, found, overwritten and, once nothing names it, deleted', async () => {
  const group = await make('groups', { name: 'Family', include, is_default: true });
  assert.deepEqual([group.name, group.include, group.exclude, group.is_default], ['Family', include, [], true]);
  const found = async (query: string) =>
    (await fixture.call('GET', `${access}/groups?${query}`)).body.result.map(({ name }) => name);
  assert.deepEqual(
    [await found('name=Family'), await found('name=fam'), await found('search=fam')],
    [['Family'], [], ['Family']],
  );
  const put = await fixture.call('PUT', `${access}/groups/${group.id}`, { name: 'Friends', include });
  assert.deepEqual([put.body.result.name, put.body.result.is_default], ['Friends', false]);

  const rule = [{ group: { id: group.id } }];
  const policy = await make('policies', { name: 'p', decision: 'allow', include: rule });
  const outer = await make('groups', { name: 'outer', include, exclude: rule });
  for (const held of [`policies/${policy.id}`, `groups/${outer.id}`]) {
    const refused = await fixture.call('DELETE', `${access}/groups/${group.id}`);
    assert.deepEqual([refused.status, refused.body.errors[0]?.code], [409, 12132]);
    await fixture.call('DELETE', `${access}/${held}`);
  }
  assert.equal((await fixture.call('DELETE', `${access}/groups/${group.id}`)).status, 202);
  assert.equal((await fixture.call('GET', `${access}/groups/${group.id}`)).body.errors[0]?.code, 12135);
});

test('a group that does not exist has a code of its own, and a group never leads back to itself', async () => {
  const unknown = await fixture.call('POST', `${access}/policies`, {
    name: 'p',
    decision: 'allow',
    include: [{ group: { id: crypto.randomUUID() } }],
  });
  assert.deepEqual([unknown.status, unknown.body.errors[0]?.code], [400, 11020]);
  const first = await make('groups', { name: 'first', include });
  const second = await make('groups', { name: 'second', include: [{ group: { id: first.id } }] });
  for (const id of [first.id, second.id]) {
    const body = { name: 'first', include: [{ group: { id } }] };
    const looped = await fixture.call('PUT', `${access}/groups/${first.id}`, body);
    assert.match(looped.body.errors[0]?.message ?? '', /cannot include itself/);
  }
});

test('policies are listed a page at a time', async () => {
  for (let n = 0; n < 30; n++) await make('policies', { name: `p${n}`, decision: 'allow', include });
  const first = await fixture.call('GET', `${access}/policies`);
  assert.deepEqual(first.body.result_info, { page: 1, per_page: 25, count: 25, total_count: 30, total_pages: 2 });
  const second = await fixture.call('GET', `${access}/policies?page=2`);
  assert.deepEqual(
    second.body.result.map(({ name }) => name),
    ['p25', 'p26', 'p27', 'p28', 'p29'],
  );
});
