// The catalogue while the program runs: the user's folder is looked at again and again, and loaded again when something in it changed.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import type { Source } from '../contracts.ts';
import type { PluginCatalogue } from './catalogue.ts';
import { codeFiles } from './folder.ts';
import { type LoadOptions, loadPlugins } from './load.ts';

/** What it is made with. */
export interface LivePluginsOptions extends Omit<LoadOptions, 'previous'> {
  readonly clock: Clock;
  /** How often the folder is looked at; default 2 s. Notifications do not reach through many mounts. */
  readonly intervalMs?: number;
}

/** A catalogue that follows the user's folder. */
export interface LivePlugins {
  /** As it is now; the same object for as long as nothing changed. */
  catalogue(): PluginCatalogue;
  /** Lists no service: a list makes sure that the catalogue is that of the folder as it is, a watch says when it changed. */
  readonly source: Source;
}

const defaultIntervalMs = 2_000;

/** Loads the catalogue. Throws PluginError only when the built-in folder cannot be read. */
export async function createLivePlugins(options: LivePluginsOptions): Promise<LivePlugins> {
  const plugins = new FollowedPlugins(options);
  await plugins.refresh();
  return plugins;
}

class FollowedPlugins implements LivePlugins {
  readonly #options: LivePluginsOptions;
  readonly source: Source;
  #catalogue: PluginCatalogue = { plugins: new Map(), diagnostics: [] };
  /** Of the folder as it was when the catalogue was loaded. */
  #loaded: string | undefined;
  #pending: Promise<void> = Promise.resolve();

  constructor(options: LivePluginsOptions) {
    this.#options = options;
    this.source = {
      name: 'plugins',
      list: async () => {
        await this.refresh();
        return { services: [], diagnostics: [] };
      },
      watch: (notify, signal) => this.#watch(notify, signal),
    };
  }

  catalogue(): PluginCatalogue {
    return this.#catalogue;
  }

  /** One after the other: two loads at once could leave the older one. */
  refresh(): Promise<void> {
    const next = () => this.#refreshNow();
    this.#pending = this.#pending.then(next, next);
    return this.#pending;
  }

  async #refreshNow(): Promise<void> {
    // Taken before loading: what changes meanwhile is found the next time.
    const now = await fingerprint(this.#options.extraDir);
    if (now === this.#loaded) return;
    const previous = this.#loaded === undefined ? undefined : this.#catalogue;
    this.#catalogue = await loadPlugins({ ...this.#options, previous });
    this.#loaded = now;
  }

  async #watch(notify: (reason: string) => void, signal: AbortSignal): Promise<void> {
    const { clock, extraDir, intervalMs = defaultIntervalMs } = this.#options;
    while (!signal.aborted) {
      try {
        await clock.sleep(intervalMs, signal);
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      if ((await fingerprint(extraDir)) !== this.#loaded) notify('plugins: the folder changed');
    }
  }
}

/** What changes when a plugin in the folder does; a folder that cannot be read has one too. */
async function fingerprint(dir: string | undefined): Promise<string> {
  if (dir === undefined) return '';
  try {
    const items = (await readdir(dir, { withFileTypes: true })).filter((item) => item.isDirectory());
    const files = items.flatMap((item) => ['plugin.yaml', ...codeFiles].map((file) => join(item.name, file)));
    const states = await Promise.all(files.toSorted().map(async (file) => `${file} ${await stateOf(join(dir, file))}`));
    return states.join('\n');
  } catch (error) {
    return reasonOf(error);
  }
}

async function stateOf(file: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch (error) {
    return reasonOf(error);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error) return String(error.code);
  throw error;
}
