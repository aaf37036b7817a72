// Services to ingress entries: which are published, under which name, by which plugin, guarded how. Pure.
import type { PluginContext } from '../contracts.ts';
import { PluginError } from '../errors.ts';
import type { AccessSpec, Diagnostic, IngressEntry, OriginRequest, Service, ServiceHints } from '../model.ts';
import { dnsLabel } from '../sources/hostname.ts';
import { type AccessContext, decideAccess } from './access.ts';
import type { LoadedPlugin, PluginCatalogue } from './catalogue.ts';
import { runCode } from './code.ts';
import { explainUnwanted, isWanted, withReason } from './exposure.ts';
import { type Finding, labelInvalid, pluginFailed, pluginUnusable, pluginWarning } from './findings.ts';
import {
  chooseOrigin,
  chooseOriginRequest,
  type OriginAllowance,
  type OriginChoice,
  stoppedService,
} from './origin.ts';
import { createSelector, type SelectPlugin } from './select.ts';

/** What of the settings, and of the last pass, routing depends on. */
export interface RouteContext extends AccessContext {
  /** Appended to hostnames without a dot. */
  readonly domain: string;
  readonly expose: 'labelled' | 'known' | 'all';
  readonly allow: OriginAllowance & { readonly public: boolean };
  /** The last pass's entries: a service keeps its names while something is wrong with it. */
  readonly previous: readonly IngressEntry[];
  /** For hints; default `sallyport`. */
  readonly labelPrefix?: string;
}

