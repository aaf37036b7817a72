// Whether somebody who is about to log in has to come back over HTTPS first: a password must not cross the internet in the clear. Pure.
import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** The parts of a request that it depends on. */
export interface PlainRequest {
  readonly scheme: 'http' | 'https';
  readonly address: string;
  /** As the browser knows it, with a port. */
  readonly authority: string;
  readonly path: string;
}

/** Networks whose owner is near: this machine, the house, a VPN. */
const near = new BlockList();
for (const [network, bits] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  ['100.64.0.0', 10],
] as const)
  near.addSubnet(network, bits, 'ipv4');
near.addAddress('::1', 'ipv6');
near.addSubnet('fc00::', 7, 'ipv6');
near.addSubnet('fe80::', 10, 'ipv6');

/** Where to come back, or undefined when he may stay; without an HTTPS port something before this edge sees to it. */
export function secureUrl(request: PlainRequest, httpsPort: number | undefined): string | undefined {
  const { scheme, address, authority, path } = request;
  if (scheme === 'https' || httpsPort === undefined || isNear(address)) return undefined;
  const [, host = authority, port = '80'] = /^(.*):(\d+)$/.exec(authority) ?? [];
  // A visitor who needs no port for HTTP needs none for HTTPS, whatever the ports are called in here.
  const secure = port === '80' ? host : `${host}:${httpsPort}`;
  return `https://${secure}${/^\/[\x21-\x7e]*$/.test(path) ? path : '/'}`;
}

function isNear(address: string): boolean {
  if (isIPv4(address)) return near.check(address, 'ipv4');
  return isIPv6(address) && near.check(address.split('%')[0] ?? '', 'ipv6');
}
