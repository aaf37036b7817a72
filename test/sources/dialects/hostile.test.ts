// Labels are anyone's: whatever is in them, reading them ends, quickly and without throwing, and stays in bounds.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import schema from '../../../src/settings/settings.schema.json' with { type: 'json' };
import type { DialectName } from '../../../src/sources/dialects/dialect.ts';
import { readLabels } from '../../../src/sources/dialects/read.ts';
import { dialects, isForeignLabel } from '../../../src/sources/dialects/registry.ts';
import { parseRule } from '../../../src/sources/dialects/traefik-rule.ts';

const allowed: readonly DialectName[] = dialects.map(({ name }) => name);

function readAll(labels: Readonly<Record<string, string>>, environment: Readonly<Record<string, string>> = {}) {
  return readLabels(
    { labels, environment, names: ['app', 'app-1'], where: 'container app', isRunning: true },
    { prefix: 'sallyport', dialects: allowed },
  );
}

const keys = [
  'traefik.enable',
  'traefik.http.routers.a.rule',
  'traefik.http.routers.a.middlewares',
  'traefik.http.routers.__proto__.rule',
  'traefik.http.middlewares.a.chain.middlewares',
  'traefik.tcp.routers.a.rule',
  'traefik.http.services.constructor.loadbalancer.server.port',
  'dockflare.enable',
  'dockflare.0.hostname',
  'dockflare.hostname',
  'dockflare.service',
  'cloudflare.tunnel.enable',
  'cloudflare.tunnel.hostname.__proto__',
  'cloudflare.access.policy.1.action',
  'labelgate.tunnel.__proto__.hostname',
  'labelgate.tunnel.a.access',
  'labelgate.access.a.policy.decision',
  'dockroute.enabled',
  'dockroute.hostname',
  'dockroute.tunnel.service',
  'caddy',
  'caddy_1',
  'caddy.reverse_proxy',
  'caddy.__proto__.reverse_proxy',
  'caddy_1.handle.0_reverse_proxy_1',
  'caddy.@a.path',
  'tsdproxy.enable',
  'tsdproxy.port.1',
  'pangolin.public-resources.a.full-domain',
  'pangolin.proxy-resources.__proto__.targets[0].port',
  'pangolin.public-resources.a.targets[9999].path',
  'swag',
  'swag_url',
  'swag_auth_bypass',
  'autoxpose.enable',
  'autoxpose.subdomain',
  'homepage.href',
  'homepage.widget.url',
  'net.unraid.docker.webui',
];
const variables = ['VIRTUAL_HOST', 'VIRTUAL_HOST_MULTIPORTS', 'VIRTUAL_PATH', 'VIRTUAL_PORT', 'NETWORK_ACCESS'];
const pieces = [
  ...[
    'true',
    'enable',
    'auto',
    'Host(`',
    '`)',
    ' && ',
    '||',
    '!',
    '(',
    ')',
    'PathPrefix(`/',
    '"',
    "'",
    '\\',
    '{',
    '}',
    ':',
  ],
  ...[
    'a.example.com',
    '*.',
    '.*',
    '__proto__',
    'constructor',
    '{{upstreams ',
    '}}',
    '80',
    '99999',
    '/',
    '->',
    ',',
    '@a',
    ' ',
  ],
  ...[
    'http://',
    'https://app:80',
    '169.254.169.254',
    '[IP]:[PORT:80]',
    '\n',
    '\u0000',
    '\u202e',
    'é',
    '😀',
    '[',
    ']',
    '&x',
    '*x',
  ],
];

function textOf(parts: readonly string[], maxLength: number): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom(...parts), { maxLength }).map((chosen) => chosen.join(''));
}

/** Some of these names, each with any text. */
function wordsOf(names: readonly string[], maxLength: number): fc.Arbitrary<Record<string, string>> {
  const word = fc.tuple(fc.constantFrom(...names), fc.oneof(textOf(pieces, 12), fc.string({ unit: 'binary' })));
  return fc.uniqueArray(word, { maxLength, selector: ([name]) => name }).map((words) => Object.fromEntries(words));
}

