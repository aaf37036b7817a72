// Reads the settings: file, environment, platform options and flags, in that order, later ones winning; then checks them once.
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { join, resolve as resolvePath } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseDocument } from 'yaml';
import { ValidationError } from '../errors.ts';
import { createSettingsSource } from '../sources/file.ts';
import { parse, schemaOf } from '../validate.ts';
import { settingsFromEnvironment } from './environment.ts';
import { resolveSettings } from './resolve.ts';
import schemaJson from './settings.schema.json' with { type: 'json' };
import type { Settings, SettingsFile } from './settings.ts';

/** The JSON Schema of the settings; also what `settings schema` prints. */
export const settingsSchema = schemaOf<SettingsFile>(schemaJson);

/** Where settings come from in this run. */
export interface SettingsInputs {
  /** `--settings`; absent: SALLYPORT_SETTINGS, else `sallyport.yml` here or in the data directory, else none. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Settings from a platform shell (add-on options) and from command-line flags; these win. */
  readonly overrides?: Readonly<Record<string, unknown>>;
}

/** The settings and the file they came from. */
export interface LoadedSettings {
  readonly settings: Settings;
  /** The validated file shape, for comparing reload classes. */
  readonly raw: SettingsFile;
  readonly file: string | undefined;
  /** The file holds nothing but white space: maybe an editor is about to write it. */
  readonly isBlank: boolean;
}

/** Reads, merges, checks and resolves; throws ValidationError saying where, what and how to mend it. */
export function loadSettings(inputs: SettingsInputs): LoadedSettings {
  const file = findFile(inputs);
  const text = file === undefined ? undefined : readText(file, 'settings file');
  const fromFile = file === undefined || text === undefined ? {} : parseSettings(text, file);
  const fromEnvironment = settingsFromEnvironment(inputs.env, schemaJson as never);
  const where = file ?? 'settings';
  // The file is checked by itself first, so that an error names it and not the environment.
  if (file !== undefined) parse(settingsSchema, fromFile, { where, code: 'E_SETTINGS_INVALID' });
  const merged = mergeSettings(mergeSettings(fromFile, fromEnvironment), inputs.overrides ?? {});
  const raw = parse(settingsSchema, merged, { where, code: 'E_SETTINGS_INVALID' });
  const settings = resolveSettings(raw, { readSecret, where, defaultDataDir: defaultDataDir(inputs), cwd: inputs.cwd });
  // Read once for its errors: a mistake in a service is a mistake in the settings, not something a pass should stumble over.
  createSettingsSource(settings.services, where);
  return { settings, raw, file, isBlank: text?.trim() === '' };
}

/** A settings file as plain data; throws ValidationError with line and column when it is not YAML. */
export function readSettingsFile(file: string): Record<string, unknown> {
  return parseSettings(readText(file, 'settings file'), file);
}

function parseSettings(text: string, file: string): Record<string, unknown> {
  const document = parseDocument(text, { merge: true });
  const problem = document.errors[0];
  if (problem !== undefined) {
    throw new ValidationError({
      code: 'E_SETTINGS_INVALID',
      message: `not valid YAML: ${problem.message.split('\n')[0] ?? ''}`,
      where: file,
      hint: 'mend the line it names',
    });
  }
  const value = plainValue(document, file) ?? {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new ValidationError({
    code: 'E_SETTINGS_INVALID',
    message: 'the file must hold keys and values',
    where: file,
    hint: 'begin with a line like `domain: example.com`',
  });
}

function plainValue(document: ReturnType<typeof parseDocument>, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    // Nested aliases grow without bound; the parser refuses them with a ReferenceError.
    if (!(cause instanceof ReferenceError)) throw cause;
    throw new ValidationError({
      code: 'E_SETTINGS_INVALID',
      message: `not valid YAML: ${cause.message.split('\n')[0] ?? ''}`,
      where: file,
      hint: 'write the values out instead of using aliases',
      cause,
    });
  }
}

/** Where state lives when no setting says so: `.sallyport/` in a checkout, else the XDG state folder. */
export function defaultDataDir(inputs: Pick<SettingsInputs, 'env'>): string {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  if (existsSync(join(root, 'package-lock.json'))) return join(root, '.sallyport');
  const state = inputs.env.XDG_STATE_HOME ?? join(inputs.env.HOME ?? '/', '.local', 'state');
  return join(state, 'sallyport');
}

function findFile(inputs: SettingsInputs): string | undefined {
  const named = inputs.file ?? inputs.env.SALLYPORT_SETTINGS;
  if (named !== undefined && named !== '') return resolvePath(inputs.cwd, named);
  const dataDir = inputs.env.SALLYPORT_DATA_DIR ?? defaultDataDir(inputs);
  return [join(inputs.cwd, 'sallyport.yml'), join(dataDir, 'sallyport.yml')].find((path) => existsSync(path));
}

function readSecret(file: string): string {
  return readText(file, 'secret file').trim();
}

/** Ten thousand services are about 1 MB. */
const maxBytes = 8 * 1024 * 1024;

function readText(file: string, what: string): string {
  let text: string | undefined;
  try {
    text = readBounded(file);
  } catch (cause) {
    throw new ValidationError({
      code: 'E_SETTINGS_UNREADABLE',
      message: `cannot read the ${what} (${(cause as NodeJS.ErrnoException).code ?? 'unknown'})`,
      where: file,
      hint: 'check the path and its permissions',
      cause,
    });
  }
  if (text !== undefined) return text;
  throw new ValidationError({
    code: 'E_SETTINGS_UNREADABLE',
    message: `the ${what} is longer than ${maxBytes} bytes`,
    where: file,
    hint: 'check the path: this is most likely another file',
  });
}

/** The whole text, or undefined when it is too long. Piece by piece, because a pipe or a device does not say how long it is. */
function readBounded(file: string): string | undefined {
  const descriptor = openSync(file, 'r');
  try {
    const chunks: Buffer[] = [];
    for (let size = 0; size <= maxBytes; ) {
      const chunk = Buffer.allocUnsafe(64 * 1024);
      const read = readSync(descriptor, chunk);
      if (read === 0) return Buffer.concat(chunks).toString('utf8');
      chunks.push(chunk.subarray(0, read));
      size += read;
    }
    return undefined;
  } finally {
    closeSync(descriptor);
  }
}

/** Objects merge key by key; anything else is replaced. */
export function mergeSettings(
  base: Readonly<Record<string, unknown>>,
  over: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const current = result[key];
    result[key] = isPlainObject(current) && isPlainObject(value) ? mergeSettings(current, value) : value;
  }
  return result;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
