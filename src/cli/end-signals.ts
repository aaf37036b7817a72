// Ctrl-C and SIGTERM: the first asks to end well, one more means now.
import { type Clock, systemClock } from '../clock.ts';

/** What to do; `now` is called at most once, and only after `ask`. */
export interface EndSignalHandlers {
  ask(signal: NodeJS.Signals): void;
  now(signal: NodeJS.Signals): void;
}

/** One Ctrl-C arrives twice where npm runs us: from the terminal, and passed on by npm. So does a service manager's SIGTERM. */
const echoMs = 500;

const names = ['SIGTERM', 'SIGINT'] as const;

/** Listens for both signals; what comes back ends that. */
export function onEndSignals(handlers: EndSignalHandlers, clock: Pick<Clock, 'now'> = systemClock): () => void {
  let askedAt: number | undefined;
  const forget = () => {
    for (const name of names) process.off(name, onSignal);
  };
  function onSignal(signal: NodeJS.Signals): void {
    if (askedAt === undefined) {
      askedAt = clock.now();
      handlers.ask(signal);
    } else if (Math.abs(clock.now() - askedAt) >= echoMs) {
      forget();
      handlers.now(signal);
    }
  }
  for (const name of names) process.on(name, onSignal);
  return forget;
}
