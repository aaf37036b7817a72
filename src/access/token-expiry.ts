// Service tokens that policies in use rely on, and that end soon: said while there is time. Pure.
import type { AccessPolicy, Diagnostic } from '../model.ts';
import type { NamedToken } from './directory.ts';
import { tokenSuffix } from './policy-rules.ts';

const dayMs = 86_400_000;
const soonMs = 14 * dayMs;

/** One warning for every such token that ends within two weeks, has ended, or is switched off; `now` in milliseconds. */
export function tokenWarnings(
  policies: readonly AccessPolicy[],
  tokens: readonly NamedToken[],
  now: number,
): readonly Diagnostic[] {
  return tokens.flatMap((token) => {
    const users = policies.filter((policy) => isNamedBy(token, policy)).map(({ name }) => shortName(name));
    const state = stateOf(token, now);
    if (users.length === 0 || state === undefined) return [];
    const name = token.name.slice(0, 80);
    return {
      severity: 'warning',
      code: 'W_TOKEN_EXPIRES',
      message: `service token "${name}" of policy ${users.join(', ')} ${state.text}`,
      hint: state.isOff
        ? 'switch it on at Cloudflare, or take it out of the policy'
        : `run \`sallyport access token refresh ${name}\`: its secret stays`,
    };
  });
}

function stateOf(
  { expiresAt, isDisabled }: NamedToken,
  now: number,
): { readonly text: string; readonly isOff: boolean } | undefined {
  if (isDisabled === true) return { text: 'is switched off: nobody gets in with it', isOff: true };
  if (expiresAt === undefined || expiresAt - now > soonMs) return undefined;
  const date = new Date(expiresAt).toISOString().slice(0, 10);
  if (expiresAt <= now) return { text: `expired on ${date}: nobody gets in with it`, isOff: false };
  return { text: `expires on ${date}`, isOff: false };
}

function isNamedBy({ id }: NamedToken, { include }: AccessPolicy): boolean {
  return include.some((rule) => rule.service_token?.token_id === id);
}

function shortName(policy: string): string {
  return policy.endsWith(tokenSuffix) ? policy.slice(0, -tokenSuffix.length) : policy;
}
