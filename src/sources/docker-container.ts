// The engine's container list to services. Pure: what the engine says is read field by field, since labels and names are anyone's.
import type { Diagnostic, Port, Service, ServiceHints, ServiceId } from '../model.ts';
import { readLabels } from './dialects/read.ts';
import { isForeignVariable } from './dialects/registry.ts';
import {
  type AddressChoice,
  type ContainerNetwork,
  chooseAddress,
  type PublishedPort,
  type Self,
} from './docker-address.ts';
import { imageFindings, pickLabels } from './docker-image.ts';
import type { LabelPolicy } from './docker-labels.ts';
import { quote } from './quote.ts';

/** One container of the list, reduced to what we use. */
export interface ContainerView {
  readonly id: string;
  readonly name: string;
  /** As the engine lists it: a reference, or a bare id when the tag has moved on. */
  readonly image: string;
  /** The image's own id; empty when the engine gives none. */
  readonly imageId: string;
  readonly createdAt: number;
  readonly state: string;
  readonly status: string;
  readonly networkMode: string;
  readonly networks: readonly ListedNetwork[];
  readonly exposed: readonly Port[];
  readonly published: readonly PublishedPort[];
  readonly labels: Readonly<Record<string, string>>;
  /** Keys of labels that were left out, because they are its image's. */
  readonly fromImage?: readonly string[];
}

/** A container's network as the list shows it. */
export interface ListedNetwork {
  readonly name: string;
  readonly id: string;
  readonly address: string;
  readonly gateway: string;
}

/** What only inspecting a container tells; it never changes during the container's life. */
export interface ContainerDetails {
  /** For engines whose list does not say it. */
  readonly networkMode?: string;
  /** The reference it was created from. */
  readonly image: string;
  readonly exposed: readonly Port[];
  /** The variables other tools are configured with, and no others: the rest is full of secrets. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Everything besides the list that the services depend on. */
export interface DescribeContext {
  /** Begins every service id: `docker`, or `docker/<endpoint>`. */
  readonly idPrefix: string;
  readonly labels: LabelPolicy;
  readonly self: Self;
  /** Driver by network id. */
  readonly drivers: ReadonlyMap<string, string>;
  /** By container id; containers nobody inspected are absent. */
  readonly details: ReadonlyMap<string, ContainerDetails>;
}

const composeProject = 'com.docker.compose.project';
const composeService = 'com.docker.compose.service';
const composeNumber = 'com.docker.compose.container-number';
const composeOneOff = 'com.docker.compose.oneoff';
const idPart = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** One element of the list, or undefined when it is not a container as we know it; keeps only labels under `prefix` and Compose's. */
export function readContainer(raw: unknown, prefix: string): ContainerView | undefined {
  if (!isRecord(raw)) return undefined;
  const id = text(raw.Id, 128);
  const name = containerName(raw.Names);
  if (!/^[0-9a-f]{12,128}$/.test(id) || name === undefined) return undefined;
  const ports = Array.isArray(raw.Ports) ? raw.Ports.filter(isRecord) : [];
  return {
    id,
    name,
    image: text(raw.Image, 1024),
    imageId: /^(sha256:)?[0-9a-f]{64}$/.test(text(raw.ImageID, 128)) ? text(raw.ImageID, 128) : '',
    createdAt: typeof raw.Created === 'number' ? raw.Created : 0,
    state: text(raw.State, 32),
    status: text(raw.Status, 128),
    networkMode: isRecord(raw.HostConfig) ? text(raw.HostConfig.NetworkMode, 256) : '',
    networks: isRecord(raw.NetworkSettings) ? readNetworks(raw.NetworkSettings.Networks) : [],
    exposed: readExposed(ports),
    published: ports.flatMap(readPublished),
    labels: pickLabels(raw.Labels, prefix),
  };
}

/** The services of a whole list, and what is wrong with single containers. */
export function describeContainers(
  containers: readonly ContainerView[],
  context: DescribeContext,
): { services: readonly Service[]; diagnostics: readonly Diagnostic[] } {
  const byReference = new Map(containers.flatMap((one) => [[one.id, one] as const, [one.name, one] as const]));
  const services: Service[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const group of groupByIdentity(containers.filter((one) => !isExcluded(one, context)))) {
    const described = describe(group, byReference, context);
    services.push(described.service);
    diagnostics.push(...described.diagnostics);
  }
  return { services, diagnostics };
}

/** Ourselves, helpers, and one-off runs of a Compose service, which carry the service's labels without being it. */
function isExcluded(container: ContainerView, context: DescribeContext): boolean {
  if (context.self.kind === 'container' && context.self.id === container.id) return true;
  return container.labels[composeOneOff]?.toLowerCase() === 'true' || isPodInfra(container);
}

/** What holds a Podman pod's network: no app, whatever ports it shows for those that share it. */
function isPodInfra(container: ContainerView): boolean {
  return container.image.startsWith('localhost/podman-pause:');
}

/**
 * Whether the list alone is not enough: no ports in it (a shared network namespace, an internal network), an image without a name, or
 * somebody reads variables.
 */
export function needsDetails(container: ContainerView, isEnvironmentRead = false): boolean {
  if (stateOf(container) === 'stopped') return false;
  return (
    isEnvironmentRead ||
    isBareId(container.image) ||
    container.exposed.length === 0 ||
    // Podman's list says nothing of how a container is connected.
    container.networkMode === '' ||
    container.networkMode === 'host' ||
    parentOf(container) !== undefined
  );
}

/** A container of the list with how it is connected, where only inspecting it told. */
export function completeContainer(container: ContainerView, details: ContainerDetails | undefined): ContainerView {
  const networkMode = details?.networkMode;
  return container.networkMode !== '' || networkMode === undefined ? container : { ...container, networkMode };
}

interface Identity {
  readonly path: string;
  readonly name: string;
  readonly containers: readonly ContainerView[];
  readonly note?: string;
}

/** Replicas of one Compose service are one identity; any other container is its own. */
function groupByIdentity(containers: readonly ContainerView[]): readonly Identity[] {
  const claims = new Map<string, ContainerView[]>();
  const result: Identity[] = [];
  for (const container of containers) {
    const compose = composeIdentity(container);
    if (compose === undefined) {
      result.push({ path: container.name, name: container.name, containers: [container] });
      continue;
    }
    const path = `${compose.project}/${compose.service}`;
    const claimants = claims.get(path);
    if (claimants === undefined) claims.set(path, [container]);
    else claimants.push(container);
  }
  for (const [path, claimants] of claims) result.push(...settleClaim(path, claimants));
  return result;
}

/**
 * Labels can be baked into an image, names cannot. Where several containers claim one Compose service, those named as Compose
 * names replicas are it; the others stand for themselves.
 */
function settleClaim(path: string, claimants: readonly ContainerView[]): readonly Identity[] {
  const service = path.slice(path.indexOf('/') + 1);
  if (claimants.length === 1) return [{ path, name: service, containers: claimants }];
  const named = claimants.filter((one) => isReplicaName(one, path));
  const oldest = claimants.toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1)).slice(0, 1);
  const genuine = named.length > 0 ? named : oldest;
  const note = `its labels claim the Compose service ${quote(path)}, which other containers are; it is listed under its own name`;
  const others = claimants.filter((one) => !genuine.includes(one));
  return [
    { path, name: service, containers: genuine },
    ...others.map((one) => ({ path: one.name, name: one.name, containers: [one], note })),
  ];
}

