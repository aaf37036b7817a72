// Starts parts in order and stops them in reverse, each with a time limit, so that no part can hold up the end.
import type { Logger } from './logger.ts';

/** Something started that must be stopped. */
export interface Part {
  readonly name: string;
  stop(): Promise<void>;
  /** How long stopping may take. */
  readonly timeoutMs?: number;
}

/** The parts started so far. */
export interface Lifecycle {
  add(part: Part): void;
  /** Stops everything, last started first; never rejects. */
  stop(): Promise<void>;
}

/** An empty lifecycle. */
export function createLifecycle(logger: Logger): Lifecycle {
  const parts: Part[] = [];
  return {
    add: (part) => parts.push(part),
    async stop() {
      for (let part = parts.pop(); part !== undefined; part = parts.pop()) await stopPart(part, logger);
    },
  };
}

async function stopPart(part: Part, logger: Logger): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => resolve('late'), part.timeoutMs ?? 5_000);
  try {
    const outcome = await Promise.race([part.stop(), late]);
    if (outcome === 'late') logger.warn({ part: part.name }, 'part did not stop in time');
  } catch (error) {
    logger.warn(
      { part: part.name, reason: error instanceof Error ? error.message : String(error) },
      'part failed to stop',
    );
  } finally {
    clearTimeout(timer);
  }
}
