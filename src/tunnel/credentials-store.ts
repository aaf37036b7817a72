// Tunnel credentials on disk: one file per tunnel in the state directory, readable by us alone, replaced whole.
import { mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import type { TunnelCredentials } from '../model.ts';
import { type BoundCredentials, formatCredentialsFile, parseCredentialsFile } from '../protocol/credentials.ts';

/** Where a tunnel's credentials are kept: the name cloudflared gives the file too. */
export function credentialsPath(stateDir: string, tunnelId: string): string {
  return join(stateDir, `${tunnelId.toLowerCase()}.json`);
}

/** The credentials in a file, or undefined when there is none. Throws ValidationError for a broken one, AppError E_STATE for one that cannot be read. */
export async function readCredentials(path: string): Promise<BoundCredentials | undefined> {
  try {
    return parseCredentialsFile(await readFile(path, 'utf8'), path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    if (error instanceof AppError) throw error;
    throw stateError(`${path} cannot be read`, error);
  }
}

/** Writes a tunnel's credentials file in cloudflared's format, mode 0600, so that it is there completely or not at all. */
export async function writeCredentials(stateDir: string, credentials: TunnelCredentials): Promise<string> {
  const path = credentialsPath(stateDir, credentials.tunnelId);
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await mkdir(stateDir, { recursive: true, mode: 0o700 });
    await unlink(temporary).catch(ignoreMissing);
    await writeDurably(temporary, formatCredentialsFile(credentials));
    await rename(temporary, path);
    await syncDirectory(stateDir);
    return path;
  } catch (error) {
    // Cleaning up may fail for the same reason; the first error is the one to tell.
    await unlink(temporary).catch(() => undefined);
    throw stateError(`${path} cannot be written`, error);
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function ignoreMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function stateError(message: string, cause: unknown): AppError {
  const reason = cause instanceof Error ? `: ${cause.message}` : '';
  return new AppError({
    code: 'E_STATE',
    message: message + reason,
    cause,
    hint: 'check data_dir and its permissions',
  });
}
