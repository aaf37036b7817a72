// The label grammar of the interface, and what a label that cannot be read does.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ServiceHints } from '../../src/model.ts';
import { type ParsedLabels, parseLabels } from '../../src/sources/docker-labels.ts';

function read(labels: Readonly<Record<string, string>>, prefix = 'sallyport'): ParsedLabels {
  return parseLabels(labels, { prefix }, 'container app');
}

describe('labels that mean something', () => {
  const cases: readonly (readonly [string, string, ServiceHints])[] = [
    ['enable', 'true', { enable: true }],
    ['enable', 'YES', { enable: true }],
    ['enable', '1', { enable: true }],
    ['enable', 'on', { enable: true }],
    ['enable', 'False', { enable: false }],
    ['enable', 'no', { enable: false }],
    ['enable', '0', { enable: false }],
    ['enable', ' off ', { enable: false }],
    ['hostname', 'grafana', { hostname: 'grafana' }],
    ['hostname', 'Grafana.Example.COM.', { hostname: 'grafana.example.com' }],
    ['hostname', '*.example.com', { hostname: '*.example.com' }],
    ['hostname', 'bücher.example', { hostname: 'xn--bcher-kva.example' }],
    ['port', '3000', { port: 3000 }],
    ['protocol', 'HTTPS', { protocol: 'https' }],
    ['path', '^/api', { path: '^/api' }],
    ['path', '^/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$', { path: '^/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' }],
    ['service', 'http://grafana:3000', { service: 'http://grafana:3000' }],
    ['service', 'http_status:404', { service: 'http_status:404' }],
    ['network', 'media_default', { network: 'media_default' }],
    ['plugin', 'immich', { plugin: 'immich' }],
    ['plugin', 'none', { plugin: 'none' }],
    ['access', 'family', { access: 'family' }],
    ['access', 'public', { access: 'public' }],
    ['access', 'a@example.com, @example.org', { access: 'a@example.com, @example.org' }],
    ['access.bypass', '/api/health, /share/', { bypassPaths: ['/api/health', '/share/'] }],
    ['origin.noTLSVerify', 'true', { originRequest: { noTLSVerify: true } }],
    ['origin.connectTimeout', '30s', { originRequest: { connectTimeout: 30 } }],
    ['origin.connectTimeout', '1m30s', { originRequest: { connectTimeout: 90 } }],
    ['origin.keepAliveTimeout', '15', { originRequest: { keepAliveTimeout: 15 } }],
    ['origin.keepAliveConnections', '7', { originRequest: { keepAliveConnections: 7 } }],
    ['origin.httpHostHeader', 'inner.lan', { originRequest: { httpHostHeader: 'inner.lan' } }],
    ['origin.proxyPort', '1080', { originRequest: { proxyPort: 1080 } }],
    ['origin.access.audTag', 'a,b', { originRequest: { access: { audTag: ['a', 'b'] } } }],
    [
      'origin.ipRules',
      '[{"prefix":"10.0.0.0/8","allow":true}]',
      { originRequest: { ipRules: [{ prefix: '10.0.0.0/8', allow: true }] } },
    ],
  ];
  for (const [key, value, hints] of cases) {
    test(`${key}=${value}`, () => assert.deepEqual(read({ [`sallyport.${key}`]: value }), { hints, diagnostics: [] }));
  }

  test('origin keys add up', () => {
    const labels = {
      'sallyport.origin.noTLSVerify': 'on',
      'sallyport.origin.access.required': 'true',
      'sallyport.origin.access.teamName': 't',
    };
    assert.deepEqual(read(labels).hints.originRequest, {
      noTLSVerify: true,
      access: { required: true, teamName: 't' },
    });
  });

  test('the prefix can be another one, and the usual one means nothing then', () => {
    const labels = { 'gate.enable': 'true', 'sallyport.port': '1', 'gates.port': '2' };
    assert.deepEqual(read(labels, 'gate'), { hints: { enable: true }, diagnostics: [] });
  });

  test('labels of others are none of ours', () => {
    assert.deepEqual(read({ 'traefik.enable': 'nonsense', maintainer: 'me' }), { hints: {}, diagnostics: [] });
  });
});

