// Reads the plugin folders into a catalogue; a folder that cannot be used is a diagnostic, and the others load.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse as parseYaml, YAMLError } from 'yaml';
import type { Plugin } from '../contracts.ts';
import { AppError, PluginError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Diagnostic } from '../model.ts';
import { originOptionsSchema, originRequestOf } from '../sources/origin-options.ts';
import { parse, schemaOf } from '../validate.ts';
import type { LoadedPlugin, PluginCatalogue, PluginManifest } from './catalogue.ts';
import { imageKey } from './image.ts';
import manifestSchema from './manifest.schema.json' with { type: 'json' };

/** Where plugins are. */
export interface LoadOptions {
  readonly builtinDir: string;
  /** The user's own; a plugin here takes the place of the built-in with its id. */
  readonly extraDir?: string | undefined;
  /** Whether code in `extraDir` may run. */
  readonly allowCode: boolean;
  readonly logger: Logger;
}

const maxManifestBytes = 256 * 1024;
const codeFiles: readonly string[] = ['plugin.ts', 'plugin.js'];
const { $schema: _draft, properties, ...rest } = manifestSchema;
const ingress = {
  ...properties.ingress,
  properties: { ...properties.ingress.properties, originRequest: originOptionsSchema },
};
const manifest = schemaOf<PluginManifest>({ ...rest, properties: { ...properties, ingress } });

/** Loads every plugin. Throws PluginError only when the built-in folder cannot be read at all. */
export async function loadPlugins(options: LoadOptions): Promise<PluginCatalogue> {
  const diagnostics: Diagnostic[] = [];
  const plugins = new Map<string, LoadedPlugin>();
  for (const plugin of await loadFolder(options.builtinDir, 'builtin', true, diagnostics)) {
    if (plugin.manifest !== undefined) plugins.set(plugin.id, { ...plugin, manifest: plugin.manifest });
  }
  for (const plugin of await loadUsers(options, diagnostics)) {
    const overridden = plugins.get(plugin.id);
    if (overridden !== undefined)
      options.logger.info({ plugin: plugin.id }, 'plugin of the user overrides the built-in');
    // A broken override takes the built-in's services with it: its author wanted them treated otherwise, perhaps less openly.
    const known = plugin.manifest ?? overridden?.manifest;
    if (known !== undefined) plugins.set(plugin.id, { ...plugin, manifest: known });
  }
  for (const { message } of diagnostics) options.logger.warn({ message }, 'plugin cannot be used');
  return { plugins, diagnostics: [...diagnostics, ...describeTwins(plugins)] };
}

async function loadUsers(options: LoadOptions, diagnostics: Diagnostic[]): Promise<readonly Candidate[]> {
  if (options.extraDir === undefined) return [];
  try {
    return await loadFolder(options.extraDir, 'user', options.allowCode, diagnostics);
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    const message = `${error.message} (${options.extraDir})`;
    diagnostics.push({ severity: 'error', code: error.code, message, hint: 'check plugins.dir' });
    return [];
  }
}

/** A folder's plugin as far as it could be read. */
interface Candidate {
  readonly id: string;
  readonly origin: LoadedPlugin['origin'];
  readonly manifest?: PluginManifest;
  readonly code?: Plugin;
  readonly problem?: string;
}

async function loadFolder(
  dir: string,
  origin: LoadedPlugin['origin'],
  allowCode: boolean,
  diagnostics: Diagnostic[],
): Promise<readonly Candidate[]> {
  const candidates = await Promise.all(
    (await listFolders(dir)).map((id) => loadOne(join(dir, id), id, origin, allowCode)),
  );
  for (const { id, problem } of candidates) {
    if (problem === undefined) continue;
    const message = `plugin ${id} (${join(dir, id)}) cannot be used: ${problem}`;
    diagnostics.push({
      severity: 'error',
      code: 'E_PLUGIN_INVALID',
      message,
      hint: 'services it matches are not published until it is mended or removed',
    });
  }
  return candidates;
}

async function listFolders(dir: string): Promise<readonly string[]> {
  try {
    const items = await readdir(dir, { withFileTypes: true });
    return items
      .filter((item) => item.isDirectory() && !item.name.startsWith('.'))
      .map((item) => item.name)
      .toSorted();
  } catch (cause) {
    throw new PluginError({
      code: 'E_PLUGIN_INVALID',
      message: 'the plugin folder cannot be read',
      where: dir,
      cause,
    });
  }
}

/** Loads one folder. Whatever is wrong with it stays with it: this is the one place where a plugin's failure is caught at load. */
export async function loadOne(
  dir: string,
  id: string,
  origin: LoadedPlugin['origin'],
  allowCode: boolean,
): Promise<Candidate> {
  let known: PluginManifest | undefined;
  try {
    known = await readManifest(join(dir, 'plugin.yaml'), id);
    const code = await loadCode(dir, allowCode);
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
  const { size } = await stat(file).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw invalid('there is no plugin.yaml', 'a plugin is a folder that holds one');
    throw error;
  });
  if (size > maxManifestBytes) throw invalid(`plugin.yaml is longer than ${maxManifestBytes} bytes`);
  const value = parse(manifest, readYaml(await readFile(file, 'utf8')), { where: file, code: 'E_PLUGIN_INVALID' });
  if (value.id !== id) throw invalid(`its id is "${value.id}", its folder "${id}"`, 'give both the same name');
  const originRequest = value.ingress?.originRequest;
  if (originRequest === undefined) return value;
  return { ...value, ingress: { ...value.ingress, originRequest: originRequestOf(originRequest) } };
}

/** Aliases are not needed in a manifest, and nested ones grow without bound. */
function readYaml(text: string): unknown {
  try {
    return parseYaml(text, { maxAliasCount: 0 });
  } catch (error) {
    if (error instanceof YAMLError || error instanceof ReferenceError)
      throw invalid(`plugin.yaml: ${error.message.split('\n')[0]}`);
    throw error;
  }
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

/** Two plugins of one origin matching one image: which one wins would be an accident. */
function describeTwins(plugins: ReadonlyMap<string, LoadedPlugin>): readonly Diagnostic[] {
  const seen = new Map<string, string>();
  const diagnostics: Diagnostic[] = [];
  for (const { manifest: known, origin } of plugins.values()) {
    for (const image of known.match?.images ?? []) {
      const key = `${origin} ${imageKey(image)}`;
      const other = seen.get(key);
      if (other === undefined) seen.set(key, known.id);
      else if (other !== known.id) {
        const message = `the plugins ${other} and ${known.id} both match the image ${image}; ${other} is used`;
        diagnostics.push({ severity: 'warning', code: 'E_PLUGIN_INVALID', message });
      }
    }
  }
  return diagnostics;
}

function invalid(message: string, hint?: string): PluginError {
  return new PluginError({ code: 'E_PLUGIN_INVALID', message, hint });
}
