// What is at Cloudflare once the plan is applied, each thing with its id where it exists: what Terraform is to take over. Pure.
import { ownerTag } from '../access/ownership.ts';
import { type FoundApplication, type FoundPolicy, type RemoteAccess, readRemote } from '../access/remote.ts';
import type { ApiAccessApplication } from '../cloudflare/access-applications.ts';
import type { ApiAccessPolicy } from '../cloudflare/access-policies.ts';
import type { ApiSshCa } from '../cloudflare/access-ssh-cas.ts';
import type { RemoteRule, TunnelConfiguration, VersionedConfiguration } from '../cloudflare/configurations.ts';
import type { ApiRecord } from '../cloudflare/dns.ts';
import { parseRegistryMark } from '../dns/txt-registry.ts';
import { noLogin } from '../ingress/access-applications.ts';
import { accessDomain } from '../ingress/access-domain.ts';
import { zoneDefaultService } from '../ingress/access-zone-default.ts';
import { entryKey } from '../ingress/closing.ts';
import { compareEntries } from '../ingress/order.ts';
import { weave } from '../ingress/weave.ts';
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
  readonly sshCas: readonly ApiSshCa[];
}

/** A record as it is wanted, and as it is; what says whose it is may be a TXT record of its own. */
export interface TerraformRecord {
  readonly found: ApiRecord | undefined;
  readonly registry: readonly ApiRecord[];
  readonly zoneId: string;
  readonly record: DnsRecord;
}

/** An application as it is, or as it is to be made; `sshCa` on either: an authority for SSH certificates. */
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
  const access = readRemote(remote.applications, remote.policies, remote.owner, remote.sshCas);
  const changes = pass.plans.flatMap((plan) =>
    plan.target === 'access' ? (plan.changes as readonly Change<AccessObject>[]) : [],
  );
  const applications = applicationsAfter(changes, access).filter(({ wanted }) =>
    isFor(
      pass.desired.accessApplications.find(({ domain }) => domain === wanted.domain),
      applied.entries,
    ),
  );
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
    configuration: configurationAfter(applied.entries, pass.plans, written ?? {}),
    isConfigurationThere: written !== undefined,
    records: recordsAfter(applied, pass.desired, remote),
    applications: applications.filter(isWhole),
    policies,
    leftOut: applications.filter((one) => !isWhole(one)).map(({ wanted }) => wanted.domain),
    isTagThere: remote.applications.some(({ tags }) => (tags ?? []).includes(ownerTag(remote.owner))),
  };
}

/** Rules of others, and ours that something keeps from being changed, stay as they are; those that are leaving are left out. */
function configurationAfter(
  entries: readonly IngressEntry[],
  plans: readonly Plan<unknown>[],
  config: TunnelConfiguration,
): TunnelConfiguration {
  const rules = plans.filter(({ target }) => target === 'ingress') as readonly Plan<IngressEntry>[];
  const changes = rules.flatMap((plan) => plan.changes);
  const leaving = new Set(
    [...changes, ...rules.flatMap((plan) => plan.held.map(({ change }) => change))].flatMap((change) =>
      change.action === 'delete' ? [entryKey(change.current)] : [],
    ),
  );
  const exported = new Set(entries.map(entryKey));
  // What is closed for now is closed here too.
  const closed = changes.flatMap((change) => (change.action === 'update' ? [change.desired] : []));
  const others = closed.filter((entry) => !exported.has(entryKey(entry)) && !leaving.has(entryKey(entry)));
  const ours = [...entries, ...others].sort(compareEntries);
  const written = new Set([...leaving, ...ours.map(entryKey)]);
  const kept = (config.ingress ?? []).filter((rule) => !written.has(ruleKey(rule)));
  const last = kept.at(-1);
  const fixed = last !== undefined && isCatchAll(last) ? kept : [...kept, { service: 'http_status:404' }];
  const own = ours.map(({ rule }): RemoteRule => ({ ...rule, service: withoutUser(rule.service) }) as RemoteRule);
  return { ...config, ingress: weave<RemoteRule>(fixed, own, (rule) => rule) };
}

/** As `entryKey` has it. */
function ruleKey({ hostname, path }: RemoteRule): string {
  return `${(hostname ?? '').toLowerCase()} ${path ?? ''}`;
}

function isCatchAll({ hostname, path }: RemoteRule): boolean {
  return (hostname === undefined || hostname === '' || hostname === '*') && (path === undefined || path === '');
}

/** A CNAME stands alone under its name: where nothing is held, the one that is there is ours. */
function recordsAfter(applied: Applied, desired: DesiredState, remote: RemoteWorld): readonly TerraformRecord[] {
  const names = new Set(applied.entries.map(({ rule }) => rule.hostname));
  const zones = new Map(remote.zones.map((zone) => [canonicalName(zone.name), zone]));
  return desired.dnsRecords.flatMap((record) => {
    const zone = zones.get(canonicalName(record.zone));
    if (zone === undefined || !names.has(record.name)) return [];
    const found = zone.records.find(
      ({ name, type }) => type === record.type && canonicalName(name) === canonicalName(record.name),
    );
    const registry = zone.records.filter((one) => isMarkOf(one, record.name, remote.owner));
    return [{ found, registry, zoneId: zone.id, record }];
  });
}

function isMarkOf({ type, name, content }: ApiRecord, hostname: string, owner: string): boolean {
  if (type !== 'TXT' || content === undefined) return false;
  const mark = parseRegistryMark(canonicalName(name), content);
  return mark !== undefined && mark.owner.id === owner && mark.hostname === canonicalName(hostname);
}

/** Lower case, no final dot: how DNS compares names. */
function canonicalName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
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
  // One that was adopted is still somebody else's.
  return [...access.ours, ...access.foreign].find(({ id }) => id === change.current.id);
}

/** A lock of an exported entry or of a whole zone, or an exception from one. */
function isFor(application: AccessApplication | undefined, entries: readonly IngressEntry[]): boolean {
  if (application === undefined) return false;
  const { domain, policies, owner } = application;
  if (owner?.resource === zoneDefaultService) return true;
  if (policies.includes(noLogin)) return entries.some(({ serviceId }) => serviceId === owner?.resource);
  return entries.some(({ access, rule }) => access !== 'public' && accessDomain(rule) === domain);
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
