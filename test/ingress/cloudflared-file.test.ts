// cloudflared's configuration files: details of reading, and reading back what was rendered.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ValidationError } from '../../src/errors.ts';
import {
  parseCloudflaredConfig,
  parseCloudflaredFlag,
  parseCloudflaredJson,
  renderCloudflaredConfig,
} from '../../src/ingress/cloudflared-file.ts';
import type { IngressRule } from '../../src/model.ts';

test('a whole file is understood', () => {
  const config = parseCloudflaredConfig(
    `
tunnel: 6ff42ae2-765d-4adf-8112-31c55c1551ef
credentials-file: /etc/c.json
metrics: 127.0.0.1:1
no-autoupdate: true
edge: ["127.0.0.1:7844", x]
retries: 0x10
warp-routing: {connectTimeout: 5s, maxActiveFlows: 3}
originRequest: &o
  connectTimeout: 1h2m3.5s
  keepAliveConnections: 1_0
  ipRules: [{prefix: 10.0.0.0/8, ports: [80], allow: on}]
ingress:
  - hostname: 123
    path: ~
    service: http://a
    originRequest: {<<: *o, connectTimeout: 250ms, noTLSVerify: Yes}
  -
  - service: http_status:404
`,
    'cloudflared.yml',
  );
  const ipRules = [{ prefix: '10.0.0.0/8', ports: [80], allow: true }];
  assert.deepEqual(config, {
    tunnel: '6ff42ae2-765d-4adf-8112-31c55c1551ef',
    credentialsFile: '/etc/c.json',
    ingress: [
      {
        hostname: '123',
        service: 'http://a',
        originRequest: { connectTimeout: 0.25, noTLSVerify: true, keepAliveConnections: 10, ipRules },
      },
      { service: 'http_status:404' },
    ],
    originRequest: { connectTimeout: 3723.5, keepAliveConnections: 10, ipRules },
    warpRouting: { connectTimeout: 5, maxActiveFlows: 3 },
    settings: {
      'credentials-file': '/etc/c.json',
      metrics: '127.0.0.1:1',
      'no-autoupdate': true,
      edge: ['127.0.0.1:7844', 'x'],
      retries: 16,
    },
    warnings: [],
    isBlank: false,
  });
});

test('only the first document counts', () => {
  assert.equal(parseCloudflaredConfig('tunnel: a\n---\nb: [\n', 'f').tunnel, 'a');
});

test('a text without a document is blank, an empty document is not', () => {
  assert.equal(parseCloudflaredConfig('# only this\n', 'f').isBlank, true);
  assert.equal(parseCloudflaredConfig('---\n', 'f').isBlank, false);
});

test('every wrong value is listed, in order', () => {
  assert.throws(
    () =>
      parseCloudflaredConfig(
        'originRequest: {noTLSVerify: "true", proxyPort: -1, tlsTimeout: [1]}\ningress:\n- service: [x]\n- text that is long\n',
        'f.yml',
      ),
    {
      message: [
        'error parsing YAML in config file at f.yml: yaml: unmarshal errors:',
        '  line 1: cannot unmarshal !!str `true` into bool',
        '  line 1: cannot unmarshal !!int `-1` into uint',
        '  line 1: cannot unmarshal !!seq into time.Duration',
        '  line 3: cannot unmarshal !!seq into string',
        '  line 4: cannot unmarshal !!str `text th...` into config.UnvalidatedIngressRule',
      ].join('\n'),
    },
  );
});

const warned = [
  ['warp-routing: {enabled: true}', 'line 1: field enabled not found in type config.WarpRoutingConfig'],
  ['originRequest:\n  notls: 1', 'line 2: field notls not found in type config.OriginRequestConfig'],
  ['originRequest: {access: {aud: x}}', 'line 1: field aud not found in type config.AccessConfig'],
  ['originRequest: {NoTLSVerify: true}', 'line 1: field NoTLSVerify not found in type config.OriginRequestConfig'],
] as const;
for (const [yaml, warning] of warned)
  test(`an unknown key is only a warning: ${yaml}`, () => {
    assert.deepEqual(parseCloudflaredConfig(`${yaml}\n`, 'f').warnings, [warning]);
  });

