// Files with secrets in them that belong to the user: read with a bound, written once, never over something that is there.
import { mkdir, open, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../errors.ts';

/** Larger files are not what they should be. */
const maxBytes = 1_048_576;

/** The text of a file; undefined when there is none. Throws AppError E_TUNNEL, naming `what` it should be. */
export async function readSecretFile(path: string, what: string): Promise<string | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > maxBytes) throw problem(`${what} is larger than ${maxBytes} bytes`, path);
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw problem(`${what} cannot be read (${codeOf(error)})`, path, error);
  }
}

/** Whether there is a file; a folder of that name is none. */
export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** Writes a new file, readable by its owner alone. Rejects when there is one already, and leaves nothing half written. */
export async function writeNewSecretFile(path: string, text: string, mode: 0o400 | 0o600): Promise<void> {
  await makeFolder(dirname(path));
  try {
    const file = await open(path, 'wx', mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } catch (error) {
      await unlink(path);
      throw error;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw problem('there is such a file already', path, error);
    throw problem(`it cannot be written (${codeOf(error)})`, path, error);
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw problem(`the folder cannot be made (${codeOf(error)})`, folder, error);
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}

function problem(message: string, where: string, cause?: unknown): AppError {
  const hint = 'check the path and its permissions';
  return new AppError({ code: 'E_TUNNEL', message, where, hint, cause });
}
