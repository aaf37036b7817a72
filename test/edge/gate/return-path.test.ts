// Nobody is led anywhere else after a login.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { returnPath } from '../../../src/edge/gate/return-path.ts';

for (const [target, expected] of [
  ['/a/b?c=d', '/a/b?c=d'],
  ['/', '/'],
  ['/a%2Fb', '/a%2Fb'],
  [undefined, '/'],
  ['', '/'],
  ['//evil.test', '/'],
  ['/\\evil.test', '/'],
  ['/a\\b', '/'],
  ['/\t/evil.test', '/'],
  ['\t//evil.test', '/'],
  ['https://evil.test/', '/'],
  ['javascript:alert(1)', '/'],
  ['/..//evil.test', '/'],
  ['/.//evil.test', '/'],
  ['/a/../..//evil.test', '/'],
  ['/a\r\nset-cookie: x=y', '/'],
  ['/cdn-cgi/access/logout', '/'],
  ['/x/../cdn-cgi/access/logout', '/'],
  [`/${'a'.repeat(3_000)}`, '/'],
] as const)
  test(`${JSON.stringify(target)?.slice(0, 40)} leads to ${expected}`, () =>
    assert.equal(returnPath(target), expected));

test('whatever is asked for, the host stays', () => {
  const piece = fc.constantFrom('/', '\\', '.', '..', '@', ':', 'evil.test', '\t', '%2f', '?', '#', 'https:');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const url = new URL(returnPath(pieces.join('')), 'https://app.test');
      assert.equal(url.host, 'app.test');
    }),
  );
});
