// The whole program in this process, on free ports and a data directory of its own, for tests that use it as a person would.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, createApp } from '../../src/app.ts';
import { createLogger, createSilentLogger } from '../../src/logger.ts';
import { loadSettings } from '../../src/settings/load.ts';
import type { Status } from '../../src/status.ts';

/** An answer with its body read. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A running program. */
export interface Program {
  readonly dataDir: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly webPort: number;
  readonly tunnelPort: number;
  readonly apiPort: number;
  /** How many connectors the embedded API counts on the tunnel. */
  connectors(): Promise<number>;
  status(): Status;
  pass(reason?: string): Promise<unknown>;
  /** A visitor's GET at the embedded edge. */
  get(hostname: string, path?: string, headers?: Record<string, string>): Promise<Answer>;
  /** Asks until the answer is as wanted; rejects with the last answer after 20 s. */
  until(hostname: string, wanted: (answer: Answer) => boolean, path?: string): Promise<Answer>;
  stop(): Promise<void>;
}

const free = '127.0.0.1:0';

/** Starts the program with settings beyond those that keep it apart from others on this machine. */
export async function startProgram(
  settings: Record<string, unknown> = {},
  env: Record<string, string> = {},
): Promise<Program> {
  const dataDir = mkdtempSync(join(tmpdir(), 'sallyport-program-'));
  const remove = () => rmSync(dataDir, { recursive: true, force: true });
  try {
    const app = await startApp(dataDir, settings, env);
    return programOf(app, dataDir, remove);
  } catch (error) {
    remove();
    throw error;
  }
}

/** The app, started; and what it threw when nobody was there to catch it. */
interface Started {
  readonly app: App;
  readonly bugs: readonly unknown[];
}

async function startApp(
  dataDir: string,
  settings: Record<string, unknown>,
  env: Record<string, string>,
): Promise<Started> {
  const overrides = {
    data_dir: dataDir,
    docker: { endpoints: [] },
    embedded_edge: { http: free, https: free, tunnel: free, api: free },
    web: { listen: free },
    ...settings,
  };
  const inputs = { env, cwd: dataDir, overrides };
  const loaded = loadSettings(inputs);
  const level = process.env.TEST_LOG;
  const logger =
    level === undefined ? createSilentLogger() : createLogger({ level: level as 'debug', format: 'pretty' });
  const app = createApp({ loaded, inputs, logger, env });
  const bugs: unknown[] = [];
  app.onFatal((error) => bugs.push(error));
  try {
    await app.start();
  } catch (error) {
    // What had started before it failed would keep the test's process alive.
    await app.stop();
    throw error;
  }
  return { app, bugs };
}

function programOf({ app, bugs }: Started, dataDir: string, remove: () => void): Program {
  const { web, edge } = app.addresses();
  const httpPort = edge?.http?.port ?? 0;
  const get = (hostname: string, path = '/', headers: Record<string, string> = {}) =>
    visit(httpPort, hostname, path, headers);
  return {
    dataDir,
    httpPort,
    httpsPort: edge?.https?.port ?? 0,
    webPort: web?.port ?? 0,
    tunnelPort: edge?.tunnel?.port ?? 0,
    apiPort: edge?.api?.port ?? 0,
    connectors: () => countConnectors(dataDir, edge?.api?.port ?? 0),
    status: () => app.status(),
    pass: (reason = 'test') => app.pass(reason),
    get,
    until: (hostname, wanted, path) => until(() => get(hostname, path), wanted),
    async stop() {
      await app.stop();
      remove();
      if (bugs.length > 0) throw bugs[0];
    },
  };
}

/** Asks the API as anybody with its token could. */
async function countConnectors(dataDir: string, port: number): Promise<number> {
  const authorization = `Bearer ${readFileSync(join(dataDir, 'edge-api-token'), 'utf8').trim()}`;
  const ask = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}/client/v4${path}`, { headers: { authorization } });
    return (await answer.json()) as { result: { id: string }[] };
  };
  const [account] = (await ask('/accounts')).result;
  const [tunnel] = (await ask(`/accounts/${account?.id}/cfd_tunnel?is_deleted=false`)).result;
  return (await ask(`/accounts/${account?.id}/cfd_tunnel/${tunnel?.id}/connections`)).result.length;
}

/** One request with a Host header of one's choice. */
export function visit(
  port: number,
  hostname: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request(
      { host: '127.0.0.1', port, path, headers: { host: hostname, ...headers }, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    asking.on('error', reject);
    asking.end();
  });
}

/** Asks again and again, a moment apart, until the answer is as wanted. */
export async function until<T>(ask: () => Promise<T>, wanted: (answer: T) => boolean, forMs = 20_000): Promise<T> {
  const end = Date.now() + forMs;
  for (;;) {
    const answer = await ask().catch((error: unknown) => error);
    if (!(answer instanceof Error) && wanted(answer as T)) return answer as T;
    if (Date.now() > end) throw new Error('what was waited for did not happen', { cause: answer });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
