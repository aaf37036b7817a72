// What an entry leads to: the service URL and originRequest of a service, within what its labels may ask for. Pure.
import { parseServiceUrl } from '../ingress/service-url.ts';
import type { OriginProtocol, OriginRequest, Port, Service, ServiceHints } from '../model.ts';
import { isOperators } from './access.ts';
import type { PluginManifest } from './catalogue.ts';
import {
  type Finding,
  labelInvalid,
  noAddress,
  noPort,
  notAllowed,
  portAvoided,
  portNotPublished,
} from './findings.ts';

/** What a label may ask for. */
export interface OriginAllowance {
  readonly noTlsVerify: boolean;
  readonly otherOrigins: boolean;
}

/** The service URL, or the reason there is none; `held` ones must not even keep a name with another origin. */
export type OriginChoice = { readonly service: string } | { readonly problem: Finding; readonly held: boolean };

/** Stopped services answer with this; their address may be somebody else's by now. */
export const stoppedService = 'http_status:503';

/** How diagnostics name a label. */
export interface LabelNames {
  readonly port: string;
}

/** The origin of a running service. */
export function chooseOrigin(
  service: Service,
  hints: ServiceHints,
  manifest: PluginManifest,
  allow: OriginAllowance,
  names: LabelNames,
): OriginChoice {
  if (hints.service === undefined) return ownOrigin(service, hints, manifest, names);
  const target = parseServiceUrl(hints.service);
  if (isOperators(service) || target.kind === 'http_status' || target.kind === 'hello_world')
    return { service: hints.service };
  // A URL that names the container itself says no more than a protocol and a port; it is taken as such, so that it leads nowhere else.
  if ('hostname' in target && (target.hostname === service.address || target.hostname === service.name)) {
    const scheme = target.kind === 'tcp' ? target.scheme : target.kind;
    return ownOrigin(
      service,
      target.port === undefined ? hints : { ...hints, port: target.port },
      manifest,
      names,
      scheme,
    );
  }
  if (allow.otherOrigins) return { service: hints.service };
  const what = 'its service label leads somewhere else than the container itself, which is held';
  return { problem: notAllowed(service, what, 'labels.allow.other_origins', 'error'), held: true };
}

function ownOrigin(
  service: Service,
  hints: ServiceHints,
  manifest: PluginManifest,
  names: LabelNames,
  scheme?: string,
): OriginChoice {
  if (hints.protocol === 'unix') {
    const hint = 'write service=unix:/path/to.sock instead';
    return { problem: labelInvalid(service, 'protocol unix needs to know which socket', hint), held: true };
  }
  if (service.address === undefined) return { problem: noAddress(service), held: false };
  const port = choosePort(service, hints, manifest, names);
  if ('severity' in port) return { problem: port, held: false };
  const protocol = scheme ?? hints.protocol ?? port.speaks ?? protocolAt(manifest, port) ?? protocolOf(port);
  const host = service.address.includes(':') ? `[${service.address}]` : service.address;
  return { service: `${protocol}://${host}:${port.number}` };
}

/** The port inside the container, whatever it is published as. */
function inside(port: Port): number {
  return port.target ?? port.number;
}

/** What the app speaks there: the same door can have another port with another protocol. */
function protocolAt(manifest: PluginManifest, port: Port): OriginProtocol | undefined {
  const { alternatives = [], protocol } = manifest.service ?? {};
  return alternatives.find((other) => other.port === inside(port))?.protocol ?? protocol;
}

function protocolOf(port: Port): 'http' | 'https' {
  return inside(port) === 443 || inside(port) === 8443 ? 'https' : 'http';
}

/** Web ports by convention; one of them among others is plain, two are not. */
const webPorts: readonly number[] = [8080, 3000, 8000, 443, 8443];

function choosePort(
  service: Service,
  hints: ServiceHints,
  manifest: PluginManifest,
  names: LabelNames,
): Port | Finding {
  const ports = service.ports.filter((port) => port.protocol === 'tcp');
  const published = ports.some((port) => port.target !== undefined);
  if (hints.port !== undefined) {
    const found = ports.find((port) => inside(port) === hints.port);
    if (found !== undefined) return found;
    return published ? portNotPublished(service, hints.port) : { number: hints.port, protocol: 'tcp' };
  }
  const { port: usual, alternatives = [], avoid = [] } = manifest.service ?? {};
  const usable = ports.filter((port) => !avoid.includes(inside(port)));
  // An image need not declare the port it listens on, and on a shared network every one is reached.
  const isUndeclared = usable.length === 0 && !published;
  if (usual !== undefined && isUndeclared) return { number: usual, protocol: 'tcp' };
  if (usable.length === 0 && ports.length > 0) return portAvoided(service, manifest.name, names.port);
  return plainPort(usable, [usual, ...alternatives.map((other) => other.port)]) ?? noPort(service, names.port);
}

/** The first of the app's own ports that is open, else the one that is plain by convention. */
function plainPort(ports: readonly Port[], own: readonly (number | undefined)[]): Port | undefined {
  const web = ports.filter((port) => webPorts.includes(inside(port)));
  const [plain] = [
    ...own.map((number) => ports.find((port) => inside(port) === number)),
    ports.length === 1 ? ports[0] : undefined,
    ports.find((port) => inside(port) === 80),
    web.length === 1 ? web[0] : undefined,
  ].filter((port) => port !== undefined);
  return plain;
}

/** Keys by which a container could read files of this machine or have the connector dial anywhere. */
export const elsewhere = ['bastionMode', 'proxyAddress', 'proxyPort', 'proxyType', 'ipRules', 'caPool'] as const;

/** What source and plugin say of an origin that speaks TLS means nothing to one that does not. */
function ownOptions(service: Service, manifest: PluginManifest, url: string | undefined): OriginRequest {
  const own = { ...service.originRequest, ...manifest.ingress?.originRequest };
  if (url === undefined || url.startsWith('https:')) return own;
  const { noTLSVerify: _noTLSVerify, ...rest } = own;
  return rest;
}

/** The plugin's originRequest with what was asked for over it, less what a label may not ask for; `url` is where it leads, if that is decided. */
export function chooseOriginRequest(
  service: Service,
  hints: ServiceHints,
  manifest: PluginManifest,
  allow: OriginAllowance,
  url?: string,
): { readonly originRequest?: OriginRequest; readonly findings: readonly Finding[] } {
  const findings: Finding[] = [];
  const asked: { -readonly [K in keyof OriginRequest]: OriginRequest[K] } = { ...hints.originRequest };
  if (!isOperators(service)) {
    if (asked.noTLSVerify === true && !allow.noTlsVerify) {
      delete asked.noTLSVerify;
      findings.push(notAllowed(service, 'origin.noTLSVerify is held', 'labels.allow.no_tls_verify', 'warning'));
    }
    for (const key of elsewhere) {
      if (asked[key] === undefined || allow.otherOrigins) continue;
      delete asked[key];
      findings.push(notAllowed(service, `origin.${key} is held`, 'labels.allow.other_origins', 'warning'));
    }
  }
  const originRequest = { ...ownOptions(service, manifest, url), ...asked };
  return Object.keys(originRequest).length === 0 ? { findings } : { originRequest, findings };
}