function isReplicaName(container: ContainerView, path: string): boolean {
  const [project, service] = path.split('/');
  const match = /^(.*)[-_]\d{1,6}$/.exec(container.name);
  return match !== null && (match[1] === `${project}-${service}` || match[1] === `${project}_${service}`);
}

function composeIdentity(container: ContainerView): { project: string; service: string } | undefined {
  const project = container.labels[composeProject] ?? '';
  const service = container.labels[composeService] ?? '';
  return idPart.test(project) && idPart.test(service) ? { project, service } : undefined;
}

/** The replica that stands for all: running before unhealthy before stopped, then the lowest number. */
function pickReplica(containers: readonly ContainerView[]): ContainerView | undefined {
  const order = { running: 0, unhealthy: 1, stopped: 2 } as const;
  return containers.toSorted(
    (a, b) => order[stateOf(a)] - order[stateOf(b)] || replicaNumber(a) - replicaNumber(b) || b.createdAt - a.createdAt,
  )[0];
}

function replicaNumber(container: ContainerView): number {
  const number = Number(container.labels[composeNumber] ?? '1');
  return Number.isSafeInteger(number) ? number : 1;
}

function describe(
  identity: Identity,
  byReference: ReadonlyMap<string, ContainerView>,
  context: DescribeContext,
): { service: Service; diagnostics: readonly Diagnostic[] } {
  const container = pickReplica(identity.containers);
  if (container === undefined) throw new TypeError('an identity has at least one container');
  const id: ServiceId = `${context.idPrefix}/${identity.path}`;
  const state = stateOf(container);
  const environment = context.details.get(container.id)?.environment;
  const names = [...new Set([identity.name, ...identity.containers.map((one) => one.name)])];
  const labels = readLabels(
    {
      labels: container.labels,
      names,
      where: `container ${container.name}`,
      isRunning: state !== 'stopped',
      ...(environment === undefined ? {} : { environment }),
    },
    context.labels,
  );
  const choice = state === 'stopped' ? undefined : reach(container, labels, byReference, context);
  const image = imageRepository(context.details.get(container.id)?.image ?? container.image);
  const service: Service = {
    id,
    name: identity.name,
    source: 'docker',
    ...(image === undefined ? {} : { image }),
    ...(choice !== undefined && 'address' in choice ? { address: choice.address, ports: choice.ports } : { ports: [] }),
    hints: labels.hints,
    ...(labels.entries === undefined ? {} : { entries: labels.entries }),
    state,
  };
  const own = [
    ...labels.diagnostics,
    ...imageFindings(container),
    ...noteDiagnostic(identity, labels.hints),
    ...addressDiagnostics(service, choice, container),
  ];
  return { service, diagnostics: own.map((one) => ({ ...one, serviceId: id })) };
}

