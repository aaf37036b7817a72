// The engine's containers to services: who is excluded, where each is reached, and what is wrong with single ones. Pure.
import type { Diagnostic, Port, Service, ServiceHints, ServiceId } from '../model.ts';
import { readLabels } from './dialects/read.ts';
import {
  type AddressChoice,
  type ContainerNetwork,
  chooseAddress,
  type PublishedPort,
  type Self,
} from './docker-address.ts';
import {
  type ContainerDetails,
  type ContainerView,
  imageRepository,
  type ListedNetwork,
  parentOf,
  stateOf,
} from './docker-container.ts';
import { composeProject, groupByIdentity, type Identity, pickReplica } from './docker-identity.ts';
import { imageFindings } from './docker-image.ts';
import type { LabelPolicy } from './docker-labels.ts';

const composeOneOff = 'com.docker.compose.oneoff';

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

function union(a: readonly Port[], b: readonly Port[]): readonly Port[] {
  const isNew = (port: Port) => !a.some((one) => one.number === port.number && one.protocol === port.protocol);
  return [...a, ...b.filter(isNew)];
}
