// What a refused registration means: another address, another try, or the end. Pure.
import { EdgeError } from '../../errors.ts';
import type { ConnectionError } from '../../protocol/capnp/registration.ts';

/** The error a refusal becomes; `permanent` when trying again unchanged cannot help. */
export function refusalError(refusal: ConnectionError, where: string): EdgeError {
  const cause = refusal.cause.slice(0, 500);
  if (cause.includes('EDUPCONN'))
    return new EdgeError({
      code: 'E_EDGE_DUPLICATE',
      message: 'the edge already has this connection',
      where,
      retryable: true,
    });
  const unauthorized = isUnauthorized(cause);
  return new EdgeError({
    code: 'E_EDGE_REFUSED',
    message: `the edge refused the tunnel: ${cause === '' ? 'no reason given' : cause}`,
    where,
    permanent: unauthorized || !refusal.shouldRetry,
    retryable: refusal.shouldRetry && !unauthorized,
    hint: unauthorized
      ? "do the tunnel's id and secret belong together? Use the token or credentials file of this tunnel, and check that it was not deleted"
      : undefined,
  });
}

/** Refusals of a tunnel the edge does not know (yet): a tunnel that was just created may take a moment to get there. */
export function isUnauthorized(cause: string): boolean {
  return /unauthorized/i.test(cause);
}

/** How often an unauthorized first connection tries before it gives up. */
const unauthorizedAttempts = 4;

/** Whether a connector that never was connected should stop; `failures` counts this one. */
export function endsStart(error: EdgeError, failures: number): boolean {
  if (!error.permanent) return false;
  return !isUnauthorized(error.message) || failures >= unauthorizedAttempts;
}
