// The rules of Access policies and groups: which selectors exist, what each needs, and what they refer to. Pure.
import { isIPv4, isIPv6 } from 'node:net';
import { normalizeName } from '../names.ts';
import { accessInvalid } from './refusals.ts';

/** One selector with its fields: `{ email: { email: 'a@example.com' } }`. */
export type AccessRule = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Who is let in: any of `include`, none of `exclude`, all of `require`. */
export interface RuleSet {
  readonly include: readonly AccessRule[];
  readonly exclude: readonly AccessRule[];
  readonly require: readonly AccessRule[];
}

/** Rules as sent; an absent list is an empty one. */
export interface RuleSetInput {
  readonly include: readonly unknown[];
  readonly exclude?: readonly unknown[] | null;
  readonly require?: readonly unknown[] | null;
}

/** Another Access object that a rule names. */
export interface RuleReference {
  readonly kind: 'group' | 'service_token' | 'identity_provider';
  readonly id: string;
}

/** The field's value as it is stored, or undefined when it does not hold. */
type Check = (value: unknown) => unknown;

const text: Check = (value) => (typeof value === 'string' && value !== '' && value.length <= 1_024 ? value : undefined);
const email: Check = (value) =>
  typeof value === 'string' && value.length <= 320 && /^[^\s@]+@[^\s@]+$/.test(value) ? value : undefined;
const domain: Check = (value) => (typeof value === 'string' ? normalizeName(value, { wildcard: false }) : undefined);
const country: Check = (value) =>
  typeof value === 'string' && /^[A-Za-z][A-Za-z0-9]$/.test(value) ? value.toUpperCase() : undefined;
const riskScores: Check = (value) =>
  Array.isArray(value) && value.length > 0 && value.every((one) => riskNames.has(one)) ? value : undefined;
const riskNames: ReadonlySet<unknown> = new Set(['low', 'medium', 'high', 'unscored']);

const selectors: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  any_valid_service_token: {},
  auth_context: { id: text, ac_id: text, identity_provider_id: text },
  auth_method: { auth_method: text },
  azureAD: { id: text, identity_provider_id: text },
  certificate: {},
  cloudflare_account_member: {},
  common_name: { common_name: text },
  device_posture: { integration_uid: text },
  email: { email },
  email_domain: { domain },
  email_list: { id: text },
  everyone: {},
  external_evaluation: { evaluate_url: text, keys_url: text },
  geo: { country_code: country },
  'github-organization': { name: text, identity_provider_id: text },
  group: { id: text },
  gsuite: { email: text, identity_provider_id: text },
  ip: { ip: network },
  ip_list: { id: text },
  linked_app_token: { app_uid: text },
  login_method: { id: text },
  oidc: { claim_name: text, claim_value: text, identity_provider_id: text },
  okta: { name: text, identity_provider_id: text },
  saml: { attribute_name: text, attribute_value: text, identity_provider_id: text },
  service_token: { token_id: text },
  user_risk_score: { user_risk_score: riskScores },
};

/** The rules as they are stored; RefusedError 12130 for a selector that is unknown or incomplete, or when nobody is included. */
export function checkRuleSet(input: RuleSetInput): RuleSet {
  if (input.include.length === 0) throw accessInvalid('include must have at least one rule');
  return {
    include: input.include.map((rule) => checkRule(rule, 'include')),
    exclude: (input.exclude ?? []).map((rule) => checkRule(rule, 'exclude')),
    require: (input.require ?? []).map((rule) => checkRule(rule, 'require')),
  };
}

/** Everything the rules refer to. */
export function referencesOf(rules: RuleSet): readonly RuleReference[] {
  return [...rules.include, ...rules.exclude, ...rules.require].flatMap((rule) =>
    Object.entries(rule).flatMap(([selector, fields]) => referencesIn(selector, fields)),
  );
}

function checkRule(rule: unknown, list: string): AccessRule {
  const entries = isObject(rule) ? Object.entries(rule) : [];
  const [entry] = entries;
  if (entry === undefined || entries.length !== 1)
    throw accessInvalid(`${list}: each rule must hold exactly one selector`);
  const [selector, fields] = entry;
  const checks = Object.hasOwn(selectors, selector) ? selectors[selector] : undefined;
  if (checks === undefined) throw accessInvalid(`${list}: unknown selector "${selector.slice(0, 60)}"`);
  if (!isObject(fields)) throw accessInvalid(`${list}: ${selector} must be an object`);
  return { [selector]: { ...fields, ...checkFields(fields, checks, `${list}: ${selector}`) } };
}

function checkFields(
  fields: Readonly<Record<string, unknown>>,
  checks: Readonly<Record<string, Check>>,
  where: string,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(checks).map(([name, check]) => {
      const value = check(fields[name]);
      if (value === undefined) throw accessInvalid(`${where}.${name} is missing or invalid`);
      return [name, value];
    }),
  );
}

function referencesIn(selector: string, fields: Readonly<Record<string, unknown>>): readonly RuleReference[] {
  const named = (kind: RuleReference['kind'], id: unknown) => (typeof id === 'string' ? [{ kind, id }] : []);
  if (selector === 'group') return named('group', fields.id);
  if (selector === 'service_token') return named('service_token', fields.token_id);
  if (selector === 'login_method') return named('identity_provider', fields.id);
  return named('identity_provider', fields.identity_provider_id);
}

/** An address is stored as the network of that one address. */
function network(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.includes('%')) return undefined;
  const [address = '', bits, ...rest] = value.split('/');
  const width = isIPv4(address) ? 32 : isIPv6(address) ? 128 : 0;
  if (width === 0 || rest.length > 0) return undefined;
  if (bits === undefined) return `${address}/${width}`;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= width ? `${address}/${Number(bits)}` : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
