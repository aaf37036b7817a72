// Keeps the API's copy of rules that live in our connector in line with them, so that every other connector of the tunnel serves the same:
// the edge pushes that copy. It follows behind the traffic and never holds a pass up.
import { isDeepStrictEqual } from 'node:util';
import { backoffMs, type Clock } from '../clock.ts';
import type { Reconciler } from '../contracts.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { IngressEntry } from '../model.ts';

/** What a mirror writes to. */
export interface RuleMirrorOptions {
  readonly target: Reconciler<IngressEntry>;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** The API's copy of the rules. */
export interface RuleMirror {
  /** These entries are live now; the copy follows, the newest first when several came meanwhile. */
  follow(entries: readonly IngressEntry[]): void;
  stop(): Promise<void>;
}

const retryFirstMs = 500;
const retryMaxMs = 30_000;

/** A mirror that has written nothing yet. */
export function createRuleMirror(options: RuleMirrorOptions): RuleMirror {
  const { target, logger, clock } = options;
  const stopping = new AbortController();
  let wanted: readonly IngressEntry[] = [];
  let written: readonly IngressEntry[] | undefined;
  let working: Promise<void> | undefined;

  async function work(): Promise<void> {
    for (let attempt = 0; !stopping.signal.aborted && !isDeepStrictEqual(wanted, written); ) {
      const entries = wanted;
      try {
        const plan = await target.plan({ ingress: entries, dnsRecords: [], accessApplications: [] }, stopping.signal);
        await target.apply(plan, 'upsert', stopping.signal);
        written = entries;
        attempt = 0;
      } catch (error) {
        if (stopping.signal.aborted) return;
        if (!(error instanceof AppError)) throw error;
        logger.warn({ code: error.code, reason: error.message }, 'rules not copied to the API, trying again');
        await clock.sleep(backoffMs(attempt++, retryFirstMs, retryMaxMs), stopping.signal).catch(() => undefined);
      }
    }
  }

  return {
    follow(entries) {
      wanted = entries;
      working ??= work().finally(() => {
        working = undefined;
      });
    },
    async stop() {
      stopping.abort(new DOMException('the program is stopping', 'AbortError'));
      await working;
    },
  };
}
