// Whether Home Assistant takes requests that come through us, and what to say when it does not. Pure.
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import type { Diagnostic } from '../../src/model.ts';
import { coreId } from './services.ts';
import { isRecord, type SupervisorNetwork } from './shapes.ts';

/** What is known of it. */
export type Trust =
  | { readonly kind: 'trusted' }
  | {
      readonly kind: 'untrusted';
      /** Our address as Home Assistant sees it. */
      readonly from: string;
      /** Which networks it trusts; absent when it does not say. */
      readonly trusted?: readonly string[];
      /** Its settings are its own, not its YAML file's. */
      readonly isInUi: boolean;
    }
  /** It could not be found out, and it is no use to guess. */
  | { readonly kind: 'unknown' };

/** What Home Assistant's own `http/config` says of an address; undefined when the answer says nothing of proxies. */
export function judgeConfig(answer: unknown, from: string): Trust | undefined {
  const config = activeConfig(answer);
  if (config === undefined) return undefined;
  const trusted = strings(config.trusted_proxies);
  const isTrusted = config.use_x_forwarded_for === true && trusted.some((network) => contains(network, from));
  return isTrusted ? { kind: 'trusted' } : { kind: 'untrusted', from, trusted, isInUi: true };
}

/** What runs: a change that waits for being confirmed runs already. */
function activeConfig(answer: unknown): Record<string, unknown> | undefined {
  if (!isRecord(answer)) return undefined;
  const { stable, pending, active_config_type: active } = answer;
  const config = active === 'pending' ? pending : active === 'default' ? answer.default : stable;
  return isRecord(config) ? config : undefined;
}

/** What two answers mean: one to a request as a proxy sends it, one to the same without the proxy's header. */
export function judgeAnswers(proxied: number, direct: number | undefined, from: string): Trust {
  if (proxied === 400 && direct !== undefined && direct !== 400) return { kind: 'untrusted', from, isInUi: false };
  return proxied === 400 || proxied >= 500 ? { kind: 'unknown' } : { kind: 'trusted' };
}

/** The finding for a Core that would answer 400; none for one that would not. */
export function trustDiagnostics(trust: Trust, network: SupervisorNetwork): readonly Diagnostic[] {
  if (trust.kind !== 'untrusted') return [];
  const { from, trusted = [], isInUi } = trust;
  const add = networkToTrust(from, network);
  const proxies = [...trusted.filter((one) => one !== add), add].slice(0, 20);
  const yaml = `http: { use_x_forwarded_for: true, trusted_proxies: [${proxies.join(', ')}] }`;
  return [
    {
      severity: 'error',
      code: 'E_APP',
      message: `Home Assistant answers 400 to everybody who comes through the tunnel: it does not trust ${from}, which is this program, as a proxy`,
      hint: isInUi
        ? `in Home Assistant under Settings, System, Network switch X-Forwarded-For on, add ${add} to the trusted proxies, and confirm the change after the restart (as YAML: ${yaml})`
        : `add this to configuration.yaml, beside what is under http already, and restart Home Assistant: ${yaml}`,
      serviceId: coreId,
    },
  ];
}

/** Add-ons get another address at every start, from the upper half of the Supervisor's network. */
function networkToTrust(from: string, { subnet }: SupervisorNetwork): string {
  const [base = '', bits] = subnet.split('/');
  if (bits !== '23' || !contains(subnet, from)) return from;
  const [a, b, c] = base.split('.').map(Number);
  const upper = `${a}.${b}.${(c ?? 0) + 1}.0/24`;
  return contains(upper, from) ? upper : from;
}

/** True when the address lies in the network, or is it; false for what is no network. */
export function contains(network: string, address: string): boolean {
  const [base = '', prefix] = network.split('/');
  const family = isIPv4(base) ? 'ipv4' : isIPv6(base) ? 'ipv6' : undefined;
  const bits = prefix === undefined ? (family === 'ipv4' ? 32 : 128) : Number(prefix);
  if (
    isIP(address) === 0 ||
    family === undefined ||
    !Number.isInteger(bits) ||
    bits < 0 ||
    bits > (family === 'ipv4' ? 32 : 128)
  )
    return false;
  const list = new BlockList();
  list.addSubnet(base, bits, family);
  return list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.slice(0, 100).filter((one) => typeof one === 'string' && one.length <= 64) : [];
}
