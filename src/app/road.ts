// The road to the edge: the tunnel, the connector on it, and the reconcilers that keep rules and names in line with it.
import { readFileSync } from 'node:fs';
import { createChoiceStore } from '../choices.ts';
import type { Clock } from '../clock.ts';
import type { CloudflareApi } from '../cloudflare/client.ts';
import { findCloudflared } from '../connector/cloudflared/binary.ts';
import { type CloudflaredConnector, createCloudflaredConnector } from '../connector/cloudflared/connector.ts';
import { createNativeConnector, type NativeConnector } from '../connector/native/connector.ts';
import { discoverEdges, staticEdges } from '../connector/native/edge-addresses.ts';
import { createDnsReconciler, type DnsReconciler } from '../dns/reconciler.ts';
import { AppError } from '../errors.ts';
import { createLocalIngress, createRemoteIngress, type IngressReconciler } from '../ingress/reconciler.ts';
import type { Logger } from '../logger.ts';
import type { IngressRule } from '../model.ts';
import type { Settings } from '../settings/settings.ts';
import { adoptTunnel, type EnsuredTunnel, ensureTunnel } from '../tunnel/ensure.ts';
import { version } from '../version.ts';
import { type ConnectorChoice, chooseConnector } from './choose-connector.ts';
import type { LocalEdge } from './embedded-edge.ts';
import { createMissingIngress, missingTunnelTarget } from './missing-tunnel.ts';
import { findPlace, type Place } from './place.ts';
import { copyDecisions, keptDecisions } from './rule-decisions.ts';
import { createRuleMirror, type RuleMirror } from './rule-mirror.ts';

/** cloudflared's default, and ours. */
const haConnections = 4;

/** How long requests in flight may take when we stop. */
export const drainMs = 8_000;

