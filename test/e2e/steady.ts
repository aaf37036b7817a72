// Somebody who asks one service again and again while a test does its worst elsewhere.
import type { Answer, Program } from '../program/program.ts';

/** A visitor who has begun. */
export interface SteadyVisitor {
  /** Stops asking; rejects with the first answer that was not as wanted, or when there was none at all. Resolves to how many there were. */
  stop(): Promise<number>;
}

/** Starts asking; every answer must be 200. */
export function keepVisiting(program: Pick<Program, 'get'>, hostname: string): SteadyVisitor {
  let stopping = false;
  let count = 0;
  let first: Answer | Error | undefined;
  const visiting = (async () => {
    while (!stopping) {
      const answer = await program.get(hostname).catch((error: unknown) => error as Error);
      count++;
      if (answer instanceof Error || answer.status !== 200) first ??= answer;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  return {
    async stop() {
      stopping = true;
      await visiting;
      if (first !== undefined) throw new Error(`${hostname} did not answer 200 throughout`, { cause: first });
      if (count === 0) throw new Error(`${hostname} was never asked`);
      return count;
    },
  };
}
