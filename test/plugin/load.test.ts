// Plugin folders on disk: the good, the broken, and what a broken one must not do.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { PluginError } from '../../src/errors.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { loadBuiltins } from '../../src/plugin/builtin.ts';
import { checkPlugin } from '../../src/plugin/check.ts';
import { loadPlugins } from '../../src/plugin/load.ts';

const logger = createSilentLogger();

/** Runs with a folder holding these files. */
async function withFiles(files: Readonly<Record<string, string>>, run: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'plugins-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(dir, path)), { recursive: true });
      await writeFile(join(dir, path), text);
    }
    await run(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function manifest(id: string, more = ''): string {
  return `id: ${id}\nname: ${id}\ncategory: test\naccess: { sensitivity: public-ok }\n${more}`;
}

const code = 'export default { route: (_service: unknown, defaults: unknown[]) => defaults };\n';

describe('a plugin folder', () => {
  test('is loaded with its manifest and code, hidden folders and files aside', () =>
    withFiles(
      {
        'a/plugin.yaml': manifest('a', 'match: { images: [x/y] }'),
        'b/plugin.yaml': manifest('b'),
        'b/plugin.ts': code,
        '.git/x': '',
        'README.md': '',
      },
      async (dir) => {
        const { plugins, diagnostics } = await loadPlugins({ builtinDir: dir, allowCode: false, logger });
        assert.deepEqual(diagnostics, []);
        assert.deepEqual(
          [...plugins].map(([id, plugin]) => [id, plugin.origin, plugin.code !== undefined]),
          [
            ['a', 'builtin', false],
            ['b', 'builtin', true],
          ],
        );
      },
    ));

  const broken: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
    ['without a manifest', { 'x/other': '' }, /there is no plugin\.yaml \(a plugin is a folder that holds one\)/],
    ['with no YAML', { 'x/plugin.yaml': 'id: [' }, /plugin\.yaml: /],
    ['with aliases', { 'x/plugin.yaml': 'a: &a [x]\nid: *a' }, /plugin\.yaml: /],
    [
      'with an unknown key',
      { 'x/plugin.yaml': manifest('x', 'matches: {}') },
      /unknown key "matches".*did you mean "match"/,
    ],
    ['without what it needs', { 'x/plugin.yaml': 'id: x' }, /required/],
    ['with a wild image', { 'x/plugin.yaml': manifest('x', 'match: { images: ["a b"] }') }, /images/],
    [
      'with a wild originRequest',
      { 'x/plugin.yaml': manifest('x', 'ingress: { originRequest: { noTlsVerify: true } }') },
      /unknown key "noTlsVerify"/,
    ],
    ['with another id', { 'x/plugin.yaml': manifest('y') }, /its id is "y", its folder "x"/],
    ['whose manifest is a folder', { 'x/plugin.yaml/y': '' }, /plugin\.yaml is no file/],
    ['of megabytes', { 'x/plugin.yaml': `${manifest('x')}# ${'x'.repeat(300_000)}` }, /longer than/],
    ['with code that does not parse', { 'x/plugin.yaml': manifest('x'), 'x/plugin.ts': 'export default {' }, /\S/],
    ['with code that throws', { 'x/plugin.yaml': manifest('x'), 'x/plugin.ts': 'throw "x";' }, /no error/],
    [
      'with code that exports nothing',
      { 'x/plugin.yaml': manifest('x'), 'x/plugin.ts': 'export const a = 1;' },
      /no default export/,
    ],
    [
      'with code that is no function',
      { 'x/plugin.yaml': manifest('x'), 'x/plugin.ts': 'export default { route: 1 };' },
      /no default export/,
    ],
  ];
  for (const [name, files, message] of broken) {
    test(`${name} is a diagnostic, and the others load`, () =>
      withFiles({ ...files, 'good/plugin.yaml': manifest('good') }, async (dir) => {
        const { plugins, diagnostics } = await loadPlugins({ builtinDir: dir, allowCode: true, logger });
        assert.ok(plugins.has('good') && plugins.get('good')?.problem === undefined);
        assert.deepEqual(
          diagnostics.map(({ code: found }) => found),
          ['E_PLUGIN_INVALID'],
        );
        assert.match(diagnostics[0]?.message ?? '', message);
        assert.ok(!plugins.has('x') || plugins.get('x')?.problem !== undefined);
      }));
  }

  test('with two plugins for one image is a warning', () =>
    withFiles(
      {
        'a/plugin.yaml': manifest('a', 'match: { images: [x/y] }'),
        'b/plugin.yaml': manifest('b', 'match: { images: [ghcr.io/x/y] }'),
      },
      async (dir) => {
        const { diagnostics } = await loadPlugins({ builtinDir: dir, allowCode: false, logger });
        assert.match(diagnostics[0]?.message ?? '', /a and b both match the image ghcr\.io\/x\/y; a is used/);
      },
    ));

  test('of ours that is not there at all is an error', async () => {
    await assert.rejects(loadPlugins({ builtinDir: '/nowhere/plugins', allowCode: false, logger }), PluginError);
  });

  test('gives durations in seconds', () =>
    withFiles({ 'a/plugin.yaml': manifest('a', 'ingress: { originRequest: { connectTimeout: 1m } }') }, async (dir) => {
      const { plugins } = await loadPlugins({ builtinDir: dir, allowCode: false, logger });
      assert.deepEqual(plugins.get('a')?.manifest.ingress?.originRequest, { connectTimeout: 60 });
    }));

  test('is loaded again after its code changed', () =>
    withFiles({ 'a/plugin.yaml': manifest('a'), 'a/plugin.ts': code }, async (dir) => {
      const load = async () => (await loadPlugins({ builtinDir: dir, allowCode: true, logger })).plugins.get('a')?.code;
      const first = await load();
      await writeFile(join(dir, 'a/plugin.ts'), 'export default { route: () => [] };\n');
      await utimes(join(dir, 'a/plugin.ts'), 1, 1);
      const second = await load();
      assert.notEqual(first, second);
    }));
});

