// What the Supervisor's API answers, reduced to what we use. Pure: everything is read field by field, because an add-on is anybody's.

/** One line of the list of installed add-ons. */
export interface AddOnSummary {
  /** With its repository: `core_mosquitto`, `a0d7b954_nodered`. */
  readonly slug: string;
  readonly name: string;
  readonly version: string;
  readonly state: AddOnState;
}

/** `startup` runs and is not healthy yet. */
export type AddOnState = 'started' | 'startup' | 'stopped' | 'error' | 'unknown';

/** One add-on, as far as reaching it goes. */
export interface AddOn {
  readonly slug: string;
  readonly name: string;
  readonly state: AddOnState;
  /** The name it has in the Supervisor's network; absent when there is none that is a hostname. */
  readonly hostname?: string;
  /** In the Supervisor's network; absent while it does not run. */
  readonly address?: string;
  readonly isOnHostNetwork: boolean;
  /** Those the manifest names, with what the user made of each. */
  readonly ports: readonly AddOnPort[];
  readonly hasIngress: boolean;
  /** `http://[HOST]:1880/` as the API gives it, or `[PROTO:ssl]://[HOST]:[PORT:80]/` as a manifest does. */
  readonly webUi?: string;
  /** Its options that are true or false; none when the Supervisor keeps them from us. */
  readonly switches: ReadonlyMap<string, boolean>;
}

/** One port of an add-on. */
export interface AddOnPort {
  /** Inside the container. */
  readonly inside: number;
  readonly protocol: 'tcp' | 'udp';
  /** On the host; absent when the user, or the manifest, leaves it closed. */
  readonly open?: number;
  /** What its author says it is for. */
  readonly about?: string;
}

/** Home Assistant itself. */
export interface Core {
  readonly version: string;
  readonly address?: string;
  readonly port: number;
  readonly isTls: boolean;
}

/** What runs here; empty where the Supervisor says nothing of it. */
export interface Versions {
  readonly supervisor: string;
  readonly core: string;
  /** Absent where Home Assistant's own operating system is not. */
  readonly os?: string;
}

/** The network the Supervisor keeps its containers in. */
export interface SupervisorNetwork {
  /** `172.30.32.0/23`. */
  readonly subnet: string;
  /** The host, as containers see it. */
  readonly gateway: string;
}

/** A broker somebody offers to add-ons. */
export interface MqttService {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly username?: string;
  /** Secret. */
  readonly password?: string;
}

/** Nobody has more add-ons than this. */
const maxAddOns = 500;
const maxPorts = 256;
const slugPattern = /^[A-Za-z0-9][-_.A-Za-z0-9]{0,127}$/;

/** The list, under its old key or its new one; undefined when it is none. */
export function readAddOns(data: unknown): readonly AddOnSummary[] | undefined {
  if (!isRecord(data)) return undefined;
  const list = data.addons ?? data.apps;
  if (!Array.isArray(list)) return undefined;
  return list.slice(0, maxAddOns).flatMap((raw) => readSummary(raw) ?? []);
}

function readSummary(raw: unknown): AddOnSummary | undefined {
  if (!isRecord(raw)) return undefined;
  const slug = text(raw.slug, 128);
  if (!slugPattern.test(slug)) return undefined;
  return { slug, name: text(raw.name, 200), version: text(raw.version, 100), state: readState(raw.state) };
}

/** One add-on; undefined when it is none. */
export function readAddOn(data: unknown): AddOn | undefined {
  if (!isRecord(data)) return undefined;
  const slug = text(data.slug, 128);
  if (!slugPattern.test(slug)) return undefined;
  const hostname = text(data.hostname, 253);
  const address = readAddress(data.ip_address);
  const webUi = text(data.webui, 1024);
  return {
    slug,
    name: text(data.name, 200),
    state: readState(data.state),
    ...(/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(hostname) ? { hostname } : {}),
    ...(address === undefined ? {} : { address }),
    isOnHostNetwork: data.host_network === true,
    ports: readPorts(data.network, data.network_description),
    hasIngress: data.ingress === true,
    ...(webUi === '' ? {} : { webUi }),
    switches: readSwitches(data.options),
  };
}

