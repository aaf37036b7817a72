// The commands that read: what each prints for a program, and that none of them changes anything.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { printable } from '../../src/cli/table.ts';
import { type FakeDockerEngine, startFakeDockerEngine } from '../fakes/docker-engine.ts';
import { createHome, type Home, sallyport } from './command.ts';

let home: Home;
let engine: FakeDockerEngine;
before(async () => {
  home = createHome();
  engine = await startFakeDockerEngine();
  engine.put({ name: 'app', labels: { 'sallyport.enable': 'true', 'sallyport.prot': 'http' }, ports: [{ port: 80 }] });
});
after(async () => {
  await engine?.close();
  home?.remove();
});

const settings = (lines = '') => home.settings(`docker: { endpoints: ["${engine.endpoint}"] }\n${lines}`);

async function json(...args: readonly string[]): Promise<{ readonly value: unknown; readonly exit: number }> {
  const { stdout, exit } = await sallyport('--settings', settings(), '--json', ...args);
  return { value: JSON.parse(stdout), exit };
}

describe('--json', () => {
  const cases: readonly [args: readonly string[], exit: number, holds: (value: never) => boolean][] = [
    [['services'], 0, (value: { services: { name: string }[] }) => value.services.some(({ name }) => name === 'app')],
    [['plan'], 0, (value: { plans: { target: string }[] }) => value.plans.length === 3],
    [['plan', '--detailed-exitcode'], 3, (value: { plans: unknown[] }) => value.plans.length === 3],
    [['apply'], 0, (value: { by: string }) => value.by === 'this command'],
    [
      ['plugins', 'list'],
      0,
      (value: { manifest: { id: string } }[]) => value.some(({ manifest }) => manifest.id === 'grafana'),
    ],
    [['plugins', 'check', 'plugins/grafana'], 0, (value: { problems: unknown[] }) => value.problems.length === 0],
    [['plugins', 'check', '/nonexistent'], 1, (value: { problems: unknown[] }) => value.problems.length === 1],
    [['settings', 'check'], 0, (value: { valid: boolean }) => value.valid],
    [['settings', 'schema'], 0, (value: { properties: object }) => 'domain' in value.properties],
  ];
  for (const [args, exit, holds] of cases)
    test(`\`${args.join(' ')}\` prints JSON and nothing else on stdout`, async () => {
      const outcome = await json(...args);
      assert.equal(outcome.exit, exit);
      assert.ok(holds(outcome.value as never), JSON.stringify(outcome.value).slice(0, 500));
    });

  test('`ingress validate` and `ingress rule` do, whether the file is right or wrong', async () => {
    const right = home.write('right.yml', 'ingress:\n  - service: http_status:404\n');
    const wrong = home.write('wrong.yml', 'ingress:\n  - hostname: a.example.com\n    service: http://x\n');
    for (const [file, exit] of [
      [right, 0],
      [wrong, 1],
      ['/nonexistent', 1],
    ] as const)
      for (const args of [
        ['validate', '--config', file],
        ['rule', '--config', file, 'http://a.example.com/'],
      ]) {
        const outcome = await json('ingress', ...args);
        assert.equal(outcome.exit, exit, args.join(' '));
        assert.equal('error' in (outcome.value as object), exit === 1);
      }
  });
});