describe('labels of nobody in particular', () => {
  test('are read to an end, with the same kinds of answers, whatever they hold', () => {
    fc.assert(
      fc.property(wordsOf(keys, 14), wordsOf(variables, 4), (labels, environment) => {
        const read = readAll(labels, environment);
        const all = [read.hints, ...Object.values(read.entries ?? {})];
        assert.ok(all.length <= 33);
        for (const { hostname, port, access } of all) {
          assert.match(hostname ?? 'none', /^(\*\.)?[a-z0-9.-]{1,253}$/);
          assert.ok(port === undefined || (port >= 1 && port <= 65_535));
          assert.equal(access, undefined);
        }
        assert.ok(read.diagnostics.length <= 40);
        for (const { message } of read.diagnostics) {
          assert.ok(message.length < 700, message);
          assert.doesNotMatch(message, /[\p{Cc}\u202e]/u);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('change no prototype', () => {
    readAll({
      'traefik.http.routers.__proto__.rule': 'Host(`a.example.com`)',
      'caddy.__proto__.reverse_proxy': '{{upstreams}}',
      'labelgate.tunnel.__proto__.hostname': 'b.example.com',
      'pangolin.public-resources.__proto__.full-domain': 'c.example.com',
    });
    assert.equal(Object.keys(Object.prototype).length, 0);
    assert.equal(({} as Record<string, unknown>).hostname, undefined);
  });

  test('of which one is too long count for nothing, since that one may be the guard', () => {
    const read = readAll({
      'traefik.http.routers.a.rule': 'Host(`a.example.com`)',
      'traefik.http.routers.a.middlewares': 'x'.repeat(100_000),
    });
    assert.deepEqual(read.hints, {});
    assert.match(read.diagnostics[0]?.message ?? '', /a\.middlewares: not carried over: it is too long/);
  });

  test('that are too many count for nothing', () => {
    const many = Array.from({ length: 300 }, (_, at) => [
      `traefik.http.routers.r${at}.rule`,
      `Host(\`h${at}.example.com\`)`,
    ]);
    const read = readAll(Object.fromEntries(many));
    assert.deepEqual(read.hints, {});
    assert.match(read.diagnostics[0]?.message ?? '', /there are 300 labels like it, and 256 are read/);
  });

  test('that name too many entries publish a few of them and say so', () => {
    const many = Array.from({ length: 60 }, (_, at) => [`dockflare.${at}.hostname`, `h${at}.example.com`]);
    const read = readAll({
      'dockflare.enable': 'true',
      'dockflare.service': 'http://app:80',
      ...Object.fromEntries(many),
    });
    assert.equal(Object.keys(read.entries ?? {}).length, 32);
    assert.match(JSON.stringify(read.diagnostics), /only 32 entries are read/);
  });

  test('that nest YAML for its own sake are no YAML', () => {
    const read = readAll({}, { VIRTUAL_HOST_MULTIPORTS: '['.repeat(4_000) });
    assert.deepEqual(read.hints, {});
    const deep = readAll({}, { VIRTUAL_HOST_MULTIPORTS: `${'{"a":'.repeat(600)}1${'}'.repeat(600)}` });
    assert.equal(deep.hints.port, undefined);
  });

  test('with a regular expression that multiplies are refused as ours would be', () => {
    const read = readAll({
      'traefik.http.routers.a.rule': 'Host(`a.example.com`) && PathRegexp(`((a{900}){900}){900}`)',
    });
    assert.deepEqual(read.hints, {});
  });
});

test('a rule of any tokens is a tree or a problem, and never throws', () => {
  const tokens = ['Host', '(', ')', '`a`', '"b"', ',', '&&', '||', '!', 'Path', ' ', '`', '&', '\\'];
  fc.assert(
    fc.property(textOf(tokens, 30), (text) => {
      const parsed = parseRule(text);
      assert.equal('rule' in parsed, !('problem' in parsed));
    }),
    { numRuns: 3_000 },
  );
});

test('the settings know every dialect, and no other', () => {
  assert.deepEqual(schema.properties.labels.properties.dialects.items.enum.toSorted(), allowed.toSorted());
});

test('every dialect finds its labels by their beginning', () => {
  for (const key of keys) {
    assert.ok(isForeignLabel(key), key);
    assert.ok(
      dialects.some((dialect) => dialect.owns(key)),
      key,
    );
  }
});