function readState(value: unknown): AddOnState {
  return value === 'started' || value === 'startup' || value === 'stopped' || value === 'error' ? value : 'unknown';
}

/** `{ "80/tcp": 1880, "53/udp": null }`; without a protocol it is tcp. */
function readPorts(network: unknown, descriptions: unknown): readonly AddOnPort[] {
  if (!isRecord(network)) return [];
  const about = isRecord(descriptions) ? descriptions : {};
  return Object.entries(network)
    .slice(0, maxPorts)
    .flatMap(([key, value]) => readPort(key, value, Object.hasOwn(about, key) ? text(about[key], 300) : ''));
}

function readPort(key: string, value: unknown, about: string): readonly AddOnPort[] {
  const match = /^(\d{1,5})(?:\/(tcp|udp))?$/.exec(key);
  const inside = portNumber(Number(match?.[1]));
  if (match === null || inside === undefined) return [];
  const open = portNumber(value);
  return [
    {
      inside,
      protocol: match[2] === 'udp' ? 'udp' : 'tcp',
      ...(open === undefined ? {} : { open }),
      ...(about === '' ? {} : { about }),
    },
  ];
}

/** Only what is true or false: the rest of the options is full of secrets. */
function readSwitches(options: unknown): ReadonlyMap<string, boolean> {
  if (!isRecord(options)) return new Map();
  const entries = Object.entries(options).slice(0, maxPorts);
  return new Map(entries.flatMap(([key, value]) => (typeof value === 'boolean' ? [[key, value] as const] : [])));
}

/** Home Assistant itself; undefined when the answer says nothing of its port. */
export function readCore(data: unknown): Core | undefined {
  if (!isRecord(data)) return undefined;
  const port = portNumber(data.port);
  if (port === undefined) return undefined;
  const address = readAddress(data.ip_address);
  const found = { version: text(data.version, 100), port, isTls: data.ssl === true };
  return address === undefined ? found : { ...found, address };
}

/** The versions of what runs here. */
export function readVersions(data: unknown): Versions {
  const { supervisor, homeassistant, hassos } = isRecord(data) ? data : {};
  const os = text(hassos, 100);
  const found = { supervisor: text(supervisor, 100), core: text(homeassistant, 100) };
  return os === '' ? found : { ...found, os };
}

/** The network the Supervisor makes where it says nothing else. */
export const usualNetwork: SupervisorNetwork = { subnet: '172.30.32.0/23', gateway: '172.30.32.1' };

/** The Supervisor's network; the usual one where the answer says nothing of it. */
export function readNetwork(data: unknown): SupervisorNetwork {
  const docker = isRecord(data) && isRecord(data.docker) ? data.docker : {};
  const subnet = text(docker.address, 64);
  const gateway = readAddress(docker.gateway);
  return {
    subnet: /^[0-9.]+\/\d{1,2}$/.test(subnet) ? subnet : usualNetwork.subnet,
    gateway: gateway ?? usualNetwork.gateway,
  };
}

/** The broker; undefined when the answer names none. */
export function readMqtt(data: unknown): MqttService | undefined {
  if (!isRecord(data)) return undefined;
  const host = text(data.host, 253);
  const port = portNumber(data.port);
  if (!/^[A-Za-z0-9._:-]+$/.test(host) || port === undefined) return undefined;
  const username = text(data.username, 1024);
  const password = text(data.password, 1024);
  return {
    host,
    port,
    isTls: data.ssl === true,
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
  };
}

/** An IPv4 or IPv6 address that is somebody's. */
function readAddress(value: unknown): string | undefined {
  const address = text(value, 64);
  const isOne = /^\d{1,3}(\.\d{1,3}){3}$/.test(address) || /^[0-9a-fA-F:]+:[0-9a-fA-F:.]*$/.test(address);
  return isOne && address !== '0.0.0.0' && address !== '::' ? address : undefined;
}

/** A whole number that a port can be. */
export function portNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535 ? value : undefined;
}

/** True for what has fields to read. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown, limit: number): string {
  return typeof value === 'string' && value.length <= limit ? value : '';
}
