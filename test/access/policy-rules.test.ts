// From settings to Access policies, and every reason why one cannot be.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AccessDirectory } from '../../src/access/directory.ts';
import { directoryNeeds, policyRules } from '../../src/access/policy-rules.ts';
import type { PolicySetting } from '../../src/settings/settings.ts';

const directory: AccessDirectory = {
  groups: [
    { id: 'g1', name: 'neighbours' },
    { id: 'g2', name: 'twice' },
    { id: 'g3', name: 'twice' },
  ],
  loginMethods: [
    { id: 'm1', name: 'GitHub' },
    { id: 'm2', name: '', alias: 'onetimepin' },
  ],
  serviceTokens: [{ id: 't1', name: 'phone' }],
};

const selectors: readonly (readonly [PolicySetting['allow'], object])[] = [
  [{ emails: ['A@Example.com'] }, { email: { email: 'a@example.com' } }],
  [{ email_domains: ['@Example.com'] }, { email_domain: { domain: 'example.com' } }],
  [{ groups: ['neighbours'] }, { group: { id: 'g1' } }],
  [{ groups: ['g2'] }, { group: { id: 'g2' } }],
  [{ ip_ranges: ['192.0.2.7'] }, { ip: { ip: '192.0.2.7/32' } }],
  [{ ip_ranges: ['192.0.2.0/24'] }, { ip: { ip: '192.0.2.0/24' } }],
  [{ ip_ranges: ['2001:DB8::1'] }, { ip: { ip: '2001:db8::1/128' } }],
  [{ countries: ['CH'] }, { geo: { country_code: 'CH' } }],
  [{ everyone: true }, { everyone: {} }],
  [{ login_methods: ['GitHub'] }, { login_method: { id: 'm1' } }],
];
for (const [allow, rule] of selectors)
  test(`${JSON.stringify(allow)} lets people in who log in`, () => {
    assert.deepEqual(policyRules('p', { allow }, directory), [
      { name: 'p', decision: 'allow', include: [rule], require: [], exclude: [] },
    ]);
  });

test('require and exclude are kept, and the session in seconds', () => {
  const setting: PolicySetting = {
    allow: { emails: ['a@example.com', 'b@example.com'] },
    require: { countries: ['CH'], groups: ['neighbours'] },
    exclude: { ip_ranges: ['192.0.2.7'] },
    session: '1h30m',
  };
  assert.deepEqual(policyRules('p', setting, directory), [
    {
      name: 'p',
      decision: 'allow',
      include: [{ email: { email: 'a@example.com' } }, { email: { email: 'b@example.com' } }],
      require: [{ group: { id: 'g1' } }, { geo: { country_code: 'CH' } }],
      exclude: [{ ip: { ip: '192.0.2.7/32' } }],
      session: 5400,
    },
  ]);
});

test('service tokens are a policy of their own, of which only what a program can have is required', () => {
  const setting: PolicySetting = {
    allow: { emails: ['a@example.com'], service_tokens: ['phone'] },
    require: { login_methods: ['GitHub'], countries: ['CH'], groups: ['neighbours'] },
  };
  const rules = policyRules('p', setting, directory);
  assert.ok(!('problem' in rules));
  assert.deepEqual(rules[1], {
    name: 'p/service-tokens',
    decision: 'non_identity',
    include: [{ service_token: { token_id: 't1' } }],
    require: [{ group: { id: 'g1' } }, { geo: { country_code: 'CH' } }],
    exclude: [],
  });
});

test('a policy for programs alone lets no person in', () => {
  const rules = policyRules('p', { allow: { service_tokens: ['t1'] } }, directory);
  assert.deepEqual('problem' in rules ? [] : rules.map(({ decision }) => decision), ['non_identity']);
});

