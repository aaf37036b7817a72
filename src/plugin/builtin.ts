// Reads the plugins that come with the program. Parsing hundreds of manifests takes longer than starting everything else, so what they
// say is kept beside the compiled code and used again for as long as their text and the schema stay the same.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { getCompileCacheDir } from 'node:module';
import { join } from 'node:path';
import { PluginError } from '../errors.ts';
import type { PluginManifest } from './catalogue.ts';
import { type Candidate, codeFiles, loadFolder } from './folder.ts';
import { manifestRules, parseManifest } from './manifest.ts';

/** Where what was parsed is kept; undefined where compiled code is not kept either. */
export function manifestCacheFile(): string | undefined {
  const dir = getCompileCacheDir();
  return dir === undefined ? undefined : join(dir, 'plugin-manifests.json');
}

/** One folder as it is on disk. */
interface Folder {
  readonly id: string;
  /** Absent when there is no manifest, or none that is a plain file: then loading the folder by itself says so. */
  readonly text?: string;
  readonly hasCode: boolean;
}

/** Every plugin of the folder; throws PluginError when the folder itself cannot be read. */
export async function loadBuiltins(dir: string, cacheFile = manifestCacheFile()): Promise<readonly Candidate[]> {
  const folders = readFolders(dir);
  const manifests = recall(folders, cacheFile) ?? parseAll(dir, folders, cacheFile);
  return Promise.all(
    folders.map(({ id, hasCode }) => {
      const manifest = manifests.get(id);
      if (manifest !== undefined && !hasCode) return { id, origin: 'builtin' as const, manifest };
      return loadFolder(join(dir, id), id, { origin: 'builtin', allowCode: true, manifest });
    }),
  );
}

/** One after the other without waiting: that many small files take ten times as long when each is waited for. */
function readFolders(dir: string): readonly Folder[] {
  try {
    const ids = readdirSync(dir, { withFileTypes: true }).filter((item) => isPluginFolder(item));
    return ids.map((item) => readOne(dir, item.name)).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  } catch (cause) {
    throw new PluginError({
      code: 'E_PLUGIN_INVALID',
      message: 'the plugin folder cannot be read',
      where: dir,
      cause,
    });
  }
}

/** Whether something in a plugin folder is meant to be a plugin. */
export function isPluginFolder(item: { readonly name: string; isDirectory(): boolean }): boolean {
  return item.isDirectory() && !item.name.startsWith('.');
}

function readOne(dir: string, id: string): Folder {
  const items = readdirSync(join(dir, id), { withFileTypes: true });
  const hasCode = codeFiles.some((file) => items.some(({ name }) => name === file));
  if (!items.some((item) => item.name === 'plugin.yaml' && item.isFile())) return { id, hasCode };
  return { id, hasCode, text: readFileSync(join(dir, id, 'plugin.yaml'), 'utf8') };
}

function parseAll(
  dir: string,
  folders: readonly Folder[],
  cacheFile: string | undefined,
): ReadonlyMap<string, PluginManifest> {
  const manifests = new Map<string, PluginManifest>();
  for (const { id, text } of folders) {
    if (text === undefined) continue;
    try {
      manifests.set(id, parseManifest(text, id, join(dir, id, 'plugin.yaml')));
    } catch (error) {
      // Loading the folder by itself says what is wrong with it.
      if (!(error instanceof Error)) throw error;
    }
  }
  if (manifests.size === folders.length) keep(folders, manifests, cacheFile);
  return manifests;
}

function digest(folders: readonly Folder[]): string {
  const everything = JSON.stringify([manifestRules, folders.map(({ id, text }) => [id, text])]);
  return createHash('sha256').update(everything).digest('hex');
}

/** What is kept, if it is what these texts say. */
function recall(
  folders: readonly Folder[],
  cacheFile: string | undefined,
): ReadonlyMap<string, PluginManifest> | undefined {
  if (cacheFile === undefined) return undefined;
  try {
    const kept = JSON.parse(readFileSync(cacheFile, 'utf8')) as { key?: unknown; manifests?: PluginManifest[] };
    if (kept.key !== digest(folders) || !Array.isArray(kept.manifests)) return undefined;
    return new Map(kept.manifests.map((manifest) => [manifest.id, manifest]));
  } catch {
    // Not there yet, or damaged: then everything is parsed, which gives the same.
    return undefined;
  }
}

function keep(
  folders: readonly Folder[],
  manifests: ReadonlyMap<string, PluginManifest>,
  cacheFile: string | undefined,
): void {
  if (cacheFile === undefined) return;
  try {
    const fresh = `${cacheFile}.${process.pid}`;
    writeFileSync(fresh, JSON.stringify({ key: digest(folders), manifests: [...manifests.values()] }));
    renameSync(fresh, cacheFile);
  } catch {
    // A folder that cannot be written costs the next start some time and nothing else.
  }
}
