// From settings to what is wanted: sources, plugins, routing and compiling, everything that needs no network but the engines'.
import { fileURLToPath } from 'node:url';
import { type ChoiceStore, type Choices, createChoiceStore } from '../choices.ts';
import type { Clock } from '../clock.ts';
import type { Source } from '../contracts.ts';
import { AppError } from '../errors.ts';
import { compileIngress } from '../ingress/compile.ts';
import type { Logger } from '../logger.ts';
import type { Diagnostic, IngressEntry, Service } from '../model.ts';
import { currentPlatform } from '../platform.ts';
import type { PluginCatalogue } from '../plugin/catalogue.ts';
import { createLivePlugins } from '../plugin/live.ts';
import { routeServices } from '../plugin/route.ts';
import { createSelector } from '../plugin/select.ts';
import type { Compiled, Routed } from '../reconcile.ts';
import type { Settings } from '../settings/settings.ts';
import { createBuiltinSource } from '../sources/builtin.ts';
import { applyChoices } from '../sources/chosen.ts';
import { createSettingsSource } from '../sources/file.ts';
import { createServiceList, type ServiceList } from '../sources/list.ts';
import type { StateDir } from '../state-dir.ts';
import { type Suggestion, suggest } from '../suggestions.ts';
import { createDockerSources } from './docker-endpoints.ts';

/** The plugins that come with the program. */
export const builtinPlugins = fileURLToPath(new URL('../../plugins', import.meta.url));

/** What discovery is made with; `settings` is asked in every pass, so that hot settings take effect. */
export interface DiscoveryOptions {
  readonly settings: () => Settings;
  /** Absent for a look that must leave nothing behind. */
  readonly stateDir: StateDir | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly graceMs: number;
  /** How long one source may keep the others waiting; absent for a single look, which has no later one to see more. */
  readonly patienceMs?: number | undefined;
}

/** Everything a pass needs before it looks at anything remote. */
export interface Discovery {
  readonly list: ServiceList;
  route(services: readonly Service[], previous: readonly IngressEntry[]): Routed;
  compile(entries: readonly IngressEntry[], previous: readonly IngressEntry[], road: RoadNames): Compiled;
  /** What is known of apps, as it is now. */
  catalogue(): PluginCatalogue;
  /** What could be published and is not. */
  suggest(services: readonly Service[], entries: readonly IngressEntry[]): readonly Suggestion[];
}

/** Discovery that can also imagine. */
export interface LiveDiscovery extends Discovery {
  /** The list as it would be if this were chosen. */
  listAs(choices: Choices, signal: AbortSignal): ReturnType<ServiceList['list']>;
}

/** What compiling has to know of the road. */
export interface RoadNames {
  readonly zones: readonly string[];
  readonly tunnelTarget: string;
  readonly owner: string;
}

/** Loads the plugins and builds the sources. */
export async function createDiscovery(options: DiscoveryOptions): Promise<LiveDiscovery> {
  const { clock, logger, graceMs } = options;
  const settings = options.settings();
  const plugins = await createLivePlugins({
    builtinDir: builtinPlugins,
    extraDir: settings.plugins.dir,
    allowCode: settings.plugins.allowCode,
    logger,
    clock,
  });
  const choices = createChoiceReader(createChoiceStore(settings.dataDir));
  const docker = createDockerSources({
    settings,
    stateDir: options.stateDir,
    env: options.env,
    logger,
    clock,
  });
  const own = [...docker, currentServices(options.settings), ...builtin(settings)];
  const context = { settings: options.settings, choices: () => choices().choices, logger, clock };
  const sources = [...(currentPlatform().sources?.(own, context) ?? own)];
  // Without a folder of the user's nothing about the plugins changes.
  if (settings.plugins.dir !== undefined) sources.push(plugins.source);
  const list = createServiceList({ sources, graceMs, clock, patienceMs: options.patienceMs });
  return {
    list: withChoices(list, choices),
    listAs: (imagined, signal) => withChoices(list, () => ({ choices: imagined, diagnostics: [] })).list(signal),
    route: (services, previous) => route(services, previous, plugins.catalogue(), options.settings()),
    compile: (entries, previous, road) =>
      compileIngress(entries, { ...road, previous, zoneDefault: options.settings().accessZoneDefault }),
    catalogue: () => plugins.catalogue(),
    suggest: (services, entries) =>
      suggest({
        services,
        entries,
        choices: choices().choices.services,
        isForVisitors: forVisitors(plugins.catalogue()),
        route: (candidates) => route(candidates, [], plugins.catalogue(), options.settings()),
      }),
  };
}

/** By the app's plugin; what it says can still be overruled by naming the service. */
function forVisitors({ plugins }: PluginCatalogue): (service: Service) => boolean {
  const select = createSelector(plugins);
  return (service) => {
    const selection = select(service, service.hints);
    return 'problem' in selection || selection.sensitivity !== 'never';
  };
}

/** The choices as they are at each look: a command may have made one meanwhile. */
function withChoices(list: ServiceList, read: () => CurrentChoices): ServiceList {
  return {
    async list(signal) {
      const listed = await list.list(signal);
      const { choices, diagnostics } = read();
      return {
        ...listed,
        services: applyChoices(listed.services, choices.services),
        diagnostics: [...listed.diagnostics, ...diagnostics],
      };
    },
    watch: (notify, signal) => list.watch(notify, signal),
  };
}

interface CurrentChoices {
  readonly choices: Choices;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads the choices and remembers them: a file that is damaged later changes nothing. One that is damaged from the start ends the
 * pass, because a choice may be what keeps a service closed.
 */
function createChoiceReader(store: ChoiceStore): () => CurrentChoices {
  let last: Choices | undefined;
  return () => {
    try {
      last = store.read();
      return { choices: last, diagnostics: [] };
    } catch (error) {
      if (!(error instanceof AppError) || last === undefined) throw error;
      const { code, message, hint } = error;
      const finding: Diagnostic = { severity: 'error', code, message, ...(hint === undefined ? {} : { hint }) };
      return { choices: last, diagnostics: [finding] };
    }
  };
}

/** The settings' services as they are at each look: they may change while we run. */
function currentServices(settings: () => Settings): Source {
  const atStart = createSettingsSource(settings().services);
  return {
    name: atStart.name,
    list: (signal) => createSettingsSource(settings().services).list(signal),
    watch: (notify, signal) => atStart.watch(notify, signal),
  };
}

/** The hello page is for a first look on one's own machine, not for the internet. */
function builtin(settings: Settings) {
  return settings.loopbackOnly ? [createBuiltinSource()] : [];
}

function route(
  services: readonly Service[],
  previous: readonly IngressEntry[],
  catalogue: PluginCatalogue,
  settings: Settings,
): Routed {
  const routed = routeServices(services, catalogue, {
    domain: settings.domain,
    expose: settings.expose,
    accessDefault: settings.accessDefault,
    policies: new Set(Object.keys(settings.policies)),
    loopbackOnly: settings.loopbackOnly,
    allow: settings.labels.allow,
    previous,
  });
  return { entries: routed.entries, diagnostics: [...catalogue.diagnostics, ...routed.diagnostics] };
}