function noteDiagnostic(identity: Identity, hints: ServiceHints): readonly Diagnostic[] {
  if (identity.note === undefined) return [];
  const severity = hints.enable === true ? 'warning' : 'info';
  return [{ severity, code: 'E_CONFLICT', message: `container ${identity.name}: ${identity.note}` }];
}

function addressDiagnostics(
  service: Service,
  choice: AddressChoice | undefined,
  container: ContainerView,
): readonly Diagnostic[] {
  const asked =
    service.hints.enable === true || Object.values(service.entries ?? {}).some((one) => one.enable === true);
  if (choice === undefined || 'address' in choice || !asked || service.hints.enable === false) return [];
  const message = `container ${container.name} cannot be reached: ${choice.reason}`;
  return [{ severity: 'error', code: 'E_NO_ADDRESS', message, hint: choice.hint }];
}

/** Looks at the container's own network, or at that of the container whose network it shares. */
function reach(
  container: ContainerView,
  labels: { hints: ServiceHints; entries?: Readonly<Record<string, ServiceHints>> },
  byReference: ReadonlyMap<string, ContainerView>,
  context: DescribeContext,
): AddressChoice {
  const parent = parentOf(container);
  const at = parent === undefined ? container : byReference.get(parent);
  if (at === undefined || (parent !== undefined && stateOf(at) === 'stopped'))
    return { reason: 'the container whose network it shares is not running', hint: 'start that container' };
  const details = context.details.get(container.id);
  const exposed = details === undefined ? container.exposed : union(details.exposed, container.exposed);
  const network = labels.hints.network ?? Object.values(labels.entries ?? {}).find((one) => one.network)?.network;
  const project = container.labels[composeProject];
  return chooseAddress(
    {
      mode: at.networkMode === 'host' ? 'host' : 'networks',
      networks: at.networks.map((one) => describeNetwork(one, context.drivers)),
      exposed,
      // Of a shared namespace only the ports this container itself listens on are its own.
      published: parent === undefined ? at.published : at.published.filter((one) => ownsPort(one, exposed, labels)),
      ...(network === undefined ? {} : { network }),
      ...(project === undefined ? {} : { project }),
      ...(labels.hints.port === undefined ? {} : { port: labels.hints.port }),
    },
    context.self,
  );
}

function ownsPort(
  published: PublishedPort,
  exposed: readonly Port[],
  labels: { hints: ServiceHints; entries?: Readonly<Record<string, ServiceHints>> },
): boolean {
  const asked = [labels.hints, ...Object.values(labels.entries ?? {})].some((hints) => hints.port === published.port);
  return asked || exposed.some((port) => port.number === published.port);
}

function describeNetwork(network: ListedNetwork, drivers: ReadonlyMap<string, string>): ContainerNetwork {
  const driver = drivers.get(network.id);
  return { name: network.name, address: network.address, ...(driver === undefined ? {} : { driver }) };
}

/** The container whose network namespace this one joined (`network_mode: service:vpn`). */
function parentOf(container: ContainerView): string | undefined {
  return container.networkMode.startsWith('container:') ? container.networkMode.slice('container:'.length) : undefined;
}

function union(a: readonly Port[], b: readonly Port[]): readonly Port[] {
  const isNew = (port: Port) => !a.some((one) => one.number === port.number && one.protocol === port.protocol);
  return [...a, ...b.filter(isNew)];
}

/** `paused` counts as stopped: nothing answers. So does `restarting`: between two starts there is no address. */
export function stateOf(container: ContainerView): Service['state'] {
  if (container.state !== 'running') return 'stopped';
  return container.status.includes('(unhealthy)') ? 'unhealthy' : 'running';
}

function isBareId(image: string): boolean {
  return /^(sha256:)?[0-9a-f]{12,64}$/.test(image);
}

