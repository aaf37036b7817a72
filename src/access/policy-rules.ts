// From a policy of the settings to Access policies, or the reason why it cannot be one: then whoever relies on it stays closed. Pure.
import { isIPv4, isIPv6 } from 'node:net';
import { noLogin } from '../ingress/access-applications.ts';
import type { AccessPolicy, AccessRule } from '../model.ts';
import { durationMs } from '../settings/duration.ts';
import type { PolicyConditions, PolicySetting } from '../settings/settings.ts';
import { type AccessDirectory, findNamed, type Named, type NamedKind } from './directory.ts';

/** A policy with everything resolved; nobody relies on it yet. */
export type PolicyRules = Omit<AccessPolicy, 'id' | 'users'>;

/** Why a policy cannot be applied. */
export interface PolicyProblem {
  readonly problem: string;
  readonly hint: string;
}

/** The policy for paths that need no login: the only one that lets strangers in. */
export const bypassRules: PolicyRules = {
  name: noLogin,
  decision: 'bypass',
  include: [{ everyone: {} }],
  require: [],
  exclude: [],
};

/** Ends the name of the part of a policy that programs pass. */
export const tokenSuffix = '/service-tokens';

/** Access takes no longer sessions than a month. */
const maxSessionSeconds = 730 * 3600;

/**
 * The Access policies that together are this one: for people, who log in, and, where service tokens are named, one for programs,
 * which cannot. What a program cannot have (an e-mail address, a login) is not required of it; place and groups are.
 */
export function policyRules(
  name: string,
  setting: PolicySetting | undefined,
  directory: AccessDirectory,
): readonly PolicyRules[] | PolicyProblem {
  if (setting === undefined) return { problem: `there is no policy "${name}"`, hint: 'add it under access.policies' };
  try {
    return resolve(name, setting, directory);
  } catch (error) {
    if (error instanceof Unresolved) return { problem: `policy "${name}" ${error.message}`, hint: error.hint };
    throw error;
  }
}

/** Which lists of the account the policies name something from. */
export function directoryNeeds(settings: readonly (PolicySetting | undefined)[]): {
  readonly groups: boolean;
  readonly loginMethods: boolean;
  readonly serviceTokens: boolean;
} {
  const all = settings.flatMap((setting) => [setting?.allow, setting?.require, setting?.exclude]);
  return {
    groups: all.some((part) => (part?.groups ?? []).length > 0),
    loginMethods: all.some((part) => (part?.login_methods ?? []).length > 0),
    serviceTokens: settings.some((setting) => (setting?.allow.service_tokens ?? []).length > 0),
  };
}

/** Ends the resolving of one policy. */
class Unresolved extends Error {
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

function resolve(name: string, setting: PolicySetting, directory: AccessDirectory): readonly PolicyRules[] {
  const { allow, require: required = {}, exclude: excluded = {}, session } = setting;
  const everyone: readonly AccessRule[] = allow.everyone === true ? [{ everyone: {} }] : [];
  const people = [...everyone, ...conditions(allow, directory)];
  const programs = (allow.service_tokens ?? []).map((token) => ({
    service_token: { token_id: find('service token', token, directory.serviceTokens) },
  }));
  if (people.length + programs.length === 0) throw new Unresolved('lets nobody in', 'name somebody under allow');
  checkPossible(required);
  const exclude = conditions(excluded, directory);
  const sessionOf = session === undefined ? {} : { session: sessionSeconds(session) };
  const found: PolicyRules[] = [];
  if (people.length > 0) {
    const require = conditions(required, directory);
    found.push({ name, decision: 'allow', include: people, require, exclude, ...sessionOf });
  }
  if (programs.length > 0) {
    const { groups, ip_ranges, countries } = required;
    const place = { groups: groups ?? [], ip_ranges: ip_ranges ?? [], countries: countries ?? [] };
    const require = conditions(place, directory);
    found.push({
      name: name + tokenSuffix,
      decision: 'non_identity',
      include: programs,
      require,
      exclude,
      ...sessionOf,
    });
  }
  return found;
}

function conditions(wanted: PolicyConditions, directory: AccessDirectory): readonly AccessRule[] {
  const { emails = [], email_domains = [], groups = [], ip_ranges = [], countries = [], login_methods = [] } = wanted;
  return [
    ...emails.map((email) => ({ email: { email: email.toLowerCase() } })),
    ...email_domains.map((domain) => ({ email_domain: { domain: emailDomain(domain) } })),
    ...groups.map((group) => ({ group: { id: find('Access group', group, directory.groups) } })),
    ...ip_ranges.map((range) => ({ ip: { ip: network(range) } })),
    ...countries.map((country) => ({ geo: { country_code: country } })),
    ...login_methods.map((method) => ({
      login_method: { id: find('login method', method, directory.loginMethods) },
    })),
  ];
}

/** Everything required must hold at once, and nobody has two addresses or is in two countries. */
function checkPossible(required: PolicyConditions): void {
  const once = ['emails', 'email_domains', 'ip_ranges', 'countries', 'login_methods'] as const;
  const impossible = once.find((key) => (required[key] ?? []).length > 1);
  if (impossible !== undefined)
    throw new Unresolved(
      `lets nobody in: it requires several ${impossible} at once`,
      'require one, or an Access group that holds them',
    );
}

function find(kind: NamedKind, wanted: string, known: readonly Named[]): string {
  const lookup = findNamed(kind, wanted, known);
  if ('found' in lookup) return lookup.found.id;
  throw new Unresolved(lookup.problem, lookup.hint);
}

function emailDomain(text: string): string {
  const domain = text.toLowerCase().replace(/^@/, '');
  if (/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(domain)) return domain;
  throw new Unresolved(`names "${text.slice(0, 80)}", which is no e-mail domain`, 'write it like example.com');
}

/** The range as Access keeps it: one address is the range of that address. */
function network(text: string): string {
  const [address = '', bits, ...rest] = text.split('/');
  const width = isIPv4(address) ? 32 : isIPv6(address) && !address.includes('%') ? 128 : 0;
  const length = bits === undefined ? width : Number(bits);
  const isRange = width > 0 && rest.length === 0 && /^\d{1,3}$/.test(bits ?? '0') && length <= width;
  if (!isRange)
    throw new Unresolved(`names "${text.slice(0, 80)}", which is no range of addresses`, 'write it like 192.0.2.0/24');
  return `${address.toLowerCase()}/${length}`;
}

function sessionSeconds(session: string | number): number {
  const seconds = durationMs(session, 'access.policies') / 1_000;
  if (seconds <= maxSessionSeconds) return seconds;
  throw new Unresolved('has a session longer than a month', 'write at most 730h');
}
