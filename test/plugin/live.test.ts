// A user's plugins while the program runs: edited, broken, mended, removed.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { createLivePlugins, type LivePlugins } from '../../src/plugin/live.ts';

const code = (says: string) =>
  `export default { route(_service, _defaults, context) { context.warn('${says}'); return []; } };\n`;

function manifest(id: string, port: number): string {
  return `id: ${id}\nname: ${id}\ncategory: test\nservice: { port: ${port} }\naccess: { sensitivity: public-ok }\n`;
}

/** A folder of the user's with these files, beside one of ours with one plugin; `allowCode` as the settings would. */
async function withPlugins(
  files: Readonly<Record<string, string>>,
  allowCode: boolean,
  run: (plugins: LivePlugins, write: (path: string, text: string) => Promise<void>, dir: string) => Promise<void>,
): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'live-plugins-'));
  let count = 0;
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    // Another file each time, so that even two writes within one tick of the clock are told apart.
    await writeFile(join(dir, `fresh-${++count}`), text);
    await rename(join(dir, `fresh-${count}`), join(dir, path));
  };
  try {
    await write('ours/app/plugin.yaml', manifest('app', 80));
    await mkdir(join(dir, 'theirs'));
    for (const [path, text] of Object.entries(files)) await write(`theirs/${path}`, text);
    const plugins = await createLivePlugins({
      builtinDir: join(dir, 'ours'),
      extraDir: join(dir, 'theirs'),
      allowCode,
      logger: createSilentLogger(),
      clock: systemClock,
      intervalMs: 5,
    });
    await run(plugins, write, dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function look(plugins: LivePlugins): Promise<void> {
  await plugins.source.list(new AbortController().signal);
}

function portOf(plugins: LivePlugins, id: string): number | undefined {
  return plugins.catalogue().plugins.get(id)?.manifest.service?.port;
}

describe('a plugin of the user', () => {
  test('is there from the next look on, and gone with its folder', () =>
    withPlugins({}, false, async (plugins, write, dir) => {
      assert.equal(portOf(plugins, 'mine'), undefined);
      await write('theirs/mine/plugin.yaml', manifest('mine', 1));
      await look(plugins);
      assert.equal(portOf(plugins, 'mine'), 1);
      await rm(join(dir, 'theirs/mine'), { recursive: true });
      await look(plugins);
      assert.equal(portOf(plugins, 'mine'), undefined);
    }));

  test('is told of when its folder changed', () =>
    withPlugins({}, false, async (plugins, write) => {
      const stop = new AbortController();
      const told = Promise.withResolvers<string>();
      const watching = plugins.source.watch(told.resolve, stop.signal);
      await write('theirs/mine/plugin.yaml', manifest('mine', 1));
      assert.match(await told.promise, /plugins: the folder changed/);
      stop.abort();
      await watching;
    }));

  test('that does not change leaves the catalogue the same object', () =>
    withPlugins({ 'mine/plugin.yaml': manifest('mine', 1) }, false, async (plugins) => {
      const before = plugins.catalogue();
      await look(plugins);
      assert.equal(plugins.catalogue(), before);
    }));

  test('keeps its last good version while it is broken, and says so', () =>
    withPlugins({ 'mine/plugin.yaml': manifest('mine', 1) }, false, async (plugins, write) => {
      await write('theirs/mine/plugin.yaml', 'id: [');
      await look(plugins);
      assert.equal(portOf(plugins, 'mine'), 1);
      const [found] = plugins.catalogue().diagnostics;
      assert.equal(found?.severity, 'warning');
      assert.match(found?.message ?? '', /mine .*cannot be used as it is now, and its last good version stays/);
      assert.equal(plugins.catalogue().plugins.get('mine')?.problem, undefined);
      assert.match(plugins.catalogue().plugins.get('mine')?.staleBecause ?? '', /plugin\.yaml/);

      await write('theirs/mine/plugin.yaml', 'id: [[');
      await look(plugins);
      assert.equal(portOf(plugins, 'mine'), 1, 'broken twice');

      await write('theirs/mine/plugin.yaml', manifest('mine', 2));
      await look(plugins);
      assert.equal(portOf(plugins, 'mine'), 2);
      assert.equal(plugins.catalogue().plugins.get('mine')?.staleBecause, undefined);
      assert.deepEqual(plugins.catalogue().diagnostics, []);
    }));

  test('that was never good has no version to keep', () =>
    withPlugins({ 'mine/plugin.yaml': 'id: [' }, false, async (plugins, write) => {
      await write('theirs/mine/plugin.yaml', 'id: [[');
      await look(plugins);
      assert.equal(portOf(plugins, 'mine'), undefined);
      assert.equal(plugins.catalogue().diagnostics[0]?.severity, 'error');
    }));

  test('whose code breaks keeps the code it had', () =>
    withPlugins(
      { 'mine/plugin.yaml': manifest('mine', 1), 'mine/plugin.js': code('first') },
      true,
      async (plugins, write) => {
        const first = plugins.catalogue().plugins.get('mine')?.code;
        assert.ok(first !== undefined);
        await write('theirs/mine/plugin.js', 'export default {');
        await look(plugins);
        assert.equal(plugins.catalogue().plugins.get('mine')?.code, first);
      },
    ));

  test('that gets code where none is allowed keeps what it was without', () =>
    withPlugins({ 'mine/plugin.yaml': manifest('mine', 1) }, false, async (plugins, write) => {
      await write('theirs/mine/plugin.js', code('never'));
      await look(plugins);
      assert.equal(portOf(plugins, 'mine'), 1);
      assert.equal(plugins.catalogue().plugins.get('mine')?.code, undefined);
      assert.match(plugins.catalogue().diagnostics[0]?.message ?? '', /code is not allowed/);
    }));

  test('that overrides ours stays in its place while the whole folder cannot be read', () =>
    withPlugins({ 'app/plugin.yaml': manifest('app', 1) }, false, async (plugins, _write, dir) => {
      assert.equal(plugins.catalogue().plugins.get('app')?.overrides, true);
      await rename(join(dir, 'theirs'), join(dir, 'away'));
      await look(plugins);
      assert.equal(portOf(plugins, 'app'), 1);
      assert.match(plugins.catalogue().diagnostics[0]?.message ?? '', /cannot be read .*stays in use/);

      await rename(join(dir, 'away'), join(dir, 'theirs'));
      await look(plugins);
      assert.deepEqual(plugins.catalogue().diagnostics, []);
      await rm(join(dir, 'theirs/app'), { recursive: true });
      await look(plugins);
      assert.equal(portOf(plugins, 'app'), 80, 'ours again');
    }));
});
