// Reads the repository and checks what no compiler does: who imports whom, what is pure, doc lines, headers and names.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  docFindings,
  exportFindings,
  headerFindings,
  importsOf,
  layerFindings,
  lockFindings,
  nameFindings,
  pluginFindings,
  purityFindings,
  type TreeFile,
  unfinishedFindings,
} from './tree-rules.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The architecture's pure files; others are pure because their header says so. */
const pureFiles = [
  'src/dns/ownership.ts',
  'src/edge/visitors/router.ts',
  'src/errors.ts',
  'src/ingress/compile.ts',
  'src/ingress/match.ts',
  'src/ingress/path-pattern.ts',
  'src/ingress/service-url.ts',
  'src/ingress/validate.ts',
  'src/model.ts',
  'src/nearest.ts',
  'src/plan/diff.ts',
  'src/plan/policy.ts',
  'src/plugin/access.ts',
  'src/plugin/route.ts',
  'src/plugin/select.ts',
  'src/settings/duration.ts',
  'src/settings/environment.ts',
  'src/sources/docker-address.ts',
  'src/sources/docker-container.ts',
  'src/sources/docker-identity.ts',
  'src/sources/docker-services.ts',
  'src/sources/docker-labels.ts',
  'src/sources/hostname.ts',
];

/** Every file's path but those of dot-folders, installed packages and what the program leaves behind. */
function listPaths(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((item) => {
    const full = join(folder, item.name);
    if (!item.isDirectory()) return [relative(root, full).split(sep).join('/')];
    const isSkipped = item.name.startsWith('.') || item.name === 'node_modules' || item.name === 'coverage';
    return isSkipped ? [] : listPaths(full);
  });
}

const paths = listPaths(root);
const files: readonly TreeFile[] = paths
  .filter((path) => /^(?:src|addon|plugins|test)\/.*\.(?:ts|mjs|js)$/.test(path))
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));

describe('the repository', () => {
  test('the files were found at all', () => {
    assert.ok(files.some((file) => file.path === 'src/model.ts'));
    assert.ok(paths.includes('package.json'));
  });
  test('nobody imports whom the architecture forbids', () => assert.deepEqual(layerFindings(files), []));
  test('pure files stay pure', () => assert.deepEqual(purityFindings(files, pureFiles), []));
  test('plugins import nothing of ours at run time', () => assert.deepEqual(pluginFindings(files), []));
  test('every export has a doc line', () => assert.deepEqual(docFindings(files), []));
  test('every module has a header line', () => assert.deepEqual(headerFindings(files), []));
  test('names say something, and only the root has a config file', () => assert.deepEqual(nameFindings(paths), []));
  test('only plugins have a default export', () => assert.deepEqual(exportFindings(files), []));
  test('nothing is left for later in a comment', () => assert.deepEqual(unfinishedFindings(files), []));
  test('the lock file names no registry', () =>
    assert.deepEqual(lockFindings(readFileSync(join(root, 'package-lock.json'), 'utf8')), []));
});

