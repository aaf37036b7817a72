// A Podman of the tests' own, with its Docker API on a socket: own storage, own networks, stopped by its pid. Where it cannot run, says why.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../program/program.ts';

/** It. */
export interface Podman {
  readonly endpoint: string;
  /** Runs its command line; returns what it printed, throws what it said when it failed. */
  podman(...args: string[]): string;
  /** `podman run -d` on the tests' network. */
  start(name: string, image: string, ...more: string[]): void;
  /** Makes an image that serves one page on a port. */
  makeImage(name: string, port: number, says: string): void;
  stop(): Promise<void>;
}

/** What every container is started with: a machine like this may not raise the limits that Podman would set. */
const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=4096:4096'];
const network = 'sallyport-test';

/** Starts its API, after one container has shown that it can run any; or the reason it cannot. */
export async function startPodman(): Promise<Podman | string> {
  const programs = ['/usr/bin/podman', '/usr/lib/podman/netavark', '/bin/busybox'];
  const missing = programs.filter((path) => !existsSync(path));
  if (missing.length > 0) return `not installed: ${missing.join(', ')}`;
  if (process.getuid?.() !== 0) return 'starting Podman with networks needs root';
  const place = new Place();
  try {
    place.podman('network', 'create', '--subnet', '10.215.0.0/24', network);
    place.makeImage('example/trial:1', 80, '');
    place.podman('run', '--rm', '--network', network, ...limits, 'docker.io/example/trial:1', '/bin/busybox', 'true');
  } catch (error) {
    await place.stop();
    return `Podman cannot run a container here: ${error instanceof Error ? error.message : String(error)}`;
  }
  await place.serve();
  return place;
}

class Place implements Podman {
  readonly endpoint: string;
  readonly #dir = mkdtempSync(join(tmpdir(), 'sallyport-podman-'));
  readonly #socket = join(this.#dir, 'podman.sock');
  #service: ChildProcess | undefined;

  constructor() {
    this.endpoint = `unix://${this.#socket}`;
    mkdirSync(join(this.#dir, 'networks'));
  }

  podman(...args: string[]): string {
    const { status, stdout, stderr } = spawnSync('podman', [...this.#options(), ...args], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr.trim().split('\n').at(-1)?.slice(0, 300) ?? 'it said nothing');
    return stdout.trim();
  }

  start(name: string, image: string, ...more: string[]): void {
    const net = more.includes('--network') || more.includes('--pod') ? [] : ['--network', network];
    this.podman('run', '-d', '--name', name, ...limits, ...net, ...more, image);
  }

  makeImage(name: string, port: number, says: string): void {
    const root = mkdtempSync(join(tmpdir(), 'sallyport-root-'));
    try {
      for (const folder of ['bin', 'www', 'tmp']) mkdirSync(join(root, folder));
      cpSync('/bin/busybox', join(root, 'bin', 'busybox'));
      symlinkSync('busybox', join(root, 'bin', 'sh'));
      writeFileSync(join(root, 'www', 'index.html'), says);
      const tar = join(this.#dir, 'image.tar');
      spawnSync('tar', ['-C', root, '-cf', tar, '.']);
      const command = ['/bin/busybox', 'httpd', '-f', '-p', String(port), '-h', '/www'];
      const changes = [`EXPOSE ${port}`, `CMD ${JSON.stringify(command)}`].flatMap((change) => ['-c', change]);
      this.podman('import', '-q', ...changes, tar, `docker.io/${name}`);
    } finally {
      rmSync(root, { recursive: true });
    }
  }

  /** Its Docker API, which is a command that stays. */
  async serve(): Promise<void> {
    this.#service = spawn('podman', [...this.#options(), 'system', 'service', '--time', '0', this.endpoint], {
      stdio: 'ignore',
    });
    await until(
      () => ping(this.#socket),
      (status) => status === 200,
    );
  }

  async stop(): Promise<void> {
    if (this.#service !== undefined) {
      const ended = once(this.#service, 'exit');
      this.#service.kill();
      await ended;
    }
    for (const args of [
      ['pod', 'rm', '--all', '--force', '--time', '0'],
      ['rm', '--all', '--force', '--time', '0'],
      ['network', 'rm', '--force', network],
    ])
      spawnSync('podman', [...this.#options(), ...args], { stdio: 'ignore' });
    rmSync(this.#dir, { recursive: true, force: true, maxRetries: 5 });
  }

  #options(): string[] {
    const at = (name: string) => join(this.#dir, name);
    return [
      ...['--root', at('root'), '--runroot', at('run'), '--tmpdir', at('tmp'), '--storage-driver', 'vfs'],
      ...['--network-backend', 'netavark', '--network-config-dir', at('networks')],
      ...['--cgroup-manager', 'cgroupfs', '--events-backend', 'file'],
    ];
  }
}

function ping(socketPath: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, path: '/_ping' }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asking.on('error', reject);
    asking.end();
  });
}
