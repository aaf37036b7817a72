// Finds, writes and removes the credentials files that cloudflared and we share.
import { unlink } from 'node:fs/promises';
import { AppError } from '../errors.ts';
import type { TunnelCredentials } from '../model.ts';
import { type BoundCredentials, formatCredentialsFile, parseCredentialsFile } from '../protocol/credentials.ts';
import { isFile, readSecretFile, writeNewSecretFile } from './secret-file.ts';

/** The credentials in a named file. Throws AppError E_TUNNEL when there is none or it is broken. */
export async function readNamedCredentials(path: string): Promise<BoundCredentials> {
  const text = (await isFile(path)) ? await readSecretFile(path, 'the credentials file') : undefined;
  if (text !== undefined) return parseCredentialsFile(text, path);
  throw new AppError({
    code: 'E_TUNNEL',
    message: `Tunnel credentials file '${path}' doesn't exist or is not a file`,
    hint: 'name the file `tunnel create` wrote',
  });
}

/** The first of these files that exists; undefined when none does. */
export async function findCredentialsFile(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await isFile(path)) return path;
  return undefined;
}

/** Writes a tunnel's credentials for cloudflared and us, mode 0400; never over another file. */
export async function writeCredentialsFile(path: string, credentials: TunnelCredentials): Promise<void> {
  await writeNewSecretFile(path, formatCredentialsFile(credentials), 0o400);
}

/** Removes the credentials file of a tunnel that is gone; a file that is another tunnel's stays. */
export async function removeCredentialsFile(path: string, tunnelId: string): Promise<boolean> {
  const text = await readSecretFile(path, 'the credentials file');
  if (text === undefined) return false;
  if (parseCredentialsFile(text, path).tunnelId !== tunnelId.toLowerCase()) return false;
  await unlink(path);
  return true;
}
