// Which Docker engines are asked, and what "there is none" means: nothing on a machine that never had one, a failure on one that had.
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import type { Source } from '../contracts.ts';
import type { Logger } from '../logger.ts';
import type { Settings } from '../settings/settings.ts';
import { createDockerSource, type DockerSourceOptions } from '../sources/docker.ts';
import { isEndpointPresent } from '../sources/docker-engine.ts';
import type { StateDir } from '../state-dir.ts';

/** What a machine without settings is asked for. */
const usualEndpoint = 'unix:///var/run/docker.sock';
const seenMarker = 'docker-seen';
const lookAgainMs = 5_000;

type EndpointOptions = Pick<DockerSourceOptions, 'tls' | 'address'>;

/** What the engines' sources are made with. */
export interface DockerEndpointOptions {
  readonly settings: Settings;
  readonly stateDir: StateDir | undefined;
  /** As docker's own client reads it: DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** A source per engine: those of the settings, else the usual one as soon as it appears. */
export function createDockerSources(options: DockerEndpointOptions): Source[] {
  const { settings, logger, clock } = options;
  const labels = {
    prefix: settings.labels.prefix,
    dialects: settings.labels.dialects,
    mayOpen: settings.labels.allow.public,
  };
  const create = (name: string, endpoint: string, more: EndpointOptions) =>
    createDockerSource({ name, endpoint, ...more, labels, logger, clock });
  if (settings.dockerEndpoints !== undefined)
    return settings.dockerEndpoints.map(({ name, url, ...more }) => create(name, url, more));
  const endpoint = options.env.DOCKER_HOST ?? usualEndpoint;
  return [optional(create('docker', endpoint, tlsOf(options.env)), endpoint, options)];
}

/** The three files docker's client looks for. */
function tlsOf({ DOCKER_TLS_VERIFY: verify, DOCKER_CERT_PATH: folder }: DockerEndpointOptions['env']): EndpointOptions {
  if (verify === undefined || verify === '' || folder === undefined) return {};
  return { tls: { ca: join(folder, 'ca.pem'), cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') } };
}

/**
 * A source that is empty while its engine was never seen on this machine. Once it was, an absent socket is a failure like any other: services that
 * were found there must not count as gone because the engine is late to start.
 */
function optional(source: Source, endpoint: string, options: DockerEndpointOptions): Source {
  const isExpected = async () => {
    if (await isEndpointPresent(endpoint)) {
      options.stateDir?.readOrCreate(seenMarker, () => 'yes');
      return true;
    }
    return options.stateDir?.has(seenMarker) ?? false;
  };
  return {
    name: source.name,
    list: async (signal) => ((await isExpected()) ? source.list(signal) : { services: [], diagnostics: [] }),
    watch: async (notify, signal) => {
      while (!signal.aborted && !(await isExpected()))
        await options.clock.sleep(lookAgainMs, signal).catch(() => undefined);
      if (!signal.aborted) await source.watch(notify, signal);
    },
  };
}
