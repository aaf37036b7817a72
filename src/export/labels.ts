// What is applied for a service, said in labels: everything explicit, so that no default can change it. Pure.

import type { IngressEntry, OriginRequest, Port, Service, ServiceHints } from '../model.ts';
import { elsewhere } from '../plugin/origin.ts';
import { withoutUser } from './service-url.ts';

/** How labels are written. */
export interface LabelOptions {
  readonly prefix: string;
  /** What a label may ask for: the rest comes from the app's plugin, or was held. */
  readonly allow: { readonly noTlsVerify: boolean; readonly otherOrigins: boolean };
}

/** Labels in the order a person would write them. */
export type Labels = Readonly<Record<string, string>>;

/** The labels of a service with these entries. `plugin` is written only when it is given. */
export function serviceLabels(
  service: Service,
  entries: readonly IngressEntry[],
  options: LabelOptions,
  plugin: string | undefined = service.hints.plugin,
): Labels {
  const head: Labels = {
    [`${options.prefix}.enable`]: 'true',
    ...(plugin === undefined ? {} : { [`${options.prefix}.plugin`]: plugin }),
    ...(service.hints.network === undefined ? {} : { [`${options.prefix}.network`]: service.hints.network }),
  };
  const [only] = entries;
  if (only !== undefined && entries.length === 1) {
    const hints = matchingHints(service, only)?.hints ?? service.hints;
    return { ...head, ...prefixed(options.prefix, entryLabels(service, only, hints, options)) };
  }
  const names = new Set<string>();
  const named = entries.map((entry) => {
    const found = matchingHints(service, entry);
    const name = uniqueName(found?.name ?? entry.rule.hostname, names);
    return prefixed(`${options.prefix}.${name}`, entryLabels(service, entry, found?.hints ?? service.hints, options));
  });
  return Object.assign({}, head, ...named);
}

function prefixed(prefix: string, labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [`${prefix}.${key}`, value]));
}

function entryLabels(service: Service, entry: IngressEntry, hints: ServiceHints, options: LabelOptions): Labels {
  const { rule, access } = entry;
  const bypass = access === 'public' ? [] : (access.bypassPaths ?? []);
  return {
    hostname: rule.hostname,
    ...(rule.path === undefined ? {} : { path: rule.path }),
    ...originLabels(service, rule.service, hints),
    access: access === 'public' ? 'public' : access.policy,
    ...(bypass.length === 0 ? {} : { 'access.bypass': bypass.join(',') }),
    ...prefixed('origin', optionLabels(rule.originRequest ?? {}, options)),
  };
}

/** Where the entry leads: a port of the container, else the URL. A stopped one leads nowhere now, so what was written stays. */
function originLabels(service: Service, url: string, hints: ServiceHints): Labels {
  if (service.state === 'stopped') {
    const { port, protocol } = hints;
    return {
      ...(port === undefined ? {} : { port: String(port) }),
      ...(protocol === undefined ? {} : { protocol }),
      ...(hints.service === undefined ? {} : { service: withoutUser(hints.service) }),
    };
  }
  const own = ownOrigin(service, url);
  if (own === undefined) return { service: withoutUser(url) };
  return { port: String(insidePort(service.ports, own.port)), protocol: own.protocol };
}

/** The protocol and port of a URL that leads to the service itself. */
export function ownOrigin(
  service: Pick<Service, 'address'>,
  url: string,
): { readonly protocol: string; readonly port: number } | undefined {
  const { address } = service;
  if (address === undefined) return undefined;
  const host = address.includes(':') ? `[${address}]` : address;
  const [, protocol = '', at = '', port = ''] = /^(https?|tcp|ssh|rdp|smb):\/\/(.+):(\d{1,5})$/.exec(url) ?? [];
  return at === host ? { protocol, port: Number(port) } : undefined;
}

/** Labels name the port inside the container, whatever it is published as. */
function insidePort(ports: readonly Port[], number: number): number {
  const found = ports.find((port) => port.number === number && port.protocol === 'tcp');
  return found?.target ?? number;
}

function optionLabels(originRequest: OriginRequest, { allow }: LabelOptions): Labels {
  const labels: [string, string][] = [];
  for (const [key, value] of Object.entries(originRequest)) {
    if (key === 'noTLSVerify' && value === true && !allow.noTlsVerify) continue;
    if (elsewhere.some((one) => one === key) && !allow.otherOrigins) continue;
    if (key === 'access') labels.push(...accessLabels(originRequest.access ?? {}));
    else labels.push([key, typeof value === 'object' ? JSON.stringify(value) : String(value)]);
  }
  return Object.fromEntries(labels);
}

function accessLabels({ required, teamName, audTag }: NonNullable<OriginRequest['access']>): [string, string][] {
  return [
    ...(required === undefined ? [] : [['access.required', String(required)] as [string, string]]),
    ...(teamName === undefined ? [] : [['access.teamName', teamName] as [string, string]]),
    ...(audTag === undefined ? [] : [['access.audTag', audTag.join(',')] as [string, string]]),
  ];
}

/** What the labels said of this very entry, where that can be seen. */
function matchingHints(
  service: Service,
  entry: IngressEntry,
): { readonly name: string; readonly hints: ServiceHints } | undefined {
  const { hostname, path } = entry.rule;
  const found = Object.entries(service.entries ?? {}).find(
    ([, hints]) =>
      hints.path === path &&
      hints.hostname !== undefined &&
      (hostname === hints.hostname || hostname.startsWith(`${hints.hostname}.`)),
  );
  return found === undefined ? undefined : { name: found[0], hints: found[1] };
}

/** An entry's name: letters, digits and hyphens, and none that is a label itself. */
function uniqueName(text: string, taken: Set<string>): string {
  const cleaned = (text.split('.').find((part) => /[a-z]/i.test(part)) ?? 'web')
    .replaceAll(/[^A-Za-z0-9-]/g, '')
    .replace(/^[^A-Za-z]+/, '')
    .slice(0, 24);
  const base = cleaned === '' || reserved.has(cleaned) ? `web${cleaned}` : cleaned;
  let name = base;
  for (let count = 2; taken.has(name); count++) name = `${base}-${count}`;
  taken.add(name);
  return name;
}

const reserved: ReadonlySet<string> = new Set([
  'enable',
  'hostname',
  'port',
  'protocol',
  'path',
  'service',
  'network',
  'plugin',
  'access',
  'origin',
]);