/** What came of all services. */
export interface Routed {
  readonly entries: readonly IngressEntry[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Turns every service into the entries it shall have; one service's trouble never touches another's. */
export function routeServices(services: readonly Service[], catalogue: PluginCatalogue, context: RouteContext): Routed {
  const select = createSelector(catalogue.plugins);
  const previous = Map.groupBy(context.previous, (entry) => entry.serviceId);
  const entries: IngressEntry[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const service of services) {
    const kept = previous.get(service.id) ?? [];
    const wishes = wishesOf(service);
    for (const wish of wishes) {
      const routed = routeWish({ service, ...wish, context, previous: kept, isOnly: wishes.length === 1 }, select);
      entries.push(...routed.entries);
      diagnostics.push(...routed.findings.map((finding) => ({ ...finding, serviceId: service.id })));
    }
  }
  return { entries, diagnostics };
}

/** One entry a service may get. */
interface Wish {
  readonly hints: ServiceHints;
  /** The name in `sallyport.<name>.…`; absent for the unnamed one. */
  readonly name?: string;
}

interface WishContext extends Wish {
  readonly service: Service;
  readonly context: RouteContext;
  /** This service's entries of the last pass. */
  readonly previous: readonly IngressEntry[];
  /** No other entry of the service is asked for, so that those of the last pass can only be this one's. */
  readonly isOnly: boolean;
}

interface Outcome {
  readonly entries: readonly IngressEntry[];
  readonly findings: readonly Finding[];
}

const nothing: Outcome = { entries: [], findings: [] };

/** The unnamed entry and the named ones; where only named ones say how to route, there is no unnamed one. */
function wishesOf(service: Service): readonly Wish[] {
  if (service.hints.enable === false) return [];
  const named = Object.entries(service.entries ?? {}).map(([name, hints]) => ({ name, hints }));
  if (named.length === 0) return [{ hints: service.hints }];
  const { hostname, path, port, protocol, service: url } = service.hints;
  const hasOwn = [hostname, path, port, protocol, url].some((value) => value !== undefined);
  return hasOwn ? [{ hints: service.hints }, ...named] : named;
}

function routeWish(wish: WishContext, select: SelectPlugin): Outcome {
  const { service, hints, context } = wish;
  const selection = select(service, hints);
  const enabled = hints.enable ?? service.hints.enable;
  if ('problem' in selection) {
    return enabled === true
      ? { entries: [], findings: [labelInvalid(service, selection.problem, selection.hint)] }
      : nothing;
  }
  if (!isWanted(enabled, selection, wish)) return { entries: [], findings: explainUnwanted(enabled, selection, wish) };
  if (hints.held !== undefined) return nothing;
  const { plugin } = selection;
  if (plugin.problem !== undefined)
    return { entries: [], findings: [pluginUnusable(service, plugin.manifest.id, plugin.problem)] };
  const decision = decideAccess(service, hints, selection.sensitivity, context);
  if ('refused' in decision) return { entries: [], findings: [withReason(decision.refused, selection)] };
  const routed = routeGuarded(wish, plugin, decision.access);
  return { entries: routed.entries, findings: [...decision.findings, ...routed.findings] };
}

/** Everything of an entry but where it leads. */
interface Frame {
  readonly hostname: string;
  readonly explicit: boolean;
  readonly access: AccessSpec | 'public';
  readonly originRequest?: OriginRequest;
}

function routeGuarded(wish: WishContext, plugin: LoadedPlugin, access: AccessSpec | 'public'): Outcome {
  const { service, hints, context } = wish;
  const hostname = hostnameOf(wish, plugin);
  if (hostname === undefined) {
    const hint = 'give it a hostname';
    return { entries: [], findings: [labelInvalid(service, 'its name makes no hostname', hint)] };
  }
  const origin = originOf(wish, plugin);
  // Code may lead to another origin than the manifest alone.
  const url = plugin.code === undefined && 'service' in origin ? origin.service : undefined;
  const { originRequest, findings } = chooseOriginRequest(service, hints, plugin.manifest, context.allow, url);
  const frame = {
    hostname,
    explicit: hints.hostname !== undefined,
    access,
    ...(originRequest === undefined ? {} : { originRequest }),
  };
  const routed = plugin.code === undefined ? plainly(wish, plugin, frame, origin) : byCode(wish, plugin, frame, origin);
  return {
    entries: routed.entries.map((entry) => settle(entry, service)),
    findings: [...findings, ...routed.findings],
  };
}

function originOf(wish: WishContext, plugin: LoadedPlugin): OriginChoice {
  if (wish.service.state === 'stopped') return { service: stoppedService };
  const prefix = wish.context.labelPrefix ?? 'sallyport';
  const port = ['file', 'homeassistant'].includes(wish.service.source)
    ? 'port'
    : `${prefix}.${wish.name === undefined ? '' : `${wish.name}.`}port`;
  return chooseOrigin(wish.service, wish.hints, plugin.manifest, wish.context.allow, { port });
}

/** A label's hostname, the plugin's subdomain, or the service's name; with the domain unless it has a dot. */
function hostnameOf(wish: WishContext, plugin: LoadedPlugin): string | undefined {
  const { service, hints, context } = wish;
  return qualify(hints.hostname ?? plugin.manifest.ingress?.subdomain ?? dnsLabel(service.name), context.domain);
}

function qualify(name: string | undefined, domain: string): string | undefined {
  if (name === undefined) return undefined;
  const full = name.includes('.') ? name : `${name}.${domain}`;
  return full.length <= 253 ? full : undefined;
}

/** What the manifest alone gives. A running service without a way in keeps a name it already has. */
function plainly(wish: WishContext, plugin: LoadedPlugin, frame: Frame, origin: OriginChoice): Outcome {
  if ('service' in origin) return { entries: [buildEntry(wish, plugin, frame, origin.service)], findings: [] };
  const findings = [origin.problem].filter((finding) => !isSaidBySource(finding, wish.service));
  const parked = buildEntry(wish, plugin, frame, stoppedService);
  const had = wish.previous.some((entry) => isNamed(entry, frame.hostname, wish.hints.path));
  return { entries: had && !origin.held ? [parked] : [], findings };
}

/** The Docker source has explained why an enabled container has no address. */
function isSaidBySource(finding: Finding, service: Service): boolean {
  return finding.code === 'E_NO_ADDRESS' && service.source === 'docker' && finding.severity === 'error';
}

function isNamed(entry: IngressEntry, hostname: string, path: string | undefined): boolean {
  return entry.rule.hostname === hostname && entry.rule.path === path;
}

function buildEntry(wish: WishContext, plugin: LoadedPlugin, frame: Frame, service: string): IngressEntry {
  const { hostname, explicit, access, originRequest } = frame;
  const path = wish.hints.path === undefined ? {} : { path: wish.hints.path };
  const options = originRequest === undefined ? {} : { originRequest };
  return {
    serviceId: wish.service.id,
    plugin: plugin.manifest.id,
    rule: { hostname, ...path, service, ...options },
    access,
    explicit,
  };
}

/** What the plugin's code makes of it. */
function byCode(wish: WishContext, plugin: LoadedPlugin, frame: Frame, origin: OriginChoice): Outcome {
  if (plugin.code === undefined) return nothing;
  const plain = plainly(wish, plugin, frame, origin);
  if ('problem' in origin && origin.held) return plain;
  const { entries: _entries, ...service } = wish.service;
  try {
    const { entries, warnings } = runCode({
      id: plugin.manifest.id,
      code: plugin.code,
      service: { ...service, hints: wish.hints },
      defaults: plain.entries,
      access: frame.access,
      policies: wish.context.policies,
      context: codeContext(wish, plugin, frame),
    });
    const findings = warnings.map((message) => pluginWarning(plugin.manifest.id, message));
    return { entries, findings: entries.length === 0 && warnings.length === 0 ? plain.findings : findings };
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    const kept = keepable(wish, plugin, frame);
    return {
      entries: kept,
      findings: [pluginFailed(wish.service, plugin.manifest.id, error.message, kept.length > 0)],
    };
  }
}

function codeContext(wish: WishContext, plugin: LoadedPlugin, frame: Frame): Omit<PluginContext, 'warn'> {
  const { context, hints } = wish;
  return {
    domain: context.domain,
    loopbackOnly: context.loopbackOnly,
    access: frame.access === 'public' ? 'public' : frame.access.policy,
    entry(fields) {
      const own = fields.hostname ?? fields.subdomain;
      const hostname =
        hints.hostname === undefined && own !== undefined ? qualify(own, context.domain) : frame.hostname;
      const entry = buildEntry(
        wish,
        plugin,
        { ...frame, hostname: hostname ?? frame.hostname, access: accessOf(fields, frame.access) },
        fields.service,
      );
      return fields.path === undefined ? entry : { ...entry, rule: { ...entry.rule, path: fields.path } };
    },
  };
}

function accessOf(
  fields: { readonly access?: string; readonly bypassPaths?: readonly string[] },
  resolved: AccessSpec | 'public',
): AccessSpec | 'public' {
  const policy = fields.access ?? (resolved === 'public' ? 'public' : resolved.policy);
  if (policy === 'public') return 'public';
  const bypassPaths = fields.bypassPaths ?? (resolved === 'public' ? undefined : resolved.bypassPaths);
  return bypassPaths === undefined ? { policy } : { policy, bypassPaths };
}

/** Entries of the last pass that are still true: made by this plugin, guarded as asked for now, leading to the address of now. */
function keepable(wish: WishContext, plugin: LoadedPlugin, frame: Frame): readonly IngressEntry[] {
  const { service, previous } = wish;
  const own = previous.filter(
    (entry) => entry.plugin === plugin.manifest.id && (wish.isOnly || isNamed(entry, frame.hostname, wish.hints.path)),
  );
  const areTrue = own.every(
    (entry) =>
      isSameAccess(entry.access, frame.access) && (service.state === 'stopped' || leadsTo(entry, service.address)),
  );
  return areTrue ? own : [];
}

function isSameAccess(a: IngressEntry['access'], b: IngressEntry['access']): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function leadsTo(entry: IngressEntry, address: string | undefined): boolean {
  if (address === undefined) return false;
  const host = address.includes(':') ? `[${address}]` : address;
  const authority = /^[a-z+]+:\/\/([^/?#]*)$/.exec(entry.rule.service)?.[1];
  return authority === host || authority?.startsWith(`${host}:`) === true;
}

/** The last word: whatever made the entry, a stopped service's address is never used. */
function settle(entry: IngressEntry, service: Service): IngressEntry {
  if (service.state !== 'stopped') return entry;
  return { ...entry, rule: { ...entry.rule, service: stoppedService } };
}
