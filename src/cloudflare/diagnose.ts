// What a 401 or 403 means, which the API does not say: a token that is not valid, or one that lacks a permission. Pure.
import { ApiError } from '../errors.ts';
import type { TokenStatus } from './tokens.ts';

/** What is known of the token after it was refused. */
export type TokenVerdict =
  | { readonly kind: 'valid' }
  | { readonly kind: 'invalid'; readonly reason: string }
  /** It could not be asked. */
  | { readonly kind: 'unknown' };

/** The call that was refused. */
export interface RefusedCall {
  /** The permission it needs, as the dashboard writes it. */
  readonly permission: string;
  /** The zone it is about, by name or id. */
  readonly zone?: string | undefined;
  /** What messages call the token. */
  readonly tokenName: string;
}

/** Where tokens are made and changed. */
export const tokensPage = 'https://dash.cloudflare.com/profile/api-tokens';

/** What the API answers with a 403 although the token may. */
export const accessNotEnabled = 9_999;

/** Why a token does nothing; undefined for one that is valid at `now`. */
export function invalidity(token: TokenStatus, now: number): string | undefined {
  const { status, expires_on: expires, not_before: begins } = token;
  if (status === 'expired' || isPast(expires, now))
    return `it expired${expires === undefined ? '' : ` on ${day(expires)}`}`;
  if (status !== 'active') return `it is ${status.slice(0, 40)}`;
  return begins !== undefined && !isPast(begins, now) ? `it is not valid before ${day(begins)}` : undefined;
}

/** The error a person can act on, in place of the one the API gave. */
export function explainRefusal(error: ApiError, call: RefusedCall, verdict: TokenVerdict): ApiError {
  const { status, apiCode, rayId } = error;
  // Not the token's fault: the account has no Zero Trust organisation yet, and the API's own words say what to do.
  if (apiCode === accessNotEnabled) return error;
  const details = { code: 'E_API_UNAUTHORIZED', status, apiCode, rayId, cause: error } as const;
  const where = call.zone === undefined ? '' : ` for ${call.zone}`;
  if (verdict.kind === 'invalid')
    return new ApiError({
      ...details,
      message: `${call.tokenName} is not valid: ${verdict.reason} (${error.message})`,
      hint: `make a new one at ${tokensPage}, with at least "${call.permission}"${where}, and put it in the old one's place: it counts from then on`,
    });
  if (verdict.kind === 'valid')
    return new ApiError({
      ...details,
      message: `${call.tokenName} lacks "${call.permission}"${where} (${error.message})`,
      hint: howToAdd(call.permission, call.zone),
    });
  return new ApiError({
    ...details,
    message: error.message,
    hint: `${call.tokenName} is not valid or lacks the permission "${call.permission}"${where}: see ${tokensPage}`,
  });
}

/** How a permission is given to a token that exists. */
export function howToAdd(permission: string, zone: string | undefined): string {
  const resources = permission.startsWith('Zone')
    ? `and include ${zone ?? 'the zone'} under Zone Resources`
    : 'and include the account under Account Resources';
  return `edit the token at ${tokensPage} (an account's own: Manage Account > Account API Tokens): add "${permission}" ${resources}`;
}

function isPast(time: string | undefined, now: number): boolean {
  return time !== undefined && Date.parse(time) <= now;
}

function day(time: string): string {
  return time.slice(0, 10);
}
