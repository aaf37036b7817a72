// A Swarm manager's services as ours: asked for beside the containers, of which the tasks on this node are then no services of their own.
import type { SourceResult } from '../contracts.ts';
import { SourceError } from '../errors.ts';
import type { Diagnostic, Service, ServiceId } from '../model.ts';
import { readLabels } from './dialects/read.ts';
import type { Self } from './docker-address.ts';
import type { ContainerView } from './docker-container.ts';
import type { DockerEngine } from './docker-engine.ts';
import type { LabelPolicy } from './docker-labels.ts';
import { chooseSwarmAddress, type SwarmReach } from './swarm-address.ts';
import { readNodes, readServices, readSwarmInfo, readTasks, type SwarmService } from './swarm-view.ts';

/** What a container of a Swarm task carries. */
export const swarmServiceLabel = 'com.docker.swarm.service.id';

/** What the container list told. */
export interface SwarmContext {
  readonly idPrefix: string;
  readonly labels: LabelPolicy;
  readonly self: Self;
  readonly drivers: ReadonlyMap<string, string>;
  readonly containers: readonly ContainerView[];
}

/** Asks one engine for Swarm services, when it manages a Swarm. */
export interface SwarmSource {
  /** Undefined where there is no Swarm, or another node manages it. Rejects with a SourceError when a manager does not answer. */
  list(context: SwarmContext, signal: AbortSignal): Promise<SourceResult | undefined>;
}

/** How many lists pass before an engine that managed no Swarm is asked again. */
const askAgainAfter = 60;

/** One that finds out by itself whether there is a Swarm. */
export function createSwarmSource(engine: DockerEngine): SwarmSource {
  let node: { readonly nodeId: string; readonly isManager: boolean } | undefined;
  let sinceAsked = 0;

  /** Asked once, then when a task shows up or now and then: most engines never join a Swarm. */
  async function findNode(hasTasks: boolean, signal: AbortSignal): Promise<typeof node> {
    sinceAsked++;
    if (node?.isManager === true) return node;
    if (node !== undefined && !hasTasks && sinceAsked < askAgainAfter) return node;
    sinceAsked = 0;
    node = readSwarmInfo(await ask(engine, '/info', signal));
    return node;
  }

  return {
    async list(context, signal) {
      const hasTasks = context.containers.some((container) => swarmServiceLabel in container.labels);
      const here = await findNode(hasTasks, signal);
      if (here?.isManager !== true) return undefined;
      const filters = JSON.stringify({ 'desired-state': ['running'] });
      const [services, tasks, networks] = await Promise.all([
        engine.get('/services', signal, { status: 'true' }),
        engine.get('/tasks', signal, { filters }),
        engine.get('/networks', signal),
      ]).catch((error: unknown) => {
        // It may have left the Swarm, or stopped managing it.
        node = undefined;
        throw error;
      });
      const found = readServices(services, [context.labels.prefix]);
      const needsNodes = found.some((one) => one.ports.some((port) => port.mode === 'host'));
      const reach: SwarmReach = {
        self: context.self,
        networks: readNames(networks),
        drivers: context.drivers,
        tasks: readTasks(tasks),
        containers: new Map(context.containers.map((container) => [container.id, container])),
        nodeId: here.nodeId,
        nodes: needsNodes ? readNodes(await ask(engine, '/nodes', signal)) : new Map(),
      };
      const described = found.map((one) => describe(one, reach, context));
      return {
        services: described.map(({ service }) => service),
        diagnostics: described.flatMap(({ diagnostics }) => diagnostics),
      };
    },
  };
}

/** Undefined when a socket proxy withholds it. */
async function ask(engine: DockerEngine, path: string, signal: AbortSignal): Promise<unknown> {
  try {
    return await engine.get(path, signal);
  } catch (error) {
    if (error instanceof SourceError) return undefined;
    throw error;
  }
}

function readNames(raw: unknown): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const network of Array.isArray(raw) ? raw : [])
    if (typeof network?.Id === 'string' && typeof network.Name === 'string') names.set(network.Id, network.Name);
  return names;
}

function describe(
  found: SwarmService,
  reach: SwarmReach,
  { idPrefix, labels }: SwarmContext,
): { readonly service: Service; readonly diagnostics: readonly Diagnostic[] } {
  const id: ServiceId = `${idPrefix}/swarm/${found.name}`;
  const name = found.stack === undefined ? found.name : found.name.replace(`${found.stack}_`, '');
  const parsed = readLabels(
    {
      labels: found.labels,
      names: [found.name, name, `tasks.${found.name}`],
      where: `Swarm service ${found.name}`,
      isRunning: found.running > 0,
    },
    labels,
  );
  const { network, port } = parsed.hints;
  const wish = { ...(network === undefined ? {} : { network }), ...(port === undefined ? {} : { port }) };
  const choice = found.running === 0 ? undefined : chooseSwarmAddress(found, reach, wish);
  const service: Service = {
    id,
    name,
    source: 'docker',
    ...(found.image === undefined ? {} : { image: found.image }),
    ...(choice !== undefined && 'address' in choice ? { address: choice.address, ports: choice.ports } : { ports: [] }),
    hints: parsed.hints,
    ...(parsed.entries === undefined ? {} : { entries: parsed.entries }),
    // Nothing answers while no task runs, whether it was scaled to none or waits for a node.
    state: found.running === 0 ? 'stopped' : 'running',
  };
  const diagnostics = [...parsed.diagnostics, ...unreachable(service, choice)];
  return { service, diagnostics: diagnostics.map((one) => ({ ...one, serviceId: id })) };
}

function unreachable(
  service: Service,
  choice: ReturnType<typeof chooseSwarmAddress> | undefined,
): readonly Diagnostic[] {
  const isAsked =
    service.hints.enable === true || Object.values(service.entries ?? {}).some((one) => one.enable === true);
  if (choice === undefined || 'address' in choice || !isAsked) return [];
  const message = `Swarm service ${service.name} cannot be reached: ${choice.reason}`;
  return [{ severity: 'error', code: 'E_NO_ADDRESS', message, hint: choice.hint }];
}
