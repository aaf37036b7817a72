// Keeps the API's copy of rules that live in our connector in line with them, so that every other connector of the tunnel serves the same:
// the edge pushes that copy. It follows behind the traffic and never holds a pass up. What is changed in the copy by hand is put right by the
// next full pass, once: our connector never serves it, and whoever changes it again and again is answered once per full pass.
import { isDeepStrictEqual } from 'node:util';
import { backoffMs, type Clock } from '../clock.ts';
import type { Reconciler } from '../contracts.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { IngressEntry, Plan } from '../model.ts';

/** What a mirror writes to. */
export interface RuleMirrorOptions {
  readonly target: Reconciler<IngressEntry>;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** The API's copy of the rules. */
export interface RuleMirror {
  /** These entries are live now; the copy follows, the newest first when several came meanwhile. `again` looks even when they are the same. */
  follow(entries: readonly IngressEntry[], options?: { readonly again?: boolean }): void;
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
  let isDoubted = false;
  let working: Promise<void> | undefined;

  function tellPutRight(plan: Plan<IngressEntry>): void {
    const names = plan.changes.map((change) => (change.action === 'delete' ? change.current : change.desired).rule);
    const rules = names.map(({ hostname, path }) => `${hostname}${path ?? ''}`);
    const hint = 'with the native connector labels and settings decide, not the API';
    logger.warn({ code: 'W_DRIFT', rules, hint }, 'rules changed by hand at the API were put right');
  }

  async function work(): Promise<void> {
    for (let attempt = 0; !stopping.signal.aborted && (isDoubted || !isDeepStrictEqual(wanted, written)); ) {
      const entries = wanted;
      const wasDoubted = isDoubted;
      const isLook = wasDoubted && isDeepStrictEqual(entries, written);
      isDoubted = false;
      try {
        const plan = await target.plan({ ingress: entries, dnsRecords: [], accessApplications: [] }, stopping.signal);
        await target.apply(plan, 'upsert', stopping.signal);
        if (isLook && plan.changes.length > 0) tellPutRight(plan);
        written = entries;
        attempt = 0;
      } catch (error) {
        isDoubted ||= wasDoubted;
        if (stopping.signal.aborted) return;
        if (!(error instanceof AppError)) throw error;
        logger.warn({ code: error.code, reason: error.message }, 'rules not copied to the API, trying again');
        await clock.sleep(backoffMs(attempt++, retryFirstMs, retryMaxMs), stopping.signal).catch(() => undefined);
      }
    }
  }

  return {
    follow(entries, { again = false } = {}) {
      wanted = entries;
      isDoubted ||= again;
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
