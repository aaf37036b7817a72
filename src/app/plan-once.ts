// One plan, for `plan`: what a pass would change now. Reads the API and changes nothing, not even a tunnel that is missing.
import { createChoiceStore } from '../choices.ts';
import { systemClock } from '../clock.ts';
import type { CloudflareApi } from '../cloudflare/client.ts';
import { createDnsReconciler, type DnsReconciler } from '../dns/reconciler.ts';
import { AppError } from '../errors.ts';
import { createRemoteIngress, type IngressReconciler } from '../ingress/reconciler.ts';
import type { Logger } from '../logger.ts';
import { parseToken } from '../protocol/credentials.ts';
import { type Pass, reconcile } from '../reconcile.ts';
import type { Settings } from '../settings/settings.ts';
import { lookAtStateDir, newOwnerId } from '../state-dir.ts';
import { createAccess } from './access.ts';
import { isConnectorOnly } from './connector-only.ts';
import { createDiscovery, type Discovery } from './discovery.ts';
import { borrowApi } from './edge-api.ts';
import { createMissingIngress, missingTunnelTarget } from './missing-tunnel.ts';
import { findPlace, type Place } from './place.ts';
import { seenDecisions } from './rule-decisions.ts';

/** What a plan was made of, for whoever has more to ask while the API is open. */
export interface PlannedWorld {
  readonly pass: Pass;
  readonly ingress: IngressReconciler;
  readonly api: CloudflareApi;
  readonly place: Place;
  /** Undefined while there is no tunnel. */
  readonly tunnelId: string | undefined;
  readonly owner: string;
  readonly discovery: Discovery;
  readonly signal: AbortSignal;
}

/** Plans once. */
export async function planOnce(
  settings: Settings,
  logger: Logger,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Pass> {
  return withPlan({ settings, logger, env }, async ({ pass }) => pass);
}

/** Plans once and hands over what was planned with; what `use` asks of the API must be done when it resolves. */
export async function withPlan<T>(
  {
    settings,
    logger,
    env,
  }: {
    readonly settings: Settings;
    readonly logger: Logger;
    readonly env: Readonly<Record<string, string | undefined>>;
  },
  use: (world: PlannedWorld) => Promise<T>,
): Promise<T> {
  if (isConnectorOnly(settings)) throw nothingToPlan();
  const stateDir = lookAtStateDir(settings.dataDir);
  const owner = settings.owner ?? stateDir.readOrCreate('owner', newOwnerId);
  const { api, close } = await borrowApi(settings, stateDir, logger);
  try {
    const signal = AbortSignal.timeout(60_000);
    const place = await findPlace(settings, api, signal);
    const tunnelId = await findTunnel(settings, api, place.account, signal);
    const tunnelTarget = tunnelId === undefined ? missingTunnelTarget : `${tunnelId}.cfargotunnel.com`;
    const { ownership } = settings.cloudflare;
    const choices = createChoiceStore(settings.dataDir).read;
    const dns = createDnsReconciler({ api, zones: place.zones, owner, ownership, tunnelTarget, choices, logger });
    const discovery = await createDiscovery({
      settings: () => settings,
      stateDir,
      env,
      logger,
      clock: systemClock,
      graceMs: settings.graceMs,
    });
    const names = { zones: place.zones, tunnelTarget, owner };
    const kept = { api, account: place.account, dataDir: settings.dataDir, logger };
    const ingress = ingressOf({ ...kept, exclusive: settings.edge === 'embedded' }, tunnelId, dns);
    const pass = await reconcile(
      {
        list: (aborting) => discovery.list.list(aborting),
        route: discovery.route,
        compile: (entries, previous) => discovery.compile(entries, previous, names),
        access: createAccess(() => settings, { api, account: place.account, owner, logger }),
        ingress,
        dns,
        mode: settings.mode,
        logger,
      },
      { full: true, planOnly: true },
      signal,
    );
    return await use({ pass, ingress, api, place, tunnelId, owner, discovery, signal });
  } finally {
    await close();
  }
}

async function findTunnel(
  settings: Settings,
  api: CloudflareApi,
  account: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { tunnel } = settings.cloudflare;
  if (tunnel.kind === 'existing') return tunnel.id;
  if (tunnel.kind === 'token') return parseToken(tunnel.token).tunnelId;
  return (await api.tunnels.byName(account, tunnel.name, signal))?.id;
}

/** The rules as the API shows them: a native connector reports its own there. Without a tunnel there are none. */
function ingressOf(
  {
    dataDir,
    logger,
    ...kept
  }: {
    readonly api: CloudflareApi;
    readonly account: string;
    readonly exclusive: boolean;
    readonly dataDir: string;
    readonly logger: Logger;
  },
  tunnelId: string | undefined,
  dns: DnsReconciler,
): IngressReconciler {
  if (tunnelId === undefined) return createMissingIngress();
  const { ownedHostnames, recordedHostnames } = dns;
  const decisions = seenDecisions({ dataDir, tunnelId, logger });
  return createRemoteIngress({ ...kept, ...decisions, tunnelId, ownedHostnames, recordedHostnames });
}

function nothingToPlan(): AppError {
  return new AppError({
    code: 'E_TUNNEL',
    message: 'without an API token there is nothing to plan: the tunnel serves the rules that are kept at Cloudflare',
    where: 'cloudflare.tunnel.token',
    hint: 'set cloudflare.api_token_file to have rules and names written; `services` shows what they would be',
  });
}
