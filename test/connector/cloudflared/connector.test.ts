// Our handling of the child process: starting, refusing, crashing, replacing and ending, with a stand-in for the binary.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Clock, systemClock } from '../../../src/clock.ts';
import { findCloudflared, readVersion } from '../../../src/connector/cloudflared/binary.ts';
import {
  type CloudflaredConnector,
  type CloudflaredConnectorOptions,
  createCloudflaredConnector,
} from '../../../src/connector/cloudflared/connector.ts';
import { AppError, EdgeError } from '../../../src/errors.ts';
import type { Logger } from '../../../src/logger.ts';
import type { IngressRule } from '../../../src/model.ts';

const fake = fileURLToPath(new URL('./fake-cloudflared.mjs', import.meta.url));
const secret = Buffer.from('secretsecretsecretsecret');
const rules: readonly IngressRule[] = [
  { hostname: 'a.example.com', service: 'http://127.0.0.1:1' },
  { service: 'http_status:404' },
];
const never = new AbortController().signal;

let root = '';
const started: CloudflaredConnector[] = [];
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'sallyport-cloudflared-'));
});
after(async () => {
  await Promise.all(started.map((connector) => connector.stop(0)));
  await rm(root, { recursive: true });
});

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: unknown;
}

function recordingLogger(lines: Line[]): Logger {
  const record = (level: string) => (fields: unknown, message: string) => {
    lines.push({ level, message, fields });
  };
  const logger = {
    trace: record('trace'),
    debug: record('debug'),
    info: record('info'),
    warn: record('warn'),
    error: record('error'),
  };
  return { ...logger, child: () => recordingLogger(lines) } as unknown as Logger;
}

/** Waits are asked for and noted, but last a few milliseconds at most. */
function hurriedClock(waits: number[]): Clock {
  return {
    now: () => systemClock.now(),
    sleep(ms, signal) {
      waits.push(ms);
      return systemClock.sleep(Math.min(ms, 3), signal);
    },
  };
}

interface Trial {
  readonly connector: CloudflaredConnector;
  readonly lines: Line[];
  readonly waits: number[];
  readonly stateDir: string;
  starts(): Promise<number>;
  startedWith(): Promise<{ args: string[]; env: Record<string, string>; cwd: string }>;
}

async function trial(behaviour: string, overrides: Partial<CloudflaredConnectorOptions> = {}): Promise<Trial> {
  const notes = await mkdtemp(join(root, `${behaviour}-`));
  const binary = join(notes, 'bin', 'cloudflared');
  await mkdir(join(notes, 'bin'));
  await writeFile(binary, `#!/bin/sh\nexec '${process.execPath}' '${fake}' ${behaviour} '${notes}' "$@"\n`, {
    mode: 0o755,
  });
  const lines: Line[] = [];
  const waits: number[] = [];
  const connector = createCloudflaredConnector({
    binary,
    credentials: { accountTag: 'abc', tunnelId: '11111111-2222-3333-4444-555555555555', tunnelSecret: secret },
    edges: ['127.0.0.1:17844'],
    caFile: '/ca.pem',
    stateDir: notes,
    haConnections: 2,
    rules,
    gracePeriodMs: 1000,
    logger: recordingLogger(lines),
    clock: hurriedClock(waits),
    ...overrides,
  });
  started.push(connector);
  return {
    connector,
    lines,
    waits,
    stateDir: notes,
    starts: async () => (await readFile(join(notes, 'starts'), 'utf8')).length,
    startedWith: async () => JSON.parse(await readFile(join(notes, 'start.json'), 'utf8')),
  };
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 2000; i++) {
    if (await condition()) return;
    await systemClock.sleep(10);
  }
  assert.fail(`it never came to pass that ${what}`);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('it starts, says it is connected, and ends on request without leaving a process', async () => {
  const { connector } = await trial('serve');
  assert.equal(connector.ready, false);
  assert.deepEqual(
    connector.connections().map(({ state }) => state),
    ['dialing', 'dialing'],
  );
  await connector.start(never);
  const pid = connector.pid ?? 0;
  assert.equal(connector.ready, true);
  assert.equal(connector.version, '2024.1.0');
  assert.deepEqual(connector.connections()[0]?.edge, { host: '127.0.0.1', port: 17844, region: '', family: 4 });
  assert.equal(connector.connections()[0]?.state, 'connected');
  assert.match(await connector.scrape(), /build_info/);
  await connector.stop(1000);
  assert.equal(connector.ready, false);
  assert.equal(connector.connections()[0]?.state, 'stopped');
  assert.equal(isAlive(pid), false);
});

