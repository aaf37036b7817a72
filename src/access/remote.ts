// From the API's Access objects to ours, and back to what is written. Pure.
import type { ApiAccessApplication, ApplicationFields } from '../cloudflare/access-applications.ts';
import type { ApiAccessPolicy, PolicyFields } from '../cloudflare/access-policies.ts';
import type { ApiSshCa } from '../cloudflare/access-ssh-cas.ts';
import { noLogin } from '../ingress/access-applications.ts';
import { parseGoDuration } from '../ingress/duration.ts';
import type { AccessApplication, AccessPolicy, AccessRule } from '../model.ts';
import { strangePolicy } from './lock.ts';
import { formatPolicyName, isOwnerTag, ownerTag, parseApplicationName, parsePolicyName } from './ownership.ts';
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

/** What is written for an application. What a person set on it, and its other tags, stay; `current` is what there is. */
export function toApiApplication(
  wanted: AccessApplication,
  policyIds: readonly string[],
  owner: string,
  current: FoundApplication | undefined,
): ApplicationFields {
  const tag = ownerTag(owner);
  const isRenamed = current !== undefined && !isNamedByUs(current);
  // A path without login is nothing to start from.
  const atFirst = wanted.policies.includes(noLogin) ? { app_launcher_visible: false } : {};
  return {
    ...(current === undefined ? atFirst : pick(current.api, keptOfApplications)),
    type: 'self_hosted',
    name: isRenamed ? current.name : wanted.name,
    domain: wanted.domain,
    destinations: [{ type: 'public', uri: wanted.domain }],
    policies: policyIds.map((id, index) => ({ id, precedence: index + 1 })),
    tags: [tag, ...(current?.api.tags ?? []).filter((one) => !isOwnerTag(one))],
  };
}

/** What is written for a policy. What a person asks of visitors beyond the rules, such as a reason, stays. */
export function toApiPolicy(wanted: PolicyRules, owner: string, current: FoundPolicy | undefined): PolicyFields {
  const { decision, include, require, exclude, session } = wanted;
  return {
    ...pick(current?.api, keptOfPolicies),
    name: formatPolicyName(owner, wanted.name),
    decision,
    include,
    require,
    exclude,
    ...(session === undefined ? {} : { session_duration: formatSession(session) }),
  };
}

/** Seconds as Cloudflare writes them: 86400 → "24h", 5400 → "90m". */
export function formatSession(seconds: number): string {
  if (seconds > 0 && seconds % 3600 === 0) return `${seconds / 3600}h`;
  if (seconds > 0 && seconds % 60 === 0) return `${seconds / 60}m`;
  return Number.isInteger(seconds) ? `${seconds}s` : `${Math.round(seconds * 1000)}ms`;
}

/** What is written to let an application go: all of it as it is, without our tag. */
export function toApiRelease({ api, domain, name, policyIds }: FoundApplication, owner: string): ApplicationFields {
  const destinations = (api.destinations ?? []) as ApplicationFields['destinations'];
  return {
    ...pick(api, keptOfApplications),
    type: 'self_hosted',
    name,
    domain: api.domain ?? domain,
    destinations: destinations.length > 0 ? destinations : [{ type: 'public', uri: api.domain ?? domain }],
    policies: policyIds.map((id, index) => ({ id, precedence: index + 1 })),
    tags: (api.tags ?? []).filter((one) => one !== ownerTag(owner)),
  };
}

const keptOfApplications = [
  'allow_authenticate_via_warp',
  'allow_iframe',
  'allowed_idps',
  'app_launcher_visible',
  'auto_redirect_to_identity',
  'cors_headers',
  'custom_deny_message',
  'custom_deny_url',
  'custom_non_identity_deny_url',
  'custom_pages',
  'eager_redirect_cookie_setting',
  'enable_binding_cookie',
  'http_only_cookie_attribute',
  'logo_url',
  'mfa_config',
  'oauth_configuration',
  'options_preflight_bypass',
  'path_cookie_attribute',
  'read_service_tokens_from_header',
  'same_site_cookie_attribute',
  'service_auth_401_redirect',
  'session_duration',
  'skip_interstitial',
  'use_clientless_isolation_app_launcher_url',
];

const keptOfPolicies = [
  'approval_groups',
  'approval_required',
  'connection_rules',
  'isolation_required',
  'mfa_config',
  'purpose_justification_prompt',
  'purpose_justification_required',
];

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

function isNamedByUs(application: FoundApplication): boolean {
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

function pick(
  from: Readonly<Record<string, unknown>> | undefined,
  keys: readonly string[],
): Readonly<Record<string, unknown>> {
  const entries = keys.flatMap((key) => {
    const value = from?.[key];
    return value === undefined || value === null ? [] : [[key, value] as const];
  });
  return Object.fromEntries(entries);
}
