// Access in Terraform: locks are taken over as they are, and none is ever written without its policies.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { appliedState } from '../../src/export/applied.ts';
import { terraformWorld } from '../../src/export/terraform-world.ts';
import type { AccessApplication, AccessPolicy, Change } from '../../src/model.ts';
import { entryOf, passOf, remoteOf, tunnelId } from './sample.ts';
import { account, exported, outline } from './terraform-scene.ts';
import { noTerraform, runAlone, terraform } from './tools.ts';

const guarded = entryOf('a.example.com', {}, { policy: 'family', bypassPaths: ['/health'] });
const found = {
  id: 'app-1',
  type: 'self_hosted',
  name: 'a.example.com (docker/home/a)',
  domain: 'a.example.com',
  destinations: [{ type: 'public', uri: 'a.example.com' }],
  policies: [{ id: 'policy-1' }],
  tags: ['theirs', 'sallyport-home'],
  session_duration: '12h',
  allowed_idps: ['idp-1'],
  eager_redirect_cookie_setting: true,
};
const policy = {
  id: 'policy-1',
  name: 'sallyport owner=home policy=family',
  decision: 'allow',
  include: [{ email: { email: 'a@example.com' } }],
  require: [],
  exclude: [],
  session_duration: '24h',
};

describe('Access', () => {
  test('is taken over with what a person set on it, its policy by reference', () => {
    const { text } = exported({ entries: [guarded], remote: { applications: [found], policies: [policy] } });
    const { resources, imports } = outline(text);
    assert.deepEqual(resources.slice(-3), [
      'zero_trust_access_tag owner',
      'zero_trust_access_policy family',
      'zero_trust_access_application a_example_com',
    ]);
    assert.deepEqual(imports.slice(-3), [
      `zero_trust_access_tag.owner ← ${account}/sallyport-home`,
      `zero_trust_access_policy.family ← ${account}/policy-1`,
      `zero_trust_access_application.a_example_com ← accounts/${account}/app-1`,
    ]);
    assert.match(text, /id {9}= cloudflare_zero_trust_access_policy\.family\.id\n\s+precedence = 1/);
    assert.match(text, /tags = \[cloudflare_zero_trust_access_tag\.owner\.name, "theirs"\]/);
    assert.match(text, /session_duration {5}= "12h"|session_duration *= "12h"/);
    assert.match(text, /include = \[\n\s+\{\n\s+email = \{\n\s+email = "a@example.com"/);
    assert.doesNotMatch(text, /eager_redirect|require = \[\]/);
  });

  test('that is still to be made is made with its policies', () => {
    const wanted: AccessPolicy = {
      name: 'family/service-tokens',
      decision: 'non_identity',
      include: [{ service_token: { token_id: 't' } }],
      require: [],
      exclude: [],
      users: [],
    };
    const application: AccessApplication = {
      name: 'a.example.com (docker/home/a)',
      domain: 'a.example.com',
      policies: [wanted.name],
      owner: { id: 'home', resource: 'docker/home/a' },
    };
    const changes = [wanted, application].map(
      (desired): Change<unknown> => ({ action: 'create', serviceId: guarded.serviceId, desired }),
    );
    const { text } = exported({ entries: [guarded], plans: [{ target: 'access', changes, held: [] }] });
    const { resources, imports } = outline(text);
    assert.equal(resources.filter((one) => one.startsWith('zero_trust_access')).length, 3);
    assert.deepEqual(
      imports.filter((one) => one.includes('access')),
      [],
    );
    assert.match(text, /decision {3}= "non_identity"/);
  });

  test('of ssh has its authority, which must never be another', () => {
    const entry = entryOf('ssh.example.com', { service: 'ssh://10.0.0.3:22' }, { policy: 'family' });
    const application = { ...found, domain: 'ssh.example.com', destinations: [], aud: 'aud-1' };
    const remote = { applications: [application], policies: [policy], sshCas: [{ id: 'ca-1', aud: 'aud-1' }] };
    const { text } = exported({ entries: [entry], remote });
    const type = 'zero_trust_access_short_lived_certificate';
    assert.equal(outline(text).resources.at(-1), `${type} ssh_example_com`);
    assert.equal(outline(text).imports.at(-1), `${type}.ssh_example_com ← accounts/${account}/app-1`);
    assert.match(text, /app_id {5}= cloudflare_zero_trust_access_application\.ssh_example_com\.id/);
  });

  test('of a whole zone is there whatever else is, and so are the exceptions of what is exported', () => {
    const zoneLock = { ...found, id: 'app-2', domain: '*.example.com', destinations: [] };
    const exception = {
      ...found,
      id: 'app-3',
      domain: 'b.example.com',
      destinations: [],
      policies: [{ id: 'policy-2' }],
    };
    const noLogin = { ...policy, id: 'policy-2', name: 'sallyport owner=home policy=no login', decision: 'bypass' };
    const pass = passOf([entryOf('b.example.com')]);
    const accessApplications = [
      {
        name: '',
        domain: '*.example.com',
        policies: ['family'],
        owner: { id: 'home', resource: 'access/zone-default' },
      },
      { name: '', domain: 'b.example.com', policies: ['no login'], owner: { id: 'home', resource: 'docker/home/b' } },
    ] as const;
    const desired = { ...pass.desired, accessApplications };
    const remote = remoteOf({ applications: [zoneLock, exception], policies: [policy, noLogin] });
    const world = terraformWorld(appliedState(pass), { desired, plans: [] }, remote);
    assert.deepEqual(
      world.applications.map(({ wanted }) => wanted.domain),
      ['*.example.com', 'b.example.com'],
    );
    const without = terraformWorld({ entries: [], services: [], withheld: [] }, { desired, plans: [] }, remote);
    assert.deepEqual(
      without.applications.map(({ wanted }) => wanted.domain),
      ['*.example.com'],
    );
  });

  test('without a policy that can be written is left out and named', () => {
    const { text, warnings } = exported({ entries: [guarded], remote: { applications: [found], policies: [] } });
    assert.deepEqual(
      outline(text).resources.filter((one) => one.includes('access_application')),
      [],
    );
    assert.match(warnings.join('\n'), /a\.example\.com has a policy that is not ours/);
  });

  test('of what is not exported is not there', () => {
    const { text } = exported({ entries: [], remote: { applications: [found], policies: [policy] } });
    assert.doesNotMatch(text, /zero_trust_access/);
  });
});

/** Everything a stranger may choose, as badly as possible. */
const bad = '"]}\n} resource "a" "b" { $\x7bfile("/etc/passwd")} %\x7bif x} \\ \u2028 # // */';

test('whatever strangers write stays where it belongs', { skip: noTerraform }, () => {
  const entry = entryOf(
    'a.example.com',
    { path: bad, originRequest: { httpHostHeader: bad, caPool: bad } },
    { policy: bad },
  );
  const application = { ...found, name: bad, domain: 'a.example.com', logo_url: bad, tags: ['sallyport-home', bad] };
  const { text } = exported({
    entries: [],
    remote: {
      tunnel: { id: tunnelId, name: bad },
      configuration: { source: 'cloudflare', config: { ingress: [entry.rule as { service: string }], [bad]: 1 } },
    },
  });
  const rule = { ...policy, include: [{ [bad]: { [bad]: bad } }] };
  const withAccess = exported({ entries: [guarded], remote: { applications: [application], policies: [rule] } }).text;
  for (const file of [text, withAccess]) {
    const { status, stdout, stderr } = runAlone(terraform ?? '', ['fmt', '-check', '-diff', '-'], file);
    assert.equal(status, 0, `${stdout}${stderr}`);
    assert.ok(!outline(file).resources.includes('a b'));
    assert.doesNotMatch(file.replaceAll(/^#.*$/gm, ''), /(?<!\$)\$\{file/);
  }
});
