// A native connector in the foreground: starts, stays until a signal or a limit, drains.
import { systemClock } from '../clock.ts';
import type { NativeConnector } from '../connector/native/connector.ts';
import type { Logger } from '../logger.ts';

/** How a connector is kept. */
export interface ServeOptions {
  readonly connector: NativeConnector;
  readonly logger: Logger;
  readonly graceMs: number;
  /** Called when the first connection is registered. */
  onConnected(): Promise<void> | void;
  /** Ends it after so long. */
  readonly limitMs?: number | undefined;
}

/** Resolves when everything is closed; rejects when the edge refused the tunnel. A second signal ends the process at once, as by default. */
export async function serveTunnel(options: ServeOptions): Promise<void> {
  const { connector, logger, graceMs } = options;
  const ending = endOn(options.limitMs);
  try {
    await connector.start(ending.signal);
    await options.onConnected();
    await ending.asked;
  } catch (error) {
    // Told to stop before the edge answered: that is no failure.
    if (!ending.signal.aborted) throw error;
  } finally {
    ending.forget();
    if (ending.signal.aborted) logger.info({ reason: String(ending.signal.reason) }, 'stopping');
    await connector.stop(graceMs);
  }
}

interface Ending {
  readonly signal: AbortSignal;
  readonly asked: Promise<void>;
  forget(): void;
}

function endOn(limitMs: number | undefined): Ending {
  const controller = new AbortController();
  const over = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  const names = ['SIGTERM', 'SIGINT'] as const;
  const forget = () => {
    over.abort();
    for (const name of names) process.off(name, end);
  };
  function end(reason: string): void {
    forget();
    controller.abort(reason);
    resolve();
  }
  const timed = limitMs === undefined ? undefined : systemClock.sleep(limitMs, over.signal);
  timed?.then(
    () => end('the time is over'),
    // A signal came first.
    () => undefined,
  );
  for (const name of names) process.on(name, end);
  return { signal: controller.signal, asked: promise, forget };
}
