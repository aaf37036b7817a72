// From entries to desired state: hostnames, conflicts, order, records, Access applications.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { buildRules, type CompileContext, compileIngress } from '../../src/ingress/compile.ts';
import { checkRules } from '../../src/ingress/validate.ts';
import type { IngressEntry, IngressRule, ServiceId } from '../../src/model.ts';

const context: CompileContext = {
  zones: ['example.com', 'lab.example.com', 'other.org'],
  tunnelTarget: 'tunnel.cfargotunnel.com',
  owner: 'home',
  previous: [],
};

interface Wanted extends Partial<IngressRule> {
  readonly id?: ServiceId;
  readonly policy?: string;
  readonly explicit?: boolean;
}

function entry({
  id = 'docker/a',
  policy,
  explicit = false,
  hostname = 'a.example.com',
  ...rule
}: Wanted): IngressEntry {
  return {
    serviceId: id,
    plugin: 'generic',
    rule: { service: 'http://10.0.0.1:80', ...rule, hostname },
    access: policy === undefined ? 'public' : { policy },
    explicit,
  };
}

function compile(entries: readonly IngressEntry[], previous: readonly IngressEntry[] = []) {
  return compileIngress(entries, { ...context, previous });
}

test('an entry becomes a rule, a proxied record that carries our mark, and an Access application', () => {
  const { desired, diagnostics } = compile([entry({ id: 'docker/grafana', policy: 'family' })]);
  assert.deepEqual(diagnostics, []);
  assert.deepEqual(
    desired.ingress.map(({ rule }) => rule),
    [{ hostname: 'a.example.com', service: 'http://10.0.0.1:80' }],
  );
  const owner = { id: 'home', resource: 'docker/grafana' };
  assert.deepEqual(desired.dnsRecords, [
    {
      zone: 'example.com',
      name: 'a.example.com',
      type: 'CNAME',
      content: 'tunnel.cfargotunnel.com',
      proxied: true,
      owner,
    },
  ]);
  assert.deepEqual(desired.accessApplications, [
    { name: 'a.example.com', domain: 'a.example.com', policies: ['family'], owner },
  ]);
});

const hostnames = [
  ['Grafana.Example.COM', 'grafana.example.com'],
  ['a.example.com.', 'a.example.com'],
  ['bücher.example.com', 'xn--bcher-kva.example.com'],
  ['*.example.com', '*.example.com'],
  ['_dmarc.example.com', '_dmarc.example.com'],
  ['example.com', 'example.com'],
] as const;
for (const [given, normal] of hostnames)
  test(`${given} is published as ${normal}`, () => {
    const { desired, diagnostics } = compile([entry({ hostname: given })]);
    assert.deepEqual(diagnostics, []);
    assert.equal(desired.ingress[0]?.rule.hostname, normal);
    assert.equal(desired.dnsRecords[0]?.name, normal);
  });

const badHostnames = [
  'a b.example.com',
  'a/b.example.com',
  'a:80.example.com',
  '-a.example.com',
  '',
  '*',
  'a.*.example.com',
  `${'a'.repeat(64)}.example.com`,
  `${'a.'.repeat(130)}example.com`,
];
for (const hostname of badHostnames)
  test(`${JSON.stringify(hostname.slice(0, 80))} is refused and hurts nobody else`, () => {
    const { desired, diagnostics } = compile([entry({ id: 'docker/bad', hostname }), entry({ id: 'docker/good' })]);
    assert.deepEqual(
      desired.ingress.map(({ serviceId }) => serviceId),
      ['docker/good'],
    );
    assert.equal(diagnostics.length, 1);
    assert.equal(diagnostics[0]?.serviceId, 'docker/bad');
    assert.match(diagnostics[0]?.code ?? '', /^E_(INGRESS_INVALID|ZONE_UNKNOWN)$/);
  });

for (const hostname of ['a.example.net', 'badexample.com', 'com', 'localhost'])
  test(`${hostname} lies in none of the zones`, () => {
    const { desired, diagnostics } = compile([entry({ hostname })]);
    assert.deepEqual(desired, { ingress: [], dnsRecords: [], accessApplications: [] });
    assert.equal(diagnostics[0]?.code, 'E_ZONE_UNKNOWN');
  });