/** The repository of an image reference, without tag, digest or Docker Hub's own prefixes; undefined for a bare id. */
export function imageRepository(reference: string): string | undefined {
  if (reference === '' || isBareId(reference) || reference.length > 512) return undefined;
  const withoutDigest = reference.split('@')[0] ?? '';
  const slash = withoutDigest.lastIndexOf('/');
  const colon = withoutDigest.indexOf(':', slash + 1);
  const repository = colon === -1 ? withoutDigest : withoutDigest.slice(0, colon);
  const short = repository.replace(/^(index\.)?docker\.io\//, '').replace(/^library\//, '');
  return /^[A-Za-z0-9._:/-]+$/.test(short) ? short : undefined;
}

/** What `GET /containers/<id>/json` adds. */
export function readDetails(raw: unknown): ContainerDetails | undefined {
  if (!isRecord(raw) || !isRecord(raw.Config)) return undefined;
  const exposed = isRecord(raw.Config.ExposedPorts) ? Object.keys(raw.Config.ExposedPorts) : [];
  const environment = readEnvironment(raw.Config.Env);
  const networkMode = isRecord(raw.HostConfig) ? text(raw.HostConfig.NetworkMode, 256) : '';
  return {
    ...(networkMode === '' ? {} : { networkMode }),
    image: text(raw.Config.Image, 1024),
    exposed: exposed.slice(0, 4096).flatMap(readPortKey),
    ...(Object.keys(environment).length === 0 ? {} : { environment }),
  };
}

/** Those of `NAME=value` that are another tool's. */
function readEnvironment(raw: unknown): Readonly<Record<string, string>> {
  const lines = Array.isArray(raw) ? raw.filter((line) => typeof line === 'string') : [];
  const variables = lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const);
  const foreign = variables.filter(([name]) => isForeignVariable(name));
  return Object.fromEntries(foreign.map(([name, value]) => [name, value.slice(0, maxForeignLength)]));
}

/** One more than anyone reads, so that whoever reads it sees that it is too long. */
const maxForeignLength = 4097;

/** `80/tcp`. */
function readPortKey(key: string): readonly Port[] {
  const match = /^(\d{1,5})\/(tcp|udp)$/.exec(key);
  const number = portNumber(Number(match?.[1]));
  return number === undefined ? [] : [{ number, protocol: match?.[2] === 'udp' ? 'udp' : 'tcp' }];
}

/** `/name`; a name with a second slash is a link's alias. */
function containerName(names: unknown): string | undefined {
  if (!Array.isArray(names)) return undefined;
  const own = names.find((name): name is string => typeof name === 'string' && /^\/?[^/]+$/.test(name));
  const cleaned = own
    ?.replace(/^\//, '')
    .slice(0, 128)
    .replaceAll(/[^A-Za-z0-9._-]/g, '-');
  return cleaned !== undefined && idPart.test(cleaned) ? cleaned : undefined;
}

function readNetworks(raw: unknown): readonly ListedNetwork[] {
  if (!isRecord(raw)) return [];
  return Object.entries(raw)
    .slice(0, 128)
    .flatMap(([name, network]) => (isRecord(network) ? [readNetwork(name, network)] : []));
}

function readNetwork(name: string, raw: Record<string, unknown>): ListedNetwork {
  const v4 = text(raw.IPAddress, 64);
  return {
    name: name.slice(0, 255),
    id: text(raw.NetworkID, 128),
    address: v4 === '' ? text(raw.GlobalIPv6Address, 64) : v4,
    gateway: text(raw.Gateway, 64),
  };
}

function readExposed(ports: readonly Record<string, unknown>[]): readonly Port[] {
  const seen = new Map<string, Port>();
  for (const raw of ports) {
    const number = portNumber(raw.PrivatePort);
    const protocol = portProtocol(raw.Type);
    if (number !== undefined && protocol !== undefined) seen.set(`${number}/${protocol}`, { number, protocol });
  }
  return [...seen.values()];
}

function readPublished(raw: Record<string, unknown>): readonly PublishedPort[] {
  const port = portNumber(raw.PrivatePort);
  const hostPort = portNumber(raw.PublicPort);
  const protocol = portProtocol(raw.Type);
  if (port === undefined || hostPort === undefined || protocol === undefined) return [];
  return [{ hostIp: text(raw.IP, 64), hostPort, port, protocol }];
}

function portNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65535 ? value : undefined;
}

function portProtocol(value: unknown): 'tcp' | 'udp' | undefined {
  return value === 'tcp' || value === 'udp' ? value : undefined;
}

function text(value: unknown, limit: number): string {
  return typeof value === 'string' && value.length <= limit ? value : '';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
