// What of a published app may be opened without login: its plugin's presets as proposals, with what stays and what one risks. Pure.
import type { IngressEntry } from '../model.ts';
import type { ManifestPreset, PluginCatalogue, PluginManifest, PresetGuard } from './catalogue.ts';

/** One preset, as a person decides on it. */
export interface PresetOffer {
  readonly name: string;
  /** What lies under the paths. */
  readonly opens: string;
  readonly why: string;
  /** What still guards them, and what else to know. */
  readonly risk: string;
  readonly paths: readonly string[];
  /** All of its paths are open already. */
  readonly isActive: boolean;
  /** The entry's `access.bypass` once this is confirmed: what is open now, and these paths. */
  readonly bypassPaths: readonly string[];
}

/** What is proposed for an entry. Nothing of it is ever applied by itself. */
export interface Presets {
  readonly offers: readonly PresetOffer[];
  /** How the app's own clients pass without opening anything, where they can send headers. */
  readonly serviceToken?: string;
  /** Why nothing is proposed, when there is a reason. */
  readonly refused?: string;
}

const guards: Readonly<Record<PresetGuard, string>> = {
  accounts: "The app's own accounts still guard them.",
  tokens: "The app's own keys or tokens still guard them.",
  'secret-link': 'Whoever knows the exact address gets in.',
  nothing: 'Nothing guards them: they are open to everyone.',
};

const tokenSteps =
  'Make a service token with `sallyport access token create`, let the policy admit it, and give the app its two headers.';

/** The presets for an entry that was routed by this plugin. */
export function presetsFor(
  manifest: PluginManifest,
  entry: { readonly access: IngressEntry['access']; readonly rule: { readonly path?: string } },
): Presets {
  const { access, name } = manifest;
  const { serviceToken } = access;
  const token = serviceToken === undefined ? {} : { serviceToken: `${serviceToken} ${tokenSteps}` };
  if (access.sensitivity === 'never') {
    const reason = access.reason === undefined ? '' : `: ${access.reason}`;
    return { offers: [], ...token, refused: `nothing of ${name} is opened without login${reason}` };
  }
  if (entry.access === 'public') return { offers: [], refused: 'everything is open already' };
  // The paths are those of the whole site; an entry for a part of it has no use for them.
  if (entry.rule.path !== undefined) return { offers: [], ...token };
  const open = entry.access.bypassPaths ?? [];
  return { offers: allPresets(manifest).map((preset) => offer(preset, open)), ...token };
}

/** What is proposed for one published name. */
export interface EntryPresets extends Presets {
  readonly hostname: string;
}

/** The proposals for every published name, by the service's id; those without any are left out. */
export function presetsByService(
  entries: readonly IngressEntry[],
  plugins: PluginCatalogue['plugins'],
): ReadonlyMap<string, readonly EntryPresets[]> {
  const found = new Map<string, readonly EntryPresets[]>();
  for (const entry of entries) {
    const manifest = plugins.get(entry.plugin)?.manifest;
    if (manifest === undefined) continue;
    const presets = presetsFor(manifest, entry);
    if (presets.offers.length === 0 && presets.serviceToken === undefined) continue;
    const named = { hostname: entry.rule.hostname, ...presets };
    found.set(entry.serviceId, [...(found.get(entry.serviceId) ?? []), named]);
  }
  return found;
}

/** A manifest's presets, the short form among them. */
export function allPresets({ access, name }: PluginManifest): readonly ManifestPreset[] {
  const { presets = [], suggestBypass = [] } = access;
  if (suggestBypass.length === 0) return presets;
  const clients: ManifestPreset = {
    name: 'clients',
    opens: `what the clients of ${name} use`,
    why: 'They cannot show a login at the edge.',
    guard: 'accounts',
    paths: suggestBypass,
  };
  return [...presets, clients];
}

function offer(preset: ManifestPreset, open: readonly string[]): PresetOffer {
  const { name, opens, why, guard, risk, paths } = preset;
  const missing = paths.filter((path) => !isOpen(path, open));
  return {
    name,
    opens,
    why,
    risk: risk === undefined ? guards[guard] : `${guards[guard]} ${risk}`,
    paths,
    isActive: missing.length === 0,
    bypassPaths: [...open, ...missing],
  };
}

/** Whether an open path covers this one: itself, or what it lies below. */
function isOpen(path: string, open: readonly string[]): boolean {
  return open.some(
    (one) => one === path || (!one.includes('*') && path.startsWith(one.endsWith('/') ? one : `${one}/`)),
  );
}
