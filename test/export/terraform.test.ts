// Terraform: what exists is taken over, what is others' stays, and names of resources stay what they are.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createNames, resourceName } from '../../src/export/terraform-names.ts';
import type { Change, IngressEntry, Plan } from '../../src/model.ts';
import { entryOf, tunnelId } from './sample.ts';
import { account, exported, outline, type Scene, zone } from './terraform-scene.ts';

const target = `${tunnelId}.cfargotunnel.com`;
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
