// Terraform: what exists is taken over, what is others' stays, nothing is left without its lock, and no text breaks out.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { appliedState } from '../../src/export/applied.ts';
import { exportTerraform } from '../../src/export/terraform.ts';
import { createNames, resourceName } from '../../src/export/terraform-names.ts';
import { type RemoteWorld, terraformWorld } from '../../src/export/terraform-world.ts';
import type { AccessApplication, AccessPolicy, Change, IngressEntry, Plan } from '../../src/model.ts';
import { entryOf, passOf, remoteOf, tunnelId } from './sample.ts';
import { noTerraform, runAlone, terraform } from './tools.ts';

const account = 'a'.repeat(32);
const zone = 'f'.repeat(32);
const target = `${tunnelId}.cfargotunnel.com`;

interface Scene {
  readonly entries: readonly IngressEntry[];
  readonly plans?: readonly Plan<unknown>[];
  readonly remote?: Partial<RemoteWorld>;
}

function exported({ entries, plans = [], remote = {} }: Scene) {
  const pass = passOf(entries, plans);
  const applied = appliedState(pass);
  const world = terraformWorld(applied, pass, remoteOf(remote));
  return { world, ...exportTerraform({ world, applied }) };
}

/** `type name` of every resource, and `address ← id` of every import. */
function outline(text: string): { readonly resources: readonly string[]; readonly imports: readonly string[] } {
  const resources = [...text.matchAll(/^resource "cloudflare_(\w+)" "([\w-]+)" \{$/gm)].map(
    ([, type, name]) => `${type} ${name}`,
  );
  const imports = [...text.matchAll(/^import \{\n {2}to = cloudflare_([\w.-]+)\n {2}id = "([^"]*)"\n\}$/gm)].map(
    ([, to, id]) => `${to} ← ${id}`,
  );
  return { resources, imports };
}

const record = (name: string, fields = {}) => ({ id: '1'.repeat(32), name, type: 'CNAME', content: target, ...fields });

describe('what exists', () => {
  test('is imported, and what does not is only made', () => {
    const { text } = exported({
      entries: [entryOf('a.example.com'), entryOf('b.example.com')],
      remote: {
        configuration: { source: 'cloudflare', config: {} },
        zones: [{ id: zone, name: 'example.com', records: [record('A.example.com.', { comment: 'mine: "x"' })] }],
      },
    });
    assert.deepEqual(outline(text), {
      resources: [
        'zero_trust_tunnel_cloudflared tunnel',
        'zero_trust_tunnel_cloudflared_config tunnel',
        'dns_record a_example_com',
        'dns_record b_example_com',
      ],
      imports: [
        `zero_trust_tunnel_cloudflared.tunnel ← ${account}/${tunnelId}`,
        `zero_trust_tunnel_cloudflared_config.tunnel ← ${account}/${tunnelId}`,
        `dns_record.a_example_com ← ${zone}/${'1'.repeat(32)}`,
      ],
    });
    assert.match(text, /comment = "mine: \\"x\\""/);
    assert.match(text, /comment = "sallyport owner=home resource=docker\/home\/b"/);
  });

  test('has its TXT record with it, where that says whose it is', () => {
    const content = '"heritage=external-dns,external-dns/owner=home,external-dns/resource=sallyport/docker/home/a"';
    const mark = (id: string, name: string, text = content) => ({ id, name, type: 'TXT', content: text });
    const records = [
      record('a.example.com'),
      mark('2', 'cname-a.example.com'),
      mark('3', 'cname-b.example.com'),
      mark('4', 'cname-a.example.com', content.replace('owner=home', 'owner=other')),
      mark('5', 'a.example.com', 'v=spf1 -all'),
    ];
    const zones = [{ id: zone, name: 'example.com', records }];
    const { text } = exported({ entries: [entryOf('a.example.com')], remote: { zones } });
    assert.deepEqual(outline(text).imports.slice(1), [
      `dns_record.a_example_com ← ${zone}/${'1'.repeat(32)}`,
      `dns_record.cname-a_example_com ← ${zone}/2`,
    ]);
  });

  test('of the tunnel is never made again for how it was made', () => {
    const { text } = exported({ entries: [] });
    assert.match(text, /ignore_changes {2}= \[config_src, tunnel_secret\]\n {4}prevent_destroy = true/);
    assert.doesNotMatch(text, /tunnel_secret *=/);
  });

  test('says so where the rules were never kept by the API', () => {
    const local = exported({ entries: [], remote: { configuration: { source: 'local', config: { ingress: [] } } } });
    assert.doesNotMatch(local.text, /to = cloudflare_zero_trust_tunnel_cloudflared_config/);
    assert.match(local.text, /hands them to the API for good/);
    const missing = exported({ entries: [], remote: { tunnel: undefined } });
    assert.deepEqual(outline(missing.text).imports, []);
  });
});

describe('the rules', () => {
  const foreign = [
    { hostname: 'theirs.example.com', service: 'http://10.9.9.9:80', id: '7' },
    { service: 'http://10.9.9.9:81' },
  ];
  const rulesOf = (scene: Scene) =>
    exported(scene).world.configuration.ingress?.map(({ hostname, service }) => [hostname, service]);

  test('of others stay, in their order, with their own last one', () => {
    const config = { ingress: foreign, originRequest: { connectTimeout: 3 } };
    const scene = {
      entries: [entryOf('*.example.com')],
      remote: { configuration: { source: 'cloudflare', config } },
    };
    assert.deepEqual(rulesOf(scene), [
      ['theirs.example.com', 'http://10.9.9.9:80'],
      ['*.example.com', 'http://10.0.0.2:80'],
      [undefined, 'http://10.9.9.9:81'],
    ]);
    assert.match(exported(scene).text, /origin_request = \{\n\s+connect_timeout = 3/);
  });

  test('that something holds stay as they are, those that close are closed, and those that leave are gone', () => {
    const [held, closing, leaving] = ['held', 'closing', 'leaving'].map((name) => entryOf(`${name}.example.com`));
    assert.ok(held && closing && leaving);
    const config = { ingress: [held, closing, leaving].map(({ rule }) => rule as { service: string }) };
    const shut = { ...closing, rule: { ...closing.rule, service: 'http_status:503' } };
    const changes: Change<IngressEntry>[] = [
      { action: 'update', serviceId: closing.serviceId, current: closing, desired: shut, fields: ['service'] },
    ];
    const reason = 'not now';
    const plan: Plan<IngressEntry> = {
      target: 'ingress',
      changes,
      held: [
        { change: { action: 'delete', serviceId: leaving.serviceId, current: leaving }, reason },
        { change: { action: 'update', serviceId: held.serviceId, current: held, desired: held, fields: [] }, reason },
        { change: { action: 'create', serviceId: closing.serviceId, desired: closing }, reason },
      ],
    };
    const scene = {
      entries: [held, closing],
      plans: [plan],
      remote: { configuration: { source: 'cloudflare', config } },
    };
    assert.deepEqual(rulesOf(scene), [
      ['held.example.com', 'http://10.0.0.2:80'],
      ['closing.example.com', 'http_status:503'],
      [undefined, 'http_status:404'],
    ]);
    assert.deepEqual(
      outline(exported(scene).text).resources.filter((one) => one.startsWith('dns')),
      [],
    );
  });

  test('name what the provider has no attribute for', () => {
    const originRequest = {
      noTLSVerify: true,
      bastionMode: true,
      connectTimeout: 1.5,
      access: { audTag: ['x'], teamName: 't' },
    };
    const config = { 'warp-routing': { enabled: true } };
    const { text, warnings } = exported({
      entries: [entryOf('a.example.com', { originRequest })],
      remote: { configuration: { source: 'cloudflare', config } },
    });
    assert.deepEqual(
      warnings.map((warning) => /for (.*):/.exec(warning)?.[1]),
      ['bastionMode of a.example.com', "the tunnel's warp-routing"],
    );
    assert.match(
      text,
      /no_tls_verify += true\n\s+connect_timeout = 2\n\s+access = \{\n\s+team_name = "t"\n\s+aud_tag += \["x"\]/,
    );
  });

  test('have no password', () => {
    const { text } = exported({ entries: [entryOf('a.example.com', { service: 'http://u:secret@10.0.0.1:80' })] });
    assert.doesNotMatch(text, /secret@|u:/);
  });
});

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

describe('names of resources', () => {
  test('are the hostname, and a hash where that would lose something', () => {
    assert.equal(resourceName('grafana.example.com'), 'grafana_example_com');
    for (const text of ['*.example.com', '1pw.example.com', 'a_b.example.com', 'A', '', 'a.example.com/x*', 'ü'])
      assert.match(resourceName(text), /^[a-z][a-z0-9_-]*_[0-9a-f]{8}$/, text);
  });

  test('are always names, and no two are the same', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ unit: 'binary', maxLength: 8 }), { maxLength: 8 }), (texts) => {
        const nameOf = createNames();
        const names = texts.map(nameOf);
        for (const name of names) assert.match(name, /^[A-Za-z][A-Za-z0-9_-]*$/);
        assert.equal(new Set(names).size, names.length);
      }),
    );
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
    assert.doesNotMatch(file.replaceAll(/^#.*$/gm, ''), /\$\{file/);
  }
});
