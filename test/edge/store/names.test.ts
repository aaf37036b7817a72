// Names of records: completion, normalisation, and which wildcard covers what.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  contentOfTunnel,
  coveringWildcards,
  isInZone,
  normalizeName,
  recordName,
  tunnelOfContent,
} from '../../../src/edge/store/names.ts';

const long = 'a'.repeat(63);

const names: { input: string; zone?: string; want: string | undefined }[] = [
  { input: 'grafana', want: 'grafana.example.com' },
  { input: 'Grafana.Example.COM.', want: 'grafana.example.com' },
  { input: '@', want: 'example.com' },
  { input: 'example.com', want: 'example.com' },
  { input: '*', want: '*.example.com' },
  { input: '*.dev', want: '*.dev.example.com' },
  { input: '_acme-challenge.a', want: '_acme-challenge.a.example.com' },
  { input: 'a.example.net', want: 'a.example.net.example.com' },
  { input: 'notexample.com', want: 'notexample.com.example.com' },
  { input: 'bücher', want: 'xn--bcher-kva.example.com' },
  { input: 'hello', zone: 'localhost', want: 'hello.localhost' },
  { input: `${long}`, want: `${long}.example.com` },
  { input: `${long}a`, want: undefined },
  { input: `${long}.${long}.${long}.${long}`, want: undefined },
  { input: '', want: undefined },
  { input: '.', want: undefined },
  { input: 'a..b', want: undefined },
  { input: 'a b', want: undefined },
  { input: 'a\u0000b', want: undefined },
  { input: '-a', want: undefined },
  { input: 'a.*.b', want: undefined },
  { input: '*a', want: undefined },
  { input: '**', want: undefined },
  { input: 'http://a', want: undefined },
  { input: 'a:80', want: undefined },
];

for (const { input, zone = 'example.com', want } of names) {
  test(`the record name ${JSON.stringify(input.slice(0, 40))} in ${zone} is ${want?.slice(0, 40) ?? 'refused'}`, () => {
    assert.equal(recordName(input, zone), want);
  });
}

test('whatever is sent as a name is refused or lies in the zone, in its final form', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.domain(), fc.string({ unit: 'grapheme' })), (input) => {
      const name = recordName(input, 'example.com');
      if (name === undefined) return;
      assert.ok(isInZone(name, 'example.com'));
      assert.ok(name.length <= 253);
      assert.equal(normalizeName(name, { wildcard: true }), name);
    }),
  );
});

test('a wildcard is no host name where none is allowed', () => {
  assert.equal(normalizeName('*.example.com', { wildcard: false }), undefined);
});

test('the content of a CNAME to a tunnel names that tunnel, and nothing else does', () => {
  const id = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
  assert.equal(tunnelOfContent(contentOfTunnel(id)), id);
  for (const content of [`x${id}.cfargotunnel.com`, `${id}.cfargotunnel.com.evil.example`, `${id}.example.com`, id])
    assert.equal(tunnelOfContent(content), undefined, content);
});

test('the closest covering wildcard comes first', () => {
  assert.deepEqual([...coveringWildcards('a.b.example.com')], ['*.b.example.com', '*.example.com', '*.com']);
  assert.deepEqual([...coveringWildcards('localhost')], []);
});
