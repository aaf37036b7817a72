// Manifests of strangers: what is wrong is said, and nothing takes longer than it is long.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AppError } from '../../src/errors.ts';
import { parseManifest } from '../../src/plugin/manifest.ts';

const head = 'id: x\nname: X\ncategory: test\naccess: { sensitivity: protect }\n';

function problemOf(text: string): string {
  try {
    parseManifest(text, 'x', 'plugin.yaml');
    return 'none';
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    return error.message;
  }
}

describe('a manifest', () => {
  test('may say all there is to say', () => {
    const text = `${head.replace(' }', ', reason: r, serviceToken: t, presets: [{ name: a, opens: o, why: w, guard: tokens, risk: r, paths: [/a/] }] }')}icon: grafana
match: { images: ['*/x'], protocols: [ssh], addon: x }
service: { port: 1, protocol: http, alternatives: [{ port: 2, protocol: https }], avoid: [3], health: { path: / } }
needs: [websockets, uploads, streaming, long-requests]
notes: [{ text: t }]
diagnose: [{ code: c, severity: info, when: { path: /, status: [400], headers: { server: x }, body: [y] }, message: m, hint: h }]
`;
    assert.equal(problemOf(text), 'none');
  });

  const wrong: readonly (readonly [string, string, RegExp])[] = [
    ['that writes a key twice', `${head}name: Y\n`, /the key "name" is written twice/],
    [
      'that writes a key twice further down',
      `${head}service: { port: 1, port: 2 }\n`,
      /the key "port" is written twice/,
    ],
    ['with a path for an icon that is none', `${head}icon: { path: 'M0"/><script>' }\n`, /icon/],
    ['with an icon from elsewhere', `${head}icon: ../../secret\n`, /icon/],
    ['that would open the whole site', preset('/*'), /paths/],
    ['that would open the whole site in pieces', preset('/*/*/'), /paths/],
    ['that would open it in short', head.replace(' }', ', suggestBypass: [/] }'), /suggestBypass/],
    [
      'that has the connector dial what a visitor asks for',
      `${head}ingress: { originRequest: { bastionMode: true } }\n`,
      /bastionMode leads elsewhere/,
    ],
    [
      'that reads a file of this machine',
      `${head}ingress: { originRequest: { caPool: /etc/shadow } }\n`,
      /caPool leads elsewhere/,
    ],
    ['with a preset without a path', preset(''), /paths/],
    ['with a rule that holds always', `${head}diagnose: [{ code: c, when: {}, message: m }]\n`, /when/],
    ['with a path of ten segments', `${head}match: { images: [${'a/'.repeat(10)}a] }\n`, /images/],
    ['that is no YAML, with the line', `${head}notes: [\n`, /at line \d+, column \d+$/],
    ['with aliases', `${head.replace('X', '&a X')}homepage: *a\n`, /plugin\.yaml: /],
    ['that is nested without end', '['.repeat(30_000), /nested too deeply/],
    [
      'of a thousand thousand keys',
      Array.from({ length: 9_000 }, (_, at) => `k${at}:`).join('\n'),
      /unknown key|required/,
    ],
    ['with prototype keys', `${head}__proto__: { a: 1 }\n`, /unknown key|__proto__/],
    ['that is no mapping', '- a\n', /object/],
    ['that is nothing', '', /object/],
    ['that is too long', `${head}# ${'x'.repeat(70_000)}`, /longer than/],
  ];
  for (const [name, text, message] of wrong) test(`${name} is refused`, () => assert.match(problemOf(text), message));
});

function preset(path: string): string {
  const one = `{ name: a, opens: o, why: w, guard: nothing, paths: ['${path}'] }`;
  return head.replace(' }', `, presets: [${one}] }`);
}
