// Loads the plugin folders into a catalogue; a folder that cannot be used is a diagnostic, and the others load.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Diagnostic } from '../model.ts';
import { isPluginFolder, loadBuiltins } from './builtin.ts';
import type { LoadedPlugin, PluginCatalogue } from './catalogue.ts';
import { type Candidate, loadFolder } from './folder.ts';
import { imageKey } from './image.ts';

/** Where plugins are. */
export interface LoadOptions {
  readonly builtinDir: string;
  /** The user's own; a plugin here takes the place of the built-in with its id. */
  readonly extraDir?: string | undefined;
  /** Whether code in `extraDir` may run. */
  readonly allowCode: boolean;
  readonly logger: Logger;
  /** What is in use until now: of a plugin of the user that is broken since, this version stays. */
  readonly previous?: PluginCatalogue | undefined;
}

/** More folders than anyone has; what is beyond them is left out and said. */
const maxUserPlugins = 250;

/** Loads every plugin. Throws PluginError only when the built-in folder cannot be read at all. */
export async function loadPlugins(options: LoadOptions): Promise<PluginCatalogue> {
  const diagnostics: Diagnostic[] = [];
  const plugins = new Map<string, LoadedPlugin>();
  for (const candidate of await loadBuiltins(options.builtinDir)) {
    if (candidate.problem !== undefined) diagnostics.push(unusable(options.builtinDir, candidate, candidate.problem));
    const { id: _id, manifest, ...rest } = candidate;
    if (manifest !== undefined) plugins.set(manifest.id, { ...rest, manifest });
  }
  for (const { id, ...plugin } of await loadUsers(options, diagnostics)) {
    const overridden = plugins.get(id);
    if (overridden !== undefined) options.logger.info({ plugin: id }, 'plugin of the user overrides the built-in');
    // A broken override takes the built-in's services with it: its author wanted them treated otherwise, perhaps less openly.
    const manifest = plugin.manifest ?? overridden?.manifest;
    const overrides = overridden === undefined ? {} : { overrides: true };
    if (manifest !== undefined) plugins.set(id, { ...plugin, ...overrides, manifest });
  }
  for (const { message } of diagnostics) options.logger.warn({ message }, 'plugin cannot be used');
  return { plugins, diagnostics: [...diagnostics, ...describeTwins(plugins)] };
}

/** A plugin of the user, or the version of it that was good. */
type UserPlugin = Omit<LoadedPlugin, 'manifest'> & Pick<Candidate, 'id' | 'manifest'>;

async function loadUsers(options: LoadOptions, diagnostics: Diagnostic[]): Promise<readonly UserPlugin[]> {
  const { extraDir, allowCode } = options;
  if (extraDir === undefined) return [];
  try {
    const ids = await listFolders(extraDir);
    if (ids.length > maxUserPlugins) diagnostics.push(tooMany(extraDir, ids.length));
    const known = ids.slice(0, maxUserPlugins);
    const candidates = await Promise.all(
      known.map((id) => loadFolder(join(extraDir, id), id, { origin: 'user', allowCode })),
    );
    return candidates.map((candidate) => judge(candidate, extraDir, options, diagnostics));
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    const kept = lastGood(options);
    const outcome = kept.length === 0 ? '' : '; what was loaded from it before stays in use';
    const message = `${error.message} (${extraDir})${outcome}`;
    diagnostics.push({ severity: 'error', code: error.code, message, hint: 'check plugins.dir' });
    return kept;
  }
}

/** The user's plugins of the last catalogue that can still be used: code only as long as it is allowed. */
function lastGood({ previous, allowCode }: LoadOptions): readonly UserPlugin[] {
  return [...(previous?.plugins ?? [])]
    .filter(([, plugin]) => plugin.origin === 'user' && plugin.problem === undefined)
    .filter(([, plugin]) => allowCode || plugin.code === undefined)
    .map(([id, { overrides: _overrides, ...plugin }]) => ({ id, ...plugin }));
}

function judge(candidate: Candidate, dir: string, options: LoadOptions, diagnostics: Diagnostic[]): UserPlugin {
  const { problem } = candidate;
  if (problem === undefined) return candidate;
  const good = lastGood(options).find(({ id }) => id === candidate.id);
  if (good === undefined) {
    diagnostics.push(unusable(dir, candidate, problem));
    return candidate;
  }
  const message = `plugin ${candidate.id} (${join(dir, candidate.id)}) cannot be used as it is now, and its last good version stays: ${problem}`;
  const hint = 'mend it: after a restart the services it matches would not be published';
  diagnostics.push({ severity: 'warning', code: 'E_PLUGIN_INVALID', message, hint });
  return { ...good, staleBecause: problem };
}

function unusable(dir: string, { id }: Candidate, problem: string): Diagnostic {
  return {
    severity: 'error',
    code: 'E_PLUGIN_INVALID',
    message: `plugin ${id} (${join(dir, id)}) cannot be used: ${problem}`,
    hint: 'services it matches are not published until it is mended or removed',
  };
}

function tooMany(dir: string, count: number): Diagnostic {
  return {
    severity: 'error',
    code: 'E_PLUGIN_INVALID',
    message: `${dir} has ${count} folders; only the first ${maxUserPlugins} are plugins`,
    hint: 'check plugins.dir: it should hold nothing but plugins',
  };
}

async function listFolders(dir: string): Promise<readonly string[]> {
  try {
    const items = await readdir(dir, { withFileTypes: true });
    return items
      .filter((item) => isPluginFolder(item))
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
