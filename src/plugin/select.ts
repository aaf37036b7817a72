// Which plugin a service belongs to: the label's, else the image's, else the protocol's, else generic. Pure.
import type { Service, ServiceHints } from '../model.ts';
import { nearest } from '../nearest.ts';
import type { LoadedPlugin, Sensitivity } from './catalogue.ts';
import { compileGlob, imageKey } from './image.ts';

/** The plugin that decides for a service. */
export interface Selection {
  readonly plugin: LoadedPlugin;
  /** Chosen for the service itself, not because nothing else fits. */
  readonly known: boolean;
  /** The strictest of the chosen plugin and the one its image belongs to: a label must not talk an app's sensitivity down. */
  readonly sensitivity: Sensitivity;
}

/** A selection, or why there is none. */
export type SelectionResult = Selection | { readonly problem: string; readonly hint: string };

/** Selects for the services of one pass. */
export type SelectPlugin = (service: Service, hints: ServiceHints) => SelectionResult;

/** The id of the plugin that knows nothing of any app. */
export const genericId = 'generic';

const selectors = new WeakMap<ReadonlyMap<string, LoadedPlugin>, SelectPlugin>();

/** Prepares a catalogue for many selections, once for as long as it is used. */
export function createSelector(plugins: ReadonlyMap<string, LoadedPlugin>): SelectPlugin {
  const known = selectors.get(plugins);
  if (known !== undefined) return known;
  const fresh = buildSelector(plugins);
  selectors.set(plugins, fresh);
  return fresh;
}

function buildSelector(plugins: ReadonlyMap<string, LoadedPlugin>): SelectPlugin {
  const index = indexImages(plugins);
  return (service, hints) => {
    const byImage = service.image === undefined ? undefined : index(service.image);
    const chosen = choose(plugins, byImage, hints);
    if ('problem' in chosen) return chosen;
    const { plugin } = chosen;
    const sensitivity = stricter(plugin.manifest.access.sensitivity, byImage?.manifest.access.sensitivity);
    return { ...chosen, sensitivity };
  };
}

function choose(
  plugins: ReadonlyMap<string, LoadedPlugin>,
  byImage: LoadedPlugin | undefined,
  hints: ServiceHints,
): { plugin: LoadedPlugin; known: boolean } | { problem: string; hint: string } {
  if (hints.plugin !== undefined && hints.plugin !== 'none') {
    const named = plugins.get(hints.plugin);
    if (named !== undefined) return { plugin: named, known: named.manifest.id !== genericId };
    const close = nearest(hints.plugin, plugins.keys());
    const hint = close === undefined ? 'leave the label out, or write none' : `did you mean ${close}?`;
    return { problem: `there is no plugin "${hints.plugin}"`, hint };
  }
  const found = hints.plugin === 'none' ? undefined : (byImage ?? byProtocol(plugins, hints));
  if (found !== undefined) return { plugin: found, known: found.manifest.id !== genericId };
  const generic = plugins.get(genericId);
  if (generic !== undefined) return { plugin: generic, known: false };
  return { problem: 'no plugin fits, and the generic one did not load', hint: 'see the diagnostics of the plugins' };
}

function byProtocol(plugins: ReadonlyMap<string, LoadedPlugin>, hints: ServiceHints): LoadedPlugin | undefined {
  const { protocol } = hints;
  if (protocol === undefined) return undefined;
  return [...plugins.values()].find((plugin) => plugin.manifest.match?.protocols?.includes(protocol) === true);
}

const strictness: readonly Sensitivity[] = ['public-ok', 'protect', 'admin', 'never'];

function stricter(a: Sensitivity, b: Sensitivity | undefined): Sensitivity {
  return b !== undefined && strictness.indexOf(b) > strictness.indexOf(a) ? b : a;
}

/** Exact images in a map, so that a thousand services do not each try every pattern; patterns after them. */
function indexImages(plugins: ReadonlyMap<string, LoadedPlugin>): (image: string) => LoadedPlugin | undefined {
  const exact = new Map<string, LoadedPlugin>();
  const globs: { readonly matches: (key: string) => boolean; readonly plugin: LoadedPlugin }[] = [];
  const userFirst = [...plugins.values()].toSorted((a, b) => Number(b.origin === 'user') - Number(a.origin === 'user'));
  for (const plugin of userFirst) {
    for (const image of imagesOf(plugin)) {
      const key = imageKey(image);
      if (key === undefined) continue;
      if (key.includes('*')) globs.push({ matches: compileGlob(key), plugin });
      else if (!exact.has(key)) exact.set(key, plugin);
    }
  }
  return remember((key) => exact.get(key) ?? globs.find(({ matches }) => matches(key))?.plugin);
}

/** An add-on of Home Assistant is known by its slug, which its source gives as the image `addon/<slug>`. */
function imagesOf({ manifest: { match } }: LoadedPlugin): readonly string[] {
  const { images = [], addon } = match ?? {};
  return typeof addon === 'string' ? [...images, `addon/${addon}`] : images;
}

/** As many different images as any machine has; more of them are looked up anew. */
const maxRemembered = 5_000;

/** The same images are asked for in every pass. */
function remember(look: (key: string) => LoadedPlugin | undefined): (image: string) => LoadedPlugin | undefined {
  const known = new Map<string, LoadedPlugin | undefined>();
  return (image) => {
    const key = imageKey(image);
    if (key === undefined) return undefined;
    if (known.has(key)) return known.get(key);
    const found = look(key);
    if (known.size < maxRemembered) known.set(key, found);
    return found;
  };
}
