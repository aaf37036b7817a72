// `ingress validate` and `ingress rule` against what cloudflared printed for 113 configurations.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { addIngressCommands } from '../../src/cli/ingress.ts';
import { cases } from '../ingress/fixtures/cases.ts';

const directory = mkdtempSync(join(tmpdir(), 'sallyport-ingress-'));
after(() => rmSync(directory, { recursive: true }));

interface Run {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number;
}

async function run(...argv: string[]): Promise<Run> {
  let stdout = '';
  let stderr = '';
  let exit = 0;
  const io = {
    out: (text: string) => {
      stdout += text;
    },
    err: (text: string) => {
      stderr += text;
    },
    setExitCode: (code: number) => {
      exit = code;
    },
  };
  const program = new Command().option('--json').exitOverride().configureOutput({ writeOut: io.out, writeErr: io.err });
  addIngressCommands(program, io);
  await program.parseAsync(argv, { from: 'user' });
  return { stdout, stderr, exit };
}

let files = 0;
function write(yaml: string): string {
  const file = join(directory, `${files++}.yml`);
  writeFileSync(file, yaml);
  return file;
}

for (const c of cases.parse)
  test(`validate answers as cloudflared does: ${c.name}`, async () => {
    const file = write(c.yaml);
    assert.deepEqual(await run('ingress', 'validate', '--config', file), {
      stdout: c.stdout.replaceAll('<FILE>', file),
      stderr: c.stderr.replaceAll('<FILE>', file),
      exit: c.exit,
    });
  });

for (const c of cases.json)
  test(`validate answers as cloudflared does to JSON: ${c.name}`, async () => {
    const expected = { stdout: c.stdout, stderr: c.stderr, exit: c.exit };
    assert.deepEqual(await run('ingress', 'validate', '--json', c.json), expected);
    assert.deepEqual(await run('ingress', 'validate', '--json-config', c.json), expected);
  });

for (const c of cases.match)
  test(`rule answers as cloudflared does: ${c.name}`, async () => {
    const file = write(c.yaml);
    assert.deepEqual(await run('ingress', 'rule', '--config', file, c.url), {
      stdout: c.stdout.replaceAll('<FILE>', file),
      stderr: '',
      exit: 0,
    });
  });

for (const c of cases.parse.filter((candidate) => candidate.rules !== undefined))
  test(`rule shows every service in cloudflared's form: ${c.name}`, async () => {
    const file = write(c.yaml);
    for (const [index, rule] of (c.rules ?? []).entries()) {
      const host = rule.hostname === '' || rule.hostname === '*' ? 'any.test' : rule.hostname;
      const { stdout } = await run('ingress', 'rule', '--config', file, `https://${host}/`);
      assert.match(stdout, new RegExp(`^Matched rule #${index}$`, 'm'));
      assert.ok(stdout.endsWith(`\tservice: ${rule.service}\n`), stdout);
    }
  });

test('with --json, validate and rule print the same as data', async () => {
  const file = write(
    'ingress:\n- {hostname: a.test, path: ^/x, service: "ssh://h", bogus: 1}\n- service: http_status:404\n',
  );
  const valid = await run('--json', 'ingress', 'validate', '--config', file);
  assert.deepEqual(JSON.parse(valid.stdout), {
    source: file,
    valid: true,
    warnings: ['line 2: field bogus not found in type config.UnvalidatedIngressRule'],
  });
  const rule = await run('ingress', 'rule', '--json', '--config', file, 'https://a.test/x');
  assert.deepEqual(JSON.parse(rule.stdout), {
    source: file,
    index: 0,
    hostname: 'a.test',
    path: '^/x',
    service: 'ssh://h:22',
  });
});

test('with --json, a failure is data on stdout, text on stderr, exit 1', async () => {
  const file = write('ingress:\n- {hostname: a.test, service: "http://x"}\n');
  const result = await run('ingress', 'validate', '--json', '--config', file);
  const message =
    'Validation failed: The last ingress rule must match all URLs (i.e. it should not have a hostname or path filter)';
  assert.deepEqual(JSON.parse(result.stdout), { source: file, valid: false, error: message });
  assert.equal(result.stderr, `${message}\n`);
  assert.equal(result.exit, 1);
});

test('a missing file ends with its name on stderr and exit 1', async () => {
  const file = join(directory, 'missing.yml');
  assert.deepEqual(await run('ingress', 'validate', '--config', file), {
    stdout: '',
    stderr: `open ${file}: no such file or directory\n`,
    exit: 1,
  });
});

test('an empty file counts as no file', async () => {
  const result = await run('ingress', 'validate', '--config', write('# nothing\n'));
  assert.match(result.stderr, /^No configuration file was found/);
  assert.equal(result.exit, 1);
});

test('rule wants a URL with a scheme', async () => {
  const file = write('ingress:\n- service: http_status:404\n');
  const bare = await run('ingress', 'rule', '--config', file, 'a.test/x');
  assert.equal(bare.stderr, "a.test/x doesn't have a hostname, consider adding a scheme\n");
  assert.equal(bare.exit, 1);
  const broken = await run('ingress', 'rule', '--config', file, 'http://a b/');
  assert.equal(broken.stderr, 'http://a b/ is not a valid URL\n');
  assert.equal(broken.exit, 1);
});

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** The command as a person runs it. */
function spawn(...argv: string[]): Run {
  const { stdout, stderr, status } = spawnSync(process.execPath, [main, ...argv], { encoding: 'utf8' });
  return { stdout, stderr, exit: status ?? -1 };
}

test('the program itself answers the same: a valid file, a refused one, a rule, a wrong command line', () => {
  const good = write('ingress:\n- {hostname: a.test, service: "http://x"}\n- service: http_status:404\n');
  assert.deepEqual(spawn('ingress', 'validate', '--config', good), {
    stdout: `Validating rules from ${good}\nOK\n`,
    stderr: '',
    exit: 0,
  });
  assert.deepEqual(spawn('ingress', 'rule', '--config', good, 'https://a.test/'), {
    stdout: `Using rules from ${good}\nMatched rule #0\n\thostname: a.test\n\tservice: http://x\n`,
    stderr: '',
    exit: 0,
  });
  const bad = write('ingress:\n- service: localhost:8000\n');
  assert.deepEqual(spawn('ingress', 'validate', '--config', bad), {
    stdout: `Validating rules from ${bad}\n`,
    stderr:
      'Validation failed: localhost:8000 is an invalid address, please make sure it has a scheme and a hostname\n',
    exit: 1,
  });
  assert.equal(spawn('ingress', 'rule').exit, 2);
});
