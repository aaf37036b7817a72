// Asks the API about the token itself, where a user's tokens are verified and where an account's are.
import { parse } from '../validate.ts';
import { invalidity, type TokenVerdict } from './diagnose.ts';
import type { Sdk } from './sdk.ts';
import { type TokenStatus, tokenAnswerSchema } from './tokens.ts';

/** A verdict, and whether the API knows the token. */
type Told = TokenVerdict & { readonly isKnown: boolean };

/** When, and until when. */
interface Asking {
  readonly now: number;
  readonly signal: AbortSignal;
}

/** What the API says of the token; never rejects: what cannot be asked is unknown. Without an account, one it does not know may still be an account's own. */
export async function judgeToken(sdk: Sdk, account: string | undefined, asking: Asking): Promise<TokenVerdict> {
  const asUser = await ask(() => sdk.user.tokens.verify({ signal: asking.signal }).asResponse(), asking);
  if (asUser.kind !== 'invalid' || asUser.isKnown) return asUser;
  if (account === undefined) return { kind: 'unknown' };
  const path = `/accounts/${encodeURIComponent(account)}/tokens/verify`;
  const asAccount = await ask(() => sdk.get(path, { signal: asking.signal }).asResponse(), asking);
  return asAccount.kind === 'unknown' ? asUser : asAccount;
}

async function ask(send: () => Promise<Response>, { now }: Asking): Promise<Told> {
  try {
    const response = await send();
    const { result } = parse(tokenAnswerSchema, await response.json(), { where: 'token' });
    return verdictOf(result, now);
  } catch (error) {
    const status = error instanceof Error && 'status' in error ? error.status : undefined;
    // 401 is for a token nobody knows; anything else says nothing about it.
    if (status !== 401) return { kind: 'unknown', isKnown: false };
    return { kind: 'invalid', reason: 'the API does not know it (revoked, or not copied whole)', isKnown: false };
  }
}

function verdictOf(token: TokenStatus, now: number): Told {
  const reason = invalidity(token, now);
  return reason === undefined ? { kind: 'valid', isKnown: true } : { kind: 'invalid', reason, isKnown: true };
}
