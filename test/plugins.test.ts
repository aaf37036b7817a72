// Every plugin folder at once: schema, id, fixtures, notes, and no two for one image.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createSilentLogger } from '../src/logger.ts';
import { checkPlugin } from '../src/plugin/check.ts';
import { loadPlugins } from '../src/plugin/load.ts';

const dir = join(dirname(dirname(fileURLToPath(import.meta.url))), 'plugins');
const ids = readdirSync(dir, { withFileTypes: true })
  .filter((item) => item.isDirectory())
  .map((item) => item.name);

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
  const { plugins, diagnostics } = await loadPlugins({
    builtinDir: dir,
    allowCode: false,
    logger: createSilentLogger(),
  });
  assert.deepEqual(diagnostics, []);
  assert.deepEqual([...plugins.keys()].toSorted(), ids.toSorted());
  for (const { manifest } of plugins.values())
    assert.ok((manifest.notes ?? []).length > 0, `${manifest.id} has no notes`);
});

test('the plugins that everything else relies on are there', () => {
  for (const id of ['generic', 'grafana', 'immich', 'ssh']) assert.ok(ids.includes(id), id);
});
