// A remotely managed tunnel's configuration with our rules in it and everything else as it was. Pure.
import { isDeepStrictEqual } from 'node:util';
import type { RemoteRule, TunnelConfiguration } from '../cloudflare/configurations.ts';
import type { IngressEntry, OriginRequest } from '../model.ts';
import { weave } from './weave.ts';

/** Says whether the rules of a hostname are ours. */
export type IsOurs = (hostname: string) => boolean;

/** originRequest keys we may write; on our own rules every other key is the user's and stays. */
const knownKeys: ReadonlySet<string> = new Set<keyof OriginRequest>([
  'connectTimeout',
  'tlsTimeout',
  'tcpKeepAlive',
  'keepAliveConnections',
  'keepAliveTimeout',
  'httpHostHeader',
  'originServerName',
  'matchSNItoHost',
  'caPool',
  'noTLSVerify',
  'http2Origin',
  'disableChunkedEncoding',
  'noHappyEyeballs',
  'bastionMode',
  'proxyAddress',
  'proxyPort',
  'proxyType',
  'ipRules',
  'access',
]);

const catchAll: RemoteRule = { service: 'http_status:404' };

/**
 * The configuration with `entries` as our rules. Rules of other hostnames, those with a key in `kept`, the catch-all and every other
 * key of it stay verbatim and in order; unknown keys on a rule of ours stay with it. Returns `config` itself when nothing differs.
 */
export function mergeConfiguration(
  config: TunnelConfiguration,
  entries: readonly IngressEntry[],
  isOurs: IsOurs,
  kept: ReadonlySet<string> = new Set(),
): TunnelConfiguration {
  const present = config.ingress ?? [];
  const foreign = present.filter((rule) => !isOursRule(rule, isOurs) || kept.has(ruleKey(rule)));
  // Of two rules for one place the first is the one that counts.
  const before = new Map(present.toReversed().map((rule) => [ruleKey(rule), rule]));
  const ours = entries.map((entry) => toRemote(entry, before.get(ruleKey(entry.rule))));
  const woven = weave(foreign, ours, (rule) => rule);
  const ingress = isCatchAll(woven.at(-1)) ? woven : [...woven, catchAll];
  return isDeepStrictEqual(ingress, present) ? config : { ...config, ingress };
}

/** Every rule in its order, as the pipeline has them; the hostname is empty where a rule has none. */
export function allRules(config: TunnelConfiguration): readonly IngressEntry['rule'][] {
  return (config.ingress ?? []).map(fromRemote);
}

/** Hostnames that have rules, each with the rules. */
export function rulesByHostname(config: TunnelConfiguration): ReadonlyMap<string, readonly IngressEntry['rule'][]> {
  const named = (config.ingress ?? []).filter((rule) => hostnameOf(rule) !== undefined);
  return Map.groupBy(named.map(fromRemote), (rule) => rule.hostname.toLowerCase());
}

function isOursRule(rule: RemoteRule, isOurs: IsOurs): boolean {
  const hostname = hostnameOf(rule);
  return hostname !== undefined && isOurs(hostname);
}

function hostnameOf(rule: RemoteRule): string | undefined {
  return rule.hostname === undefined || rule.hostname === '' || rule.hostname === '*'
    ? undefined
    : rule.hostname.toLowerCase();
}

function isCatchAll(rule: RemoteRule | undefined): boolean {
  return rule !== undefined && hostnameOf(rule) === undefined && (rule.path ?? '') === '';
}

function ruleKey(rule: { readonly hostname?: string | undefined; readonly path?: string | undefined }): string {
  return `${(rule.hostname ?? '').toLowerCase()} ${rule.path ?? ''}`;
}

function toRemote(entry: IngressEntry, before: RemoteRule | undefined): RemoteRule {
  const { hostname, path, service, originRequest } = entry.rule;
  const kept = Object.entries(before?.originRequest ?? {}).filter(([key]) => !knownKeys.has(key));
  const merged = { ...Object.fromEntries(kept), ...originRequest };
  const unknown = Object.entries(before ?? {}).filter(([key]) => !ruleFields.has(key));
  const hadOriginRequest = before !== undefined && 'originRequest' in before;
  return {
    ...Object.fromEntries(unknown),
    hostname,
    ...(path === undefined && before?.path === undefined ? {} : { path: path ?? '' }),
    service,
    // An empty path or originRequest may be what the API itself puts on a rule without one: not a difference.
    ...(Object.keys(merged).length > 0 || hadOriginRequest ? { originRequest: merged } : {}),
  };
}

const ruleFields: ReadonlySet<string> = new Set(['hostname', 'path', 'service', 'originRequest']);

function fromRemote(rule: RemoteRule): IngressEntry['rule'] {
  const known = Object.entries(rule.originRequest ?? {}).filter(([key]) => knownKeys.has(key));
  return {
    hostname: rule.hostname ?? '',
    ...(rule.path === undefined || rule.path === '' ? {} : { path: rule.path }),
    service: rule.service,
    ...(known.length === 0 ? {} : { originRequest: Object.fromEntries(known) as OriginRequest }),
  };
}
