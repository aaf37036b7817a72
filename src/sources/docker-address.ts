// Where a container can be reached from where we run: the choice between its networks, its published ports and the host's network. Pure.
import type { Port } from '../model.ts';

/** Where this program runs, as seen from one Docker engine. */
export type Self =
  /** On the engine's own machine. `rootless`: the engine's networks are not this machine's (rootless engine, Docker Desktop). */
  | { readonly kind: 'host'; readonly rootless?: boolean }
  /** In a container of the engine; `gateway` is the host as that container sees it. */
  | { readonly kind: 'container'; readonly id: string; readonly networks: readonly string[]; readonly gateway?: string }
  /** On another machine. */
  | { readonly kind: 'remote'; readonly host: string };

/** A port of a container made available on the engine's machine. */
export interface PublishedPort {
  readonly hostIp: string;
  readonly hostPort: number;
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
}

/** One of a container's networks. */
export interface ContainerNetwork {
  readonly name: string;
  /** The container's IP address in it; empty when it has none. */
  readonly address: string;
  /** `bridge`, `macvlan` …; absent when the engine did not say. */
  readonly driver?: string;
}

/** All that the choice depends on. */
export interface Reachability {
  /** `host`: the container shares the network of the engine's machine. */
  readonly mode: 'host' | 'networks';
  readonly networks: readonly ContainerNetwork[];
  readonly exposed: readonly Port[];
  readonly published: readonly PublishedPort[];
  /** The network a label names. */
  readonly network?: string;
  /** The Compose project, which prefixes its networks' names. */
  readonly project?: string;
  /** The container's port a label names. */
  readonly port?: number;
}

/** An address with the ports that can be reached there, or one sentence saying why there is none. */
export type AddressChoice =
  | { readonly address: string; readonly ports: readonly Port[] }
  | { readonly reason: string; readonly hint: string };

/** The best address: a shared network first, then published ports, then the host's network. */
export function chooseAddress(at: Reachability, self: Self): AddressChoice {
  if (at.mode === 'host') return onHostNetwork(at, self);
  const wanted = at.network === undefined ? undefined : findNetwork(at, at.network);
  if (at.network !== undefined && wanted === undefined) return noSuchNetwork(at, at.network);
  const candidates = wanted === undefined ? at.networks.toSorted(byName) : [wanted];
  const direct = candidates.find((network) => network.address !== '' && isReachable(network, self));
  if (direct !== undefined) return { address: direct.address, ports: boundPorts(at.exposed, at.port) };
  return onPublishedPort(at, self) ?? unreachable(at, self);
}

function byName(a: ContainerNetwork, b: ContainerNetwork): number {
  return a.name < b.name ? -1 : 1;
}

function findNetwork(at: Reachability, name: string): ContainerNetwork | undefined {
  const prefixed = at.project === undefined ? undefined : `${at.project}_${name}`;
  return (
    at.networks.find((network) => network.name === name) ?? at.networks.find((network) => network.name === prefixed)
  );
}

function isReachable(network: ContainerNetwork, self: Self): boolean {
  switch (self.kind) {
    case 'container':
      return self.networks.includes('host') ? isLocalBridge(network) : self.networks.includes(network.name);
    case 'host':
      return self.rootless !== true && isLocalBridge(network);
    case 'remote':
      return false;
  }
}

/** A host reaches its bridges; macvlan, ipvlan and overlay networks do not answer it. */
function isLocalBridge(network: ContainerNetwork): boolean {
  return network.driver === undefined || network.driver === 'bridge';
}

function onHostNetwork(at: Reachability, self: Self): AddressChoice {
  const address = hostAddress(self);
  if (address !== undefined) return { address, ports: boundPorts(at.exposed, at.port) };
  return {
    reason: "it uses the host's network, and this container has no bridge network through which to reach the host",
    hint: 'attach this program to a bridge network, or run it on the host network too',
  };
}

/** The engine's machine as we reach it. */
function hostAddress(self: Self): string | undefined {
  switch (self.kind) {
    case 'container':
      return self.networks.includes('host') ? '127.0.0.1' : self.gateway;
    case 'host':
      return '127.0.0.1';
    case 'remote':
      return self.host;
  }
}

/** Published ports grouped by the address they answer on; the group with the wanted port wins, then the larger one. */
function onPublishedPort(at: Reachability, self: Self): AddressChoice | undefined {
  const groups = new Map<string, Port[]>();
  for (const published of at.published.toSorted((a, b) => a.hostPort - b.hostPort)) {
    const address = publishedAddress(published.hostIp, self);
    if (address === undefined) continue;
    const ports = groups.get(address) ?? [];
    if (!ports.some((port) => port.target === published.port && port.protocol === published.protocol))
      ports.push({ number: published.hostPort, protocol: published.protocol, target: published.port });
    groups.set(address, ports);
  }
  const [best] = [...groups].toSorted(([, a], [, b]) => score(b, at.port) - score(a, at.port));
  return best === undefined ? undefined : { address: best[0], ports: boundPorts(best[1], at.port) };
}

function score(ports: readonly Port[], wanted: number | undefined): number {
  return ports.length + (ports.some((port) => port.target === wanted) ? 100_000 : 0);
}

/** Where a port published on `hostIp` of the engine's machine answers us, if anywhere. */
function publishedAddress(hostIp: string, self: Self): string | undefined {
  const everywhere = hostIp === '' || hostIp === '0.0.0.0' || hostIp === '::';
  const loopback = hostIp.startsWith('127.') || hostIp === '::1';
  const onHost = self.kind === 'host' || (self.kind === 'container' && self.networks.includes('host'));
  if (onHost) return everywhere ? '127.0.0.1' : hostIp;
  if (loopback) return undefined;
  return everywhere ? hostAddress(self) : hostIp;
}

function noSuchNetwork(at: Reachability, name: string): AddressChoice {
  const names = at.networks.map((network) => network.name).join(', ');
  return {
    reason: `it is not on the network "${name}" its label names`,
    hint: names === '' ? 'it is on no network at all' : `its networks are ${names}`,
  };
}

function unreachable(at: Reachability, self: Self): AddressChoice {
  const names = at.networks.map((network) => network.name).join(', ');
  if (self.kind === 'container')
    return {
      reason: `it shares no network with this program (its: ${names || 'none'}; ours: ${self.networks.join(', ') || 'none'}) and publishes no port we can reach`,
      hint: 'put both on one network, or publish its port',
    };
  if (self.kind === 'remote')
    return {
      reason: 'it runs on another machine and publishes no port there that other machines can reach',
      hint: 'publish its port on that machine',
    };
  if (names === '') return { reason: 'it is on no network', hint: 'connect it to a network' };
  return {
    reason: `this machine cannot reach its networks (${names}), and it publishes no port`,
    hint: 'publish its port, or connect it to a bridge network',
  };
}

/** A container may publish thousands of ports (media servers do); nobody routes more than a few. */
const maxPorts = 256;

function boundPorts(ports: readonly Port[], wanted: number | undefined): readonly Port[] {
  const sorted = ports.toSorted((a, b) => rank(a, wanted) - rank(b, wanted) || a.number - b.number);
  return sorted.slice(0, maxPorts);
}

function rank(port: Port, wanted: number | undefined): number {
  if (wanted !== undefined && (port.target ?? port.number) === wanted) return 0;
  return port.protocol === 'tcp' ? 1 : 2;
}
