// The road to the edge: the tunnel, the connector on it, and the reconcilers that keep rules and names in line with it.
import { createChoiceStore } from '../choices.ts';
import type { Clock } from '../clock.ts';
import type { CloudflareApi } from '../cloudflare/client.ts';
import { findCloudflared } from '../connector/cloudflared/binary.ts';
import type { Reconciler } from '../contracts.ts';
import { createDnsReconciler } from '../dns/reconciler.ts';
import { AppError } from '../errors.ts';
import { createLocalIngress, createRemoteIngress, type IngressReconciler } from '../ingress/reconciler.ts';
import type { Logger } from '../logger.ts';
import type { AccessObject, DnsRecord } from '../model.ts';
import type { BoundCredentials } from '../protocol/credentials.ts';
import type { Compiled } from '../reconcile.ts';
import type { Settings } from '../settings/settings.ts';
import { type ConnectorChoice, chooseConnector } from './choose-connector.ts';
import { connectorOnlyPlace, isConnectorOnly, noReconciler, withoutApi } from './connector-only.ts';
import type { LocalEdge } from './embedded-edge.ts';
import { createMissingIngress, missingTunnelTarget } from './missing-tunnel.ts';
import type { Place } from './place.ts';
import { type AnyConnector, createConnector } from './road-connector.ts';
import { findGround, type Ground } from './road-ground.ts';
import { createRoadMemory, type RoadMemory } from './road-memory.ts';
import { copyDecisions, keptDecisions } from './rule-decisions.ts';
import { createRuleMirror, type RuleMirror } from './rule-mirror.ts';
import { watchRules } from './rules-known.ts';

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

/** A road: built, not yet open. */
export interface Road {
  readonly place: Place;
  readonly tunnelTarget: string;
  /** Absent where there is no tunnel and none may be made: such a road serves planning only. */
  readonly connector: AnyConnector | undefined;
  /** Why there is no connector. */
  readonly impasse?: AppError;
  readonly ingress: IngressReconciler;
  readonly dns: Reconciler<DnsRecord>;
  /** In place of the account's Access, where there is no API to ask. */
  readonly access?: Reconciler<AccessObject>;
  /** For rules that live in our connector: keeps the API's copy of them in line, for other connectors of the same tunnel. */
  readonly mirror: RuleMirror | undefined;
  /** The rules are pushed by the edge: the connector must not start before this run's rules are there, or it would serve the last run's. */
  readonly isRemote: boolean;
  /** Of a remote road, after a pass: no rule the edge would push leads where it must not. Absent: always so. */
  isSafeToOpen?(compiled: Compiled): boolean;
  /** Told after each pass that changed things; keeps what the next start may need. */
  remember?(): void;
  /** What becomes on this road of what is wanted, and what there is to say of it. */
  adjust?(compiled: Compiled): Compiled;
}

/** Finds or makes the tunnel and builds the rest around it; nothing is connected yet. In dry-run a missing tunnel stays missing. */
export async function buildRoad(options: RoadOptions, signal: AbortSignal): Promise<Road> {
  const { settings, logger } = options;
  const choice = chooseConnector(settings, findCloudflared(options.env));
  if (isConnectorOnly(settings)) return connectorOnlyRoad({ ...options, choice }, connectorOnlyPlace(settings));
  const memory = createRoadMemory({ settings, logger });
  const ground = await findGround({ ...options, choice, memory }, signal);
  const dns = createDns(options, ground);
  if (ground.tunnel === undefined) return plannedRoad(ground.place, dns);
  const { credentials, id } = ground.tunnel;
  const isRemote = choice.kind === 'cloudflared' || ground.tunnel.remotelyManaged;
  const connector = createConnector({ ...options, choice, credentials, isRemote });
  if (connector.name === 'native') memory.keepConnector(connector.connectorId);
  const decisions = (isRemote ? keptDecisions : copyDecisions)({ dataDir: settings.dataDir, tunnelId: id, logger });
  const remote = createRemoteIngress({
    ...decisions,
    api: options.api,
    account: ground.place.account,
    tunnelId: id,
    ownedHostnames: (aborting) => dns.ownedHostnames(aborting),
    recordedHostnames: (aborting) => dns.recordedHostnames(aborting),
    exclusive: settings.edge === 'embedded',
    writtenOnly: !isRemote,
  });
  const adjust = (compiled: Compiled): Compiled => ({
    ...compiled,
    diagnostics: [...compiled.diagnostics, ...(ground.findings?.() ?? [])],
  });
  const road = { place: ground.place, tunnelTarget: targetOf(id), connector, dns, isRemote, adjust };
  if (isRemote) return { ...road, ...guardOpening(remote, memory, ground), mirror: undefined };
  // At Cloudflare a configuration that is PUT would make the tunnel a remotely managed one for good.
  const mirror =
    options.edge === undefined ? undefined : createRuleMirror({ target: remote, logger, clock: options.clock });
  return { ...road, ingress: createLocalIngress(connector), mirror };
}

function targetOf(tunnelId: string): string {
  return `${tunnelId}.cfargotunnel.com`;
}

function createDns({ settings, api, owner, logger }: RoadOptions, { place, zoneIds, tunnel }: Ground) {
  return createDnsReconciler({
    api,
    zones: place.zones,
    ...(zoneIds === undefined ? {} : { zoneIds }),
    owner,
    ownership: settings.cloudflare.ownership,
    tunnelTarget: tunnel === undefined ? missingTunnelTarget : targetOf(tunnel.id),
    choices: createChoiceStore(settings.dataDir).read,
    logger,
  });
}

/** A remote road opens when its rules were written, or when those the last run left are still right. */
function guardOpening(
  remote: IngressReconciler,
  memory: RoadMemory,
  ground: Ground,
): Pick<Road, 'ingress' | 'isSafeToOpen' | 'remember'> {
  const { ingress, isKnown } = watchRules(remote);
  return {
    ingress,
    isSafeToOpen: ({ desired }) => isKnown() || (ground.isRemembered && memory.isStillRight(desired)),
    remember: () => {
      if (isKnown()) memory.keepRules(ingress.live());
    },
  };
}

/** A connector whose rules are the dashboard's business: nothing can be written without an API token, so nothing is planned. */
function connectorOnlyRoad(
  options: RoadOptions & { readonly choice: ConnectorChoice },
  { place, credentials }: { readonly place: Place; readonly credentials: BoundCredentials },
): Road {
  return {
    place,
    tunnelTarget: targetOf(credentials.tunnelId),
    connector: createConnector({ ...options, credentials, isRemote: true }),
    ingress: createMissingIngress(),
    dns: noReconciler('dns'),
    access: noReconciler('access'),
    mirror: undefined,
    isRemote: true,
    adjust: (compiled) => withoutApi(compiled, targetOf(credentials.tunnelId)),
  };
}

/** A road to plan on: what would be there, without a tunnel. */
function plannedRoad(place: Place, dns: Road['dns']): Road {
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
