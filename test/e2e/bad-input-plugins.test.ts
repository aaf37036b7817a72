// A user's plugins that are broken in every way: each is named with its folder, its services stay closed, all others are served.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createHome, sallyport } from '../cli/command.ts';
import { type Program, startProgram } from '../program/program.ts';
import { keepVisiting } from './steady.ts';

/** A manifest that matches services by being named. */
const manifest = (id: string) => `id: ${id}\nname: ${id}\ncategory: other\naccess: { sensitivity: public-ok }\n`;

interface Broken {
  readonly yaml?: string;
  readonly code?: string;
  /** What is said of the service that wants it. */
  readonly says: RegExp;
}

/** Each by its folder's name. */
const broken: Readonly<Record<string, Broken>> = {
  'no-yaml': { says: /no-yaml/ },
  'bad-yaml': { yaml: 'id: [', says: /bad-yaml/ },
  aliases: { yaml: 'id: &a aliases\nname: *a\n', says: /aliases/ },
  'bad-schema': { yaml: `${manifest('bad-schema')}ingres: {}\n`, says: /unknown key "ingres".*did you mean "ingress"/ },
  'other-id': { yaml: manifest('another'), says: /its id is "another", its folder "other-id".*both the same/ },
  'throws-at-load': {
    yaml: manifest('throws-at-load'),
    code: 'throw new Error("no luck");',
    says: /cannot be used: no luck/,
  },
  'throws-nonsense': {
    yaml: manifest('throws-nonsense'),
    code: 'throw undefined;',
    says: /threw something that is no error/,
  },
  'bad-syntax': { yaml: manifest('bad-syntax'), code: 'export default {', says: /cannot be used: / },
  'no-export': {
    yaml: manifest('no-export'),
    code: 'export const route = 1;',
    says: /no default export with a route function/,
  },
  'throws-in-route': {
    yaml: manifest('throws-in-route'),
    code: 'export default { route() { throw new Error("not today"); } };',
    says: /failed on want-throws-in-route, it is not published: not today/,
  },
  'returns-nothing': {
    yaml: manifest('returns-nothing'),
    code: 'export default { route() {} };',
    says: /it is not published/,
  },
  'returns-a-promise': {
    yaml: manifest('returns-a-promise'),
    code: 'export default { async route(service, defaults) { return defaults; } };',
    says: /it is not published/,
  },
  'returns-nonsense': {
    yaml: manifest('returns-nonsense'),
    code: 'export default { route: () => [{ rule: { hostname: 1 } }] };',
    says: /it is not published/,
  },
  'names-a-stranger': {
    yaml: manifest('names-a-stranger'),
    code: 'export default { route: (s, [d]) => [{ ...d, serviceId: "file/good" }] };',
    says: /an entry for another service/,
  },
  'bad-url': {
    yaml: manifest('bad-url'),
    code: 'export default { route: (s, [d]) => [{ ...d, rule: { ...d.rule, service: "http://" } }] };',
    says: /it is not published/,
  },
  'changes-its-input': {
    yaml: manifest('changes-its-input'),
    code: 'export default { route(s, d, c) { s.id = "file/good"; s.hints = null; d.length = 0; throw new Error("ha"); } };',
    says: /it is not published: ha/,
  },
  'throws-a-getter': {
    yaml: manifest('throws-a-getter'),
    code: 'export default { route: () => [{ get rule() { throw new Error("got you"); } }] };',
    says: /it is not published/,
  },
};

function writePlugins(dir: string): void {
  for (const [id, { yaml, code }] of Object.entries(broken)) {
    mkdirSync(join(dir, id));
    if (yaml !== undefined) writeFileSync(join(dir, id, 'plugin.yaml'), yaml);
    if (code !== undefined) writeFileSync(join(dir, id, 'plugin.js'), code);
  }
}

const services = [
  { name: 'good', service: 'hello_world' },
  ...Object.keys(broken).map((plugin) => ({ name: `want-${plugin}`, service: 'hello_world', plugin })),
];

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'sallyport-plugins-'));
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
  writePlugins(dir);
});
after(() => rmSync(dir, { recursive: true, force: true }));

describe('plugins that are broken, where their code may run', () => {
  let program: Program;
  before(async () => {
    program = await startProgram({ plugins: { dir, allow_code: true }, services });
    await program.until('good.localhost', ({ status }) => status === 200);
  });
  after(() => program?.stop());

  for (const [id, { says }] of Object.entries(broken))
    test(`${id}: its service stays closed, and why is said beside it or above`, async () => {
      const service = program.status().services.find(({ name }) => name === `want-${id}`);
      assert.deepEqual(service?.hostnames, []);
      const beside = (service?.diagnostics ?? []).map(
        ({ severity, code, message, hint }) => `${severity} ${code}: ${message} ${hint}`,
      );
      assert.match(beside.join('\n'), /^error E_(PLUGIN_INVALID|PLUGIN_FAILED|LABEL_INVALID): /);
      const above = program.status().diagnostics.map(({ message }) => message);
      assert.match([...beside, ...above.filter((message) => message.includes(`plugin ${id} `))].join('\n'), says);
      assert.notEqual((await program.get(`want-${id}.localhost`)).status, 200);
    });

  test('the others are served through many passes', async () => {
    const visitor = keepVisiting(program, 'good.localhost');
    for (let pass = 0; pass < 5; pass++) await program.pass();
    await visitor.stop();
  });
});

describe('plugins with code, where code may not run', () => {
  test('are named with the setting, and nothing of their code was run', async () => {
    const program = await startProgram({ plugins: { dir }, services });
    try {
      await program.until('good.localhost', ({ status }) => status === 200);
      const said = program.status().diagnostics.map(({ message }) => message);
      const about = said.find((message) => message.includes('plugin throws-at-load '));
      assert.match(
        about ?? '',
        /it has code, and code is not allowed \(set plugins\.allow_code: true if you trust it\)/,
      );
      assert.ok(!said.some((message) => message.includes('no luck')));
      assert.ok(!program.status().services.some(({ name, published }) => name.startsWith('want-') && published));
    } finally {
      await program.stop();
    }
  });
});

describe('the commands', () => {
  test('`plugins check` names what is wrong in one line', async () => {
    for (const id of Object.keys(broken).filter(
      (one) => !/^(names|bad-url|changes|throws-(in|a-))|returns/.test(one),
    )) {
      const { stderr, exit } = await sallyport('plugins', 'check', join(dir, id));
      assert.equal(exit, 1, id);
      assert.match(stderr, /^error E_PLUGIN_INVALID: [^\n]+\n/, id);
      assert.ok(stderr.includes(join(dir, id)), id);
    }
  });

  test('`plugins list` shows the good ones and tells of the others', async () => {
    const home = createHome();
    try {
      const { stdout, exit } = await sallyport(
        '--settings',
        home.settings(`plugins: { dir: ${dir}, allow_code: true }\n`),
        'plugins',
        'list',
      );
      assert.equal(exit, 0);
      assert.match(stdout, /^grafana /m);
      assert.match(stdout, /^throws-at-load .*no luck/m);
    } finally {
      home.remove();
    }
  });

  test('a plugin folder that is not there is said, and the built-in ones are used', async () => {
    const program = await startProgram({ plugins: { dir: '/nonexistent' }, services: services.slice(0, 1) });
    try {
      await program.until('good.localhost', ({ status }) => status === 200);
      const [finding] = program.status().diagnostics;
      assert.match(
        `${finding?.message} ${finding?.hint}`,
        /plugin folder cannot be read \(\/nonexistent\) check plugins\.dir/,
      );
    } finally {
      await program.stop();
    }
  });
});
