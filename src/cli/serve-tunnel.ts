// A native connector in the foreground: starts, stays until a signal or a limit, drains.
import { systemClock } from '../clock.ts';
import type { NativeConnector } from '../connector/native/connector.ts';
import type { Logger } from '../logger.ts';
import { onEndSignals } from './end-signals.ts';

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
    if (ending.signal.aborted) logger.info({ reason: String(ending.signal.reason) }, 'stopping');
    await connector.stop(graceMs).finally(ending.forget);
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
  const end = (reason: string) => {
    over.abort();
    controller.abort(reason);
    resolve();
  };
  const forgetSignals = onEndSignals({ ask: end, now: (signal) => process.kill(process.pid, signal) });
  const forget = () => {
    over.abort();
    forgetSignals();
  };
  const timed = limitMs === undefined ? undefined : systemClock.sleep(limitMs, over.signal);
  timed?.then(
    () => end('the time is over'),
    // A signal came first.
    () => undefined,
  );
  return { signal: controller.signal, asked: promise, forget };
}
