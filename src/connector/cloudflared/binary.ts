// Finds cloudflared on this machine, and asks it which release it is.
import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { AppError } from '../../errors.ts';
import { cloudflaredEnvironment } from './environment.ts';
import { type CloudflaredVersion, parseVersion } from './version.ts';

const run = promisify(execFile);

/** A program that can be started, or why there is none. */
export type FoundBinary = { readonly path: string } | { readonly reason: string };

/** The binary a setting names, else the one CLOUDFLARED names, else the first `cloudflared` on the PATH. */
export function findCloudflared(env: Readonly<Record<string, string | undefined>>, setting?: string): FoundBinary {
  const named = setting ?? env.CLOUDFLARED;
  if (named !== undefined && named !== '') return findNamed(named, env.PATH);
  return findOnPath('cloudflared', env.PATH);
}

function findNamed(name: string, path: string | undefined): FoundBinary {
  if (!name.includes('/')) return findOnPath(name, path);
  return isProgram(name) ? { path: name } : { reason: `${name} is not a program` };
}

function findOnPath(name: string, path: string | undefined): FoundBinary {
  const directories = (path ?? '').split(delimiter).filter(isAbsolute);
  const found = directories.map((directory) => join(directory, name)).find(isProgram);
  return found === undefined ? { reason: `there is no ${name} on the PATH` } : { path: found };
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false; // Not there or not executable, which is the question.
  }
}

/** What `cloudflared --version` says; undefined for a build without a number. Rejects with E_CONNECTOR when it cannot be run. */
export async function readVersion(binary: string, signal: AbortSignal): Promise<CloudflaredVersion | undefined> {
  try {
    const env = cloudflaredEnvironment(process.env, '/');
    const { stdout } = await run(binary, ['--version'], { env, timeout: 10_000, maxBuffer: 65_536, signal });
    return parseVersion(stdout);
  } catch (cause) {
    signal.throwIfAborted();
    throw new AppError({
      code: 'E_CONNECTOR',
      message: 'cloudflared cannot be run',
      where: binary,
      hint: 'check that the file exists and fits this machine, or use connector: native',
      cause,
    });
  }
}