/** What the road is built from. */
export interface RoadOptions {
  readonly settings: Settings;
  readonly api: CloudflareApi;
  readonly edge: LocalEdge | undefined;
  readonly owner: string;
  /** Fetches the tunnel's secret again instead of using the one on disk. */
  readonly refresh: boolean;
  /** Nothing remote may be changed: a tunnel that is missing is not made. */
  readonly isDryRun: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Either connector. */
export type AnyConnector = NativeConnector | CloudflaredConnector;

/** A road: built, not yet open. */
export interface Road {
  readonly place: Place;
  readonly tunnelTarget: string;
  /** Absent where there is no tunnel and none may be made: such a road serves planning only. */
  readonly connector: AnyConnector | undefined;
  /** Why there is no connector. */
  readonly impasse?: AppError;
  readonly ingress: IngressReconciler;
  readonly dns: DnsReconciler;
  /** For rules that live in our connector: keeps the API's copy of them in line, for other connectors of the same tunnel. */
  readonly mirror: RuleMirror | undefined;
  /** The rules are pushed by the edge: the connector must not start before this run's rules are there, or it would serve the last run's. */
  readonly isRemote: boolean;
}

/** Finds or makes the tunnel and builds the rest around it; nothing is connected yet. In dry-run a missing tunnel stays missing. */
export async function buildRoad(options: RoadOptions, signal: AbortSignal): Promise<Road> {
  const { settings, api, owner, logger } = options;
  const choice = chooseConnector(settings, findCloudflared(options.env));
  const place = await findPlace(settings, api, signal);
  const wanted = tunnelOptions(options, place, choice);
  const tunnel = await (options.isDryRun ? adoptTunnel(wanted, signal) : ensureTunnel(wanted, signal));
  const tunnelTarget = tunnel === undefined ? missingTunnelTarget : `${tunnel.tunnel.id}.cfargotunnel.com`;
  const { ownership } = settings.cloudflare;
  const choices = createChoiceStore(settings.dataDir).read;
  const dns = createDnsReconciler({ api, zones: place.zones, owner, ownership, tunnelTarget, choices, logger });
  if (tunnel === undefined) return plannedRoad(place, dns);
  const isRemote = choice.kind === 'cloudflared' || tunnel.remotelyManaged;
  const connector = createConnector(options, choice, tunnel, isRemote);
  const tunnelId = tunnel.tunnel.id;
  const decisions = (isRemote ? keptDecisions : copyDecisions)({ dataDir: settings.dataDir, tunnelId, logger });
  const remote = createRemoteIngress({
    ...decisions,
    api,
    account: place.account,
    tunnelId,
    ownedHostnames: (aborting) => dns.ownedHostnames(aborting),
    exclusive: settings.edge === 'embedded',
    writtenOnly: !isRemote,
  });
  if (isRemote) return { place, tunnelTarget, connector, ingress: remote, mirror: undefined, dns, isRemote };
  const ingress = createLocalIngress(connector);
  // At Cloudflare a configuration that is PUT would make the tunnel a remotely managed one for good.
  const mirror =
    options.edge === undefined ? undefined : createRuleMirror({ target: remote, logger, clock: options.clock });
  return { place, tunnelTarget, connector, ingress, mirror, dns, isRemote };
}

/** A road to plan on: what would be there, without a tunnel. */
function plannedRoad(place: Place, dns: DnsReconciler): Road {
  const impasse = new AppError({
    code: 'E_TUNNEL',
    message: 'dry-run: the tunnel does not exist and is not made, so nothing is connected',
    where: 'cloudflare.tunnel.name',
    hint: 'set mode to sync to have it made',
  });
  const ingress = createMissingIngress();
  const tunnelTarget = missingTunnelTarget;
  return { place, tunnelTarget, connector: undefined, impasse, ingress, mirror: undefined, dns, isRemote: true };
}

function tunnelOptions(
  options: RoadOptions,
  place: Place,
  choice: ConnectorChoice,
): Parameters<typeof ensureTunnel>[0] {
  const { tunnel } = options.settings.cloudflare;
  if (tunnel.kind === 'token') {
    throw new AppError({
      code: 'E_TUNNEL',
      message: 'a tunnel given by token is not supported yet',
      where: 'cloudflare.tunnel.token',
      hint: 'give the tunnel by name or id: the API token is enough to fetch its credentials',
    });
  }
  return {
    api: options.api,
    accountTag: place.account,
    tunnel: tunnel.kind === 'named' ? { name: tunnel.name } : { id: tunnel.id },
    stateDir: options.settings.dataDir,
    refresh: options.refresh,
    configSrc: choice.kind === 'native' ? 'local' : 'cloudflare',
    logger: options.logger,
  };
}

function createConnector(
  options: RoadOptions,
  choice: ConnectorChoice,
  tunnel: EnsuredTunnel,
  isRemote: boolean,
): AnyConnector {
  const { settings, edge, logger, clock } = options;
  const addresses = edgeAddresses(options);
  const caFile = settings.cloudflare.edgeCaFile ?? edge?.caFile;
  if (choice.kind === 'cloudflared') {
    return createCloudflaredConnector({
      binary: choice.binary,
      credentials: tunnel.credentials,
      edges: addresses,
      caFile,
      stateDir: settings.dataDir,
      haConnections,
      rules: closedRules,
      gracePeriodMs: drainMs,
      logger,
      clock,
    });
  }
  return createNativeConnector({
    credentials: tunnel.credentials,
    edges: addresses === undefined ? discoverEdges() : staticEdges(addresses),
    caPem: caFile === undefined ? undefined : (edge?.caPem ?? readCa(caFile)),
    haConnections,
    logger,
    clock,
    version,
    onConfiguration: isRemote ? 'apply' : 'refuse',
  });
}

/** Until the first pass nothing is known to be safe to serve. */
const closedRules: readonly IngressRule[] = [{ service: 'http_status:503' }];

/** One slot per connection: the same address as often as connections are wanted; undefined for Cloudflare's own edge. */
function edgeAddresses(options: RoadOptions): readonly string[] | undefined {
  const given = options.settings.cloudflare.edge;
  if (given !== undefined) return given.length >= haConnections ? given : repeat(given, haConnections);
  const tunnel = options.edge?.addresses.tunnel;
  if (tunnel === undefined) return undefined;
  const host = tunnel.host === '::' || tunnel.host === '0.0.0.0' ? '127.0.0.1' : tunnel.host;
  return repeat([host.includes(':') ? `[${host}]:${tunnel.port}` : `${host}:${tunnel.port}`], haConnections);
}

function repeat(items: readonly string[], count: number): string[] {
  return Array.from({ length: count }, (_, index) => items[index % items.length] ?? '');
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AppError({
      code: 'E_SETTINGS_UNREADABLE',
      message: `cannot read the edge's CA (${(cause as NodeJS.ErrnoException).code ?? 'unknown'})`,
      where: file,
      hint: 'check cloudflare.edge_ca or --edge-ca',
      cause,
    });
  }
}
