// What a pass would do if something else were chosen: planned beside the running program, with reconcilers of its own, and never applied.
import type { Choices } from '../choices.ts';
import type { CloudflareApi } from '../cloudflare/client.ts';
import { createDnsReconciler } from '../dns/reconciler.ts';
import { AppError } from '../errors.ts';
import { lookAtRuleMemory } from '../ingress/drift-memory.ts';
import { createRemoteIngress, type IngressReconciler } from '../ingress/reconciler.ts';
import { createSilentLogger } from '../logger.ts';
import { type Pass, reconcile } from '../reconcile.ts';
import type { Settings } from '../settings/settings.ts';
import { createAccess } from './access.ts';
import { noReconciler } from './connector-only.ts';
import type { LiveDiscovery } from './discovery.ts';
import { createMissingIngress, missingTunnelTarget } from './missing-tunnel.ts';
import type { Road } from './road.ts';

/** What it is planned with. */
export interface ForesightOptions {
  readonly discovery: LiveDiscovery;
  readonly road: () => Road | undefined;
  readonly api: CloudflareApi;
  readonly settings: () => Settings;
  readonly owner: string;
  /** The last finished pass: who had a name keeps it. */
  readonly previous: () => Pass | undefined;
}

const patienceMs = 30_000;
/** Each reads the API several times; a person asks for one. */
const maxAtOnce = 3;

/**
 * Plans with these choices and changes nothing. The running reconcilers remember what they planned last, so others are made for this.
 * Rejects with E_STATE while nothing is connected, or when too many are asked for.
 */
export function createForesight(options: ForesightOptions): (choices: Choices) => Promise<Pass> {
  let running = 0;
  return async (choices) => {
    const road = options.road();
    if (road === undefined) throw notYet('there is no road to the edge yet');
    if (running >= maxAtOnce) throw notYet('other plans are being made');
    running++;
    try {
      return await foresee(options, road, choices);
    } finally {
      running--;
    }
  };
}

function foresee(options: ForesightOptions, road: Road, choices: Choices): Promise<Pass> {
  const { discovery, owner, settings } = options;
  const names = { zones: road.place.zones, tunnelTarget: road.tunnelTarget, owner };
  return reconcile(
    {
      ...reconcilers(options, road, choices),
      list: (signal) => discovery.listAs(choices, signal),
      route: discovery.route,
      compile: (entries, before) => {
        const compiled = discovery.compile(entries, before, names);
        return road.adjust?.(compiled) ?? compiled;
      },
      mode: settings().mode,
      logger: createSilentLogger(),
    },
    { full: true, planOnly: true, previous: options.previous() },
    AbortSignal.timeout(patienceMs),
  );
}

function reconcilers({ api, settings, owner }: ForesightOptions, road: Road, choices: Choices) {
  // Without an API nothing can be planned: see connector-only roads.
  if (road.access !== undefined)
    return { access: road.access, dns: noReconciler<never>('dns'), ingress: createMissingIngress() };
  const { place, tunnelTarget } = road;
  const logger = createSilentLogger();
  const read = () => choices;
  const { ownership } = settings().cloudflare;
  const dns = createDnsReconciler({ api, zones: place.zones, owner, ownership, tunnelTarget, choices: read, logger });
  const access = createAccess(settings, { api, account: place.account, owner, logger, choices: read });
  return { access, dns, ingress: ingressOf() };

  function ingressOf(): IngressReconciler {
    if (tunnelTarget === missingTunnelTarget) return createMissingIngress();
    if (!road.isRemote) return copyOf(road.ingress);
    const tunnelId = tunnelTarget.replace(/\.cfargotunnel\.com$/, '');
    return createRemoteIngress({
      api,
      account: place.account,
      tunnelId,
      exclusive: settings().edge === 'embedded',
      memory: lookAtRuleMemory({ dataDir: settings().dataDir, tunnelId, logger }),
      choices: read,
      ownedHostnames: (signal) => dns.ownedHostnames(signal),
    });
  }
}

/** One that takes the rules of our own connector for written, and writes nowhere. */
function copyOf(running: IngressReconciler): IngressReconciler {
  const copy = createMissingIngress();
  const changes = running
    .live()
    .map((entry) => ({ action: 'create', serviceId: entry.serviceId, desired: entry }) as const);
  const seeded = copy.apply({ target: 'ingress', changes, held: [] }, 'upsert', AbortSignal.timeout(patienceMs));
  return { ...copy, plan: async (desired, signal) => seeded.then(() => copy.plan(desired, signal)) };
}

function notYet(message: string): AppError {
  return new AppError({ code: 'E_STATE', message, retryable: true, hint: 'try again in a moment' });
}
