// `run` where it cannot: one line that says what, where and how to mend it, exit code 1, nothing left running and nothing overwritten.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createHome, type Home, sallyport, unprivileged } from '../cli/command.ts';
import { freePorts } from './process.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const homes: Home[] = [];

function newHome(): Home {
  const home = createHome();
  homes.push(home);
  return home;
}
after(() => {
  for (const home of homes) home.remove();
});

/** The program as a process, which must end by itself. */
async function runProcess(settings: string): Promise<{ readonly exit: number | null; readonly stderr: string }> {
  const child = spawn(process.execPath, [main, 'run', '--settings', settings], {
    env: { PATH: process.env.PATH, HOME: '/nonexistent' },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  await once(child, 'close');
  return { exit: child.exitCode, stderr };
}

/** The same command line in this process: it returns only where the program could not start. */
const run = (settings: string) => sallyport('run', '--settings', settings);

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });
}

describe('a port that is in use', () => {
  let taken: Server;
  let port: number;
  before(async () => {
    taken = createServer();
    await once(taken.listen(0, '127.0.0.1'), 'listening');
    port = (taken.address() as { port: number }).port;
  });
  after(() => taken.close());

  /** Settings with every listener on a free port but one. */
  async function settingsWithout(
    key: string,
  ): Promise<{ readonly settings: string; readonly others: readonly number[] }> {
    const others = await freePorts(4);
    const free = others.values();
    const at = (one: string) => `"127.0.0.1:${one === key ? port : free.next().value}"`;
    const edge = ['http', 'https', 'tunnel', 'api'].map((one) => `${one}: ${at(one)}`).join(', ');
    return { settings: newHome().settings(`embedded_edge: { ${edge} }\nweb: { listen: ${at('web')} }\n`), others };
  }

  for (const key of ['http', 'https', 'tunnel', 'api', 'web'])
    test(`${key}: names its setting and leaves nothing listening`, async () => {
      const { settings, others } = await settingsWithout(key);
      const { stdout, stderr, exit } = await run(settings);
      const setting = key === 'web' ? 'web.listen' : `embedded_edge.${key}`;
      assert.deepEqual([stdout, exit], ['', 1]);
      assert.match(
        stderr,
        new RegExp(`^error E_LISTEN: .*127.0.0.1:${port}.* in use \\(${setting}\\): .*${setting}.*\n$`),
      );
      for (const other of others) assert.ok(await isFree(other), `port ${other} is still listened on`);
    });

  test('and the process ends with 1', async () => {
    const { settings } = await settingsWithout('api');
    const { stderr, exit } = await runProcess(settings);
    assert.equal(exit, 1);
    assert.match(stderr, /^error E_LISTEN: [^\n]*embedded_edge\.api[^\n]*\n$/);
  });

  test('an address of another machine names its setting', async () => {
    const { stderr, exit } = await run(newHome().settings('web: { listen: "192.0.2.1:0" }\n'));
    assert.equal(exit, 1);
    assert.match(stderr, /^error E_LISTEN: 192\.0\.2\.1:0 .*\(web\.listen\): .*\n$/);
  });
});

describe('state that cannot be used', () => {
  /** A data directory with one file in it. */
  function withFile(name: string, content: string | Uint8Array): { readonly settings: string; readonly path: string } {
    const home = newHome();
    const path = join(home.dataDir, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, content);
    return { settings: home.settings(), path };
  }

  const garbage = Uint8Array.from({ length: 5_000 }, (_, index) => (index * 181 + 7) % 256);
  const cases: readonly [file: string, content: string | Uint8Array, says: RegExp][] = [
    ['edge.sqlite', garbage, /the edge database is not a database .*: restore it from a copy/],
    ['edge.sqlite', `SQLite format 3\0${'x'.repeat(4_000)}`, /the edge database .*: restore it from a copy/],
    ['certificates/ca-key.pem', garbage, /the local certificate authority cannot be read .*: restore it from a backup/],
    ['certificates/ca-key.pem', '', /the local certificate authority cannot be read .*: restore it from a backup/],
    ['edge-api-token', 'no token\u0001at all', /damaged .*: restore it/],
    ['owner', 'x'.repeat(5_000), /damaged .*: restore it/],
  ];
  for (const [file, content, says] of cases)
    test(`${file} with ${content.length === 5_000 ? 'garbage' : `${content.length} bytes`} in it is named, and stays as it is`, async () => {
      const { settings, path } = withFile(file, content);
      const { exit, stderr } = await run(settings);
      assert.equal(exit, 1, stderr);
      assert.match(stderr, /^error E_STATE: [^\n]*\n$/);
      assert.match(stderr, says);
      assert.ok(stderr.includes(`(${path})`), stderr);
      assert.deepEqual(readFileSync(path), Buffer.from(content));
    });

  test('a data directory that cannot be made is named', async () => {
    const home = newHome();
    const { exit, stderr } = await run(home.settings(`data_dir: ${home.write('file', '')}/state\n`));
    assert.equal(exit, 1);
    assert.match(stderr, /^error E_STATE: cannot use the data directory \(ENOTDIR\) \(.*\/state\): make it writable/m);
  });

  test('one that this user may not write to is named', async () => {
    const home = newHome();
    mkdirSync(home.dataDir);
    // The folder around it stays open, so that the settings can be read.
    chmodSync(home.dir, 0o755);
    chmodSync(home.dataDir, 0o555);
    const settings = home.settings();
    const { stderr, exit } = await unprivileged(() => run(settings));
    assert.equal(exit, 1);
    assert.match(stderr, /^error E_STATE: cannot use the data directory \(EACCES\) \(.*\): make it writable.*\n$/);
  });
});
