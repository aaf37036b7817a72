// The settings file, read for the page and written by it: checked whole before it takes the place of the old one, comments kept.
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type Document, parseDocument, stringify } from 'yaml';
import { AppError, ValidationError } from '../errors.ts';
import { settingsFromEnvironment } from '../settings/environment.ts';
import { loadSettings, readSettingsFile, type SettingsInputs, settingsSchema } from '../settings/load.ts';
import { type ChangedKey, changedKeys } from '../settings/reload.ts';
import type { SettingsFile } from '../settings/settings.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The file the settings come from. */
export interface SettingsStore {
  /** Undefined while there is none: the first save makes it in the data directory. */
  readonly file: string | undefined;
  isWritable(): boolean;
  /** What the file says, secrets included. Throws ValidationError when it cannot be read. */
  read(): Fields;
  /** Paths, written with dots, that the environment or the platform decides whatever the file says. */
  decidedElsewhere(): readonly string[];
  /** What would change, and how it takes effect. Throws ValidationError where the settings do not hold. */
  check(values: Fields): readonly ChangedKey[];
  /** Writes what `check` accepts; a crash leaves the old file or the new one. */
  write(values: Fields): readonly ChangedKey[];
}

/** The settings file of this run. */
export function createSettingsStore(inputs: SettingsInputs, file: string | undefined, dataDir: string): SettingsStore {
  const path = file ?? join(dataDir, 'sallyport.yml');
  const read = (): Fields => (existsSync(path) ? readSettingsFile(path) : {});

  function prepare(values: Fields, use: (fresh: string) => void): readonly ChangedKey[] {
    const before = read();
    const fresh = `${path}.new`;
    try {
      put(fresh, changedText(path, before, values), path);
      const raw = checked(fresh, path, inputs);
      const now = checked(existsSync(path) ? path : '/dev/null', path, inputs);
      const changed = changedKeys(now, raw, settingsSchema.schema as never);
      use(fresh);
      return changed;
    } finally {
      rmSync(fresh, { force: true });
    }
  }

  return {
    file,
    isWritable: () => canWrite(path),
    read,
    decidedElsewhere: () => [
      ...leaves(settingsFromEnvironment(inputs.env, settingsSchema.schema as never)),
      ...leaves(inputs.overrides ?? {}),
    ],
    check: (values) => prepare(values, () => undefined),
    write(values) {
      const changed = prepare(values, (fresh) => replace(fresh, path));
      // A file that was not there at the start is not followed.
      return file === undefined ? changed.map(({ key }) => ({ key, reload: 'process' as const })) : changed;
    },
  };
}

/** The whole of the settings with this file, checked as at a start. */
function checked(fresh: string, path: string, inputs: SettingsInputs): SettingsFile {
  try {
    return loadSettings({ ...inputs, file: fresh }).raw;
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    const { code, message, hint, where } = error;
    throw new ValidationError({ code, message, hint, where: where?.replace(fresh, path), cause: error });
  }
}

/** The old text with what differs put in its place: comments and order of the rest stay. */
function changedText(path: string, before: Fields, values: Fields): string {
  const document = parseDocument(existsSync(path) ? readFileSync(path, 'utf8') : '', { merge: true });
  if (document.contents === null) return stringify(values, { lineWidth: 0 });
  setChanged(document, before, values, []);
  return document.toString({ lineWidth: 0 });
}

function setChanged(document: Document.Parsed, before: Fields, after: Fields, at: readonly string[]): void {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, now] = [before[key], after[key]];
    if (isDeepStrictEqual(old, now)) continue;
    if (now === undefined) document.deleteIn([...at, key]);
    else if (isFields(old) && isFields(now)) setChanged(document, old, now, [...at, key]);
    // A plain value takes the place of the old one, and its comment stays.
    else document.setIn([...at, key], typeof now === 'object' ? document.createNode(now) : now);
  }
}

function put(fresh: string, text: string, path: string): void {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0o600;
  try {
    writeFileSync(fresh, text, { mode: 0o600 });
    chmodSync(fresh, mode & 0o777);
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

function replace(fresh: string, path: string): void {
  try {
    renameSync(fresh, path);
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

function unwritable(path: string, cause: unknown): AppError {
  return new AppError({
    code: 'E_STATE',
    message: `the settings file cannot be written (${(cause as NodeJS.ErrnoException).code ?? 'unknown'})`,
    where: path,
    hint: 'make the file and its folder writable for this user; in a container mount the folder, not the file',
    cause,
  });
}

function canWrite(path: string): boolean {
  try {
    accessSync(dirname(path), constants.W_OK);
    if (existsSync(path)) accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function leaves(value: Fields, at = ''): readonly string[] {
  return Object.entries(value).flatMap(([key, item]) => (isFields(item) ? leaves(item, `${at}${key}.`) : [at + key]));
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
