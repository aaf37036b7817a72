// A command that stays: `sallyport …` in a process of its own, to be watched, signalled and waited for.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { until } from '../program/program.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** It. */
export interface Running {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Waits until it said so on stderr; fails with what it said instead. */
  says(pattern: RegExp): Promise<void>;
  /** Waits for its end; the exit code, or null when a signal killed it. */
  ended(): Promise<number | null>;
  kill(): Promise<void>;
}

/** Starts it with an environment of its own, and `input` to read, if it is to read anything. */
export function startSallyport(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input?: string,
): Running {
  const child = spawn(process.execPath, [main, ...args], {
    env: { PATH: process.env.PATH, HOME: '/nonexistent', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout = (stdout + chunk.toString()).slice(-200_000);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-200_000);
  });
  const closed = once(child, 'close');
  const ended = async () => {
    await closed;
    return child.exitCode;
  };
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    async says(pattern) {
      const isOver = () => child.exitCode !== null || child.signalCode !== null;
      await until(
        async () => stderr,
        (text) => pattern.test(text) || isOver(),
        30_000,
      ).catch((cause: unknown) => {
        throw new Error(`it did not say ${pattern}: ${stderr}`, { cause });
      });
      if (!pattern.test(stderr)) throw new Error(`it ended (${child.exitCode}) without saying ${pattern}: ${stderr}`);
    },
    ended,
    async kill() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await closed;
    },
  };
}