describe("the user's plugin folder", () => {
  const ours = {
    'ours/app/plugin.yaml': manifest('app', 'match: { images: [x/y] }'),
    'ours/other/plugin.yaml': manifest('other'),
  };

  async function load(files: Readonly<Record<string, string>>, allowCode: boolean) {
    let result: Awaited<ReturnType<typeof loadPlugins>> | undefined;
    await withFiles({ ...ours, ...files }, async (dir) => {
      result = await loadPlugins({ builtinDir: join(dir, 'ours'), extraDir: join(dir, 'theirs'), allowCode, logger });
    });
    assert.ok(result !== undefined);
    return result;
  }

  test('adds plugins and takes the place of ours', async () => {
    const { plugins } = await load(
      { 'theirs/app/plugin.yaml': manifest('app', 'service: { port: 1 }'), 'theirs/new/plugin.yaml': manifest('new') },
      false,
    );
    assert.deepEqual(
      [...plugins].map(([id, { origin }]) => [id, origin]),
      [
        ['app', 'user'],
        ['other', 'builtin'],
        ['new', 'user'],
      ],
    );
    assert.equal(plugins.get('app')?.manifest.service?.port, 1);
  });

  test('with a broken override uses neither, and still knows which images it was for', async () => {
    const { plugins, diagnostics } = await load({ 'theirs/app/plugin.yaml': 'id: app' }, false);
    assert.match(plugins.get('app')?.problem ?? '', /required/);
    assert.deepEqual(plugins.get('app')?.manifest.match?.images, ['x/y']);
    assert.deepEqual(
      diagnostics.map(({ code: found }) => found),
      ['E_PLUGIN_INVALID'],
    );
    assert.equal(plugins.get('other')?.problem, undefined);
  });

  test('runs code only where that is allowed', async () => {
    const files = { 'theirs/new/plugin.yaml': manifest('new'), 'theirs/new/plugin.ts': code };
    assert.match((await load(files, false)).plugins.get('new')?.problem ?? '', /code is not allowed .*allow_code/);
    assert.ok((await load(files, true)).plugins.get('new')?.code !== undefined);
  });

  test('says of an override that it is one', async () => {
    const { plugins } = await load({ 'theirs/app/plugin.yaml': manifest('app') }, false);
    assert.deepEqual(
      ['app', 'other'].map((id) => plugins.get(id)?.overrides),
      [true, undefined],
    );
  });

  test('with more folders than anybody has is cut short, and says so', async () => {
    const many = Array.from({ length: 251 }, (_, at) => [
      `theirs/p${1000 + at}/plugin.yaml`,
      manifest(`p${1000 + at}`),
    ]);
    const { plugins, diagnostics } = await load(Object.fromEntries(many), false);
    assert.equal(plugins.size, 252);
    assert.match(diagnostics[0]?.message ?? '', /has 251 folders; only the first 250/);
  });

  test('that is missing is a diagnostic', async () => {
    const { plugins, diagnostics } = await load({}, false);
    assert.equal(plugins.size, 2);
    assert.match(diagnostics[0]?.message ?? '', /cannot be read .*theirs/);
  });
});