const syntax = [
  ['a: b: c\n', 'mapping values are not allowed in this context'],
  ['x: 1\na:\n\t- b\n', 'line 3: found character that cannot start any token'],
  ['a: 1\nb: @x\n', 'line 2: found character that cannot start any token'],
  ['a: *b\n', "unknown anchor 'b' referenced"],
  ['a: &b [*b]\n', "anchor 'b' value contains itself"],
  ['x: 1\na: &b.c 1\n', 'line 2: did not find expected alphabetic or numeric character'],
  ['ingress: {<<: 1}\n', undefined],
  ['originRequest: {<<: 1}\n', 'map merge requires map or sequence of maps as the value'],
] as const;
for (const [yaml, problem] of syntax)
  test(`broken YAML is refused in cloudflared's words: ${JSON.stringify(yaml)}`, () => {
    const expected =
      problem === undefined ? /cannot unmarshal/ : `error parsing YAML in config file at f: yaml: ${problem}`;
    assert.throws(() => parseCloudflaredConfig(yaml, 'f'), { name: 'ValidationError', message: expected });
  });

const json = [
  ['{"Ingress":[{"HOSTNAME":"a","service":"http://x"}],"unknown":[1]}', undefined],
  ['null', undefined],
  ['{', 'unexpected end of JSON input'],
  ['', 'unexpected end of JSON input'],
  ['{"ingress":[}', "invalid character '}' looking for beginning of value"],
  ['{"ingress" 1}', "invalid character '1' after object key"],
  ['{"a":1 "b":2}', `invalid character '"' after object key:value pair`],
  ['{} x', "invalid character 'x' after top-level value"],
  ['{a}', "invalid character 'a' looking for beginning of object key string"],
  ['[]', 'json: cannot unmarshal array into Go value of type ingress.RemoteConfigJSON'],
  [
    '{"ingress":[{"hostname":1}]}',
    'json: cannot unmarshal number into Go struct field UnvalidatedIngressRule.ingress.hostname of type string',
  ],
  [
    '{"originRequest":{"proxyPort":1.5}}',
    'json: cannot unmarshal number 1.5 into Go struct field OriginRequestConfig.originRequest.proxyPort of type uint',
  ],
] as const;
for (const [text, problem] of json)
  test(`JSON ${problem === undefined ? 'is read as Go reads it' : 'is refused'}: ${text}`, () => {
    if (problem === undefined) assert.ok(parseCloudflaredJson(text, 'push'));
    else assert.throws(() => parseCloudflaredJson(text, 'push'), { name: 'ValidationError', message: problem });
  });

test('JSON on the command line has its own names', () => {
  const config = parseCloudflaredFlag(
    '{"ingress":[{"service":"http://x"}],"warp-routing":{"connectTimeout":"5s"}}',
    'flag',
  );
  assert.deepEqual(config.ingress, [{ service: 'http://x' }]);
  assert.throws(() => parseCloudflaredFlag('{"ingress":[{"hostname":1}]}', 'flag'), {
    message:
      'json: cannot unmarshal number into Go struct field UnvalidatedIngressRule.Ingress.hostname of type string',
  });
});

test('depth, aliases and strange keys exhaust nothing and pollute nothing', () => {
  const deep = '['.repeat(50_000);
  assert.throws(() => parseCloudflaredConfig(`a: ${deep}`, 'f'), ValidationError);
  assert.throws(() => parseCloudflaredJson(`{"ingress":${deep}`, 'f'), ValidationError);
  assert.throws(() => parseCloudflaredJson(`{"ingress":${deep}${']'.repeat(50_000)}}`, 'f'), ValidationError);
  const bomb = `a: &a [${'x,'.repeat(9)}x]\n${[...'bcdefgh'].map((name, i) => `${name}: &${name} [${Array(10).fill(`*${'abcdefgh'[i]}`)}]\n`).join('')}`;
  assert.throws(() => parseCloudflaredConfig(bomb, 'f'), /excessive aliasing/);
  const config = parseCloudflaredConfig(
    '__proto__: {polluted: 1}\noriginRequest: {__proto__: {noTLSVerify: true}}\n',
    'f',
  );
  assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false);
  assert.equal(config.originRequest.noTLSVerify, undefined);
  assert.equal(
    parseCloudflaredJson('{"originRequest":{"__proto__":{"noTLSVerify":true}}}', 'f').originRequest.noTLSVerify,
    undefined,
  );
});

