// One look for `export`: a plan, and, for what takes over whole objects, those objects as the API has them. Reads, changes nothing.
import type { VersionedConfiguration } from '../cloudflare/configurations.ts';
import { ApiError } from '../errors.ts';
import { passAsServed } from '../export/hand-edits.ts';
import type { RemoteWorld } from '../export/terraform-world.ts';
import type { Logger } from '../logger.ts';
import type { IngressEntry, Service } from '../model.ts';
import type { Pass } from '../reconcile.ts';
import type { Settings } from '../settings/settings.ts';
import { type PlannedWorld, withPlan } from './plan-once.ts';

/** What exports are made of. */
export interface ExportLook {
  readonly pass: Pass;
  readonly tunnelId: string | undefined;
  /** What would become of services: asks nothing, changes nothing. */
  readonly route: (services: readonly Service[]) => { readonly entries: readonly IngressEntry[] };
  /** Only where it was asked for. */
  readonly remote: RemoteWorld | undefined;
}

/** Looks once. */
export function lookForExport(
  settings: Settings,
  logger: Logger,
  { withRemote, env = process.env }: { readonly withRemote: boolean; readonly env?: NodeJS.ProcessEnv },
): Promise<ExportLook> {
  return withPlan({ settings, logger, env }, async (world) => ({
    pass: passAsServed(world.pass, world.ingress.drifts()),
    tunnelId: world.tunnelId,
    route: (services) => world.discovery.route(services, []),
    remote: withRemote ? await readRemoteWorld(world, settings) : undefined,
  }));
}

async function readRemoteWorld(world: PlannedWorld, settings: Settings): Promise<RemoteWorld> {
  const { api, place, tunnelId, owner, signal } = world;
  const seen = (await api.zones.list(signal)).filter(({ name }) => place.zones.includes(name));
  const [tunnel, configuration, zones, access] = await Promise.all([
    tunnelId === undefined ? undefined : api.tunnels.get(place.account, tunnelId, signal),
    tunnelId === undefined ? undefined : readConfiguration(world, tunnelId),
    Promise.all(seen.map(async ({ id, name }) => ({ id, name, records: await api.dns.list(id, signal) }))),
    readAccess(world, settings),
  ]);
  return {
    account: place.account,
    owner,
    tunnel: tunnel === undefined ? undefined : { id: tunnel.id, name: tunnel.name },
    configuration,
    zones,
    ...access,
  };
}

/** A tunnel whose rules were never kept by the API has none there. */
async function readConfiguration(
  { api, place, signal }: PlannedWorld,
  tunnelId: string,
): Promise<VersionedConfiguration | undefined> {
  try {
    return await api.configurations.get(place.account, tunnelId, signal);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

/** Whoever wants no policy needs no Access, and an embedded edge may have none. */
async function readAccess(
  { api, place, pass, signal }: PlannedWorld,
  settings: Settings,
): Promise<Pick<RemoteWorld, 'applications' | 'policies' | 'sshCas'>> {
  const none = { applications: [], policies: [], sshCas: [] };
  if (pass.desired.accessApplications.length === 0) return none;
  const needsSshCas = pass.desired.accessApplications.some(({ sshCa }) => sshCa === true);
  try {
    const [applications, policies, sshCas] = await Promise.all([
      api.access.applications.list(place.account, signal),
      api.access.policies.list(place.account, signal),
      needsSshCas ? api.access.sshCas.list(place.account, signal) : [],
    ]);
    return { applications, policies, sshCas };
  } catch (error) {
    if (settings.edge === 'embedded' && error instanceof ApiError && error.status === 404) return none;
    throw error;
  }
}
