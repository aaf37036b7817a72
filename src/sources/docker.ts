// One Docker engine as a source: one list call per pass, details asked for once, and the event stream that says "look again".
import { backoffMs, type Clock } from '../clock.ts';
import type { Source, SourceResult } from '../contracts.ts';
import { SourceError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { readsEnvironment } from './dialects/read.ts';
import type { Self } from './docker-address.ts';
import {
  type ContainerDetails,
  type ContainerView,
  completeContainer,
  needsDetails,
  readContainer,
  readDetails,
} from './docker-container.ts';
import type { TlsFiles } from './docker-endpoint.ts';
import { createDockerEngine, type DockerEngine, notAnEngine } from './docker-engine.ts';
import { createLineSplitter, eventFilters, readEvent } from './docker-events.ts';
import { needsImage, readImageLabels, withoutImageNames } from './docker-image.ts';
import type { LabelPolicy } from './docker-labels.ts';
import { detectSelf, refreshSelf } from './docker-self.ts';
import { describeContainers } from './docker-services.ts';
import { createSwarmSource, type SwarmSource, swarmServiceLabel } from './swarm.ts';

/** What a Docker source is made of. */
export interface DockerSourceOptions {
  /** The endpoint's name; `docker` is the usual engine, any other goes into its services' ids. */
  readonly name: string;
  /** `unix:///…`, `tcp://host:port` or `ssh://user@host`. */
  readonly endpoint: string;
  /** For an engine that speaks TLS. */
  readonly tls?: TlsFiles;
  /** Where the ports its containers publish answer, when that is not the endpoint's host. */
  readonly address?: string;
  readonly labels: LabelPolicy;
  /** Where we run; found out on the first list when absent. */
  readonly self?: Self;
  readonly logger: Logger;
  readonly clock: Clock;
}

const maxEventBytes = 1024 * 1024;
const firstRetryMs = 250;
const maxRetryMs = 30_000;
/** A stream that lived this long was a working one; its end starts the back-off afresh. */
const healthyStreamMs = 5_000;
const parallelInspects = 8;

/** A source listing the containers of one engine; throws ValidationError for an endpoint nobody can dial. */
export function createDockerSource(options: DockerSourceOptions): Source {
  const { tls, address } = options;
  const engine = createDockerEngine(options.endpoint, tls === undefined ? {} : { tls });
  return new DockerSource(options, address === undefined ? engine : { ...engine, remoteHost: address });
}

class DockerSource implements Source {
  readonly name: string;
  readonly #options: DockerSourceOptions;
  readonly #engine: DockerEngine;
  readonly #swarm: SwarmSource;
  readonly #details = new Map<string, ContainerDetails>();
  readonly #images = new Map<string, Readonly<Record<string, string>>>();
  #drivers: ReadonlyMap<string, string> = new Map();
  #self: Self | undefined;

  constructor(options: DockerSourceOptions, engine: DockerEngine) {
    this.name = options.name;
    this.#options = options;
    this.#engine = engine;
    this.#swarm = createSwarmSource(engine);
    this.#self = options.self;
  }

  async list(signal: AbortSignal): Promise<SourceResult> {
    const { name, endpoint, labels } = this.#options;
    this.#self ??= await detectSelf(this.#engine, signal);
    const answer = await this.#engine.get('/containers/json', signal, { all: '1' });
    if (!Array.isArray(answer)) throw notAnEngine(endpoint);
    const listed = answer.flatMap((raw) => readContainer(raw, labels.prefix) ?? []);
    await this.#learnDetails(listed, signal);
    await this.#learnDrivers(listed, signal);
    await this.#learnImages(listed, signal);
    const containers = listed.map((one) =>
      withoutImageNames(
        completeContainer(one, this.#details.get(one.id)),
        this.#images.get(one.imageId),
        this.#options.labels,
      ),
    );
    const idPrefix = name === 'docker' ? 'docker' : `docker/${name}`;
    const self = refreshSelf(this.#self, containers, this.#drivers);
    const context = { idPrefix, labels, self, drivers: this.#drivers };
    const swarm = await this.#swarm.list({ ...context, containers }, signal);
    // A task is the service's, not a service: but only where the services are known.
    const own = swarm === undefined ? containers : containers.filter((one) => !(swarmServiceLabel in one.labels));
    const described = describeContainers(own, { ...context, details: this.#details });
    return {
      services: [...described.services, ...(swarm?.services ?? [])],
      diagnostics: [...described.diagnostics, ...(swarm?.diagnostics ?? [])],
    };
  }

  async watch(notify: (reason: string) => void, signal: AbortSignal): Promise<void> {
    let since: string | undefined;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const openedAt = this.#options.clock.now();
      const end = await this.#follow(notify, since, signal);
      since = end.since ?? since;
      if (signal.aborted) return;
      if (end.connected) notify(`${this.name}: event stream ended`);
      if (end.connected && this.#options.clock.now() - openedAt >= healthyStreamMs) attempt = 0;
      this.#options.logger.debug({ source: this.name, attempt, err: end.error }, 'event stream ended, reconnecting');
      await this.#pause(backoffMs(attempt, firstRetryMs, maxRetryMs), signal);
    }
  }

  /** Follows one event stream to its end. What happened before it opened is covered by the look that opening it asks for. */
  async #follow(
    notify: (reason: string) => void,
    since: string | undefined,
    signal: AbortSignal,
  ): Promise<{ connected: boolean; since?: string; error?: unknown }> {
    const query = { filters: JSON.stringify(eventFilters), ...(since === undefined ? {} : { since }) };
    const lines = createLineSplitter(maxEventBytes);
    let connected = false;
    let latest: string | undefined;
    try {
      const stream = await this.#engine.open('/events', signal, query);
      connected = true;
      notify(`${this.name}: watching`);
      for await (const chunk of stream) {
        for (const line of lines.push(chunk)) {
          const event = readEvent(line);
          latest = event.since ?? latest;
          if (event.reason !== undefined) notify(`${this.name}: ${event.reason}`);
        }
      }
      return { connected, ...(latest === undefined ? {} : { since: latest }) };
    } catch (error) {
      if (!isStreamFailure(error) && !signal.aborted) throw error;
      return { connected, error, ...(latest === undefined ? {} : { since: latest }) };
    }
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#options.clock.sleep(ms, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Inspects the containers the list says too little about, each once in its life. */
  async #learnDetails(containers: readonly ContainerView[], signal: AbortSignal): Promise<void> {
    const listed = new Set(containers.map((container) => container.id));
    for (const id of this.#details.keys()) if (!listed.has(id)) this.#details.delete(id);
    const isEnvironmentRead = readsEnvironment(this.#options.labels);
    const needs = containers.filter((one) => needsDetails(one, isEnvironmentRead));
    const unknown = needs.filter((one) => !this.#details.has(one.id)).values();
    const worker = async () => {
      for (const container of unknown) await this.#inspect(container.id, signal);
    };
    await Promise.all(Array.from({ length: parallelInspects }, worker));
  }

  /** Asks for the labels of images whose containers ask for names, each once; where that is not allowed, they are taken for the containers' own. */
  async #learnImages(containers: readonly ContainerView[], signal: AbortSignal): Promise<void> {
    const { labels } = this.#options;
    const needed = new Set(containers.filter((one) => needsImage(one, labels)).map(({ imageId }) => imageId));
    for (const id of this.#images.keys()) if (!needed.has(id)) this.#images.delete(id);
    const unknown = [...needed].filter((id) => !this.#images.has(id)).values();
    const worker = async () => {
      for (const id of unknown)
        this.#images.set(id, readImageLabels(await this.#ask(`/images/${id}/json`, signal), labels.prefix));
    };
    await Promise.all(Array.from({ length: parallelInspects }, worker));
  }

  /** A container that is gone by now, or that the engine will not show, simply stays without details. */
  async #inspect(id: string, signal: AbortSignal): Promise<void> {
    const raw = await this.#ask(`/containers/${id}/json`, signal);
    const details = readDetails(raw);
    if (details !== undefined) this.#details.set(id, details);
  }

  /** Asks for the networks' drivers when a network appears that we have not seen; without an answer none is excluded. */
  async #learnDrivers(containers: readonly ContainerView[], signal: AbortSignal): Promise<void> {
    const ids = new Set(containers.flatMap((container) => container.networks.map((network) => network.id)));
    ids.delete('');
    if ([...ids].every((id) => this.#drivers.has(id))) return;
    const drivers = readDrivers(await this.#ask('/networks', signal));
    // Those the answer lacks are remembered too, as unknown ones, so that they are not asked for again in every pass.
    this.#drivers = new Map([...ids].map((id) => [id, drivers.get(id) ?? 'bridge']));
  }

  async #ask(path: string, signal: AbortSignal): Promise<unknown> {
    try {
      return await this.#engine.get(path, signal);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      this.#options.logger.debug({ source: this.name, path, err: error }, 'engine gave no details');
      return undefined;
    }
  }
}

/** Driver by network id and name, out of `GET /networks`. */
function readDrivers(raw: unknown): ReadonlyMap<string, string> {
  const drivers = new Map<string, string>();
  for (const network of Array.isArray(raw) ? raw : []) {
    if (typeof network?.Driver !== 'string') continue;
    // Podman's containers name their networks where Docker's give the id.
    for (const key of [network.Name, network.Id]) if (typeof key === 'string') drivers.set(key, network.Driver);
  }
  return drivers;
}

/** An ended socket, a refused call or an abort: anything a stream can die of. */
function isStreamFailure(error: unknown): boolean {
  return error instanceof SourceError || (error instanceof Error && ('code' in error || error.name === 'AbortError'));
}
