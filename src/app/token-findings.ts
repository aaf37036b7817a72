// What is wrong with the API token, or soon will be, as far as a start can tell without trying anything: one question more than it asks anyway.
import { lacksDnsEdit } from '../cloudflare/check-token.ts';
import type { CloudflareApi } from '../cloudflare/client.ts';
import { howToAdd, tokensPage } from '../cloudflare/diagnose.ts';
import type { Zone } from '../cloudflare/zones.ts';
import { AppError } from '../errors.ts';
import type { Diagnostic } from '../model.ts';

/** So long before its end a token is spoken of. */
const noticeMs = 14 * 24 * 60 * 60 * 1_000;

/** The zones whose records the token may read and not write, as Cloudflare says of them. */
export function readOnlyZones(zones: readonly Zone[]): readonly Diagnostic[] {
  return zones.filter(lacksDnsEdit).map(({ name, token = 'the API token' }) => ({
    severity: 'error',
    code: 'E_API_UNAUTHORIZED',
    message: `${token} lacks "Zone > DNS > Edit" for ${name}: its records cannot be written`,
    hint: howToAdd('Zone > DNS > Edit', name),
  }));
}

/** A token that ends soon; nothing for one that cannot be asked: what needs it will say so. */
export async function endingToken(
  api: Pick<CloudflareApi, 'verifyToken'>,
  now: number,
  signal: AbortSignal,
): Promise<readonly Diagnostic[]> {
  const token = await api.verifyToken(signal).catch((error: unknown) => {
    signal.throwIfAborted();
    if (error instanceof AppError) return undefined;
    throw error;
  });
  const end = token?.expires_on;
  if (end === undefined || Number.isNaN(Date.parse(end)) || Date.parse(end) - now > noticeMs) return [];
  return [
    {
      severity: 'warning',
      code: 'W_TOKEN_ENDS',
      message: `the API token expires on ${end.slice(0, 10)}`,
      hint: `prolong it at ${tokensPage}, or put a new one in its place: it counts without a restart`,
    },
  ];
}
