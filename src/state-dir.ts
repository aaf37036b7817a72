// The data directory: made private, holds what must survive a restart and is nobody else's business.
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from './errors.ts';

/** The data directory. */
export interface StateDir {
  readonly path: string;
  /** The text kept under `name`, made by `create` and stored (0600) the first time. */
  readOrCreate(name: string, create: () => string): string;
  has(name: string): boolean;
}

/** Opens the directory, making it (0700) when missing; throws AppError E_STATE when that cannot be. */
export function openStateDir(path: string): StateDir {
  try {
    if (!existsSync(path)) mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw stateError(path, cause);
  }
  return {
    path,
    readOrCreate: (name, create) => readOrCreate(join(path, name), create),
    has: (name) => existsSync(join(path, name)),
  };
}

/** The directory as it is, for commands that must leave no trace: what is missing is made up and not kept. */
export function lookAtStateDir(path: string): StateDir {
  return {
    path,
    readOrCreate: (name, create) => read(join(path, name)) ?? create(),
    has: (name) => existsSync(join(path, name)),
  };
}

/** A fresh owner id: marks what is ours on shared zones, so two instances must not draw the same. */
export function newOwnerId(): string {
  return `sp-${randomBytes(5).toString('hex')}`;
}

/** A fresh secret of 256 bits, as hex. */
export function newSecret(): string {
  return randomBytes(32).toString('hex');
}

function readOrCreate(file: string, create: () => string): string {
  try {
    const kept = read(file);
    if (kept !== undefined) return kept;
    const value = create();
    // Written beside and renamed: a crash leaves the old file or the new one, never half of it.
    const fresh = `${file}.new`;
    writeFileSync(fresh, `${value}\n`, { mode: 0o600 });
    chmodSync(fresh, 0o600);
    renameSync(fresh, file);
    return value;
  } catch (cause) {
    throw cause instanceof AppError ? cause : stateError(file, cause);
  }
}

/** Everything kept here is one word: an id or a token. */
const oneWord = /^[\x21-\x7e]{1,200}$/;

/** What is kept in the file; undefined when it is missing or empty. Throws AppError E_STATE when it is something else than what is kept here. */
function read(file: string): string | undefined {
  let kept: string;
  try {
    kept = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  } catch (cause) {
    throw stateError(file, cause);
  }
  if (kept === '' || oneWord.test(kept)) return kept === '' ? undefined : kept;
  throw new AppError({
    code: 'E_STATE',
    message: 'this file of the data directory is damaged',
    where: file,
    hint: 'restore it from a copy, or delete it to have a new one made',
  });
}

function stateError(where: string, cause: unknown): AppError {
  return new AppError({
    code: 'E_STATE',
    message: `cannot use the data directory (${(cause as NodeJS.ErrnoException).code ?? 'unknown'})`,
    where,
    hint: 'make it writable for this user, or set data_dir',
    cause,
  });
}
