// Where a Swarm service can be reached from where we run: a shared overlay network, a published port, or a task on this very node. Pure.
import type { Port } from '../model.ts';
import { type AddressChoice, chooseAddress, type Self } from './docker-address.ts';
import type { ContainerView } from './docker-container.ts';
import type { SwarmPort, SwarmService, SwarmTask } from './swarm-view.ts';

/** All that the choice depends on. */
export interface SwarmReach {
  readonly self: Self;
  /** Name by id, of the networks this engine knows. */
  readonly networks: ReadonlyMap<string, string>;
  /** Driver by network id. */
  readonly drivers: ReadonlyMap<string, string>;
  readonly tasks: readonly SwarmTask[];
  /** This engine's containers by id. */
  readonly containers: ReadonlyMap<string, ContainerView>;
  readonly nodeId: string;
  /** Address by node id. */
  readonly nodes: ReadonlyMap<string, string>;
}

/** The network a label names, and the port inside the containers that one names. */
export interface SwarmWish {
  readonly network?: string;
  readonly port?: number;
}

/** The best address: over a shared network, then a port published everywhere, then one on a task's node, then a task beside us. */
export function chooseSwarmAddress(service: SwarmService, at: SwarmReach, wish: SwarmWish): AddressChoice {
  return (
    overSharedNetwork(service, at, wish) ??
    overIngress(service, at) ??
    onTasksNode(service, at) ??
    onThisNode(service, at, wish) ?? {
      reason: 'it shares no network with this program and publishes no port we can reach',
      hint: 'attach both to one overlay network (attachable), or publish its port',
    }
  );
}

/** A virtual address or the service's own name: both follow its tasks wherever they move. */
function overSharedNetwork(service: SwarmService, at: SwarmReach, wish: SwarmWish): AddressChoice | undefined {
  if (at.self.kind !== 'container') return undefined;
  const ours = new Set(at.self.networks);
  for (const target of service.networks) {
    const name = at.networks.get(target) ?? target;
    if (!ours.has(name) || (wish.network !== undefined && !isNamed(name, wish.network, service))) continue;
    const address = service.mode === 'dnsrr' ? service.name : service.vips.get(target);
    if (address !== undefined && address !== '') return { address, ports: insidePorts(service, at) };
  }
  return undefined;
}

/** A stack's networks carry its name in front. */
function isNamed(name: string, wanted: string, { stack }: SwarmService): boolean {
  return name === wanted || (stack !== undefined && name === `${stack}_${wanted}`);
}

/** The ports its containers listen on: those it publishes, and what the image of a task on this node declares. */
function insidePorts(service: SwarmService, at: SwarmReach): readonly Port[] {
  const declared = ownContainers(service, at).flatMap((container) => container.exposed);
  const published = service.ports.map(({ target, protocol }) => ({ number: target, protocol }));
  const all = [...published, ...declared].map((port) => [`${port.number}/${port.protocol}`, port] as const);
  return [...new Map(all).values()];
}

function overIngress(service: SwarmService, at: SwarmReach): AddressChoice | undefined {
  const ports = service.ports.filter((port) => port.mode === 'ingress');
  const address = engineAddress(at.self);
  if (ports.length === 0 || address === undefined) return undefined;
  return { address, ports: ports.map(publishedPort) };
}

/** Host-mode ports answer only where a task runs; this node first, since it needs no other machine. */
function onTasksNode(service: SwarmService, at: SwarmReach): AddressChoice | undefined {
  const ports = service.ports.filter((port) => port.mode === 'host');
  const tasks = tasksOf(service, at).filter((task) => task.published.length > 0);
  const own = tasks.find((task) => task.nodeId === at.nodeId);
  const address = own === undefined ? at.nodes.get(tasks[0]?.nodeId ?? '') : engineAddress(at.self);
  if (ports.length === 0 || address === undefined || address === '') return undefined;
  return { address, ports: ports.map(publishedPort) };
}

/** A task in a container of this engine is a container like any other. */
function onThisNode(service: SwarmService, at: SwarmReach, wish: SwarmWish): AddressChoice | undefined {
  const [container] = ownContainers(service, at);
  if (container === undefined) return undefined;
  const networks = container.networks.map(({ id, name, address }) => {
    const driver = at.drivers.get(id);
    return { name, address, ...(driver === undefined ? {} : { driver }) };
  });
  const { exposed, published } = container;
  const choice = chooseAddress({ mode: 'networks', networks, exposed, published, ...wish }, at.self);
  return 'address' in choice ? choice : undefined;
}

function ownContainers(service: SwarmService, at: SwarmReach): readonly ContainerView[] {
  return tasksOf(service, at).flatMap((task) => at.containers.get(task.containerId) ?? []);
}

function tasksOf(service: SwarmService, at: SwarmReach): readonly SwarmTask[] {
  return at.tasks.filter((task) => task.serviceId === service.id);
}

function publishedPort({ target, published, protocol }: SwarmPort): Port {
  return { number: published, protocol, target };
}

/** The engine's machine as we reach it. */
function engineAddress(self: Self): string | undefined {
  switch (self.kind) {
    case 'host':
      return '127.0.0.1';
    case 'container':
      return self.networks.includes('host') ? '127.0.0.1' : self.gateway;
    case 'remote':
      return self.host;
  }
}
