// The embedded edge as one part: store, data plane and API, started in that order, stopped in reverse.

import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { createEdgeApi } from '../edge/api/server.ts';
import { createEmbeddedEdge } from '../edge/edge.ts';
import { createGate } from '../edge/gate/gate.ts';
import { oidcProviders } from '../edge/gate/oidc-provider.ts';
import type { LoginSettings } from '../edge/gate/people.ts';
import { openEdgeStore } from '../edge/store/store.ts';
import type { Logger } from '../logger.ts';
import type { ListenAddress } from '../model.ts';
import type { Settings } from '../settings/settings.ts';
import { newSecret, type StateDir } from '../state-dir.ts';

/** The edge running in this process. */
export interface LocalEdge {
  readonly addresses: {
    readonly http?: ListenAddress;
    readonly https?: ListenAddress;
    readonly tunnel?: ListenAddress;
    readonly api?: ListenAddress;
  };
  readonly caPem: string;
  readonly caFile: string;
  readonly apiUrl: string;
  /** A secret. */
  readonly apiToken: string;
  /** Whether people have a way to log in. */
  hasLogin(): boolean;
  stop(gracePeriodMs: number): Promise<void>;
}

/** Where the edge keeps its objects. */
export function edgeStoreFile(stateDir: StateDir): string {
  return join(stateDir.path, 'edge.sqlite');
}

/** The token of the embedded edge's API: made once, known to whoever can read the data directory. */
export function edgeApiToken(stateDir: StateDir): string {
  return stateDir.readOrCreate('edge-api-token', newSecret);
}

/** The zones an installation works in; on the embedded edge they are made when missing. */
export function settingsZones(settings: Settings): readonly string[] {
  return settings.cloudflare.zones.length > 0 ? settings.cloudflare.zones : [settings.domain];
}

/** Starts the edge with the zones of the settings. */
export async function startLocalEdge(options: {
  readonly settings: Settings;
  /** How people log in now; default: as the settings say. */
  readonly login?: () => LoginSettings;
  readonly stateDir: StateDir;
  readonly logger: Logger;
  readonly clock: Clock;
}): Promise<LocalEdge> {
  const { settings, stateDir, logger, clock } = options;
  const login = options.login ?? (() => settings.embeddedEdge.login);
  const { http, https, tunnel, api, certificatesDir } = settings.embeddedEdge;
  const store = openEdgeStore(edgeStoreFile(stateDir), {
    clock,
    sealKey: stateDir.readOrCreate('edge-seal-key', newSecret),
  });
  const stops: ((gracePeriodMs: number) => Promise<void>)[] = [async () => store.close()];
  const stop = async (gracePeriodMs: number) => {
    for (const one of stops.splice(0).reverse()) await one(gracePeriodMs);
  };
  try {
    for (const zone of settingsZones(settings)) store.ensureZone(zone);
    const domains = settingsZones(settings);
    let httpsPort: number | undefined;
    const gate = await createGate({ access: store.access, login, httpsPort: () => httpsPort, logger, clock });
    stops.push(() => gate.stop());
    const edge = await createEmbeddedEdge({
      directory: store,
      gate,
      http,
      https,
      tunnel,
      certificatesDir,
      domains,
      logger,
      clock,
    });
    stops.push(edge.stop);
    httpsPort = edge.addresses.https?.port;
    const apiToken = edgeApiToken(stateDir);
    const server = await createEdgeApi({ store, registry: edge.registry, listen: api, tokens: { apiToken }, logger });
    stops.push(() => server.stop());
    const { caPem } = edge;
    const addresses = { ...edge.addresses, api: server.address };
    const hasLogin = () => login().users.length > 0 || oidcProviders(store.access.identityProviders).length > 0;
    return {
      hasLogin,
      addresses,
      caPem,
      caFile: join(certificatesDir, 'ca.pem'),
      apiUrl: server.baseUrl,
      apiToken,
      stop,
    };
  } catch (error) {
    await stop(0);
    throw error;
  }
}
