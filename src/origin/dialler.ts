// The connections one origin is opening: those that are still open when no rule leads there any more are not waited for.
import { type DialDone, type Dialling, type DialTarget, dial } from './dial.ts';

/** Opens an origin's connections. */
export interface Dialler {
  /** As `dial`; returns the way to give up. */
  dial(target: DialTarget, done: DialDone): () => void;
  /** No rule uses the origin any more. */
  retire(): void;
}

/**
 * What is there answers at once. What is not must not be tried for half a minute: its address is handed to the next container, which
 * would then be sent a request that was meant for another. Shorter than TCP's first retransmission, after one second (RFC 6298 2).
 */
const retiredMs = 500;

/** One with no connection yet. */
export function createDialler(): Dialler {
  const pending = new Set<Dialling>();
  let isRetired = false;
  return {
    dial(target, done) {
      const dialling = dial(target, (error, socket) => {
        pending.delete(dialling);
        done(error, socket);
      });
      pending.add(dialling);
      if (isRetired) dialling.hurry(retiredMs);
      return () => dialling.giveUp();
    },
    retire() {
      isRetired = true;
      for (const dialling of pending) dialling.hurry(retiredMs);
    },
  };
}
