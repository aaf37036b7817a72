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

/** Starts an engine; uses the one TEST_DOCKER names, or none when it may not start one. */
export async function startEngine(): Promise<Engine> {
  if (process.env.TEST_DOCKER !== undefined) return without({ TEST_DOCKER: process.env.TEST_DOCKER });
  const reason = mayNotStart();
  if (reason !== undefined) return without(noEngine(reason));
  const place = makePlace();
  try {
    const engine = await launchEngine(place);
    const stop = async () => {
      await engine.stop();
      removePlace(place);
    };
    return { env: { TEST_DOCKER: `unix://${place.socket}` }, stop };
  } catch (error) {
    removePlace(place);
    return without(noEngine(error instanceof Error ? error.message : String(error)));
  }
}

/** Why no engine can be started here, if so. */
export function mayNotStart(): string | undefined {
  if (process.getuid?.() !== 0) return 'starting an engine needs root';
  return existsSync('/usr/sbin/dockerd') ? undefined : 'dockerd is not installed';
}

/** Where an engine lives: it can be launched there again after it died. */
export interface EnginePlace {
  readonly dir: string;
  readonly socket: string;
  readonly bridge: string;
}

/** A running engine. */
export interface RunningEngine {
  /** SIGKILL, as a crash would; its containers go on. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** A folder and a bridge of their own, so that an engine already running here keeps its docker0. */
export function makePlace(): EnginePlace {
  const dir = mkdtempSync(join(tmpdir(), 'sallyport-docker-'));
  const number = freeNumber();
  const bridge = bridgeName(number);
  spawnSync('ip', ['link', 'add', bridge, 'type', 'bridge']);
  spawnSync('ip', ['addr', 'add', `10.213.${number}.1/24`, 'dev', bridge]);
  spawnSync('ip', ['link', 'set', bridge, 'up']);
  return { dir, socket: join(dir, 'docker.sock'), bridge };
}

function bridgeName(number: number): string {
  return `sallyport${number}`;
}

/** One that no bridge here has: taking another engine's away would cut its containers off. */
function freeNumber(): number {
  const start = Math.floor(Math.random() * 250);
  const numbers = Array.from({ length: 250 }, (_, at) => (start + at) % 250);
  return numbers.find((number) => !existsSync(`/sys/class/net/${bridgeName(number)}`)) ?? start;
}

/** Takes folder and bridge away again. */
export function removePlace(place: EnginePlace): void {
  spawnSync('ip', ['link', 'delete', place.bridge]);
  // A crash leaves mounts behind, and what is mounted cannot be removed.
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[1] ?? []);
  for (const mount of mounts.filter((path) => path.startsWith(`${place.dir}/`)).reverse())
    spawnSync('umount', ['-l', mount]);
  rmSync(place.dir, { recursive: true, force: true, maxRetries: 5 });
}

/** Starts the engine of a place and waits until it answers; rejects with the last line of its log when it does not. */
export async function launchEngine({ dir, socket, bridge }: EnginePlace): Promise<RunningEngine> {
  const log = openSync(join(dir, 'dockerd.log'), 'a');
  // Launched again with pools of its own, dockerd would first delete docker0, which is another engine's.
  const pools = existsSync(join(dir, 'data')) ? [] : ['--default-address-pool', 'base=10.214.0.0/16,size=24'];
  const child = spawn(
    '/usr/sbin/dockerd',
    [
      ['--data-root', join(dir, 'data'), '--exec-root', join(dir, 'exec'), '--pidfile', join(dir, 'pid')],
      ['-H', `unix://${socket}`, '--bridge', bridge, ...pools],
    ].flat(),
    { stdio: ['ignore', log, log], detached: true },
  );
  closeSync(log);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    child.kill(signal);
    await exited;
  };
  const kill = async () => {
    await end('SIGKILL');
    // Its own containerd would outlive it and keep the next engine out; containers are children of neither.
    killByFile(join(dir, 'exec', 'containerd', 'containerd.pid'));
  };
  if (await answers(socket, child)) return { kill, stop: () => end('SIGTERM') };
  await end('SIGTERM');
  const last = readFileSync(join(dir, 'dockerd.log'), 'utf8').trim().split('\n').at(-1) ?? '';
  throw new Error(`dockerd did not start: ${last.slice(0, 300)}`);
}

function killByFile(pidFile: string): void {
  if (!existsSync(pidFile)) return;
  process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL');
  rmSync(pidFile);
}

function noEngine(reason: string): Record<string, string> {
  process.stdout.write(`no Docker engine: ${reason}\n`);
  return { TEST_NO_DOCKER: reason };
}

function without(env: Readonly<Record<string, string>>): Engine {
  return { env, stop: async () => undefined };
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
