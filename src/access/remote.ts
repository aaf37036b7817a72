// From the API's Access objects to ours, and how the two differ. Pure.
import type { ApiAccessApplication } from '../cloudflare/access-applications.ts';
import type { ApiAccessPolicy } from '../cloudflare/access-policies.ts';
import type { ApiSshCa } from '../cloudflare/access-ssh-cas.ts';
import { parseGoDuration } from '../ingress/duration.ts';
import type { AccessApplication, AccessPolicy, AccessRule } from '../model.ts';
import { strangePolicy } from './lock.ts';
import { isOwnerTag, ownerTag, parseApplicationName, parsePolicyName } from './ownership.ts';
import { splitPlace } from './places.ts';
import type { PolicyRules } from './policy-rules.ts';

/** An application that exists. */
export interface FoundApplication extends AccessApplication {
  readonly id: string;
  /** Every public place it guards: hosts, with or without a path. */
  readonly places: readonly string[];
  readonly policyIds: readonly string[];
  /** It guards one place and nothing else, as those we make do. */
  readonly isPlain: boolean;
  readonly api: ApiAccessApplication;
}

/** A policy of ours that exists. */
export interface FoundPolicy extends AccessPolicy {
  readonly id: string;
  readonly appCount: number;
  readonly api: ApiAccessPolicy;
}

/** What there is. */
export interface RemoteAccess {
  readonly ours: readonly FoundApplication[];
  readonly foreign: readonly FoundApplication[];
  /** The policy of each name that counts. */
  readonly policies: ReadonlyMap<string, FoundPolicy>;
  /** Further ones of the same names: an answer was lost when one was made. */
  readonly duplicates: readonly FoundPolicy[];
}

/** Sorts what was read into ours and others'; `sshCas` only where they were asked for. */
export function readRemote(
  applications: readonly ApiAccessApplication[],
  policies: readonly ApiAccessPolicy[],
  owner: string,
  sshCas?: readonly ApiSshCa[],
): RemoteAccess {
  const found = policies.flatMap((policy) => fromApiPolicy(policy, owner) ?? []);
  const kept = new Map<string, FoundPolicy>();
  for (const policy of found.toSorted((a, b) => b.appCount - a.appCount || (a.id < b.id ? -1 : 1))) {
    if (!kept.has(policy.name)) kept.set(policy.name, policy);
  }
  const names = new Map([...kept.values()].map(({ id, name }) => [id, name]));
  const withCa = sshCas === undefined ? undefined : new Set(sshCas.map(({ aud }) => aud));
  const all = applications.map((application) => ({
    ...fromApiApplication(application, names, owner),
    ...(withCa === undefined ? {} : { sshCa: application.aud !== undefined && withCa.has(application.aud) }),
  }));
  const isOurs = ({ api }: FoundApplication) =>
    api.type === 'self_hosted' && (api.tags ?? []).includes(ownerTag(owner));
  return {
    ours: all.filter(isOurs),
    foreign: all.filter((application) => !isOurs(application)),
    policies: kept,
    duplicates: found.filter(({ id, name }) => kept.get(name)?.id !== id),
  };
}

/** The instance an application of somebody else's carries the tag of, if any. */
export function otherInstance(application: FoundApplication): string | undefined {
  return (application.api.tags ?? []).find(isOwnerTag);
}

/** Why an application of somebody else's cannot become ours; undefined when it can. */
export function adoptionObstacle({ api, isPlain, places }: FoundApplication): string | undefined {
  if (api.type !== 'self_hosted') return `it is of the type ${String(api.type).slice(0, 40)}`;
  if (isPlain) return undefined;
  // What else it guards would lose its guard.
  const others = places.slice(0, 5).join(', ').slice(0, 300);
  return `it guards more than this place (${others}); make it guard this one only`;
}

/** The fields in which an application must change; a name that a person gave stays. */
export function applicationDifferences(found: FoundApplication, wanted: AccessApplication): readonly string[] {
  const fields: string[] = [];
  if (isNamedByUs(found) && found.name !== wanted.name) fields.push('name');
  if (!found.isPlain || found.domain !== wanted.domain) fields.push('domain');
  if (!isSameSet(found.policies, wanted.policies)) fields.push('policies');
  // Where it is not known whether there is one, none is asked for: it is no part of the lock.
  if (wanted.sshCa === true && found.sshCa === false) fields.push('sshCa');
  return fields;
}

/** The fields in which a policy must change. */
export function policyDifferences(found: FoundPolicy, wanted: PolicyRules): readonly string[] {
  const fields: string[] = [];
  if (found.decision !== wanted.decision) fields.push('decision');
  for (const key of ['include', 'require', 'exclude'] as const) {
    if (!isSameSet(found[key].map(canonical), wanted[key].map(canonical))) fields.push(key);
  }
  if (found.session !== wanted.session) fields.push('session');
  return fields;
}

function fromApiApplication(
  api: ApiAccessApplication,
  policyNames: ReadonlyMap<string, string>,
  owner: string,
): FoundApplication {
  const destinations = api.destinations ?? [];
  const uris = destinations.flatMap(({ type, uri }) => (type !== undefined && type !== 'public' ? [] : (uri ?? [])));
  const all = [...(api.domain === undefined ? [] : [api.domain]), ...(api.self_hosted_domains ?? []), ...uris];
  const places = [...new Set(all.map(canonicalPlace))];
  const policyIds = (api.policies ?? []).map((policy) => policy.id ?? '');
  const name = api.name ?? '';
  const resource = parseApplicationName(name);
  return {
    id: api.id,
    name,
    domain: canonicalPlace(api.domain ?? places[0] ?? ''),
    policies: policyIds.map((id) => policyNames.get(id) ?? strangePolicy(id)),
    ...(resource === undefined ? {} : { owner: { id: owner, resource } }),
    places,
    policyIds,
    isPlain: places.length === 1 && destinations.length <= 1 && destinations.every(isPlainDestination),
    api,
  };
}

function isPlainDestination(destination: NonNullable<ApiAccessApplication['destinations']>[number]): boolean {
  const { overrides } = destination;
  return (destination.type ?? 'public') === 'public' && (!Array.isArray(overrides) || overrides.length === 0);
}

function canonicalPlace(place: string): string {
  const { host, path } = splitPlace(place);
  return path === '/' ? host : host + path;
}

function fromApiPolicy(api: ApiAccessPolicy, owner: string): FoundPolicy | undefined {
  const name = parsePolicyName(owner, api.name ?? '');
  if (name === undefined) return undefined;
  const session = parseGoDuration(api.session_duration ?? '');
  return {
    id: api.id,
    name,
    decision: api.decision ?? '',
    include: rules(api.include),
    require: rules(api.require),
    exclude: rules(api.exclude),
    ...(session === undefined ? {} : { session }),
    users: [],
    appCount: api.app_count ?? 0,
    api,
  };
}

/** Rules as they are: compared whole, so that one we would not write counts as a difference. */
function rules(list: ApiAccessPolicy['include']): readonly AccessRule[] {
  return (list ?? []) as readonly AccessRule[];
}

/** Whether no person renamed it. */
export function isNamedByUs(application: FoundApplication): boolean {
  return application.owner !== undefined || application.name === application.domain;
}

/** Whether both hold the same, in whatever order. */
export function isSameSet(a: readonly string[], b: readonly string[]): boolean {
  const [left, right] = [new Set(a), new Set(b)];
  return left.size === right.size && [...left].every((item) => right.has(item));
}

/** One text for a rule, whatever the order of its keys. */
function canonical(rule: AccessRule): string {
  return JSON.stringify(rule, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
