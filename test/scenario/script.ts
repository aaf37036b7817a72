// A Docker engine as a test tells it: containers that come, move and go, and an engine that does not answer.
import type { Source } from '../../src/contracts.ts';
import { type AppError, SourceError } from '../../src/errors.ts';
import type { Service } from '../../src/model.ts';

/** A container as its owner describes it with labels. */
export interface Container {
  readonly name: string;
  /** The last part of its address; absent while it is stopped. */
  readonly at?: number;
  /** Default `<name>.example.com`. */
  readonly host?: string;
  /** All of the host below this prefix. */
  readonly path?: string;
  /** A policy's name; default `public`. */
  readonly access?: string;
  readonly bypass?: readonly string[];
}

/** The source and power over it. */
export interface Script {
  readonly source: Source;
  containers: readonly Container[];
  /** The engine's socket is gone. */
  isLost: boolean;
  /** Something happened: programs that watch look again. */
  changed(): void;
}

/** An engine without containers. */
export function createScript(): Script {
  const watchers = new Set<(reason: string) => void>();
  const script: Script = {
    containers: [],
    isLost: false,
    changed: () => {
      for (const notify of watchers) notify('a container changed');
    },
    source: {
      name: 'docker',
      async list() {
        if (script.isLost) throw lost();
        return { services: script.containers.map(serviceOf), diagnostics: [] };
      },
      async watch(notify, signal) {
        watchers.add(notify);
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        watchers.delete(notify);
      },
    },
  };
  return script;
}

/** The hostname of a container. */
export function hostOf({ name, host }: Container): string {
  return host ?? `${name}.example.com`;
}

/** Where a container listens. */
export function urlOf({ at }: Container): string {
  return at === undefined ? 'http_status:503' : `http://10.0.0.${at}:80`;
}

function serviceOf(container: Container): Service {
  const { name, at, path, access = 'public', bypass } = container;
  const isRunning = at !== undefined;
  return {
    id: `docker/${name}`,
    name,
    source: 'docker',
    ...(isRunning ? { address: `10.0.0.${at}` } : {}),
    ports: isRunning ? [{ number: 80, protocol: 'tcp' }] : [],
    hints: {
      enable: true,
      hostname: hostOf(container),
      access,
      ...(path === undefined ? {} : { path: `^${path}` }),
      ...(bypass === undefined ? {} : { bypassPaths: bypass }),
    },
    state: isRunning ? 'running' : 'stopped',
  };
}

function lost(): AppError {
  return new SourceError({ code: 'E_SOURCE_UNREACHABLE', message: 'the engine does not answer', retryable: true });
}
