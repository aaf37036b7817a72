// The whole program in a process of its own, with settings that keep it apart from everything else on the machine.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Status } from '../../src/status.ts';
import { freePorts } from '../e2e/process.ts';
import { until, visit } from '../program/program.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** A place for a program: settings, data, ports and compile cache, kept across restarts. */
export interface ProgramPlace {
  readonly compileCache: string;
  readonly settingsFile: string;
  readonly httpPort: number;
  readonly webPort: number;
  remove(): void;
}

/** A program that was started there. */
export interface RunningProgram {
  readonly pid: number;
  stop(): Promise<void>;
}

/** Makes one, for a program that looks at one engine. */
export async function makePlace(endpoint: string): Promise<ProgramPlace> {
  const dir = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  const [http = 0, https = 0, tunnel = 0, api = 0, webPort = 0] = await freePorts(5);
  const at = (port: number) => `127.0.0.1:${port}`;
  const settings = {
    data_dir: join(dir, 'data'),
    docker: { endpoints: [endpoint] },
    embedded_edge: { http: at(http), https: at(https), tunnel: at(tunnel), api: at(api) },
    web: { listen: at(webPort) },
    log: { level: 'warn' },
  };
  const settingsFile = join(dir, 'sallyport.yml');
  // JSON is YAML.
  writeFileSync(settingsFile, JSON.stringify(settings));
  const compileCache = join(dir, 'cache');
  const remove = () => rmSync(dir, { recursive: true, force: true });
  return { settingsFile, compileCache, httpPort: http, webPort, remove };
}

/** Starts the program there as `npm start` does, with a compile cache and V8's option. */
export function spawnProgram(place: ProgramPlace): RunningProgram {
  const child = spawn(process.execPath, ['--max-semi-space-size=4', main, 'run', '--settings', place.settingsFile], {
    env: { PATH: process.env.PATH, HOME: '/nonexistent', NODE_COMPILE_CACHE: place.compileCache },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit');
  return {
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Starts it and waits until it is ready and shows so many services. */
export async function startProgramProcess(place: ProgramPlace, services: number): Promise<RunningProgram> {
  const running = spawnProgram(place);
  try {
    await until(
      () => statusOf(place),
      (status) => status.ready && status.services.length >= services,
    );
  } catch (error) {
    await running.stop();
    throw error;
  }
  return running;
}

/** What `/api/status` says. */
export async function statusOf(place: ProgramPlace): Promise<Status> {
  return JSON.parse((await visit(place.webPort, 'localhost', '/api/status')).body) as Status;
}
