// One child process: started, its output read line by line, ended for certain. Knows nothing of cloudflared.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { createLineSplitter } from './line-splitter.ts';

/** Longer lines are cut. */
const maxLineLength = 8192;

/** How a child ended: a code or a signal, or the reason it could not be started. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: string | null;
  readonly error?: Error;
}

/** A running child. */
export interface Child {
  /** Undefined when it could not be started. */
  readonly pid: number | undefined;
  /** Resolves, never rejects, when the child has ended and everything it wrote was read. */
  readonly exited: Promise<ChildExit>;
  signal(name: 'SIGTERM' | 'SIGKILL'): void;
}

/** What to start. */
export interface ChildOptions {
  readonly binary: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly onLine: (line: string) => void;
}

/** Starts it. It dies with this process at the latest, unless this process is killed outright (see child-record.ts). */
export function startChild(options: ChildOptions): Child {
  const child = spawn(options.binary, [...options.args], {
    cwd: options.cwd,
    env: { ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  readLines(child.stdout, options.onLine);
  readLines(child.stderr, options.onLine);
  const killWithUs = () => child.kill('SIGKILL');
  process.on('exit', killWithUs);
  const exited = waitForEnd(child).finally(() => process.off('exit', killWithUs));
  return { pid: child.pid, exited, signal: (name) => child.kill(name) };
}

function waitForEnd(child: ChildProcess): Promise<ChildExit> {
  return new Promise((resolve) => {
    child.on('error', (error) => {
      // Also raised when a signal cannot be sent; only without a pid was there never a process.
      if (child.pid === undefined) resolve({ code: null, signal: null, error });
    });
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
}

function readLines(stream: Readable, onLine: (line: string) => void): void {
  const splitter = createLineSplitter(maxLineLength);
  stream.setEncoding('utf8');
  stream.on('data', (piece: string) => splitter.push(piece).forEach(onLine));
  stream.on('end', () => splitter.end().forEach(onLine));
  stream.on('error', (error) => onLine(`output could not be read: ${error.message}`));
}
