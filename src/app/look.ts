// One look, for `services`: what the sources see and what would become of it. Reads no API and leaves nothing behind.
import { systemClock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { DesiredState, Diagnostic, IngressEntry, Service } from '../model.ts';
import type { PluginCatalogue } from '../plugin/catalogue.ts';
import type { Settings } from '../settings/settings.ts';
import type { Suggestion } from '../suggestions.ts';
import { connectorOnlyPlace, isConnectorOnly, withoutApi } from './connector-only.ts';
import { createDiscovery } from './discovery.ts';
import { settingsZones } from './embedded-edge.ts';

/** What a look shows. */
export interface Look {
  readonly services: readonly Service[];
  readonly entries: readonly IngressEntry[];
  readonly desired: DesiredState;
  readonly diagnostics: readonly Diagnostic[];
  readonly suggestions: readonly Suggestion[];
  /** What is known of apps. */
  readonly catalogue: PluginCatalogue;
}

/** Looks once. */
export async function lookOnce(
  settings: Settings,
  logger: Logger,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Look> {
  const discovery = await createDiscovery({
    settings: () => settings,
    stateDir: undefined,
    env,
    logger,
    clock: systemClock,
    graceMs: settings.graceMs,
  });
  const listed = await discovery.list.list(AbortSignal.timeout(30_000));
  const routed = discovery.route(listed.services, []);
  const names = {
    zones: settingsZones(settings),
    tunnelTarget: isConnectorOnly(settings)
      ? `${connectorOnlyPlace(settings).credentials.tunnelId}.cfargotunnel.com`
      : 'tunnel.cfargotunnel.com',
    owner: settings.owner ?? 'look',
  };
  const wanted = discovery.compile(routed.entries, [], names);
  const compiled = isConnectorOnly(settings) ? withoutApi(wanted, names.tunnelTarget) : wanted;
  return {
    services: listed.services,
    entries: routed.entries,
    desired: compiled.desired,
    diagnostics: [...listed.diagnostics, ...routed.diagnostics, ...compiled.diagnostics],
    suggestions: discovery.suggest(listed.services, routed.entries),
    catalogue: discovery.catalogue(),
  };
}
