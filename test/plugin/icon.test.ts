// Icons of apps: from the package, from a manifest, and the letters where there is neither.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { drawLetters, drawPath, loadIcon } from '../../src/plugin/icon.ts';
import { pluginOf } from './sample.ts';

describe('an icon', () => {
  test('comes from the package by its name', async () => {
    const svg = await loadIcon(pluginOf('grafana', { icon: 'grafana', name: 'Grafana' }).manifest);
    assert.match(svg, /^<svg [^>]+><title>Grafana<\/title><path d="M[\d.\s\-a-zA-Z,]+"\/><\/svg>\n$/);
  });

  test('comes from the manifest', async () => {
    const svg = await loadIcon(pluginOf('x', { icon: { path: 'M0 0h24v24H0z' } }).manifest);
    assert.match(svg, /<path d="M0 0h24v24H0z"\/>/);
  });

  const without = [undefined, 'nosuchicon', '../../../package', ''];
  for (const icon of without)
    test(`that is ${JSON.stringify(icon) ?? 'not named'} becomes letters`, async () => {
      const svg = await loadIcon(
        pluginOf('x', { name: 'Uptime Kuma', ...(icon === undefined ? {} : { icon }) }).manifest,
      );
      assert.match(svg, />UK<\/text>/);
    });

  const letters: readonly (readonly [string, string])[] = [
    ['ntfy', 'N'],
    ['Apache Guacamole proxy', 'AG'],
    ['2FAuth', '2'],
    ['Baïkal', 'B'],
    ['…', ''],
  ];
  for (const [name, expected] of letters)
    test(`of ${name} has the letters "${expected}"`, () =>
      assert.ok(drawLetters(name).includes(`>${expected}</text>`)));

  test('cannot smuggle markup in', () => {
    assert.doesNotMatch(drawLetters('<script>alert(1)</script>'), /<script/);
    assert.doesNotMatch(drawPath('M0"/><script>', '"><script>'), /<script/);
  });
});