describe('named entries', () => {
  test('take network, plugin, access and origin from the unnamed one, and nothing else', () => {
    const parsed = read({
      'sallyport.enable': 'true',
      'sallyport.hostname': 'app',
      'sallyport.port': '80',
      'sallyport.protocol': 'https',
      'sallyport.path': '^/x',
      'sallyport.network': 'net',
      'sallyport.plugin': 'immich',
      'sallyport.access': 'family',
      'sallyport.access.bypass': '/open',
      'sallyport.origin.connectTimeout': '5s',
      'sallyport.origin.noTLSVerify': 'true',
      'sallyport.api.path': '^/api',
      'sallyport.api.origin.noTLSVerify': 'false',
    });
    assert.deepEqual(parsed.entries, {
      api: {
        network: 'net',
        plugin: 'immich',
        access: 'family',
        path: '^/api',
        originRequest: { connectTimeout: 5, noTLSVerify: false },
      },
    });
    assert.deepEqual(parsed.diagnostics, []);
  });

  test('may be switched on and off by themselves', () => {
    const parsed = read({ 'sallyport.web.enable': 'true', 'sallyport.api.enable': 'false' });
    assert.deepEqual(parsed.entries, { api: { enable: false }, web: { enable: true } });
    assert.deepEqual(parsed.hints, {});
  });

  test('a name that is also a word of the object model is only a name', () => {
    const parsed = read({ 'sallyport.constructor.port': '80', 'sallyport.valueOf.port': '81' });
    assert.deepEqual(Object.keys(parsed.entries ?? {}), ['constructor', 'valueOf']);
  });
});

describe('labels that mean nothing', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['sallyport.hostnme', /did you mean sallyport\.hostname\?/],
    ['sallyport.Enable', /did you mean sallyport\.enable\?/],
    ['sallyport.enabled', /did you mean sallyport\.enable\?/],
    ['sallyport.acess', /did you mean sallyport\.access\?/],
    ['sallyport.origin.noTlsVerify', /did you mean sallyport\.origin\.noTLSVerify\?/],
    ['sallyport.orgin.noTLSVerify', /did you mean sallyport\.origin\.noTLSVerify\?/],
    ['sallyport.web.prt', /did you mean sallyport\.web\.port\?/],
    ['sallyport.0.hostname', /named, not numbered: sallyport\.web\.hostname/],
    ['sallyport', /did you mean sallyport\.enable\?/],
    ['sallyport.', /did you mean sallyport\.enable\?/],
    ['sallyport.something.entirely.different', /labels are enable, hostname/],
    ['sallyport.__proto__.port', /labels are enable|did you mean/],
  ];
  for (const [key, hint] of cases) {
    test(`${key} is a warning, and the other labels count`, () => {
      const parsed = read({ [key]: 'x', 'sallyport.port': '80', 'sallyport.enable': 'true' });
      assert.deepEqual(parsed.hints, { enable: true, port: 80 });
      assert.equal(parsed.entries, undefined);
      assert.equal(parsed.diagnostics.length, 1);
      assert.deepEqual([parsed.diagnostics[0]?.severity, parsed.diagnostics[0]?.code], ['warning', 'E_LABEL_INVALID']);
      assert.match(parsed.diagnostics[0]?.hint ?? '', hint);
    });
  }
});

