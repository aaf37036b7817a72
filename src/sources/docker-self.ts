// Finds out where we run as seen from an engine: on its machine, in one of its containers, or elsewhere. Decisions pure, two files read.
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { SourceError } from '../errors.ts';
import type { Self } from './docker-address.ts';
import { type ContainerView, readContainer } from './docker-container.ts';
import type { DockerEngine } from './docker-engine.ts';

/** A prefix no label has: they do not matter here. */
const noLabels = '\n';

/** What this process can see of itself. */
export interface Traces {
  readonly hostname: string;
  /** The text of /proc/self/mountinfo; empty where there is none. */
  readonly mountinfo: string;
  readonly platform: NodeJS.Platform;
}

/** Asks the engine twice (list, info); rejects with a SourceError when it cannot be asked. */
export async function detectSelf(engine: DockerEngine, signal: AbortSignal): Promise<Self> {
  const [list, mountinfo] = await Promise.all([engine.get('/containers/json', signal), readMountinfo()]);
  const containers = (Array.isArray(list) ? list : []).flatMap((raw) => readContainer(raw, noLabels) ?? []);
  const traces = { hostname: hostname(), mountinfo, platform: process.platform };
  const own = findOwnContainer(containers, traces);
  if (own !== undefined) return describeOwn(own, new Map());
  if (engine.remoteHost !== undefined) return { kind: 'remote', host: engine.remoteHost };
  return { kind: 'host', rootless: hasForeignNetworks(await readInfo(engine, signal), traces.platform) };
}

/** The container this process is in: its id is in the mounts the engine makes, else it is the hostname. Pure. */
export function findOwnContainer(containers: readonly ContainerView[], traces: Traces): ContainerView | undefined {
  const mounted = ownMountIds(traces.mountinfo);
  const byMount = containers.find((container) => mounted.has(container.id));
  if (byMount !== undefined) return byMount;
  if (!/^[0-9a-f]{12,64}$/.test(traces.hostname)) return undefined;
  return containers.find((container) => container.id.startsWith(traces.hostname));
}

/** Container ids in the sources of the three files an engine mounts; mounts elsewhere may be other containers' (as on the host). */
function ownMountIds(mountinfo: string): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const line of mountinfo.split('\n')) {
    const [, , , root = '', target = ''] = line.split(' ');
    if (!['/etc/hostname', '/etc/hosts', '/etc/resolv.conf'].includes(target)) continue;
    const id = /\/([0-9a-f]{64})\//.exec(root)?.[1];
    if (id !== undefined) ids.add(id);
  }
  return ids;
}

/** The same place with the networks our own container has now, which may have changed since; `drivers` by network id. Pure. */
export function refreshSelf(
  self: Self,
  containers: readonly ContainerView[],
  drivers: ReadonlyMap<string, string>,
): Self {
  if (self.kind !== 'container') return self;
  const own = containers.find((container) => container.id === self.id);
  return own === undefined ? self : describeOwn(own, drivers);
}

/** Only a bridge's gateway is the host; that of a macvlan is a router. */
function describeOwn(own: ContainerView, drivers: ReadonlyMap<string, string>): Self {
  const gateway = own.networks.find(
    (network) => network.gateway !== '' && (drivers.get(network.id) ?? 'bridge') === 'bridge',
  )?.gateway;
  const networks = own.networks.map((network) => network.name);
  const all = own.networkMode === 'host' && !networks.includes('host') ? [...networks, 'host'] : networks;
  return { kind: 'container', id: own.id, networks: all, ...(gateway === undefined ? {} : { gateway }) };
}

/** Rootless engines, Docker Desktop and anything that is not Linux keep containers' addresses to themselves. Pure. */
export function hasForeignNetworks(info: unknown, platform: NodeJS.Platform): boolean {
  if (platform !== 'linux') return true;
  if (typeof info !== 'object' || info === null) return false;
  const options = 'SecurityOptions' in info && Array.isArray(info.SecurityOptions) ? info.SecurityOptions : [];
  if (options.some((option) => typeof option === 'string' && option.includes('rootless'))) return true;
  return 'OperatingSystem' in info && String(info.OperatingSystem).includes('Docker Desktop');
}

/** A socket proxy may withhold /info; then we take the engine for an ordinary one. */
async function readInfo(engine: DockerEngine, signal: AbortSignal): Promise<unknown> {
  try {
    return await engine.get('/info', signal);
  } catch (error) {
    if (error instanceof SourceError) return undefined;
    throw error;
  }
}

async function readMountinfo(): Promise<string> {
  try {
    return await readFile('/proc/self/mountinfo', 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error) return '';
    throw error;
  }
}
