// Which plugin a service belongs to.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ServiceHints } from '../../src/model.ts';
import type { LoadedPlugin } from '../../src/plugin/catalogue.ts';
import { imageKey } from '../../src/plugin/image.ts';
import { createSelector } from '../../src/plugin/select.ts';
import { catalogueOf, pluginOf, serviceOf } from './sample.ts';

const catalogue = catalogueOf(
  pluginOf('grafana', { match: { images: ['grafana/grafana'] }, access: { sensitivity: 'protect' } }),
  pluginOf('immich', { match: { images: ['ghcr.io/immich-app/immich-server'] } }),
  pluginOf('nginx', { match: { images: ['nginx'] } }),
  pluginOf('ssh', {
    match: { images: ['*/sshd', 'linuxserver/openssh-*'], protocols: ['ssh'] },
    access: { sensitivity: 'admin' },
  }),
);

function select(
  image: string | undefined,
  hints: ServiceHints = {},
  plugins: ReadonlyMap<string, LoadedPlugin> = catalogue.plugins,
) {
  return createSelector(plugins)(serviceOf(image === undefined ? {} : { image }), hints);
}

function idOf(result: ReturnType<typeof select>): string {
  return 'problem' in result ? result.problem : result.plugin.manifest.id;
}

describe('by image', () => {
  const cases: readonly (readonly [string | undefined, string])[] = [
    ['grafana/grafana', 'grafana'],
    ['quay.io/grafana/grafana', 'grafana'],
    ['registry.lan:5000/mirror/grafana/grafana', 'grafana'],
    ['Grafana/Grafana', 'grafana'],
    ['grafana/loki', 'generic'],
    ['someone/grafana', 'generic'],
    ['grafana', 'generic'],
    ['ghcr.io/immich-app/immich-server', 'immich'],
    ['immich-app/immich-server', 'immich'],
    ['other/immich-server', 'generic'],
    ['nginx', 'nginx'],
    ['localhost/nginx', 'nginx'],
    ['someone/nginx', 'generic'],
    ['anyone/sshd', 'ssh'],
    ['a/b/sshd', 'ssh'],
    ['anyone/my-sshd', 'generic'],
    ['linuxserver/openssh-server', 'ssh'],
    [undefined, 'generic'],
  ];
  for (const [image, expected] of cases)
    test(`${image} is ${expected}`, () => assert.equal(idOf(select(image)), expected));

  test("a user's plugin comes before a built-in for the same image", () => {
    const own = pluginOf('mine', { match: { images: ['grafana/grafana'] } }, { origin: 'user' });
    const plugins = new Map([...catalogue.plugins, ['mine', own]]);
    assert.equal(idOf(select('grafana/grafana', {}, plugins)), 'mine');
  });

  test('an official image has one segment', () => {
    assert.deepEqual(['nginx', 'docker.io/nginx', 'a/nginx'].map(imageKey), ['nginx', 'nginx', 'a/nginx']);
  });
});

describe('by label', () => {
  test('a plugin that is named is it, whatever the image', () => {
    assert.equal(idOf(select('nginx', { plugin: 'grafana' })), 'grafana');
  });

  test('none is the generic one, and no less careful than the image asks for', () => {
    const result = select('anyone/sshd', { plugin: 'none' });
    assert.ok('plugin' in result);
    assert.deepEqual([idOf(result), result.known, result.sensitivity], ['generic', false, 'admin']);
  });

  test('another plugin makes an image no less sensitive', () => {
    const result = select('grafana/grafana', { plugin: 'nginx' });
    assert.ok('plugin' in result);
    assert.equal(result.sensitivity, 'protect');
  });

  test('a plugin that does not exist is a problem, with the nearest one named', () => {
    assert.deepEqual(select('nginx', { plugin: 'grafanna' }), {
      problem: 'there is no plugin "grafanna"',
      hint: 'did you mean grafana?',
    });
  });
});

describe('by protocol', () => {
  test('where no image does', () => {
    assert.equal(idOf(select('example/box', { protocol: 'ssh' })), 'ssh');
    assert.equal(idOf(select('nginx', { protocol: 'ssh' })), 'nginx');
    assert.equal(idOf(select('example/box', { protocol: 'ssh', plugin: 'none' })), 'generic');
  });
});

test('without a generic plugin nothing that is unknown can be routed', () => {
  assert.match(idOf(select('example/box', {}, new Map())), /generic one did not load/);
});
