// Who is logged in at the page: in memory, bounded, only a hash of each session's secret.
import { createHash } from 'node:crypto';
import { newSecret } from '../../state-dir.ts';

/** The sessions there are. */
export interface Sessions {
  /** Begins one and returns its secret. */
  begin(name: string): string;
  /** Whose it is while it lives; counts as use. */
  find(id: string): { readonly name: string } | undefined;
  end(id: string): void;
}

/** The longest a session lives, used or not. */
export const sessionSeconds = 30 * 24 * 3_600;
const idleMs = 7 * 24 * 3_600_000;
const maxSessions = 200;

/** No sessions yet; a restart ends them all. */
export function createSessions(now: () => number): Sessions {
  const sessions = new Map<string, { readonly name: string; readonly beganAt: number; usedAt: number }>();
  return {
    begin(name) {
      const id = newSecret();
      const [oldest] = sessions.keys();
      if (sessions.size >= maxSessions && oldest !== undefined) sessions.delete(oldest);
      sessions.set(hashed(id), { name, beganAt: now(), usedAt: now() });
      return id;
    },
    find(id) {
      const session = sessions.get(hashed(id));
      if (session === undefined) return undefined;
      const isOver = now() - session.usedAt > idleMs || now() - session.beganAt > sessionSeconds * 1_000;
      if (isOver) {
        sessions.delete(hashed(id));
        return undefined;
      }
      session.usedAt = now();
      return { name: session.name };
    },
    end: (id) => void sessions.delete(hashed(id)),
  };
}

/** Looked up by hash, so that the time of a lookup says nothing about a secret. */
function hashed(id: string): string {
  return createHash('sha256').update(id).digest('hex');
}
