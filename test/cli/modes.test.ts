// `mode`: what a pass may change where it is not to delete, or not to change anything at all; and `plan` and `apply` saying so.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { createHome, type Home, sallyport } from './command.ts';

let home: Home;
before(() => {
  home = createHome();
});
after(() => home.remove());

const services = (...names: readonly string[]) =>
  `services:\n${names.map((name) => `  - { name: ${name}, service: hello_world }\n`).join('')}`;

/** Runs a command with these services in this mode, with no grace. */
const run = (mode: string, names: readonly string[], ...command: readonly string[]) =>
  sallyport('--settings', home.settings(`mode: ${mode}\ngrace: 0s\n${services(...names)}`), '--json', ...command);

/** Names of the records there are, and of the tunnels. */
function world(): { readonly records: readonly string[]; readonly tunnels: readonly string[] } {
  const file = join(home.dataDir, 'edge.sqlite');
  if (!existsSync(file)) return { records: [], tunnels: [] };
  const database = new DatabaseSync(file, { readOnly: true });
  const names = (table: string) =>
    database
      .prepare(`SELECT name FROM ${table} ORDER BY name`)
      .all()
      .map(({ name }) => String(name));
  try {
    return { records: names('record'), tunnels: names('tunnel') };
  } finally {
    database.close();
  }
}

interface Plans {
  readonly plans: {
    readonly target: string;
    readonly changes: { readonly action: string }[];
    readonly held: { readonly reason: string }[];
  }[];
}

const dns = (stdout: string) => (JSON.parse(stdout) as Plans).plans.find(({ target }) => target === 'dns');

describe('the modes', () => {
  test('dry-run makes nothing, and `apply` shows what it would have', async () => {
    const { stdout, exit } = await run('dry-run', ['a'], 'apply');
    assert.equal(exit, 0);
    assert.deepEqual(world(), { records: [], tunnels: [] });
    assert.deepEqual(dns(stdout)?.changes, []);
    assert.match(dns(stdout)?.held[0]?.reason ?? '', /dry-run/);
  });

  test('sync makes records', async () => {
    assert.equal((await run('sync', ['a', 'b'], 'apply')).exit, 0);
    assert.deepEqual(world().records, ['a.localhost', 'b.localhost', 'hello.localhost']);
  });

  test('upsert-only makes new ones and keeps those nobody wants any more', async () => {
    const { stdout, exit } = await run('upsert-only', ['a', 'c'], 'apply');
    assert.equal(exit, 0);
    assert.deepEqual(world().records, ['a.localhost', 'b.localhost', 'c.localhost', 'hello.localhost']);
    assert.match(dns(stdout)?.held[0]?.reason ?? '', /upsert-only/);
  });

  test('dry-run changes none of what is there', async () => {
    const before = world();
    const { stdout } = await run('dry-run', ['d'], 'apply');
    assert.deepEqual(world(), before);
    assert.deepEqual(dns(stdout)?.changes, []);
  });

  test('`plan` in each mode says what a pass in it would do', async () => {
    const changes = async (mode: string) =>
      dns((await run(mode, ['a', 'd'], 'plan')).stdout)?.changes.map(({ action }) => action);
    assert.deepEqual(await changes('dry-run'), []);
    assert.deepEqual(await changes('upsert-only'), ['create']);
  });

  test('sync takes away what nobody wants any more', async () => {
    assert.equal((await run('sync', ['a', 'b', 'c'], 'apply')).exit, 0);
    assert.equal((await run('sync', ['a', 'b'], 'apply')).exit, 0);
    assert.deepEqual(world().records, ['a.localhost', 'b.localhost', 'hello.localhost']);
  });
});
