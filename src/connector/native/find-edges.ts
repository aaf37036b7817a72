// The first look for the edge: repeated until there is an address, since DNS may not be up yet when a machine boots.
import { backoffMs, type Clock } from '../../clock.ts';
import { EdgeError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { EdgeAddress } from '../../model.ts';
import { abortable } from './abortable.ts';
import type { EdgeAddresses } from './edge-addresses.ts';

/** How to look. */
export interface EdgeSearch {
  readonly edges: EdgeAddresses;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Waits between attempts: the first, and the longest. */
  readonly backoff: { readonly firstMs: number; readonly maxMs: number };
}

/** At least one address. Rejects when `signal` aborts, and with what is no EdgeError that may pass. */
export async function findEdges(
  { edges, clock, logger, backoff }: EdgeSearch,
  signal: AbortSignal,
): Promise<readonly EdgeAddress[]> {
  for (let attempt = 0; ; attempt++) {
    try {
      const found = await abortable(edges(signal), signal);
      if (found.length > 0) return found;
      logger.warn('there is no edge address yet');
    } catch (error) {
      // Given up is given up, even when the lookup was the first to say so.
      signal.throwIfAborted();
      if (!(error instanceof EdgeError) || !error.retryable) throw error;
      logger.warn({ code: error.code, where: error.where, hint: error.hint, reason: error.message }, 'no edge address');
    }
    await clock.sleep(backoffMs(attempt, backoff.firstMs, backoff.maxMs), signal);
  }
}
