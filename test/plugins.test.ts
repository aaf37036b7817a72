// Every plugin folder at once: schema, id, fixtures, notes, presets, icons, and no two for one image; and the catalogue as a whole.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bypassesAll, bypassPath } from '../src/ingress/bypass-path.ts';
import { createSilentLogger } from '../src/logger.ts';
import { checkPlugin } from '../src/plugin/check.ts';
import { loadIcon } from '../src/plugin/icon.ts';
import { loadPlugins } from '../src/plugin/load.ts';
import { notesFor } from '../src/plugin/notes.ts';
import { allPresets } from '../src/plugin/presets.ts';
import { createSelector } from '../src/plugin/select.ts';
import { serviceOf } from './plugin/sample.ts';

const dir = join(dirname(dirname(fileURLToPath(import.meta.url))), 'plugins');
const ids = readdirSync(dir, { withFileTypes: true })
  .filter((item) => item.isDirectory())
  .map((item) => item.name);
const catalogue = loadPlugins({ builtinDir: dir, allowCode: false, logger: createSilentLogger() });

describe('the plugin', () => {
  for (const id of ids) {
    test(`${id} has a valid manifest, and its fixtures come out as written`, async () => {
      const { problems, fixtures } = await checkPlugin(join(dir, id));
      assert.deepEqual(problems, []);
      assert.ok(fixtures > 0);
    });
  }
});

test('all plugins load, each with something to tell its users, and no image belongs to two', async () => {
  const { plugins, diagnostics } = await catalogue;
  assert.deepEqual(diagnostics, []);
  assert.deepEqual([...plugins.keys()].toSorted(), ids.toSorted());
  for (const { manifest } of plugins.values())
    assert.ok((manifest.notes ?? []).length > 0, `${manifest.id} has no notes`);
});

test('the plugins that everything else relies on are there', () => {
  for (const id of ['generic', 'grafana', 'immich', 'ssh']) assert.ok(ids.includes(id), id);
});

describe('in the catalogue', () => {
  test('are at least 120 apps', () => assert.ok(ids.length > 120, String(ids.length)));

  test('whatever needs care says why', async () => {
    for (const { manifest } of (await catalogue).plugins.values()) {
      const { sensitivity, reason } = manifest.access;
      const isCareful = sensitivity === 'admin' || sensitivity === 'never';
      assert.ok(!isCareful || reason !== undefined || manifest.id === 'ssh', manifest.id);
    }
  });

  test('every preset opens what an Access application can say, and never the whole site', async () => {
    for (const { manifest } of (await catalogue).plugins.values()) {
      const presets = allPresets(manifest);
      assert.equal(new Set(presets.map(({ name }) => name)).size, presets.length, manifest.id);
      for (const path of presets.flatMap(({ paths }) => paths))
        assert.ok(bypassPath(path) !== undefined && !bypassesAll(path), `${manifest.id} ${path}`);
    }
  });

  test('every placeholder is the hostname', async () => {
    for (const { manifest } of (await catalogue).plugins.values())
      for (const note of notesFor(manifest, 'a.example.com')) assert.doesNotMatch(note, /\{[a-z]+\}/, manifest.id);
  });

  test('every icon that is named exists', async () => {
    const named = [...(await catalogue).plugins.values()].filter(({ manifest }) => manifest.icon !== undefined);
    for (const { manifest } of named) assert.match(await loadIcon(manifest), /<path d="/, manifest.id);
    assert.ok(named.length > 100);
  });

  test('no usual port is also one to avoid', async () => {
    for (const { manifest } of (await catalogue).plugins.values()) {
      const { port, alternatives = [], avoid = [] } = manifest.service ?? {};
      for (const usual of [port, ...alternatives.map((other) => other.port)])
        assert.ok(usual === undefined || !avoid.includes(usual), `${manifest.id} ${usual}`);
    }
  });
});

describe('an image', () => {
  const images: readonly (readonly [string, string])[] = [
    ['grafana/grafana-oss', 'grafana'],
    ['ghcr.io/immich-app/immich-server', 'immich'],
    ['ghcr.io/immich-app/immich-machine-learning', 'immich-machine-learning'],
    ['ghcr.io/immich-app/postgres', 'postgres'],
    ['lscr.io/linuxserver/plex', 'plex'],
    ['lscr.io/linuxserver/nextcloud', 'nextcloud'],
    ['nextcloud', 'nextcloud'],
    ['docker.io/library/redis', 'redis'],
    ['bitnami/redis', 'redis'],
    ['quay.io/keycloak/keycloak', 'keycloak'],
    ['docker.n8n.io/n8nio/n8n', 'n8n'],
    ['ghcr.io/home-assistant/qemux86-64-homeassistant', 'home-assistant'],
    ['tecnativa/docker-socket-proxy', 'docker-socket-proxy'],
    ['somebody/docker-socket-proxy', 'docker-socket-proxy'],
    ['ghcr.io/seerr-team/seerr', 'seerr'],
    ['example/nextcloud-exporter', 'generic'],
    ['addon/grafana', 'grafana'],
    ['addon/bitwarden', 'vaultwarden'],
    ['constructor', 'generic'],
    ['__proto__/constructor', 'generic'],
    ['*', 'generic'],
    [`${'a/'.repeat(100_000)}grafana`, 'generic'],
  ];
  for (const [image, id] of images)
    test(`${image.slice(0, 60)} is ${id}`, async () => {
      const selected = createSelector((await catalogue).plugins)(serviceOf({ image }), {});
      assert.ok('plugin' in selected);
      assert.equal(selected.plugin.manifest.id, id);
    });
});