test('no text makes a reader throw anything but its own error', () => {
  const text = fc.oneof(
    fc.string(),
    fc
      .array(
        fc.constantFrom(
          'ingress:\n',
          '- ',
          '  ',
          'service: ',
          'http://x\n',
          '&a ',
          '*a\n',
          '{',
          '}',
          '[',
          ']',
          '"',
          "'",
          '|\n',
          '\t',
          '<<: ',
          '? ',
          ': ',
          '!!int ',
          '---\n',
          '\n',
          ',',
        ),
        { maxLength: 15 },
      )
      .map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (source) => {
      for (const read of [parseCloudflaredConfig, parseCloudflaredJson])
        try {
          read(source, 'f');
        } catch (error) {
          assert.ok(error instanceof ValidationError, String((error as Error).stack));
        }
    }),
    { numRuns: 600 },
  );
});

test('what was rendered reads back as the same rules', () => {
  const text = fc.oneof(
    fc.string({ minLength: 1, unit: 'binary' }).filter((s) => s.isWellFormed()),
    fc.constantFrom('yes', '0777', '~', '*.x', '&a', 'a: b', '1_0', '<<'),
  );
  const seconds = fc.oneof(fc.integer({ min: 0, max: 100_000 }), fc.constantFrom(0.25, 1.5, 0.000000001));
  const originRequest = fc.record(
    {
      connectTimeout: seconds,
      keepAliveTimeout: seconds,
      noTLSVerify: fc.boolean(),
      httpHostHeader: text,
      keepAliveConnections: fc.nat(1000),
      ipRules: fc.array(fc.record({ prefix: text, ports: fc.array(fc.nat(65535)), allow: fc.boolean() })),
      access: fc.record({ required: fc.boolean(), teamName: text, audTag: fc.array(text) }),
    },
    { requiredKeys: ['noTLSVerify'] },
  );
  const rule = fc.record({ hostname: text, path: text, service: text, originRequest }, { requiredKeys: ['service'] });
  fc.assert(
    fc.property(fc.array(rule, { minLength: 1, maxLength: 5 }), text, (rules, credentialsFile) => {
      const rendered = renderCloudflaredConfig({
        tunnel: 'id',
        credentialsFile,
        ingress: rules as readonly IngressRule[],
        settings: { metrics: '127.0.0.1:0', 'no-autoupdate': true },
      });
      const config = parseCloudflaredConfig(rendered, 'rendered');
      assert.deepEqual(config.ingress, JSON.parse(JSON.stringify(rules)));
      assert.equal(config.credentialsFile, credentialsFile);
      assert.deepEqual(config.settings.metrics, '127.0.0.1:0');
      assert.deepEqual(config.warnings, []);
    }),
    { numRuns: 60 },
  );
});

test('a rendered file looks like one a person would write', () => {
  const rendered = renderCloudflaredConfig({
    tunnel: 'id',
    credentialsFile: '/c.json',
    ingress: [
      { hostname: '*.a.test', service: 'https://x', originRequest: { connectTimeout: 90, noTLSVerify: true } },
      { service: 'http_status:404' },
    ],
    settings: { 'no-autoupdate': true },
  });
  assert.equal(
    rendered,
    `tunnel: "id"
credentials-file: "/c.json"
no-autoupdate: true
ingress:
  - hostname: "*.a.test"
    service: "https://x"
    originRequest:
      connectTimeout: "90s"
      noTLSVerify: true
  - service: "http_status:404"
`,
  );
});
