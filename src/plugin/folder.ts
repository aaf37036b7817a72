// Reads one plugin's folder: its manifest, and its code where that is allowed.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin } from '../contracts.ts';
import { AppError } from '../errors.ts';
import type { LoadedPlugin, PluginManifest } from './catalogue.ts';
import { invalid, maxYamlBytes, parseManifest } from './manifest.ts';

/** A folder's plugin as far as it could be read. */
export interface Candidate {
  readonly id: string;
  readonly origin: LoadedPlugin['origin'];
  readonly manifest?: PluginManifest;
  readonly code?: Plugin;
  readonly problem?: string;
}

/** How a folder is to be read. */
export interface FolderOptions {
  readonly origin: LoadedPlugin['origin'];
  /** Whether code may run. */
  readonly allowCode: boolean;
  /** The manifest, where its text was parsed before. */
  readonly manifest?: PluginManifest | undefined;
}

/** What code is called, the first that is there. */
export const codeFiles: readonly string[] = ['plugin.ts', 'plugin.js'];

/** Loads one folder. Whatever is wrong with it stays with it: this is the one place where a plugin's failure is caught at load. */
export async function loadFolder(dir: string, id: string, options: FolderOptions): Promise<Candidate> {
  const { origin } = options;
  let known = options.manifest;
  try {
    known ??= await readManifest(join(dir, 'plugin.yaml'), id);
    const code = await loadCode(dir, options.allowCode);
    return { id, origin, manifest: known, ...(code === undefined ? {} : { code }) };
  } catch (error) {
    const problem = error instanceof AppError ? describe(error) : describeUnknown(error);
    return { id, origin, ...(known === undefined ? {} : { manifest: known }), problem };
  }
}

function describe(error: AppError): string {
  return error.hint === undefined ? error.message : `${error.message} (${error.hint})`;
}

/** Code of others throws anything; only the first line is for people. */
function describeUnknown(error: unknown): string {
  return error instanceof Error
    ? (error.message.split('\n')[0] ?? '').slice(0, 300)
    : 'it threw something that is no error';
}

async function readManifest(file: string, id: string): Promise<PluginManifest> {
  const state = await stat(file).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw invalid('there is no plugin.yaml', 'a plugin is a folder that holds one');
    throw error;
  });
  if (!state.isFile()) throw invalid('plugin.yaml is no file');
  if (state.size > maxYamlBytes) throw invalid(`plugin.yaml is longer than ${maxYamlBytes} bytes`);
  return parseManifest(await readFile(file, 'utf8'), id, file);
}

async function loadCode(dir: string, allowCode: boolean): Promise<Plugin | undefined> {
  const names = await readdir(dir);
  const name = codeFiles.find((file) => names.includes(file));
  if (name === undefined) return undefined;
  if (!allowCode) throw invalid('it has code, and code is not allowed', 'set plugins.allow_code: true if you trust it');
  const file = join(dir, name);
  const { mtimeMs } = await stat(file);
  // A changed file is another module, so that it can be loaded again without a restart.
  const module: unknown = await import(`${pathToFileURL(file).href}?v=${mtimeMs}`);
  const plugin = typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined;
  if (!isPlugin(plugin)) throw invalid(`${name} has no default export with a route function`);
  return plugin;
}

function isPlugin(value: unknown): value is Plugin {
  return typeof value === 'object' && value !== null && 'route' in value && typeof value.route === 'function';
}