test('no secret is on its command line or in its environment, and its files are ours alone', async () => {
  process.env.HTTPS_PROXY = 'http://127.0.0.1:1';
  process.env.tunnel_token = 'x';
  const { connector, startedWith, stateDir } = await trial('serve');
  await connector.start(never);
  Reflect.deleteProperty(process.env, 'HTTPS_PROXY');
  Reflect.deleteProperty(process.env, 'tunnel_token');
  const { args, env } = await startedWith();
  const directory = join(stateDir, 'cloudflared');
  assert.equal(JSON.stringify([args, env]).includes(secret.toString('base64')), false);
  assert.deepEqual(
    Object.keys(env).filter(
      (name) =>
        !['PATH', 'HOME', 'PWD', 'TZ', 'TMPDIR', 'SSL_CERT_FILE', 'SSL_CERT_DIR', '_', 'SHLVL', 'OLDPWD'].includes(
          name,
        ),
    ),
    [],
  );
  for (const name of ['cloudflared.yml', 'credentials.json']) {
    assert.equal((await stat(join(directory, name))).mode & 0o777, 0o600, name);
  }
  assert.equal((await stat(directory)).mode & 0o777, 0o700);
  assert.match(await readFile(join(directory, 'credentials.json'), 'utf8'), new RegExp(secret.toString('base64')));
  assert.match(await readFile(join(directory, 'cloudflared.yml'), 'utf8'), /a\.example\.com/);
  await connector.stop(0);
  assert.deepEqual((await readdir(directory)).sort(), ['cloudflared.yml', 'credentials.json']);
});

test('a crash loop is slowed down, counted, explained and shown', async () => {
  const { connector, lines, waits, starts } = await trial('crash');
  const stop = new AbortController();
  const starting = assert.rejects(connector.start(stop.signal), /enough/);
  await until('it was started five times', async () => connector.restarts >= 5 && (await starts()) >= 5);
  await until('it shows why', () => connector.connections()[0]?.lastError?.includes('it is broken') === true);
  assert.equal(connector.connections()[0]?.state, 'backing-off');
  const ends = lines.filter(({ message }) => message.includes('it is started again'));
  assert.match(ends[0]?.message ?? '', /exit code 7\): something is badly wrong: it is broken/);
  const asked = waits.filter((ms) => ms >= 1000 && ms !== 5000);
  assert.ok(Math.max(...asked) > 8000, `the waits grow: ${asked.join(', ')}`);
  stop.abort(new Error('enough'));
  await starting;
});

test('start waits through early crashes until it works', async () => {
  const { connector, starts } = await trial('crash-twice');
  await connector.start(never);
  assert.equal(await starts(), 3);
  assert.equal(connector.restarts, 2);
  assert.equal(connector.ready, true);
  await connector.stop(0);
});

test('one that ends by itself later is started again', async () => {
  const { connector } = await trial('crash-when-ready');
  let changes = 0;
  const unsubscribe = connector.onChange(() => changes++);
  await connector.start(never);
  await until('it runs again', () => connector.restarts === 1 && connector.ready);
  assert.ok(changes > 0);
  unsubscribe();
  await connector.stop(0);
});

test('an error that repeating cannot mend is reported at once', async () => {
  const { connector, starts } = await trial('usage');
  await assert.rejects(connector.start(never), (error) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, 'E_CONNECTOR');
    assert.match(error.message, /exit code 255.*flag provided but not defined/);
    return true;
  });
  assert.equal(await starts(), 1);
});

test('credentials the edge keeps refusing are a permanent error, and nothing is left running', async () => {
  const { connector } = await trial('refused');
  await assert.rejects(connector.start(never), (error) => {
    assert.ok(error instanceof EdgeError);
    assert.equal(error.code, 'E_EDGE_REFUSED');
    assert.equal(error.permanent, true);
    assert.match(error.message, /Invalid tunnel secret/);
    return true;
  });
  assert.equal(isAlive(connector.pid ?? 0), false);
});

test('a program that is not there, or is no program, is a clear error', async () => {
  const { connector } = await trial('serve', { binary: '/nowhere/cloudflared' });
  await assert.rejects(connector.start(never), { code: 'E_CONNECTOR', where: '/nowhere/cloudflared' });
});

test('one that ignores the request to end is killed after the grace period', async () => {
  const { connector, lines, waits } = await trial('deaf');
  await connector.start(never);
  const pid = connector.pid ?? 0;
  await connector.stop(1500);
  assert.equal(isAlive(pid), false);
  assert.ok(waits.includes(4500), 'grace period and margin were waited for');
  assert.ok(lines.some(({ message }) => message.includes('is killed')));
});

test('long lines are cut, floods are limited, secrets are masked, and strange text is shown', async () => {
  const { connector, lines } = await trial('noisy');
  await connector.start(never);
  await connector.stop(0);
  const text = JSON.stringify(lines);
  assert.equal(text.includes(secret.toString('base64')), false);
  assert.equal(text.includes('abcdefgh'), false);
  assert.ok(lines.every(({ message }) => message.length <= 8192));
  assert.ok(lines.some(({ level, message }) => level === 'warn' && message === 'not a log line'));
  assert.ok(lines.filter(({ message }) => /^line \d+$/.test(message)).length < 5000);
});