describe('labels with a value that cannot be', () => {
  const ignored: readonly (readonly [string, string])[] = [
    ['hostname', 'https://grafana.example.com'],
    ['hostname', 'a..b'],
    ['hostname', '-a'],
    ['hostname', 'a b'],
    ['hostname', ''],
    ['hostname', '10.0.0.1'],
    ['hostname', 'x'.repeat(64)],
    ['hostname', 'evil.example/%2e'],
    ['port', '0'],
    ['port', '65536'],
    ['port', '80a'],
    ['port', '-1'],
    ['port', '1e3'],
    ['protocol', 'gopher'],
    ['plugin', '../../etc'],
    ['access.bypass', 'api'],
    ['access.bypass', '/a,,/b'],
    ['access.bypass', '/a/../b'],
    ['access.bypass', '/a/%2e%2e/b'],
    ['origin.noTLSVerify', 'maybe'],
    ['origin.connectTimeout', 'soon'],
    ['origin.proxyPort', '70000'],
    ['origin.ipRules', '{'],
    ['origin.ipRules', '[{"prefx":"10.0.0.0/8"}]'],
  ];
  for (const [key, value] of ignored) {
    test(`${key}=${value.slice(0, 40)} is ignored with a warning`, () => {
      const parsed = read({ [`sallyport.${key}`]: value, 'sallyport.enable': 'true' });
      assert.deepEqual(parsed.hints, { enable: true });
      assert.deepEqual(
        parsed.diagnostics.map(({ severity, code }) => [severity, code]),
        [['warning', 'E_LABEL_INVALID']],
      );
    });
  }

  const guards: readonly (readonly [string, string])[] = [
    ['access', ''],
    ['access', 'fam ily'],
    ['access', '../x'],
    ['access', 'x'.repeat(5000)],
    ['path', ''],
    ['path', '('],
    ['path', '^/(?!admin)'],
    ['path', 'a{1000}'.repeat(100)],
    ['path', `(${'abc'.repeat(100)}){900}`],
    ['path', '(('.repeat(300)],
    ['service', ''],
    ['service', 'grafana:3000'],
    ['service', 'http_status:abc'],
    ['service', 'http://grafana:3000/path'],
    ['origin.access.required', 'perhaps'],
    ['origin.access.teamName', ''],
  ];
  for (const [key, value] of guards) {
    test(`${key}=${value.slice(0, 40)} guards, so its entry is held`, () => {
      const parsed = read({ [`sallyport.${key}`]: value, 'sallyport.enable': 'true', 'sallyport.port': '80' });
      assert.equal(parsed.hints.held, `cannot be read: ${key}`);
      assert.equal(parsed.hints.port, 80);
      assert.deepEqual(
        parsed.diagnostics.map(({ severity }) => severity),
        ['error'],
      );
    });
  }

  test('an enable that cannot be read does not enable', () => {
    assert.equal(read({ 'sallyport.enable': 'ture' }).hints.enable, false);
    assert.equal(read({ 'sallyport.web.enable': '' }).entries?.web?.enable, false);
  });

  test('an entry inherits the hold on access unless it has an access of its own', () => {
    const parsed = read({ 'sallyport.access': '', 'sallyport.a.port': '1', 'sallyport.b.access': 'family' });
    assert.equal(parsed.entries?.a?.held, 'cannot be read: access');
    assert.equal(parsed.entries?.b?.held, undefined);
  });

  test('an entry does not inherit the hold on a path', () => {
    assert.equal(read({ 'sallyport.path': '(', 'sallyport.a.port': '1' }).entries?.a?.held, undefined);
  });

  test("a bad entry leaves the container's own entry alone", () => {
    const parsed = read({ 'sallyport.enable': 'true', 'sallyport.access': 'family', 'sallyport.a.access': '?' });
    assert.deepEqual(parsed.hints, { enable: true, access: 'family' });
    assert.equal(parsed.entries?.a?.held, 'cannot be read: access');
  });

  test('what is said is short and without control characters, however long and wild the label', () => {
    const parsed = read({
      [`sallyport.${'\u001b[31m\u202e'.repeat(1000)}`]: 'x',
      'sallyport.port': `\u0000\u009b${'9'.repeat(1e6)}`,
    });
    for (const { message, hint } of parsed.diagnostics) {
      assert.ok(message.length < 600 && (hint ?? '').length < 300);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
      assert.doesNotMatch(message, /[\u0000-\u001f\u007f-\u009f\u202e]/);
    }
  });

  test('hundreds of labels publish nothing, and thousands of complaints are one line', () => {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`sallyport.e${index}.port`, '80']));
    const parsed = read({ ...many, 'sallyport.enable': 'true' });
    assert.deepEqual(parsed.hints, { enable: false });
    const wrong = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`sallyport.zzzzzzzz${index}`, '80']));
    assert.equal(read(wrong).diagnostics.length, 21);
  });
});

describe('whatever the labels', () => {
  const keys = [
    'enable',
    'hostname',
    'port',
    'path',
    'access',
    'access.bypass',
    'service',
    'origin.noTLSVerify',
    'x',
    '',
  ];
  const key = fc.oneof(
    fc.constantFrom(...keys),
    fc.string(),
    fc.constantFrom(...keys).map((name) => `web.${name}`),
  );
  const value = fc.oneof(
    fc.string(),
    fc.constantFrom('true', 'false', 'public', 'family', '80', '/a', ''),
    fc.string({ unit: 'binary' }),
  );
  const labels = fc.dictionary(
    key.map((name) => `sallyport.${name}`),
    value,
    { maxKeys: 12 },
  );

  test('reading never throws, and access is never weaker than written', () => {
    fc.assert(
      fc.property(labels, (written) => {
        const parsed = read(written);
        const base = written['sallyport.access'];
        isAsStrict(parsed.hints, base);
        if (parsed.entries?.web !== undefined) isAsStrict(parsed.entries.web, written['sallyport.web.access'] ?? base);
      }),
      { numRuns: 300 },
    );
  });

  function isAsStrict(hints: ServiceHints, written: string | undefined): void {
    if (written === undefined) assert.equal(hints.access, undefined);
    else if (hints.held === undefined) assert.equal(hints.access, written.trim());
  }
});
