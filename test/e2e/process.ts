// `sallyport run` in a process of its own, so that a test can kill it the hard way.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { until, visit } from '../program/program.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** A running `sallyport run`. */
export interface RunningProcess {
  readonly child: ChildProcess;
  /** Everything it wrote so far. */
  output(): string;
  /** SIGKILL, as a crash would. */
  kill(): Promise<void>;
  /** SIGTERM; resolves to the exit code. */
  stop(): Promise<number | null>;
}

/** Starts it with a settings file and waits until its page answers. */
export async function startProcess(settingsFile: string, webPort: number): Promise<RunningProcess> {
  const child = spawn(process.execPath, [main, 'run', '--settings', settingsFile], {
    env: { PATH: process.env.PATH, HOME: '/nonexistent' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-200_000);
  });
  const exited = once(child, 'exit');
  const running: RunningProcess = {
    child,
    output: () => output,
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
      return child.exitCode;
    },
  };
  try {
    await until(
      () => visit(webPort, 'localhost', '/healthz'),
      ({ status }) => status === 200 || child.exitCode !== null,
    );
  } catch (error) {
    await running.kill();
    throw new Error(`it did not start: ${output.slice(-2_000)}`, { cause: error });
  }
  if (child.exitCode !== null) throw new Error(`it ended at once: ${output.slice(-2_000)}`);
  return running;
}

/** So many ports that are free now, and stay ours across restarts because nothing else here asks for them. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await once(server.listen(0, '127.0.0.1'), 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
