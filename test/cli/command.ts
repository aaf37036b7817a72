// A command line run in this process: what it prints and how it exits, with settings and a data directory of its own.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../../src/cli/program.ts';

/** What came of a command line. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number;
}

/** Runs one command line as `sallyport …` would. */
export async function sallyport(...args: readonly string[]): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  let exit = 0;
  await runCli(['node', 'sallyport', ...args], {
    out: (text) => {
      stdout += text;
    },
    err: (text) => {
      stderr += text;
    },
    setExitCode: (code) => {
      exit = code;
    },
  });
  return { stdout, stderr, exit };
}

/** A folder with settings that keep a command apart from everything else on this machine. */
export interface Home {
  readonly dir: string;
  readonly dataDir: string;
  /** Writes `sallyport.yml`: what is needed to be alone here, then these lines. Returns its path. */
  settings(lines?: string): string;
  /** Writes any file; returns its path. */
  write(name: string, content: string | Uint8Array): string;
  remove(): void;
}

/** A new one. */
export function createHome(): Home {
  const dir = mkdtempSync(join(tmpdir(), 'sallyport-home-'));
  const dataDir = join(dir, 'state');
  const write = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(dir, name), content);
    return join(dir, name);
  };
  return {
    dir,
    dataDir,
    write,
    settings: (lines = '') => write('sallyport.yml', `${alone(dataDir, lines)}${lines}\n`),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** Free ports, no engine, a data directory of its own; keys that the test writes itself are left to it. */
function alone(dataDir: string, lines: string): string {
  const free = '"127.0.0.1:0"';
  const keys = {
    data_dir: dataDir,
    docker: '{ endpoints: [] }',
    embedded_edge: `{ http: ${free}, https: ${free}, tunnel: ${free}, api: ${free} }`,
    web: `{ listen: ${free} }`,
  };
  return Object.entries(keys)
    .filter(([key]) => !new RegExp(`^${key}:`, 'm').test(lines))
    .map(([key, value]) => `${key}: ${value}\n`)
    .join('');
}

/** Runs something without root's privileges, where this process has them: root may read and write everything. */
export async function unprivileged<T>(work: () => Promise<T>): Promise<T> {
  const { geteuid, seteuid } = process;
  if (geteuid === undefined || seteuid === undefined || geteuid() !== 0) return work();
  seteuid(65_534);
  try {
    return await work();
  } finally {
    seteuid(0);
  }
}