const emails = { emails: ['a@example.com'] };
const problems: readonly (readonly [string, PolicySetting | undefined, RegExp])[] = [
  ['is not there', undefined, /there is no policy "p"/],
  ['is empty', { allow: {} }, /lets nobody in/],
  ['lets not everyone in', { allow: { everyone: false } }, /lets nobody in/],
  ['has empty lists', { allow: { emails: [], groups: [] } }, /lets nobody in/],
  ['names a group that is not there', { allow: { groups: ['x'] } }, /Access group "x", which does not exist/],
  ['names a group of which there are two', { allow: { groups: ['twice'] } }, /of which there are several/],
  ['names a login method that is not there', { allow: { login_methods: ['x'] } }, /login method "x"/],
  ['names a token that is not there', { allow: { ...emails, service_tokens: ['x'] } }, /service token "x"/],
  ['excludes a group that is not there', { allow: emails, exclude: { groups: ['x'] } }, /Access group "x"/],
  ['requires two countries', { allow: emails, require: { countries: ['CH', 'DE'] } }, /several countries at once/],
  ['requires two people', { allow: emails, require: { emails: ['a@b.c', 'd@e.f'] } }, /several emails at once/],
  ['has no range', { allow: { ip_ranges: ['10.0.0.0/33'] } }, /no range of addresses/],
  ['has half a range', { allow: { ip_ranges: ['10.0.0.0/'] } }, /no range of addresses/],
  ['has a name for a range', { allow: { ip_ranges: ['home'] } }, /no range of addresses/],
  ['has no e-mail domain', { allow: { email_domains: ['*'] } }, /no e-mail domain/],
  ['lasts too long', { allow: emails, session: '800h' }, /longer than a month/],
];
for (const [what, setting, message] of problems)
  test(`a policy that ${what} is no policy`, () => {
    const result = policyRules('p', setting, directory);
    assert.ok('problem' in result, 'it was made');
    assert.match(result.problem, message);
    assert.ok(result.hint.length > 0);
  });

const hints: readonly (readonly [string, PolicySetting, RegExp])[] = [
  ['a group that is nearly there', { allow: { groups: ['neighbors'] } }, /^did you mean neighbours\?$/],
  ['a group that is not there', { allow: { groups: ['x'] } }, /there is neighbours, twice, twice$/],
  ['one of two groups', { allow: { groups: ['twice'] } }, /^name it by its id: g2 or g3$/],
  ['a login method that is not there', { allow: { login_methods: ['moon'] } }, /there is GitHub, onetimepin$/],
  ['a service token', { allow: { service_tokens: ['tablet'] } }, /`sallyport access token create`.*there is phone$/],
];
for (const [what, setting, hint] of hints)
  test(`whoever names ${what} is told what there is`, () => {
    const result = policyRules('p', setting, directory);
    assert.match('problem' in result ? result.hint : '', hint);
  });

test('where there is nothing to name, that is said', () => {
  const empty: AccessDirectory = { groups: [], loginMethods: [], serviceTokens: [] };
  const result = policyRules('p', { allow: { login_methods: ['GitHub'] } }, empty);
  assert.match('problem' in result ? result.hint : '', /there is no login method at all/);
});

test('a login method without a name goes by its kind, unless another has that name', () => {
  const include = (known: AccessDirectory['loginMethods']) => {
    const result = policyRules(
      'p',
      { allow: { login_methods: ['onetimepin'] } },
      { groups: [], loginMethods: known, serviceTokens: [] },
    );
    return 'problem' in result ? result.problem : result[0]?.include;
  };
  const pin = { id: 'm2', name: '', alias: 'onetimepin' };
  assert.deepEqual(include([pin]), [{ login_method: { id: 'm2' } }]);
  assert.deepEqual(include([pin, { id: 'm3', name: 'onetimepin' }]), [{ login_method: { id: 'm3' } }]);
  assert.match(String(include([pin, { ...pin, id: 'm4' }])), /of which there are several/);
});

test('only the lists that policies name something from are asked for', () => {
  assert.deepEqual(directoryNeeds([{ allow: emails }, undefined]), {
    groups: false,
    loginMethods: false,
    serviceTokens: false,
  });
  const setting: PolicySetting = {
    allow: { service_tokens: ['t1'] },
    require: { login_methods: ['GitHub'] },
    exclude: { groups: ['g1'] },
  };
  assert.deepEqual(directoryNeeds([setting]), { groups: true, loginMethods: true, serviceTokens: true });
});
