// The complete list of what may ask for a pass: start, a source's event, the full-pass schedule, changed settings.
import { createTask } from 'node-cron';
import type { Controller } from './controller.ts';
import type { Logger } from './logger.ts';

/** What asks for passes. */
export interface TriggerOptions {
  readonly controller: Controller;
  readonly logger: Logger;
  /** Source events and the ends of grace periods; resolves when `signal` aborts. */
  readonly watchServices: (notify: (reason: string) => void, signal: AbortSignal) => Promise<void>;
  /** When a full pass, which reads everything remote, heals drift; a cron expression. */
  readonly fullPass?: string;
}

/** Running triggers. */
export interface Triggers {
  stop(): Promise<void>;
}

/** Starts every trigger; the first request is made at once. */
export function startTriggers(options: TriggerOptions): Triggers {
  const { controller } = options;
  const stopping = new AbortController();
  controller.request('start', { full: true });
  const watching = options.watchServices((reason) => controller.request(reason), stopping.signal);
  const task = createTask(
    options.fullPass ?? '*/10 * * * *',
    () => controller.request('schedule: full pass', { full: true }),
    {
      noOverlap: true,
    },
  );
  const started = Promise.resolve(task.start());
  return {
    async stop() {
      stopping.abort();
      await started;
      await task.destroy();
      await watching;
    },
  };
}