test('new rules go to the file and are pushed once; equal ones are not', async () => {
  const pushed: unknown[] = [];
  const { connector, stateDir } = await trial('serve', {
    pushRules: async (next) => {
      pushed.push(next);
      return 3;
    },
  });
  await connector.start(never);
  const next: readonly IngressRule[] = [{ hostname: 'b.example.com', service: 'http://127.0.0.1:2' }, ...rules];
  await connector.updateIngress(rules);
  assert.deepEqual(pushed, []);
  await Promise.all([connector.updateIngress(next), connector.updateIngress([...next])]);
  assert.deepEqual(pushed, [next]);
  assert.match(await readFile(join(stateDir, 'cloudflared', 'cloudflared.yml'), 'utf8'), /b\.example\.com/);
  await connector.stop(0);
});

test('a failed push is the caller’s to know, and is tried again with the same rules', async () => {
  let attempts = 0;
  const { connector } = await trial('serve', {
    pushRules: async () => {
      attempts++;
      if (attempts === 1) throw new Error('not now');
      return 3;
    },
  });
  await connector.start(never);
  const next: readonly IngressRule[] = [{ service: 'http_status:410' }];
  await assert.rejects(connector.updateIngress(next), /not now/);
  await connector.updateIngress(next);
  assert.equal(attempts, 2);
  await connector.stop(0);
});

test('a handover starts the second before it ends the first', async () => {
  const { connector, starts } = await trial('serve', { onRules: 'handover', clock: systemClock });
  await connector.start(never);
  const first = connector.pid ?? 0;
  await connector.updateIngress([{ service: 'http_status:410' }]);
  const second = connector.pid ?? 0;
  assert.notEqual(second, first);
  assert.equal(connector.ready, true);
  await until('the first has ended', () => !isAlive(first));
  assert.equal(connector.restarts, 0);
  assert.equal(await starts(), 2);
  await connector.stop(0);
  assert.equal(isAlive(second), false);
});

test('a child whose parent was killed is ended at the next start; a stranger with its pid is not', async (t) => {
  if (!existsSync('/proc/self/stat')) {
    t.skip('there is no /proc here');
    return;
  }
  const { connector, stateDir } = await trial('serve');
  const directory = join(stateDir, 'cloudflared');
  await connector.start(never);
  await connector.stop(0);
  const orphan = sleeper(join(directory, 'cloudflared.yml'));
  const stranger = sleeper('/another/cloudflared.yml');
  for (const { pid } of [orphan, stranger]) await writeFile(join(directory, `child-${pid}.pid`), '1\n');
  const ended = once(orphan, 'exit');
  const again = await trial('serve', { stateDir });
  await again.connector.start(never);
  assert.deepEqual(await ended, [null, 'SIGTERM']);
  assert.equal(isAlive(stranger.pid ?? 0), true);
  stranger.kill('SIGKILL');
  await again.connector.stop(0);
});

function sleeper(mark: string): ChildProcess {
  return spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', mark], { stdio: 'ignore' });
}

test('when we end, the child does too', async () => {
  const script = `
    import { startChild } from ${JSON.stringify(new URL('../../../src/connector/cloudflared/child.ts', import.meta.url).href)};
    const args = ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log(process.pid)'];
    startChild({ binary: process.execPath, args, env: {}, cwd: '/', onLine: (line) => { console.log(line); process.exit(3); } });
  `;
  const parent = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  parent.stdout.setEncoding('utf8').on('data', (piece: string) => {
    output += piece;
  });
  const [code] = await once(parent, 'close');
  assert.equal(code, 3);
  const pid = Number(output.trim());
  assert.ok(pid > 1, output);
  await until('the child is gone', () => !isAlive(pid));
});

test('the binary is looked for where it was named, then in CLOUDFLARED, then on the PATH', async () => {
  const { stateDir } = await trial('serve');
  const binary = join(stateDir, 'bin', 'cloudflared');
  assert.deepEqual(findCloudflared({ PATH: '/bin' }, binary), { path: binary });
  assert.deepEqual(findCloudflared({ PATH: '/bin', CLOUDFLARED: binary }), { path: binary });
  assert.deepEqual(findCloudflared({ PATH: `relative:/nowhere:${stateDir}/bin` }), { path: binary });
  assert.deepEqual(findCloudflared({ PATH: '/nowhere' }), { reason: 'there is no cloudflared on the PATH' });
  assert.deepEqual(findCloudflared({ CLOUDFLARED: stateDir }), { reason: `${stateDir} is not a program` });
  assert.deepEqual(await readVersion(binary, never), { year: 2024, month: 1, patch: 0 });
});
