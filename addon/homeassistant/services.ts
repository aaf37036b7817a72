// Home Assistant and its add-ons as services: where each is reached, on which ports, and why one is not. Pure.
import type { Diagnostic, Port, Service, ServiceHints, ServiceId } from '../../src/model.ts';
import type { AddOn, AddOnState, Core, SupervisorNetwork } from './shapes.ts';
import { closedPages, webPorts } from './web-ui.ts';
import type { Wish } from './wishes.ts';

/** The source's name, and the beginning of its services' ids. */
export const sourceName = 'homeassistant';

/** Home Assistant itself. */
export const coreId: ServiceId = `${sourceName}/core`;

/** The name Core goes by among add-ons, and the name it is published under by default. */
export const coreName = 'homeassistant';

/** A service, and what there is to say of it. */
export interface Described {
  readonly service: Service;
  readonly diagnostics: readonly Diagnostic[];
}

/** An add-on's slug without its repository, as the catalogue knows it. */
export function shortSlug(slug: string): string {
  return slug.replace(/^(?:[0-9a-f]{8}|core|local)_(?=.)/, '');
}

/** Certificates are made for the name visitors use, never for an address inside the machine. */
const insideTheMachine = { noTLSVerify: true } as const;

/** Home Assistant itself; one that is away restarts. */
export function describeCore(core: Core, wish: Wish | undefined, isAway = false): Service {
  const base = {
    id: coreId,
    name: coreName,
    source: sourceName,
    image: 'home-assistant/home-assistant',
    originRequest: insideTheMachine,
    hints: hintsOf(wish),
  };
  if (isAway) return { ...base, ports: [], state: 'stopped' };
  const ports = withWish([{ number: core.port, protocol: 'tcp', speaks: core.isTls ? 'https' : 'http' }], wish);
  return { ...base, address: core.address ?? coreName, ports, state: 'running' };
}

/** One add-on. */
export function describeAddOn(addOn: AddOn, network: SupervisorNetwork, wish: Wish | undefined): Described {
  const base = {
    id: `${sourceName}/${addOn.slug}` as ServiceId,
    name: shortSlug(addOn.slug).replaceAll('_', '-'),
    source: sourceName,
    image: `addon/${shortSlug(addOn.slug).toLowerCase()}`,
    originRequest: insideTheMachine,
    hints: hintsOf(wish),
    state: stateOf(addOn.state),
  };
  if (base.state === 'stopped') return { service: { ...base, ports: [] }, diagnostics: [] };
  const address = addressOf(addOn, network);
  const ports = withWish(portsOf(addOn), wish);
  if (address !== undefined && ports.length > 0) return { service: { ...base, address, ports }, diagnostics: [] };
  const unreachable = whyNot(addOn, address);
  const service = { ...base, ports: [], unreachable };
  return { service, diagnostics: addOn.hasIngress ? [told(service, unreachable)] : [] };
}

function portsOf(addOn: AddOn): readonly Port[] {
  return webPorts(addOn).map(({ number, speaks }) => ({
    number,
    protocol: 'tcp',
    ...(speaks === undefined ? {} : { speaks }),
  }));
}

/** A name leads to the same add-on after a restart, an address may be another's by then. */
function addressOf(addOn: AddOn, network: SupervisorNetwork): string | undefined {
  if (addOn.isOnHostNetwork) return addOn.address ?? network.gateway;
  return addOn.hostname ?? addOn.address;
}

/** A port the operator named is taken at his word, whatever the manifest says of it. */
function withWish(ports: readonly Port[], wish: Wish | undefined): readonly Port[] {
  const number = wish?.port;
  if (number === undefined || ports.some((port) => port.number === number)) return ports;
  return [...ports, { number, protocol: 'tcp' }];
}

function stateOf(state: AddOnState): Service['state'] {
  switch (state) {
    case 'started':
      return 'running';
    case 'startup':
      return 'unhealthy';
    case 'stopped':
    case 'error':
    case 'unknown':
      return 'stopped';
  }
}

/** The options are the operator's own word. */
function hintsOf(wish: Wish | undefined): ServiceHints {
  if (wish === undefined) return {};
  const { hostname, access, bypass, port, protocol } = wish;
  const chosen = {
    ...(access === undefined ? {} : { access: true }),
    ...(bypass === undefined ? {} : { bypassPaths: true }),
  };
  return {
    enable: true,
    ...(hostname === undefined ? {} : { hostname }),
    ...(access === undefined ? {} : { access }),
    ...(bypass === undefined ? {} : { bypassPaths: bypass }),
    ...(port === undefined ? {} : { port }),
    ...(protocol === undefined ? {} : { protocol }),
    ...(Object.keys(chosen).length === 0 ? {} : { chosen }),
  };
}

function whyNot(addOn: AddOn, address: string | undefined): NonNullable<Service['unreachable']> {
  if (address === undefined)
    return { reason: 'has no address in the Supervisor’s network', hint: 'restart it, and see its log' };
  const closed = closedPages(addOn).slice(0, 5);
  if (closed.length > 0)
    return {
      reason: `keeps its port${closed.length === 1 ? '' : 's'} ${closed.join(', ')} closed`,
      hint: `give ${closed.length === 1 ? 'that port' : 'one of them'} a number in the add-on’s configuration, under Network${
        addOn.hasIngress ? '; its page inside Home Assistant cannot be published by itself' : ''
      }`,
    };
  if (addOn.hasIngress)
    return {
      reason: 'cannot be published by itself: its page is only shown inside Home Assistant, whose login it relies on',
      hint: 'publish Home Assistant and open it there',
    };
  return { reason: 'opens no port', hint: 'there is nothing to publish, unless you name a port of it' };
}

function told(service: Service, { reason, hint }: NonNullable<Service['unreachable']>): Diagnostic {
  const message = `${service.name} ${reason}`;
  return { severity: 'info', code: 'W_INGRESS_ONLY', message, hint, serviceId: service.id };
}