describe('what built-in manifests say', () => {
  const files = {
    'ours/a/plugin.yaml': manifest('a', 'service: { port: 1 }'),
    'ours/b/plugin.yaml': manifest('b'),
    'ours/b/plugin.ts': code,
  };
  const portsOf = (found: Awaited<ReturnType<typeof loadBuiltins>>) =>
    found.map((one) => [one.id, one.manifest?.service?.port, one.code !== undefined, one.problem]);

  test('is kept, and used as long as their text is the same', () =>
    withFiles(files, async (dir) => {
      const [ours, kept] = [join(dir, 'ours'), join(dir, 'kept.json')];
      const expected = [
        ['a', 1, false, undefined],
        ['b', undefined, true, undefined],
      ];
      assert.deepEqual(portsOf(await loadBuiltins(ours, kept)), expected);
      const text = await readFile(kept, 'utf8');
      assert.deepEqual(portsOf(await loadBuiltins(ours, kept)), expected);
      // What is kept is really what is used: another port in it comes out.
      await writeFile(kept, text.replace('"port":1', '"port":2'));
      assert.equal(portsOf(await loadBuiltins(ours, kept))[0]?.[1], 2);
      await writeFile(join(ours, 'a/plugin.yaml'), manifest('a', 'service: { port: 3 }'));
      assert.equal(portsOf(await loadBuiltins(ours, kept))[0]?.[1], 3);
    }));

  const damaged = ['', '{', 'null', '[]', '{"key":"x","manifests":[]}', '{"key":1,"manifests":{"a":1}}'];
  for (const text of damaged)
    test(`is parsed again where ${JSON.stringify(text)} is kept`, () =>
      withFiles({ ...files, 'kept.json': text }, async (dir) => {
        const found = await loadBuiltins(join(dir, 'ours'), join(dir, 'kept.json'));
        assert.equal(portsOf(found)[0]?.[1], 1);
      }));

  test('is not kept while one of them is broken, nor where nothing can be written', () =>
    withFiles({ ...files, 'ours/c/plugin.yaml': 'id: [' }, async (dir) => {
      const found = await loadBuiltins(join(dir, 'ours'), join(dir, 'kept.json'));
      assert.match(found.find(({ id }) => id === 'c')?.problem ?? '', /plugin\.yaml/);
      await assert.rejects(readFile(join(dir, 'kept.json')));
      assert.equal((await loadBuiltins(join(dir, 'ours'), join(dir, 'nowhere/kept.json'))).length, 3);
    }));
});

describe('checking a plugin', () => {
  const good = {
    'a/plugin.yaml': manifest('a', 'match: { images: [x/y] }'),
    'a/fixtures/default.yaml':
      'service: { id: docker/a, image: x/y, address: 10.0.0.2, ports: [{ number: 80, protocol: tcp }], hints: { access: f } }\nsettings: { domain: d.example }\n---\nentries: [{ hostname: a.d.example, service: "http://10.0.0.2:80", access: { policy: f } }]\ndiagnostics: []\n',
  };

  async function problems(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
    let found: readonly string[] = ['not checked'];
    await withFiles(files, async (dir) => {
      ({ problems: found } = await checkPlugin(join(dir, 'a')));
    });
    return found;
  }

  test('finds nothing wrong with a good one', async () => assert.deepEqual(await problems(good), []));

  const bad: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
    ['a broken manifest', { 'a/plugin.yaml': 'id: a' }, /required/],
    ['no fixture', { 'a/plugin.yaml': manifest('a') }, /there is no fixture/],
    [
      'another outcome',
      { ...good, 'a/plugin.yaml': manifest('a', 'match: { images: [x/y] }\nservice: { protocol: https }') },
      /entries: expected .*http:.* got .*https:/,
    ],
    ['one document', { ...good, 'a/fixtures/default.yaml': 'service: {}' }, /two YAML documents/],
    ['no YAML', { ...good, 'a/fixtures/default.yaml': 'a: [\n---\nb: 1' }, /fixtures\/default\.yaml: /],
    [
      'a fixture with an unknown key',
      {
        ...good,
        'a/fixtures/default.yaml':
          'service: { id: a/b, adress: x }\nsettings: { domain: d }\n---\nentries: []\ndiagnostics: []',
      },
      /unknown key "adress"/,
    ],
  ];
  for (const [name, files, message] of bad)
    test(`finds ${name}`, async () => assert.match((await problems(files)).join('\n'), message));
});