test('a record goes to the longest zone that holds it', () => {
  const { desired } = compile([entry({ hostname: 'x.lab.example.com' })]);
  assert.equal(desired.dnsRecords[0]?.zone, 'lab.example.com');
});

test('a bad path pattern or service takes only its own entry out', () => {
  const { desired, diagnostics } = compile([
    entry({ id: 'docker/regex', path: '(' }),
    entry({ id: 'docker/url', hostname: 'b.example.com', service: 'http://x/path' }),
    entry({ id: 'docker/huge', hostname: 'c.example.com', path: '^/(ab{1,40}){1,40}$' }),
    entry({ id: 'docker/good', hostname: 'd.example.com' }),
  ]);
  assert.deepEqual(
    desired.ingress.map(({ serviceId }) => serviceId),
    ['docker/good'],
  );
  assert.deepEqual(
    diagnostics.map(({ serviceId, code }) => [serviceId, code]),
    [
      ['docker/regex', 'E_INGRESS_INVALID'],
      ['docker/url', 'E_INGRESS_INVALID'],
      ['docker/huge', 'E_INGRESS_INVALID'],
    ],
  );
  assert.equal(
    diagnostics[0]?.message,
    'the path ( has an invalid regex: error parsing regexp: missing closing ): `(`',
  );
});

const holder = entry({ id: 'docker/z' });
const conflicts = [
  [
    'the lower id wins when nothing else decides',
    [entry({ id: 'docker/b' }), entry({ id: 'docker/a' })],
    [],
    'docker/a',
  ],
  ['the current holder keeps the name', [entry({ id: 'docker/a' }), entry({ id: 'docker/z' })], [holder], 'docker/z'],
  [
    'a name written by a person beats the current holder',
    [entry({ id: 'docker/zz', explicit: true }), entry({ id: 'docker/z' })],
    [holder],
    'docker/zz',
  ],
  [
    'between two written names the current holder keeps it',
    [entry({ id: 'docker/m', explicit: true }), entry({ id: 'docker/z', explicit: true })],
    [holder],
    'docker/z',
  ],
  [
    'the holder is recognised however the name is written',
    [entry({ id: 'docker/a' }), entry({ id: 'docker/z', hostname: 'A.EXAMPLE.com' })],
    [entry({ id: 'docker/z', hostname: 'A.example.COM.' })],
    'docker/z',
  ],
] as const;
for (const [name, entries, previous, winner] of conflicts)
  test(`two services, one hostname: ${name}`, () => {
    for (const order of [entries, entries.toReversed()]) {
      const { desired, diagnostics } = compile(order, previous);
      assert.deepEqual(
        desired.ingress.map(({ serviceId }) => serviceId),
        [winner],
      );
      const [loser] = entries.filter(({ serviceId }) => serviceId !== winner);
      assert.equal(diagnostics.length, 1);
      assert.equal(diagnostics[0]?.code, 'E_CONFLICT');
      assert.equal(diagnostics[0]?.serviceId, loser?.serviceId);
      assert.match(diagnostics[0]?.message ?? '', new RegExp(winner));
    }
  });

test('an entry that cannot be served takes no name from one that can', () => {
  const { desired } = compile([entry({ id: 'docker/a', service: 'nonsense' }), entry({ id: 'docker/b' })]);
  assert.deepEqual(
    desired.ingress.map(({ serviceId }) => serviceId),
    ['docker/b'],
  );
});

test('the same host with different paths is shared, one record for both, named after the one without a path', () => {
  const { desired, diagnostics } = compile([
    entry({ id: 'docker/api', path: '^/api' }),
    entry({ id: 'docker/site' }),
    entry({ id: 'docker/v2', path: '^/api/v2' }),
  ]);
  assert.deepEqual(diagnostics, []);
  assert.deepEqual(
    desired.ingress.map(({ serviceId }) => serviceId),
    ['docker/v2', 'docker/api', 'docker/site'],
  );
  assert.deepEqual(
    desired.dnsRecords.map(({ owner }) => owner?.resource),
    ['docker/site'],
  );
});