describe('a person’s output', () => {
  test('`services` shows what is wrong with a label beside its service', async () => {
    const { stdout, exit } = await sallyport('--settings', settings(), 'services');
    assert.equal(exit, 0);
    assert.match(stdout, /^app +docker .*app\.localhost .*sallyport\.prot.*sallyport\.port/m);
  });

  test('`services` says on stderr which engine does not answer, and shows the others', async () => {
    const file = home.settings('docker: { endpoints: [unix:///nonexistent/docker.sock] }\n');
    const { stdout, stderr, exit } = await sallyport('--settings', file, 'services');
    assert.equal(exit, 0);
    assert.match(
      stderr,
      /^error E_SOURCE_UNREACHABLE: docker: there is no Docker socket \(unix:\/\/\/nonexistent\/docker\.sock\): .*\n$/,
    );
    assert.match(stdout, /hello\.localhost/);
  });

  test('a password somebody wrote into a URL is not shown', async () => {
    const file = settings('services: [{ name: x, service: "http://me:s3cr3t@127.0.0.1:1" }]\n');
    for (const command of [['services'], ['plan'], ['--json', 'services'], ['--json', 'plan']]) {
      const { stdout, stderr } = await sallyport('--settings', file, ...command);
      assert.match(stdout, /x\.localhost/);
      assert.ok(!(stdout + stderr).includes('s3cr3t'), stdout);
    }
  });

  test('`plan` names a damaged database where it is, not where it was looked at', async () => {
    const damaged = createHome();
    try {
      mkdirSync(damaged.dataDir);
      const path = join(damaged.dataDir, 'edge.sqlite');
      writeFileSync(path, 'no database at all, but long enough to be one'.repeat(100));
      const { stderr, exit } = await sallyport('--settings', damaged.settings(), 'plan');
      assert.equal(exit, 1);
      assert.ok(stderr.startsWith(`error E_STATE: the edge database is not a database (${path}): restore it`), stderr);
    } finally {
      damaged.remove();
    }
  });

  test('a container cannot write to the terminal', async () => {
    engine.put({
      name: 'rude',
      labels: { 'sallyport.enable': 'true', 'sallyport.path': '\u001b[2J(', 'sallyport.\u001b]0;x\u0007': '1' },
    });
    const outcomes = [
      await sallyport('--settings', settings(), 'services'),
      await sallyport('--settings', settings(), 'plan'),
    ];
    engine.remove('rude');
    for (const { stdout, stderr } of outcomes)
      for (const line of (stdout + stderr).split('\n')) assert.equal(line, printable(line));
  });
});

describe('`plan` and `services` leave no trace', () => {
  test('where there was nothing, nothing is', async () => {
    const fresh = createHome();
    try {
      const file = fresh.settings('domain: fresh.example\n');
      for (const command of ['services', 'plan']) assert.equal((await sallyport('--settings', file, command)).exit, 0);
      assert.ok(!existsSync(fresh.dataDir), `${existsSync(fresh.dataDir) ? readdirSync(fresh.dataDir) : ''}`);
    } finally {
      fresh.remove();
    }
  });

  test('where there was something, it stays to the byte', async () => {
    assert.equal((await sallyport('--settings', settings(), 'apply')).exit, 0);
    const before = everything(home.dataDir);
    assert.ok(before.database.some((row) => row.includes('app.localhost')));
    engine.put({ name: 'second', labels: { 'sallyport.enable': 'true' }, ports: [{ port: 80 }] });
    const other = settings('cloudflare: { zones: [localhost, other.example] }\n');
    for (const command of [['services'], ['plan'], ['plan', '--detailed-exitcode']]) {
      const { stdout, exit } = await sallyport('--settings', other, ...command);
      assert.equal(exit, command.length === 2 ? 3 : 0);
      assert.match(stdout, /second/);
    }
    engine.remove('second');
    const after = everything(home.dataDir);
    assert.deepEqual(after.database, before.database);
    assert.deepEqual(after.files, before.files);
  });

  test('and when there is nothing to change, the exit code says so', async () => {
    const { stdout, exit } = await sallyport('--settings', settings(), 'plan', '--detailed-exitcode');
    assert.equal(stdout, 'Nothing to change.\n');
    assert.equal(exit, 0);
  });
});

/** Every file's name, mode and content, and every row of the edge's database. */
function everything(dir: string): { readonly files: readonly string[]; readonly database: readonly string[] } {
  // Read first: opening a database for reading leaves companion files behind.
  const names = readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/-(shm|wal)$/.test(name))
    .sort();
  const files = names.map((name) => {
    const { mode } = statSync(join(dir, name));
    const isData = name.endsWith('.sqlite') || statSync(join(dir, name)).isDirectory();
    return `${name} ${mode} ${
      isData
        ? ''
        : createHash('sha256')
            .update(readFileSync(join(dir, name)))
            .digest('hex')
    }`;
  });
  const database = new DatabaseSync(join(dir, 'edge.sqlite'), { readOnly: true });
  try {
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
    const rows = tables.flatMap(({ name }) => database.prepare(`SELECT * FROM "${String(name)}"`).all());
    return { files, database: rows.map((row) => JSON.stringify(row)) };
  } finally {
    database.close();
  }
}
