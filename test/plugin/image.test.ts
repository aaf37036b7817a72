// What of an image's name counts, and patterns that no name can make expensive.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { compileGlob, imageKey } from '../../src/plugin/image.ts';

describe('of an image counts', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['nginx', 'nginx'],
    ['library/nginx', 'nginx'],
    ['docker.io/library/nginx', 'nginx'],
    ['mirror.gcr.io/library/postgres', 'postgres'],
    ['registry.local:5000/redis', 'redis'],
    ['localhost/grafana/grafana', 'grafana/grafana'],
    ['ghcr.io/henrygd/beszel/beszel', 'beszel/beszel'],
    ['LSCR.io/LinuxServer/Plex', 'linuxserver/plex'],
    ['__proto__', '__proto__'],
    ['', undefined],
    ['x'.repeat(200_000), undefined],
  ];
  for (const [image, key] of cases)
    test(`${image.slice(0, 40) || 'nothing'}: ${key ?? 'nothing'}`, () => assert.equal(imageKey(image), key));
});

describe('a pattern', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['*/redis', 'bitnami/redis', true],
    ['*/redis', 'redis', false],
    ['*/redis', 'a/redis-stack', false],
    ['*/*-homeassistant', 'home-assistant/qemux86-homeassistant', true],
    ['home-assistant/*-homeassistant', 'home-assistant/homeassistant', false],
    ['kasmweb/*', 'kasmweb/chrome', true],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['*', 'nginx', true],
    ['*', 'a/b', false],
    ['a.c', 'abc', false],
    ['a*b*c', 'axxbyyc', true],
    ['a*b*c', 'axxcyyb', false],
    ['a*bc*c', 'abc', false],
  ];
  for (const [pattern, key, expected] of cases)
    test(`${pattern} ${expected ? 'fits' : 'does not fit'} ${key}`, () =>
      assert.equal(compileGlob(pattern)(key), expected));

  test('fits exactly what the same pattern as a regular expression fits', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '*', '/'), maxLength: 8 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 12 });
    fc.assert(
      fc.property(word, text, (pattern, key) => {
        const expected = new RegExp(`^${pattern.replaceAll('*', '[^/]*')}$`).test(key);
        assert.equal(compileGlob(pattern)(key), expected);
      }),
    );
  });

  test('made of nothing but stars is done at once, whatever it is tried on', () => {
    const matches = compileGlob(`${'a*'.repeat(120)}b/${'*a'.repeat(120)}c`);
    assert.equal(matches(`${'a'.repeat(255)}/${'a'.repeat(255)}`), false);
  });
});
