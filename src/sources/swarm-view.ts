// A Swarm manager's answers reduced to what we use. Pure; what the engine says is read field by field.
import { isForeignLabel } from './dialects/registry.ts';
import type { PublishedPort } from './docker-address.ts';
import { imageRepository } from './docker-container.ts';

/** One Swarm service. */
export interface SwarmService {
  readonly id: string;
  readonly name: string;
  /** The stack it was deployed with. */
  readonly stack?: string;
  readonly image?: string;
  /** Service labels over the containers’ own. */
  readonly labels: Readonly<Record<string, string>>;
  /** `dnsrr`: its name resolves to its tasks; `vip`: to one address per network. */
  readonly mode: 'vip' | 'dnsrr';
  /** The virtual address by network id. */
  readonly vips: ReadonlyMap<string, string>;
  /** Ids or names of the networks it asks for. */
  readonly networks: readonly string[];
  readonly ports: readonly SwarmPort[];
  readonly running: number;
  readonly desired: number;
}

/** A port a service publishes, on every node or on those its tasks run on. */
export interface SwarmPort {
  readonly target: number;
  readonly published: number;
  readonly protocol: 'tcp' | 'udp';
  readonly mode: 'ingress' | 'host';
}

/** One running task. */
export interface SwarmTask {
  readonly serviceId: string;
  readonly nodeId: string;
  readonly containerId: string;
  readonly published: readonly PublishedPort[];
}

const maxServices = 5_000;
const maxTasks = 20_000;
const maxPorts = 256;
const name = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** The services of `GET /services?status=true`; keeps only labels under these prefixes, and other tools'. */
export function readServices(raw: unknown, prefixes: readonly string[]): readonly SwarmService[] {
  return list(raw, maxServices).flatMap((one) => readService(one, prefixes) ?? []);
}

function readService(raw: Fields, prefixes: readonly string[]): SwarmService | undefined {
  const spec = record(raw.Spec);
  const template = record(spec.TaskTemplate);
  const container = record(template.ContainerSpec);
  const [id, serviceName] = [text(raw.ID), text(spec.Name)];
  if (id === '' || !name.test(serviceName)) return undefined;
  const endpoint = record(raw.Endpoint);
  const status = record(raw.ServiceStatus);
  const stack = text(record(spec.Labels)['com.docker.stack.namespace']);
  const image = imageRepository(text(container.Image));
  return {
    id,
    name: serviceName,
    ...(name.test(stack) ? { stack } : {}),
    ...(image === undefined ? {} : { image }),
    labels: { ...pick(container.Labels, prefixes), ...pick(spec.Labels, prefixes) },
    mode: text(record(spec.EndpointSpec).Mode) === 'dnsrr' ? 'dnsrr' : 'vip',
    vips: new Map(
      list(endpoint.VirtualIPs, 128).map((vip) => [text(vip.NetworkID), text(vip.Addr).split('/')[0] ?? '']),
    ),
    networks: list(template.Networks, 128).map((network) => text(network.Target)),
    ports: list(endpoint.Ports, maxPorts).flatMap(readPort),
    running: count(status.RunningTasks),
    desired: count(status.DesiredTasks),
  };
}

function readPort(raw: Fields): readonly SwarmPort[] {
  const [target, published] = [port(raw.TargetPort), port(raw.PublishedPort)];
  const protocol = text(raw.Protocol);
  if (target === undefined || published === undefined || (protocol !== 'tcp' && protocol !== 'udp')) return [];
  return [{ target, published, protocol, mode: text(raw.PublishMode) === 'host' ? 'host' : 'ingress' }];
}

/** The running tasks of `GET /tasks`. */
export function readTasks(raw: unknown): readonly SwarmTask[] {
  return list(raw, maxTasks).flatMap((one) => {
    const status = record(one.Status);
    if (text(status.State) !== 'running') return [];
    const ports = list(record(status.PortStatus).Ports, maxPorts).flatMap(readPort);
    return [
      {
        serviceId: text(one.ServiceID),
        nodeId: text(one.NodeID),
        containerId: text(record(status.ContainerStatus).ContainerID),
        published: ports.map(({ target, published, protocol }) => ({
          hostIp: '',
          hostPort: published,
          port: target,
          protocol,
        })),
      },
    ];
  });
}

/** Address by node id, of `GET /nodes`; nodes that are down are left out. */
export function readNodes(raw: unknown): ReadonlyMap<string, string> {
  const nodes = list(raw, 1_000).filter((node) => text(record(node.Status).State) === 'ready');
  return new Map(nodes.map((node) => [text(node.ID), text(record(node.Status).Addr)]));
}

/** What `GET /info` says of the Swarm: this node's id, and whether it may be asked for services. */
export function readSwarmInfo(raw: unknown): { readonly nodeId: string; readonly isManager: boolean } {
  const swarm = record(record(raw).Swarm);
  return { nodeId: text(swarm.NodeID), isManager: swarm.ControlAvailable === true };
}

type Fields = Readonly<Record<string, unknown>>;

function pick(raw: unknown, prefixes: readonly string[]): Readonly<Record<string, string>> {
  const kept = Object.entries(record(raw)).filter(
    (entry): entry is [string, string] =>
      typeof entry[1] === 'string' &&
      (prefixes.some((prefix) => entry[0].startsWith(prefix)) || isForeignLabel(entry[0])),
  );
  return Object.fromEntries(kept);
}

function list(raw: unknown, limit: number): readonly Fields[] {
  return (Array.isArray(raw) ? raw.slice(0, limit) : []).map(record);
}

function record(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function text(value: unknown): string {
  return typeof value === 'string' && value.length <= 1024 ? value : '';
}

function port(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535 ? value : undefined;
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
