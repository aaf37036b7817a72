// A Docker engine of the tests' own: own data, own socket, own bridge, stopped by its pid. Where it may not, says why.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An engine to test with, or the reason there is none. */
export interface Engine {
  /** Environment for the tests: TEST_DOCKER (a unix:// address), or TEST_NO_DOCKER (the reason). */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

const bridge = 'sallyport0';

/** Starts an engine; uses the one named by DOCKER_HOST or none when it may not. */
export async function startEngine(): Promise<Engine> {
  if (process.env.TEST_DOCKER !== undefined) return without({ TEST_DOCKER: process.env.TEST_DOCKER });
  if (process.getuid?.() !== 0) return without(noEngine('starting an engine needs root'));
  if (!existsSync('/usr/sbin/dockerd')) return without(noEngine('dockerd is not installed'));
  const dir = mkdtempSync(join(tmpdir(), 'sallyport-docker-'));
  const socket = join(dir, 'docker.sock');
  makeBridge();
  const log = openSync(join(dir, 'dockerd.log'), 'a');
  const child = spawn(
    '/usr/sbin/dockerd',
    [
      ['--data-root', join(dir, 'data'), '--exec-root', join(dir, 'exec'), '--pidfile', join(dir, 'pid')],
      ['-H', `unix://${socket}`, '--bridge', bridge, '--default-address-pool', 'base=10.213.16.0/20,size=24'],
    ].flat(),
    { stdio: ['ignore', log, log], detached: true },
  );
  closeSync(log);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async () => {
    child.kill('SIGTERM');
    await exited;
    spawnSync('ip', ['link', 'delete', bridge]);
    rmSync(dir, { recursive: true, force: true });
  };
  if (await answers(socket, child)) return { env: { TEST_DOCKER: `unix://${socket}` }, stop };
  const last = readFileSync(join(dir, 'dockerd.log'), 'utf8').trim().split('\n').at(-1) ?? '';
  await stop();
  return without(noEngine(`dockerd did not start: ${last.slice(0, 300)}`));
}

function noEngine(reason: string): Record<string, string> {
  process.stdout.write(`no Docker engine: ${reason}\n`);
  return { TEST_NO_DOCKER: reason };
}

function without(env: Readonly<Record<string, string>>): Engine {
  return { env, stop: async () => undefined };
}

/** A bridge of our own, so that an engine already running here keeps its docker0. */
function makeBridge(): void {
  spawnSync('ip', ['link', 'delete', bridge]);
  spawnSync('ip', ['link', 'add', bridge, 'type', 'bridge']);
  spawnSync('ip', ['addr', 'add', '10.213.0.1/24', 'dev', bridge]);
  spawnSync('ip', ['link', 'set', bridge, 'up']);
}

/** Polls until the engine answers or its process ends; at most 60 s. */
async function answers(socketPath: string, child: { readonly exitCode: number | null }): Promise<boolean> {
  for (let attempt = 0; attempt < 300 && child.exitCode === null; attempt++) {
    if (await ping(socketPath)) return true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return false;
}

function ping(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asking = request({ socketPath, path: '/_ping' }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asking.on('error', () => resolve(false));
    asking.end();
  });
}
