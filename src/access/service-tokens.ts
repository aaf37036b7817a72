// Service tokens as a person calls them: found by name, whose they are, and which policies rely on them. Pure.
import type { ApiAccessApplication } from '../cloudflare/access-applications.ts';
import type { ApiAccessPolicy } from '../cloudflare/access-policies.ts';
import type { ApiServiceToken } from '../cloudflare/access-service-tokens.ts';
import { ConflictError, ValidationError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import type { PolicySetting } from '../settings/settings.ts';
import { formatTokenName, parsePolicyName, parseTokenName } from './ownership.ts';
import { tokenSuffix } from './policy-rules.ts';

/** A token, by the name people use. */
export interface KnownToken {
  readonly name: string;
  /** Made by this instance, so that it may change and delete it. */
  readonly isOurs: boolean;
  readonly api: ApiServiceToken;
}

/** The account's tokens, ours under the names they were made with. */
export function knownTokens(tokens: readonly ApiServiceToken[], owner: string): readonly KnownToken[] {
  return tokens.map((api) => {
    const own = parseTokenName(owner, api.name);
    return { name: own ?? api.name, isOurs: own !== undefined, api };
  });
}

/** The name of a new token, as it is kept at Cloudflare; ConflictError when a policy could not tell it from another. */
export function newTokenName(name: string, tokens: readonly KnownToken[], owner: string): string {
  const trimmed = name.trim();
  if (!/^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,63}$/u.test(trimmed))
    throw new ValidationError({
      code: 'E_INPUT_INVALID',
      message: `"${name.slice(0, 80)}" is not a name for a service token`,
      hint: 'use letters, digits, spaces and . _ @ -, at most 64 of them',
    });
  const other = tokens.find((one) => one.name === trimmed || one.api.name === trimmed || one.api.id === trimmed);
  if (other === undefined) return formatTokenName(owner, trimmed);
  throw new ConflictError({
    code: 'E_CONFLICT',
    message: `there is a service token "${trimmed}" already`,
    hint: other.isOurs
      ? `run \`sallyport access token rotate ${trimmed}\` for a new secret, or choose another name`
      : 'choose another name: a policy could not tell the two apart',
  });
}

/** The token a person means, by name or id; one of somebody else's only with `force`. Throws when there is none, or several. */
export function findToken(wanted: string, tokens: readonly KnownToken[], force: boolean): KnownToken {
  const byId = tokens.filter(({ api }) => api.id === wanted);
  const byName = tokens.filter(({ name, api }) => name === wanted || api.name === wanted);
  const matches = byId.length > 0 ? byId : byName;
  const [first] = matches;
  if (first === undefined) throw unknownToken(wanted, tokens);
  if (matches.length > 1)
    throw new ConflictError({
      code: 'E_CONFLICT',
      message: `there are ${matches.length} service tokens "${wanted.slice(0, 80)}"`,
      hint: `name it by its id: ${matches.map(({ api }) => api.id).join(' or ')}`,
    });
  if (first.isOurs || force) return first;
  throw new ConflictError({
    code: 'E_CONFLICT',
    message: `service token "${wanted.slice(0, 80)}" was not made by this Sallyport`,
    hint: 'add --force if you mean it',
  });
}

function unknownToken(wanted: string, tokens: readonly KnownToken[]): ValidationError {
  const names = tokens.map(({ name }) => name);
  const close = nearest(wanted, names);
  const list = names.length === 0 ? 'there is none' : `there is ${names.slice(0, 20).join(', ')}`;
  return new ValidationError({
    code: 'E_INPUT_INVALID',
    message: `there is no service token "${wanted.slice(0, 80)}"`,
    hint: close === undefined ? list : `did you mean ${close}?`,
  });
}

/** What may name a token. */
export interface TokenUsers {
  readonly policies: readonly ApiAccessPolicy[];
  readonly applications: readonly ApiAccessApplication[];
  readonly settings: Readonly<Record<string, PolicySetting>>;
}

/** The policies that name the token, in the settings and at Cloudflare, by name. */
export function tokenUsers({ name, api }: KnownToken, users: TokenUsers, owner: string): readonly string[] {
  const inSettings = Object.entries(users.settings).flatMap(([policy, { allow }]) =>
    (allow.service_tokens ?? []).some((one) => [name, api.name, api.id].includes(one)) ? [policy] : [],
  );
  const embedded = users.applications.flatMap(({ policies }) => policies ?? []);
  const remote = [...users.policies, ...embedded].flatMap((policy) => {
    const rules = [policy.include, policy.require, policy.exclude].flatMap((list) => (Array.isArray(list) ? list : []));
    return rules.some((rule) => isRuleFor(rule, api.id)) ? [policyNameOf(policy.name, owner)] : [];
  });
  return [...new Set([...inSettings, ...remote])];
}

function isRuleFor(rule: unknown, id: string): boolean {
  const named = (rule as { readonly service_token?: { readonly token_id?: unknown } } | null)?.service_token;
  return named?.token_id === id;
}

function policyNameOf(name: unknown, owner: string): string {
  const text = typeof name === 'string' ? name : '';
  const own = parsePolicyName(owner, text) ?? text;
  return own.endsWith(tokenSuffix) ? own.slice(0, -tokenSuffix.length) : own;
}
