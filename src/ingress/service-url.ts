// A rule's `service` text as a tagged union, decided in cloudflared's order and refused with cloudflared's words. Pure.
import { ValidationError } from '../errors.ts';
import type { OriginRequest } from '../model.ts';
import { goAtoi } from './go-text.ts';
import { formatGoUrl, type GoUrl, GoUrlError, hostnameOf, parseGoUrl, portOf } from './go-url.ts';
import { createIpPolicy, type IpPolicy, IpRuleError } from './ip-rules.ts';

/**
 * What a rule leads to. `service` is the text in cloudflared's canonical form (default ports filled in). Ports come from the
 * user unchecked above 65535, as in cloudflared: opening such an origin must fail as unreachable.
 */
export type OriginTarget =
  | HttpTarget
  | UnixTarget
  | TcpTarget
  | { readonly kind: 'http_status'; readonly status: number; readonly service: string }
  | { readonly kind: 'hello_world'; readonly service: string }
  | { readonly kind: 'bastion'; readonly service: string }
  | { readonly kind: 'socks-proxy'; readonly policy: IpPolicy; readonly service: string };

/** An HTTP origin; `ws` is `http` and `wss` is `https`. `hostname` has no brackets. */
export interface HttpTarget {
  readonly kind: 'http' | 'https';
  readonly hostname: string;
  readonly port: number;
  readonly service: string;
}

/** HTTP (or HTTPS) over a unix socket. */
export interface UnixTarget {
  readonly kind: 'unix' | 'unix+tls';
  readonly path: string;
  readonly service: string;
}

/** Any other scheme: TCP inside a websocket. Without a port (unknown scheme) dialling fails. */
export interface TcpTarget {
  readonly kind: 'tcp';
  readonly scheme: string;
  readonly hostname: string;
  readonly port: number | undefined;
  readonly service: string;
}

/** Reads a service; `originRequest` matters for bastionMode and the socks proxy's ipRules. Throws ValidationError. */
export function parseServiceUrl(service: string, originRequest: OriginRequest = {}): OriginTarget {
  if (service.startsWith('unix:')) return { kind: 'unix', path: service.slice(5), service };
  if (service.startsWith('unix+tls:')) return { kind: 'unix+tls', path: service.slice(9), service };
  if (service.startsWith('http_status:')) return statusTarget(service.slice(12));
  if (service === 'hello_world' || service === 'hello-world') return { kind: 'hello_world', service: 'hello_world' };
  if (service === 'socks-proxy') return socksTarget(originRequest);
  if (service === 'bastion' || originRequest.bastionMode === true) return { kind: 'bastion', service: 'bastion' };
  return urlTarget(service);
}

function statusTarget(text: string): OriginTarget {
  const parsed = goAtoi(text);
  if ('error' in parsed) throw invalid(`invalid HTTP status code: ${parsed.error}`);
  const status = parsed.value;
  if (status < 100 || status > 999) throw invalid(`invalid HTTP status code: ${status}`);
  return { kind: 'http_status', status, service: `http_status:${status}` };
}

function socksTarget(originRequest: OriginRequest): OriginTarget {
  try {
    return { kind: 'socks-proxy', policy: createIpPolicy(originRequest.ipRules ?? []), service: 'socks-proxy' };
  } catch (error) {
    if (!(error instanceof IpRuleError)) throw error;
    throw invalid(`unable to create ip rule for socks-proxy: ${error.message}`);
  }
}

const httpKinds: Readonly<Record<string, 'http' | 'https'>> = {
  http: 'http',
  ws: 'http',
  https: 'https',
  wss: 'https',
};
const defaultPorts: Readonly<Record<string, number>> = { ssh: 22, rdp: 3389, smb: 445, tcp: 7864 };

function urlTarget(service: string): OriginTarget {
  const url = parseUrl(service);
  const hostname = hostnameOf(url);
  if (url.scheme === '' || hostname === '')
    throw invalid(`${service} is an invalid address, please make sure it has a scheme and a hostname`);
  if (url.path !== '')
    throw invalid(
      `${service} is an invalid address, ingress rules don't support proxying to a different path on the origin service. ` +
        "The path will be the same as the eyeball request's path",
    );
  const port = portOf(url) === '' ? undefined : Number(portOf(url));
  const kind = Object.hasOwn(httpKinds, url.scheme) ? httpKinds[url.scheme] : undefined;
  if (kind === undefined) return tcpTarget(url, hostname, port);
  return { kind, hostname, port: port ?? (kind === 'http' ? 80 : 443), service: formatGoUrl(url) };
}

function parseUrl(service: string): GoUrl {
  try {
    return parseGoUrl(service);
  } catch (error) {
    if (!(error instanceof GoUrlError)) throw error;
    throw invalid(error.message);
  }
}

function tcpTarget(url: GoUrl, hostname: string, port: number | undefined): TcpTarget {
  const fallback = Object.hasOwn(defaultPorts, url.scheme) ? defaultPorts[url.scheme] : undefined;
  const filled = port ?? fallback;
  const host = port === undefined && fallback !== undefined ? joinHostPort(hostname, fallback) : url.host;
  return { kind: 'tcp', scheme: url.scheme, hostname, port: filled, service: `${url.scheme}://${host}` };
}

function joinHostPort(hostname: string, port: number): string {
  return hostname.includes(':') ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

function invalid(message: string): ValidationError {
  return new ValidationError({ code: 'E_INGRESS_INVALID', message });
}
