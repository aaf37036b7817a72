// A part of a measurement in a process of its own, asked by messages, so that it takes no time from what is measured.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A running child. */
export interface Child<Question, Answer> {
  readonly pid: number;
  /** Questions are answered in the order they were asked. */
  ask(question: Question): Promise<Answer>;
  stop(): Promise<void>;
}

/** Forks a file of this folder. */
export function startChild<Question, Answer>(file: string): Child<Question, Answer> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const exited = once(child, 'exit');
  let last: Promise<unknown> = Promise.resolve();
  return {
    pid: child.pid ?? 0,
    ask(question) {
      const answer = last.then(() => askNow<Answer>(child, question));
      last = answer.catch(() => undefined);
      return answer;
    },
    async stop() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

/** The child's side: answers every question until the parent lets go; then cleans up and ends the process. */
export function answerParent<Question, Answer>(
  answer: (question: Question) => Promise<Answer> | Answer,
  cleanUp: () => Promise<void> = async () => undefined,
): void {
  process.on('message', async (question: Question) => {
    const reply = await Promise.resolve(question)
      .then(answer)
      .then(
        (value) => ({ value }),
        (error: unknown) => ({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
      );
    process.send?.(reply);
  });
  process.on('disconnect', () => {
    cleanUp().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
}

async function askNow<Answer>(child: ChildProcess, question: unknown): Promise<Answer> {
  const gone = new AbortController();
  const ended = once(child, 'exit', { signal: gone.signal }).then(() => {
    throw new Error(`the child process ended with code ${child.exitCode}`);
  });
  try {
    const replied = once(child, 'message', { signal: gone.signal });
    child.send(question as object);
    const [reply] = (await Promise.race([replied, ended])) as [{ value?: Answer; error?: string }];
    if (reply.error !== undefined) throw new Error(reply.error);
    return reply.value as Answer;
  } finally {
    ended.catch(() => undefined);
    gone.abort();
  }
}
