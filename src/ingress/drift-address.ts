// Where a rule leads, as far as it matters whose address that is. Pure.
import { isIP } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { ValidationError } from '../errors.ts';
import type { IngressEntry, OriginRequest, ServiceId } from '../model.ts';
import { parseServiceUrl } from './service-url.ts';

/** An address a rule leads to; a unix socket's is its path. */
export interface RuleAddress {
  readonly host: string;
  readonly port: number | undefined;
  readonly isIp: boolean;
}

/** A rule as far as its address goes. */
export interface Leading {
  readonly service: string;
  readonly originRequest?: OriginRequest;
}

const addresses = new WeakMap<Leading, RuleAddress | null>();

/** The address; undefined for a rule that reaches none, or any. */
export function addressOf(rule: Leading): RuleAddress | undefined {
  const known = addresses.get(rule);
  if (known !== undefined) return known ?? undefined;
  const address = readAddress(rule);
  addresses.set(rule, address ?? null);
  return address;
}

function readAddress({ service, originRequest }: Leading): RuleAddress | undefined {
  const target = targetOf(service, originRequest);
  if (target === undefined) return undefined;
  if ('path' in target) return { host: `unix:${target.path}`, port: undefined, isIp: false };
  if (!('hostname' in target)) return undefined;
  const host = target.hostname.toLowerCase();
  return { host, port: target.port, isIp: isIP(host) !== 0 };
}

const hosts = new WeakMap<readonly IngressEntry[], ReadonlyMap<string, readonly IngressEntry[]>>();

/** The entries that lead to this host, whatever the port. */
export function entriesAt(entries: readonly IngressEntry[], host: string): readonly IngressEntry[] {
  const known = hosts.get(entries) ?? Map.groupBy(entries, ({ rule }) => addressOf(rule)?.host ?? '');
  hosts.set(entries, known);
  return host === '' ? [] : (known.get(host) ?? []);
}

/** Whether a rule lets its visitor choose the address. */
export function reachesAnything({ service, originRequest }: Leading): boolean {
  const kind = targetOf(service, originRequest)?.kind;
  return kind === 'bastion' || kind === 'socks-proxy';
}

function targetOf(service: string, originRequest: OriginRequest | undefined) {
  try {
    return parseServiceUrl(service, originRequest);
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    return undefined;
  }
}

/** This machine under any of its names. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** A host that many services share and that no container leaves behind: a name, or this machine. */
export function isSharedHost(at: RuleAddress): boolean {
  return !at.isIp || isLoopback(at.host);
}

/** The service with another host, port and all else as it is; unchanged where there is none. */
export function withHost(service: string, host: string): string {
  const shown = host.includes(':') ? `[${host}]` : host;
  return service.replace(/^([a-z0-9+.-]+:\/\/(?:[^/@]*@)?)(\[[^\]]*\]|[^/:?#]*)/i, (_, head: string) => head + shown);
}

/** What is asked about a rule written by hand. */
export interface SafetyInput {
  readonly entry: IngressEntry;
  /** Whose address it was when it was first seen. */
  readonly owners: readonly ServiceId[];
  readonly wanted: readonly IngressEntry[];
}

/** Why a rule written by hand must not be served, as a sentence's end; undefined when it may be. */
export function danger({ entry, owners, wanted }: SafetyInput): string | undefined {
  const at = addressOf(entry.rule);
  const others = entriesAt(wanted, at?.host ?? '');
  const exact = others.filter((one) => addressOf(one.rule)?.port === at?.port);
  const opened = (reachesAnything(entry.rule) ? wanted : exact).find(
    (one) => one.access !== 'public' && !isDeepStrictEqual(one.access, entry.access),
  );
  if (opened !== undefined) return `it leads to ${opened.serviceId}, whose Access policy this name does not have`;
  if (at === undefined) return undefined;
  if (owners.length > 0 && !others.some((one) => owners.includes(one.serviceId)))
    return `it leads to an address ${owners.join(', ')} no longer has`;
  const taken = (exact.length > 0 ? exact : others.filter((one) => isContainers(one, at))).map((one) => one.serviceId);
  if (taken.length > 0 && !taken.some((id) => id === entry.serviceId || owners.includes(id)))
    return `it leads to an address that ${taken[0]} has now`;
  return undefined;
}

/** Another service that is at the entry's address. */
export function serviceAt(entry: IngressEntry, wanted: readonly IngressEntry[]): ServiceId | undefined {
  const at = addressOf(entry.rule);
  const there = entriesAt(wanted, at?.host ?? '').filter((one) => addressOf(one.rule)?.port === at?.port);
  return there.some((one) => one.serviceId === entry.serviceId) ? undefined : there[0]?.serviceId;
}

/** A container's own address: whatever the port, it is that container that answers. */
function isContainers(entry: IngressEntry, at: RuleAddress): boolean {
  return entry.serviceId.startsWith('docker/') && !isSharedHost(at);
}
