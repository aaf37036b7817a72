// One container as the engine lists it and as inspecting shows it. Pure: read field by field, since labels and names are anyone's.
import type { Port, Service } from '../model.ts';
import { isForeignVariable } from './dialects/registry.ts';
import type { PublishedPort } from './docker-address.ts';
import { pickLabels } from './docker-image.ts';

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

/** The container whose network namespace this one joined (`network_mode: service:vpn`). */
export function parentOf(container: ContainerView): string | undefined {
  return container.networkMode.startsWith('container:') ? container.networkMode.slice('container:'.length) : undefined;
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
