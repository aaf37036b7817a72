// What is at Cloudflare once the plan is applied, each thing with its id where it exists: what Terraform is to take over. Pure.
import { ownerTag } from '../access/ownership.ts';
import { type FoundApplication, type FoundPolicy, type RemoteAccess, readRemote } from '../access/remote.ts';
import type { ApiAccessApplication } from '../cloudflare/access-applications.ts';
import type { ApiAccessPolicy } from '../cloudflare/access-policies.ts';
import type { TunnelConfiguration, VersionedConfiguration } from '../cloudflare/configurations.ts';
import type { ApiRecord } from '../cloudflare/dns.ts';
import { canonicalName, fromApi, isOurs } from '../dns/records.ts';
import { noLogin } from '../ingress/access-applications.ts';
import { accessDomain } from '../ingress/access-domain.ts';
import { mergeConfiguration } from '../ingress/remote.ts';
import type {
  AccessApplication,
  AccessObject,
  AccessPolicy,
  Change,
  DesiredState,
  DnsRecord,
  IngressEntry,
  Plan,
} from '../model.ts';
import type { Applied } from './applied.ts';
import { withoutUser } from './service-url.ts';

/** What was read from the API. */
export interface RemoteWorld {
  readonly account: string;
  readonly owner: string;
  /** Absent while there is no tunnel. */
  readonly tunnel: { readonly id: string; readonly name: string } | undefined;
  readonly configuration: VersionedConfiguration | undefined;
  readonly zones: readonly { readonly id: string; readonly name: string; readonly records: readonly ApiRecord[] }[];
  readonly applications: readonly ApiAccessApplication[];
  readonly policies: readonly ApiAccessPolicy[];
}

/** A record, with its id when it is there. */
export interface TerraformRecord {
  readonly id: string | undefined;
  readonly zoneId: string;
  readonly record: DnsRecord;
}

/** An application as it is, or as it is to be made. */
export interface TerraformApplication {
  readonly wanted: AccessApplication;
  readonly found: FoundApplication | undefined;
}

/** A policy as it is, or as it is to be made. */
export interface TerraformPolicy {
  readonly wanted: Omit<AccessPolicy, 'users'>;
  readonly found: FoundPolicy | undefined;
}

/** Everything that goes into the file. */
export interface TerraformWorld {
  readonly account: string;
  readonly owner: string;
  readonly zones: readonly { readonly id: string; readonly name: string }[];
  readonly tunnel: RemoteWorld['tunnel'];
  /** With our rules in it, and everybody else's as they are. */
  readonly configuration: TunnelConfiguration;
  /** The API keeps a configuration for the tunnel. */
  readonly isConfigurationThere: boolean;
  readonly records: readonly TerraformRecord[];
  readonly applications: readonly TerraformApplication[];
  readonly policies: readonly TerraformPolicy[];
  /** Whether any application carries our tag already, so that the tag exists. */
  readonly isTagThere: boolean;
  /** Domains of applications with a policy that cannot be written: one without any would be worse than none. */
  readonly leftOut: readonly string[];
}

/** What the file is made of. */
export function terraformWorld(
  applied: Applied,
  pass: { readonly desired: DesiredState; readonly plans: readonly Plan<unknown>[] },
  remote: RemoteWorld,
): TerraformWorld {
  const access = readRemote(remote.applications, remote.policies, remote.owner);
  const changes = pass.plans.flatMap((plan) =>
    plan.target === 'access' ? (plan.changes as readonly Change<AccessObject>[]) : [],
  );
  const applications = applicationsAfter(changes, access).filter(({ wanted }) => isFor(wanted, applied.entries));
  const policies = policiesAfter(new Set(applications.flatMap(({ wanted }) => wanted.policies)), changes, access);
  const known = new Set(policies.map(({ wanted }) => wanted.name));
  const isWhole = ({ wanted }: TerraformApplication) =>
    wanted.policies.length > 0 && wanted.policies.every((name) => known.has(name));
  const written = remote.configuration?.source === 'local' ? undefined : (remote.configuration?.config ?? undefined);
  return {
    account: remote.account,
    owner: remote.owner,
    zones: remote.zones.map(({ id, name }) => ({ id, name })),
    tunnel: remote.tunnel,
    configuration: configurationAfter(applied.entries, written ?? {}, remote),
    isConfigurationThere: written !== undefined,
    records: recordsAfter(applied, pass.desired, remote),
    applications: applications.filter(isWhole),
    policies,
    leftOut: applications.filter((one) => !isWhole(one)).map(({ wanted }) => wanted.domain),
    isTagThere: remote.applications.some(({ tags }) => (tags ?? []).includes(ownerTag(remote.owner))),
  };
}

