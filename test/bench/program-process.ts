// The whole program in a process of its own, with settings that keep it apart from everything else on the machine.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Status } from '../../src/status.ts';
import { freePorts, type RunningProcess, startProcess } from '../e2e/process.ts';
import { until, visit } from '../program/program.ts';

/** A place for a program: settings, data and ports, kept across restarts. */
export interface ProgramPlace {
  readonly settingsFile: string;
  readonly httpPort: number;
  readonly webPort: number;
  remove(): void;
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
  return { settingsFile, httpPort: http, webPort, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Starts the program there and waits until it is ready and has published so many services. */
export async function startProgramProcess(place: ProgramPlace, services: number): Promise<RunningProcess> {
  const running = await startProcess(place.settingsFile, place.webPort);
  try {
    await until(
      () => statusOf(place),
      (status) => status.ready && status.services.length >= services,
    );
  } catch (error) {
    await running.kill();
    throw new Error(`it did not become ready: ${running.output().slice(-2_000)}`, { cause: error });
  }
  return running;
}

/** What `/api/status` says. */
export async function statusOf(place: ProgramPlace): Promise<Status> {
  return JSON.parse((await visit(place.webPort, 'localhost', '/api/status')).body) as Status;
}
