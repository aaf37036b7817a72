// cloudflared's `ipRules`: which destinations a client may choose. First rule that fits decides, none means no. Pure.
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import type { IpRule } from '../model.ts';

/** Decides about one destination; `matched` is the index of the deciding rule. */
export interface IpPolicy {
  check(ip: string, port: number): { readonly allowed: boolean; readonly matched: number | undefined };
}

/** A rule cloudflared would refuse; the message is cloudflared's. */
export class IpRuleError extends Error {}

/** Builds the policy; throws IpRuleError for a missing prefix, a bad CIDR or a port outside 1-65535. */
export function createIpPolicy(rules: readonly IpRule[], defaultAllow = false): IpPolicy {
  const compiled = rules.map(compileRule);
  return {
    check(ip, port) {
      const matched = compiled.findIndex((rule) => rule.contains(ip, port));
      if (matched === -1) return { allowed: defaultAllow, matched: undefined };
      return { allowed: compiled[matched]?.allow ?? false, matched };
    },
  };
}

/** Addresses that lead to this machine itself, or that routers and clouds use for their own: 169.254.169.254 and the like. */
const inwards: readonly [network: string, bits: number, family: 'ipv4' | 'ipv6'][] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  ['::', 96, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
];

/**
 * The policy of clients that may choose freely: the rules when there are any, else every address but those of this machine itself. What
 * listens on loopback relies on not being reachable from elsewhere.
 */
export function createOutwardPolicy(rules: readonly IpRule[]): IpPolicy {
  if (rules.length > 0) return createIpPolicy(rules);
  const list = new BlockList();
  for (const [network, bits, family] of inwards) list.addSubnet(network, bits, family);
  const isInward = (ip: string) => list.check(ip, isIPv4(ip) ? 'ipv4' : 'ipv6');
  return { check: (ip) => ({ allowed: (isIPv4(ip) || isIPv6(ip)) && !isInward(ip), matched: undefined }) };
}

interface CompiledIpRule {
  readonly allow: boolean;
  contains(ip: string, port: number): boolean;
}

function compileRule(rule: IpRule): CompiledIpRule {
  const network = parseCidr(rule.prefix);
  const ports = [...(rule.ports ?? [])].sort((a, b) => a - b);
  for (const port of ports)
    if (port < 1 || port > 65535) throw new IpRuleError(`invalid port ${port}, needs to be between 1 and 65535`);
  const allowedPorts = new Set(ports);
  return {
    allow: rule.allow ?? false,
    contains: (ip, port) => network(ip) && (allowedPorts.size === 0 || allowedPorts.has(port)),
  };
}

function parseCidr(prefix: string | undefined): (ip: string) => boolean {
  if (prefix === undefined || prefix === '') throw new IpRuleError('no prefix provided');
  const slash = prefix.indexOf('/');
  const address = prefix.slice(0, slash);
  const mask = prefix.slice(slash + 1);
  const bits = Number(mask);
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) && !address.includes('%') ? 'ipv6' : undefined;
  if (slash === -1 || family === undefined || !/^[0-9]{1,4}$/.test(mask) || bits > (family === 'ipv4' ? 32 : 128))
    throw new IpRuleError(`unable to parse cidr: ${prefix}`);
  const list = new BlockList();
  list.addSubnet(address, bits, family);
  return (ip) => (isIPv4(ip) ? list.check(ip, 'ipv4') : isIPv6(ip) && list.check(ip, 'ipv6'));
}
