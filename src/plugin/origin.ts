// What an entry leads to: the service URL and originRequest of a service, within what its labels may ask for. Pure.
import { parseServiceUrl } from '../ingress/service-url.ts';
import type { OriginRequest, Port, Service, ServiceHints } from '../model.ts';
import { isOperators } from './access.ts';
import type { PluginManifest } from './catalogue.ts';
import { type Finding, labelInvalid, noAddress, noPort, notAllowed, portNotPublished } from './diagnose.ts';

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
  const protocol = scheme ?? hints.protocol ?? manifest.service?.protocol ?? protocolOf(port);
  const host = service.address.includes(':') ? `[${service.address}]` : service.address;
  return { service: `${protocol}://${host}:${port.number}` };
}

/** The port inside the container, whatever it is published as. */
function inside(port: Port): number {
  return port.target ?? port.number;
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
  const usual = manifest.service?.port;
  if (usual !== undefined && ports.length === 0) return { number: usual, protocol: 'tcp' };
  const web = ports.filter((port) => webPorts.includes(inside(port)));
  const [plain] = [
    ports.find((port) => inside(port) === usual),
    ports.length === 1 ? ports[0] : undefined,
    ports.find((port) => inside(port) === 80),
    web.length === 1 ? web[0] : undefined,
  ].filter((port) => port !== undefined);
  return plain ?? noPort(service, names.port);
}

/** Keys by which a container could read files of this machine or have the connector dial anywhere. */
export const elsewhere = ['bastionMode', 'proxyAddress', 'proxyPort', 'proxyType', 'ipRules', 'caPool'] as const;

/** The plugin's originRequest with what was asked for over it, less what a label may not ask for. */
export function chooseOriginRequest(
  service: Service,
  hints: ServiceHints,
  manifest: PluginManifest,
  allow: OriginAllowance,
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
  const originRequest = { ...manifest.ingress?.originRequest, ...asked };
  return Object.keys(originRequest).length === 0 ? { findings } : { originRequest, findings };
}
