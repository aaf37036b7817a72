// The source on a Supervisor of a test's, without the rest of the program.
import { openCoreSocket } from '../../../addon/homeassistant/core-socket.ts';
import { createProxyCheck } from '../../../addon/homeassistant/proxy-check.ts';
import { createHomeAssistantSource, type HomeAssistantSource } from '../../../addon/homeassistant/source.ts';
import { createSupervisor } from '../../../addon/homeassistant/supervisor.ts';
import type { Wish } from '../../../addon/homeassistant/wishes.ts';
import { type Clock, systemClock } from '../../../src/clock.ts';
import { createSilentLogger } from '../../../src/logger.ts';

/** What of the source a test chooses. */
export interface SourceChoices {
  readonly wishes?: readonly Wish[];
  readonly isCoreWanted?: boolean;
  readonly clock?: Clock;
}

/** A source that asks the Supervisor at this address. */
export function sourceOf(
  at: { readonly url: string; readonly token: string },
  { wishes = [], isCoreWanted = false, clock = systemClock }: SourceChoices = {},
): HomeAssistantSource {
  const options = { url: at.url, token: at.token, timeoutMs: 5_000 };
  const ownWord = async (signal: AbortSignal) => {
    const socket = await openCoreSocket(options, signal);
    return socket.command('http/config').finally(() => socket.close());
  };
  return createHomeAssistantSource({
    supervisor: createSupervisor(options),
    openEvents: (signal, onEvent) => openCoreSocket(options, signal, onEvent),
    proxyCheck: createProxyCheck({ ownWord, clock }),
    wishes,
    isCoreWanted: () => isCoreWanted,
    logger: createSilentLogger(),
    clock,
  });
}
