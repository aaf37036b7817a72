// Programs of others that what is exported is tried with, where this machine has them.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Every program on the PATH whose name fits, and the one the variable names. */
export function programs(name: RegExp, variable: string): readonly string[] {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '' && existsSync(folder));
  const found = folders.flatMap((folder) =>
    readdirSync(folder).flatMap((file) => (name.test(file) ? join(folder, file) : [])),
  );
  const named = process.env[variable] ?? '';
  return [...new Set([...(named === '' ? [] : [named]), ...found])];
}

/** The cloudflareds there are. */
export const cloudflareds = programs(/^cloudflared(-[\d.]+)?$/, 'CLOUDFLARED');

/** Why a test that needs one is skipped. */
export const noCloudflared = cloudflareds.length === 0 ? 'there is no cloudflared on the PATH' : false;

/** A terraform, or none. */
export const terraform = programs(/^terraform$/, 'TERRAFORM')[0];

/** Why a test that needs it is skipped. */
export const noTerraform = terraform === undefined ? 'there is no terraform on the PATH' : false;

/** Runs a program in a folder of its own; nothing of it asks the network. */
export function runAlone(program: string, args: readonly string[], input: string): ReturnType<typeof spawnSync> {
  const cwd = mkdtempSync(join(tmpdir(), 'sallyport-export-'));
  try {
    const env = { PATH: process.env.PATH, HOME: cwd, CHECKPOINT_DISABLE: '1' };
    return spawnSync(program, [...args], { cwd, env, input, encoding: 'utf8', timeout: 60_000 });
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}