test('exact hosts come before wildcards and deeper wildcards before shallower', () => {
  const names = ['*.example.com', 'b.example.com', '*.x.example.com', 'a.other.org', '*.other.org'];
  const { desired } = compile(names.map((hostname, index) => entry({ id: `docker/${index}`, hostname })));
  assert.deepEqual(
    desired.ingress.map(({ rule }) => rule.hostname),
    ['a.other.org', 'b.example.com', '*.x.example.com', '*.example.com', '*.other.org'],
  );
});

test('the outcome does not depend on the order services are listed in', () => {
  const id = fc.constantFrom<ServiceId>('docker/a', 'docker/b', 'docker/c', 'file/d');
  const wanted = fc.record(
    {
      hostname: fc.constantFrom('a.example.com', 'A.example.com', '*.example.com', 'b.other.org', 'nowhere.net'),
      path: fc.constantFrom('^/a', '^/b', '('),
      explicit: fc.boolean(),
      policy: fc.constantFrom('family', 'admins'),
    },
    { requiredKeys: ['hostname'] },
  );
  const entries = fc.uniqueArray(fc.tuple(id, wanted), {
    maxLength: 8,
    selector: ([who, what]) => `${who} ${what.hostname.toLowerCase()} ${what.path ?? ''}`,
  });
  fc.assert(
    fc.property(entries, (list) => {
      const all = list.map(([who, what]) => entry({ id: who, ...what }));
      const forward = compile(all);
      assert.deepEqual(compile(all.toReversed()).desired, forward.desired);
      // Every entry is either in the table or explained; and the table is one cloudflared accepts.
      const leftOut = forward.diagnostics.filter(({ message }) => !/ is public, but policy /.test(message));
      assert.equal(forward.desired.ingress.length + leftOut.length, all.length);
      checkRules(buildRules(forward.desired.ingress));
    }),
  );
});

const domains = [
  [undefined, 'a.example.com'],
  ['^/admin', 'a.example.com/admin*'],
  ['^/admin/?', 'a.example.com/admin*'],
  ['^/admin/.*', 'a.example.com/admin/*'],
  ['/admin', 'a.example.com'],
  ['^/a|^/b', 'a.example.com'],
  ['^/(?i)admin', 'a.example.com'],
  ['^/', 'a.example.com'],
  ['^/ab*', 'a.example.com/a*'],
  ['\\.php$', 'a.example.com'],
] as const;
for (const [path, domain] of domains)
  test(`a policy on path ${path ?? '(none)'} is an application for ${domain}`, () => {
    const { desired } = compile([entry({ policy: 'family', ...(path === undefined ? {} : { path }) })]);
    assert.deepEqual(
      desired.accessApplications.map((application) => application.domain),
      [domain],
    );
  });

test('two policies for one part of a host: the second entry stays out, so that neither policy opens the other', () => {
  const { desired, diagnostics } = compile([
    entry({ id: 'docker/a', path: 'x', policy: 'family' }),
    entry({ id: 'docker/b', policy: 'admins' }),
  ]);
  assert.deepEqual(
    desired.ingress.map(({ serviceId }) => serviceId),
    ['docker/a'],
  );
  assert.deepEqual(
    desired.accessApplications.map(({ policies }) => policies),
    [['family']],
  );
  assert.equal(diagnostics[0]?.code, 'E_CONFLICT');
  assert.equal(diagnostics[0]?.serviceId, 'docker/b');
});

test('rules end with a catch-all', () => {
  assert.deepEqual(buildRules([]), [{ service: 'http_status:404' }]);
});

test("somebody else's rules stay as they are and in place, and ours are reached before the one that would hide them", () => {
  const foreign: readonly IngressRule[] = [
    { hostname: 'nas.example.com', service: 'https://nas', originRequest: { noTLSVerify: true } },
    { hostname: '*.example.com', service: 'http://proxy' },
    { service: 'http_status:418' },
  ];
  const rules = buildRules([entry({}), entry({ hostname: 'b.other.org' })], foreign);
  assert.deepEqual(
    rules.map((rule) => rule.hostname ?? rule.service),
    ['nas.example.com', 'a.example.com', '*.example.com', 'b.other.org', 'http_status:418'],
  );
  assert.deepEqual(
    foreign.filter((rule) => rules.includes(rule)),
    foreign,
  );
});