describe('the checks themselves', () => {
  function one(path: string, text: string): readonly TreeFile[] {
    return [{ path, text }];
  }

  test('imports are understood however they are written', () => {
    const text = [
      "import a, { b as c, type D } from './one.ts';",
      "import type { E } from './two.ts';",
      "import { type F, type G } from './three.ts';",
      'import {',
      '  h,',
      "} from './four.ts';",
      "import * as i from 'five';",
      "import './six.ts';",
      "export { j } from './seven.ts';",
      "const k = await import('./eight.ts');",
    ].join('\n');
    assert.deepEqual(
      importsOf(text).map(({ specifier, names, isType }) => `${specifier} ${names.join('+')}${isType ? ' type' : ''}`),
      [
        './one.ts a+b',
        './two.ts E type',
        './three.ts F+G type',
        './four.ts h',
        'five *',
        './six.ts ',
        './seven.ts j',
        './eight.ts *',
      ],
    );
  });

  const badImports = [
    ['src/reconcile.ts', './web/server.ts'],
    ['src/dns/reconciler.ts', '../app.ts'],
    ['src/web/server.ts', '../cli/table.ts'],
    ['src/connector/native/connector.ts', '../../edge/tunnels/registry.ts'],
    ['src/edge/edge.ts', '../connector/native/connector.ts'],
    ['src/edge/api/server.ts', '../../cloudflare/client.ts'],
    ['src/origin/open.ts', '../sources/list.ts'],
    ['src/app.ts', '../addon/homeassistant/options.ts'],
  ];
  for (const [path = '', target = ''] of badImports) {
    test(`${path} importing ${target} is found`, () => {
      assert.equal(layerFindings(one(path, `import { x } from '${target}';`)).length, 1);
      assert.equal(layerFindings(one(path, `import type { X } from '${target}';`)).length, 1);
    });
  }

  test('what the architecture allows is not found', () => {
    const allowed = [
      { path: 'src/app.ts', text: "import { x } from './web/server.ts';" },
      { path: 'src/cli/run.ts', text: "import { x } from '../app.ts';" },
      { path: 'src/edge/edge.ts', text: "import { x } from '../protocol/headers.ts';" },
      { path: 'src/edge/edge.ts', text: "import { x } from '../edge-not.ts';" },
    ];
    assert.deepEqual(layerFindings(allowed), []);
  });

  const impure = [
    "import { readFile } from 'node:fs/promises';",
    "import { createServer } from 'node:net';",
    'const x = await y;',
    'setTimeout(x, 1);',
    'const now = Date.now();',
    'const id = Math.random();',
    'const home = process.env.HOME;',
  ];
  for (const code of impure) {
    test(`a pure file with "${code}" is found`, () => {
      assert.equal(purityFindings(one('src/a.ts', `// Decides. Pure.\n${code}\n`), []).length, 1);
      assert.equal(purityFindings(one('src/a.ts', `// Decides.\n${code}\n`), ['src/a.ts']).length, 1);
      assert.equal(purityFindings(one('src/a.ts', `// Acts.\n${code}\n`), []).length, 0);
    });
  }

  test('an effect behind another import is found, one behind a type import is none', () => {
    const io = { path: 'src/io.ts', text: "// Acts.\nimport { readFile } from 'node:fs/promises';" };
    const middle = { path: 'src/middle.ts', text: "// Between.\nimport { read } from './io.ts';" };
    const direct = { path: 'src/a.ts', text: "// Pure.\nimport { x } from './middle.ts';" };
    const typed = { path: 'src/a.ts', text: "// Pure.\nimport type { X } from './middle.ts';" };
    assert.deepEqual(purityFindings([io, middle, direct], []), [
      'src/a.ts → src/middle.ts → src/io.ts imports node:fs/promises',
    ]);
    assert.deepEqual(purityFindings([io, middle, typed], []), []);
  });

  test('a pure file may mention what it does not do', () => {
    const text = "// Pure.\nimport { isIP } from 'node:net';\n// await is not used here\nconst text = 'process.env';\n";
    assert.deepEqual(purityFindings(one('src/a.ts', text), []), []);
  });

  test('a pure file that went missing is found', () => {
    assert.equal(purityFindings([], ['src/gone.ts']).length, 1);
  });

  test('a plugin that imports at run time is found', () => {
    assert.equal(pluginFindings(one('plugins/ssh/plugin.ts', "import { x } from '../../src/model.ts';")).length, 1);
    assert.equal(
      pluginFindings(one('plugins/ssh/plugin.ts', "import type { X } from '../../src/model.ts';")).length,
      0,
    );
  });

  test('an export without its own doc line is found', () => {
    assert.equal(docFindings(one('src/a.ts', 'export const a = 1;')).length, 1);
    assert.equal(docFindings(one('src/a.ts', '/** One. */\nexport const a = 1;\nexport const b = 2;')).length, 1);
    assert.equal(docFindings(one('src/a.ts', '/* Not a doc line. */\nexport const a = 1;')).length, 1);
    assert.equal(docFindings(one('src/a.ts', '/** One. */\n\nexport const a = 1;')).length, 1);
    assert.equal(docFindings(one('src/a.ts', '/**\n * One.\n */\nexport interface A {\n  b: 1;\n}')).length, 0);
    const overloads =
      '/** F. */\nexport function f(a: 1): 1;\nexport function f(a: 2): 2;\nexport function f(a: unknown) {';
    assert.equal(docFindings(one('src/a.ts', overloads)).length, 0);
  });

  test('a module without a header line is found', () => {
    assert.equal(headerFindings(one('src/a.ts', "import { x } from 'y';")).length, 1);
    assert.equal(headerFindings(one('src/a.mjs', '#!/usr/bin/env node\nx();')).length, 1);
    assert.equal(headerFindings(one('src/a.mjs', '#!/usr/bin/env node\n// Does x.\nx();')).length, 0);
  });

  test('banned names and second manifests are found', () => {
    const bad = [
      'src/utils.ts',
      'src/common/a.ts',
      'src/string-helper.ts',
      'addon/x/config.yaml',
      'plugins/a/config.json',
    ];
    assert.equal(nameFindings(bad).length, bad.length);
    assert.deepEqual(nameFindings(['config.yaml', 'rootfs/etc/config.yaml', 'src/ingress/config-shape.ts']), []);
  });

  test('default exports and passed-on exports are found', () => {
    assert.equal(exportFindings(one('src/a.ts', 'export default 1;')).length, 1);
    assert.equal(exportFindings(one('src/a.ts', "export * from './b.ts';")).length, 1);
    assert.equal(exportFindings(one('plugins/a/plugin.ts', 'export default {} satisfies Plugin;')).length, 0);
  });

  test('notes of unfinished work and registry addresses are found', () => {
    assert.equal(unfinishedFindings(one('src/a.ts', `// ${'TO'}DO: later`)).length, 1);
    assert.equal(lockFindings('{ "resolved": "https://registry.example/a.tgz" }').length, 1);
  });
});
