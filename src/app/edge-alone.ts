// The embedded edge alone, for a machine with a public address, and what another machine has to know to use it.
import { hostname } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../clock.ts';
import { createLifecycle } from '../lifecycle.ts';
import type { Logger } from '../logger.ts';
import type { ListenAddress } from '../model.ts';
import type { LoadedSettings, SettingsInputs } from '../settings/load.ts';
import { isLoopback } from '../settings/resolve.ts';
import { openStateDir } from '../state-dir.ts';
import { startLocalEdge } from './embedded-edge.ts';
import { createLiveSettings } from './live-settings.ts';
import { drainMs } from './road-connector.ts';

/** What another machine needs, with no secret in it. */
export interface EdgeGuide {
  readonly listeners: Readonly<Record<'http' | 'https' | 'tunnel' | 'api', string>>;
  readonly ca_file: string;
  readonly api_token_file: string;
  /** For the other machine's `sallyport.yml`. */
  readonly settings: {
    readonly domain: string;
    readonly edge: 'cloudflare';
    readonly cloudflare: {
      readonly api_url: string;
      readonly api_token_file: string;
      readonly edge: readonly string[];
      readonly edge_ca: string;
    };
  };
  /** What keeps other machines from using it as it is. */
  readonly notes: readonly string[];
}

/** It, running. */
export interface EdgeAlone {
  readonly guide: EdgeGuide;
  /** Drains and stops; never rejects. */
  stop(): Promise<void>;
}

/** Starts it; rejects with an AppError when a port or the data directory cannot be had. */
export async function startEdgeAlone(
  loaded: LoadedSettings,
  inputs: SettingsInputs,
  logger: Logger,
): Promise<EdgeAlone> {
  const { settings } = loaded;
  const live = createLiveSettings(loaded, inputs, logger);
  const login = () => live.current().embeddedEdge.login;
  const stateDir = openStateDir(settings.dataDir);
  const lifecycle = createLifecycle(logger);
  const edge = await startLocalEdge({ settings, login, stateDir, logger, clock: systemClock });
  lifecycle.add({ name: 'embedded edge', stop: () => edge.stop(drainMs), timeoutMs: drainMs + 2_000 });
  live.watch(() => undefined);
  lifecycle.add({ name: 'settings watch', stop: async () => live.stop() });
  const { http, https, tunnel, api } = edge.addresses;
  const apiTokenFile = join(stateDir.path, 'edge-api-token');
  const guide: EdgeGuide = {
    listeners: { http: shown(http), https: shown(https), tunnel: shown(tunnel), api: shown(api) },
    ca_file: edge.caFile,
    api_token_file: apiTokenFile,
    settings: {
      domain: settings.domain,
      edge: 'cloudflare',
      cloudflare: {
        api_url: `http://${reachable(api)}/client/v4`,
        api_token_file: apiTokenFile,
        edge: [reachable(tunnel)],
        edge_ca: edge.caFile,
      },
    },
    notes: notesOn(tunnel, api),
  };
  return { guide, stop: () => lifecycle.stop() };
}

function notesOn(tunnel: ListenAddress | undefined, api: ListenAddress | undefined): readonly string[] {
  const notes: string[] = [];
  if (tunnel !== undefined && isLoopback(tunnel.host))
    notes.push(
      'Connectors can dial in from this machine only: set embedded_edge.tunnel, such as 0.0.0.0:7844, for others.',
    );
  if (api !== undefined)
    notes.push(
      isLoopback(api.host)
        ? 'The API answers this machine only; others reach it through a VPN or an SSH tunnel (ssh -L 8098:127.0.0.1:8098).'
        : 'The API is plain HTTP: let only a VPN or your own network reach it, for whoever reads its token owns this edge.',
    );
  return notes;
}

function shown(address: ListenAddress | undefined): string {
  return address === undefined ? '' : `${bracketed(address.host)}:${address.port}`;
}

/** Where another machine dials: an address that stands for all of them is replaced by this machine's name. */
function reachable(address: ListenAddress | undefined): string {
  if (address === undefined) return '';
  const isEvery = address.host === '::' || address.host === '0.0.0.0';
  return shown(isEvery ? { ...address, host: hostname() } : address);
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
