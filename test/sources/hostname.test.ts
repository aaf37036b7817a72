// Hostnames out of untrusted text.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { dnsLabel, parseHostname } from '../../src/sources/hostname.ts';

describe('a hostname', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['grafana', 'grafana'],
    ['Grafana.Example.COM', 'grafana.example.com'],
    ['a.b.', 'a.b'],
    ['*.example.com', '*.example.com'],
    ['münchen.example', 'xn--mnchen-3ya.example'],
    ['1password', '1password'],
    ['', undefined],
    ['.', undefined],
    ['*', undefined],
    ['*.', undefined],
    ['a.*.b', undefined],
    ['a..b', undefined],
    ['-a', undefined],
    ['a-', undefined],
    ['a_b', undefined],
    ['a b', undefined],
    ['a/b', undefined],
    ['a:80', undefined],
    ['http://a', undefined],
    ['a%41', undefined],
    ['127.0.0.1', undefined],
    ['a.1', undefined],
    ['12', undefined],
    ['[::1]', undefined],
    [`${'a'.repeat(64)}.b`, undefined],
    [`${'a.'.repeat(126)}a`, undefined],
    ['a\u0000b', undefined],
    ['exa\u200bmple.com', undefined],
  ];
  for (const [text, expected] of cases)
    test(`${JSON.stringify(text.slice(0, 40))} is ${expected}`, () => assert.equal(parseHostname(text), expected));

  test('that is accepted means the same to a URL parser', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.domain(), fc.stringMatching(/^[a-z0-9.*-]{1,20}$/)),
        (text) => {
          const hostname = parseHostname(text);
          if (hostname === undefined || hostname.startsWith('*.')) return;
          assert.equal(new URL(`http://${hostname}/`).hostname, hostname);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('a label made of a name', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['grafana', 'grafana'],
    ['immich_server', 'immich-server'],
    ['My.App_1', 'my-app-1'],
    ['--x--', 'x'],
    ['x'.repeat(100), 'x'.repeat(63)],
    [`${'x'.repeat(62)}_y`, 'x'.repeat(62)],
    ['42', 's42'],
    ['___', undefined],
    ['', undefined],
    ['日本', undefined],
  ];
  for (const [name, expected] of cases)
    test(`${JSON.stringify(name.slice(0, 40))} is ${expected?.slice(0, 20)}`, () =>
      assert.equal(dnsLabel(name), expected));

  test('is always one a hostname may have', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const label = dnsLabel(name);
        if (label !== undefined) assert.equal(parseHostname(label), label);
      }),
    );
  });
});
