// Services, plugins and contexts that the routing tests are made of.
import type { Plugin } from '../../src/contracts.ts';
import type { IngressEntry, Service } from '../../src/model.ts';
import type { LoadedPlugin, PluginCatalogue, PluginManifest } from '../../src/plugin/catalogue.ts';
import type { RouteContext } from '../../src/plugin/route.ts';

/** An enabled, running container. */
export function serviceOf(fields: Partial<Service> = {}): Service {
  return {
    id: 'docker/app',
    name: 'app',
    source: 'docker',
    address: '10.0.0.2',
    ports: [{ number: 80, protocol: 'tcp' }],
    hints: { enable: true },
    state: 'running',
    ...fields,
  };
}

/** The same container after it stopped. */
export function stoppedOf(service: Service): Service {
  const { address: _address, ...rest } = service;
  return { ...rest, ports: [], state: 'stopped' };
}

/** A plugin with this manifest. */
export function pluginOf(
  id: string,
  manifest: Partial<PluginManifest> = {},
  more: Partial<LoadedPlugin> = {},
): LoadedPlugin {
  return {
    manifest: { id, name: id, category: 'test', access: { sensitivity: 'public-ok' }, ...manifest },
    origin: 'builtin',
    ...more,
  };
}

/** The generic plugin and these. */
export function catalogueOf(...plugins: readonly LoadedPlugin[]): PluginCatalogue {
  return { plugins: new Map([pluginOf('generic'), ...plugins].map((one) => [one.manifest.id, one])), diagnostics: [] };
}

/** A domain on the internet with one policy, by default everyone's. */
export function contextOf(fields: Partial<RouteContext> = {}): RouteContext {
  return {
    domain: 'example.com',
    expose: 'labelled',
    accessDefault: 'family',
    policies: new Set(['family', 'admins']),
    loopbackOnly: false,
    allow: { public: false, noTlsVerify: false, otherOrigins: false },
    previous: [],
    ...fields,
  };
}

/** A plugin's code that is this function. */
export function codeOf(route: Plugin['route']): Partial<LoadedPlugin> {
  return { code: { route } };
}

/** `hostname path → service [access]`, for comparing. */
export function line(entry: IngressEntry): string {
  const access = entry.access === 'public' ? 'public' : entry.access.policy;
  return `${entry.rule.hostname}${entry.rule.path ?? ''} → ${entry.rule.service} [${access}]`;
}