/** Rules of hostnames that are marked as ours and not exported are leaving: they are nobody else's either. */
function configurationAfter(
  entries: readonly IngressEntry[],
  config: TunnelConfiguration,
  remote: RemoteWorld,
): TunnelConfiguration {
  const marked = remote.zones.flatMap(({ name, records }) =>
    records.map((record) => fromApi(record, name)).filter((record) => isOurs(record, remote.owner)),
  );
  const ours = new Set([...entries.map(({ rule }) => rule.hostname), ...marked.map(({ name }) => name)]);
  const clean = entries.map((entry) => ({
    ...entry,
    rule: { ...entry.rule, service: withoutUser(entry.rule.service) },
  }));
  return mergeConfiguration(config, clean, (hostname) => ours.has(hostname.toLowerCase()));
}

function recordsAfter(applied: Applied, desired: DesiredState, remote: RemoteWorld): readonly TerraformRecord[] {
  const names = new Set(applied.entries.map(({ rule }) => rule.hostname));
  const zones = new Map(remote.zones.map((zone) => [zone.name, zone]));
  return desired.dnsRecords.flatMap((record) => {
    const zone = zones.get(canonicalName(record.zone));
    if (zone === undefined || !names.has(record.name)) return [];
    const found = zone.records
      .map((one) => fromApi(one, zone.name))
      .find((one) => one.name === canonicalName(record.name) && isOurs(one, remote.owner));
    return [{ id: found?.id, zoneId: zone.id, record }];
  });
}

/** Ours as they will be: found, changed by the plan, or made by it. */
function applicationsAfter(
  changes: readonly Change<AccessObject>[],
  access: RemoteAccess,
): readonly TerraformApplication[] {
  const kept = new Map<string, TerraformApplication>(
    access.ours.map((found) => [found.domain, { wanted: found, found }]),
  );
  for (const change of changes) {
    const object = change.action === 'delete' ? change.current : change.desired;
    if ('decision' in object) continue;
    if (change.action === 'delete') kept.delete(object.domain);
    else kept.set(object.domain, { wanted: object, found: foundBefore(change, access) });
  }
  return [...kept.values()].sort((a, b) => (a.wanted.domain < b.wanted.domain ? -1 : 1));
}

function foundBefore(
  change: Change<AccessObject> & { readonly action: 'create' | 'update' },
  access: RemoteAccess,
): FoundApplication | undefined {
  if (change.action === 'create') return undefined;
  return access.ours.find(({ id }) => id === change.current.id);
}

/** A lock of an exported entry, or an exception from one. */
function isFor(application: AccessApplication, entries: readonly IngressEntry[]): boolean {
  const { domain, policies } = application;
  const host = domain.split('/')[0];
  return entries.some(({ access, rule }) => {
    if (access === 'public') return false;
    return accessDomain(rule) === domain || (policies.includes(noLogin) && rule.hostname === host);
  });
}

function policiesAfter(
  needed: ReadonlySet<string>,
  changes: readonly Change<AccessObject>[],
  access: RemoteAccess,
): readonly TerraformPolicy[] {
  const planned = new Map(
    changes.flatMap((change) =>
      change.action !== 'delete' && 'decision' in change.desired
        ? [[change.desired.name, change.desired] as const]
        : [],
    ),
  );
  return [...needed].sort().flatMap((name) => {
    const found = access.policies.get(name);
    const wanted = planned.get(name) ?? found;
    return wanted === undefined ? [] : [{ wanted, found }];
  });
}
