// An EdgeDirectory in memory, for tests of the data plane: tunnels, records and configurations set directly.
import { randomBytes, randomUUID } from 'node:crypto';
import type { EdgeChange, EdgeConfiguration, EdgeDirectory, EdgeTunnel } from '../../src/edge/model.ts';

/** A directory whose contents a test sets. */
export interface FakeDirectory extends EdgeDirectory {
  addTunnel(name: string, options?: { remotelyManaged?: boolean }): EdgeTunnel;
  removeTunnel(tunnelId: string): void;
  /** `*.example.test` is a wildcard record. */
  addRoute(hostname: string, tunnelId: string): void;
  configure(tunnelId: string, configuration: EdgeConfiguration): void;
  /** What connectors reported, by tunnel. */
  readonly reported: ReadonlyMap<string, unknown>;
}

/** An empty directory. */
export function createFakeDirectory(): FakeDirectory {
  const tunnels = new Map<string, EdgeTunnel>();
  const routes = new Map<string, string>();
  const configurations = new Map<string, EdgeConfiguration>();
  const reported = new Map<string, unknown>();
  const listeners = new Set<(change: EdgeChange) => void>();
  const announce = (change: EdgeChange) => {
    for (const listener of listeners) listener(change);
  };
  return {
    reported,
    tunnel: (tunnelId) => tunnels.get(tunnelId),
    route: (hostname) => {
      const tunnelId = routes.get(hostname) ?? routes.get(hostname.replace(/^[^.]+/, '*'));
      return tunnelId === undefined ? undefined : { tunnelId };
    },
    configuration: (tunnelId) => configurations.get(tunnelId),
    reportLocalConfiguration: (tunnelId, config) => {
      reported.set(tunnelId, config);
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    addTunnel: (name, options) => {
      const tunnel: EdgeTunnel = {
        id: randomUUID(),
        accountTag: 'account',
        name,
        secret: randomBytes(32),
        remotelyManaged: options?.remotelyManaged ?? false,
      };
      tunnels.set(tunnel.id, tunnel);
      return tunnel;
    },
    removeTunnel: (tunnelId) => {
      tunnels.delete(tunnelId);
      announce({ kind: 'tunnel-deleted', tunnelId });
    },
    addRoute: (hostname, tunnelId) => {
      routes.set(hostname, tunnelId);
    },
    configure: (tunnelId, configuration) => {
      configurations.set(tunnelId, configuration);
      announce({ kind: 'configuration', tunnelId });
    },
  };
}
