// When to look at the Supervisor again: its events while Home Assistant passes them on, else a look now and then.
import { backoffMs, type Clock } from '../../src/clock.ts';
import { AppError } from '../../src/errors.ts';
import type { Logger } from '../../src/logger.ts';
import { type CoreSocket, NotLetInError } from './core-socket.ts';
import { isRecord } from './shapes.ts';

/** Opens a socket to Home Assistant on which events arrive. */
export type OpenEvents = (signal: AbortSignal, onEvent: (event: unknown) => void) => Promise<CoreSocket>;

/** What watching needs. */
export interface WatchOptions {
  readonly openEvents: OpenEvents;
  /** Something that is different whenever the list of services is. Rejects with an AppError. */
  readonly fingerprint: (signal: AbortSignal) => Promise<string>;
  /** Home Assistant is there, after a start of ours or of its own. */
  readonly onCoreStart: () => void;
  /** It ended what it had opened: it most likely restarts. */
  readonly onCoreEnd: () => void;
  /** Whether anybody takes a connection at its web port. It hears nothing of it. */
  readonly isCoreOpen: (signal: AbortSignal) => Promise<boolean>;
  readonly notify: (reason: string) => void;
  readonly logger: Logger;
  readonly clock: Clock;
}

const firstRetryMs = 1_000;
const maxRetryMs = 30_000;
const lookMs = 1_000;
/** Every attempt of somebody who is not let in is a warning in the Supervisor's log. */
const notLetInMs = 600_000;
/** A socket that lived this long was a working one; its end starts the back-off afresh. */
const healthyMs = 5_000;
/** A socket that died without a word is found by asking. */
const aliveMs = 60_000;

/** Watches until `signal` aborts. */
export async function watchSupervisor(options: WatchOptions, signal: AbortSignal): Promise<void> {
  const { clock } = options;
  const poll = createPoll(options);
  let nextSocketAt = 0;
  for (let attempt = 0; !signal.aborted; attempt++) {
    if (clock.now() >= nextSocketAt) {
      const openedAt = clock.now();
      const end = await follow(options, signal);
      if (end === 'not let in') nextSocketAt = clock.now() + notLetInMs;
      if (end === 'ended' && clock.now() - openedAt >= healthyMs) attempt = 0;
    }
    if (signal.aborted) return;
    await pause(backoffMs(attempt, firstRetryMs, maxRetryMs), options, signal);
    if (!signal.aborted) await poll(signal);
  }
}

/** Waits, but no longer than until a Home Assistant that was closed is open again: its visitors are waiting too. */
async function pause(ms: number, options: WatchOptions, signal: AbortSignal): Promise<void> {
  const { isCoreOpen, clock, notify } = options;
  const end = clock.now() + ms;
  let wasOpen = true;
  while (clock.now() < end && !signal.aborted) {
    await clock.sleep(Math.min(lookMs, end - clock.now()), signal).catch(() => undefined);
    if (signal.aborted) return;
    const isOpen = await isCoreOpen(signal);
    if (isOpen && !wasOpen) {
      options.onCoreStart();
      return notify('Home Assistant is back');
    }
    if (wasOpen && !isOpen) {
      options.onCoreEnd();
      notify('Home Assistant is closed');
    }
    wasOpen = isOpen;
  }
}

/** Follows one socket to its end. What happened before it opened is covered by the look that opening it asks for. */
async function follow(options: WatchOptions, signal: AbortSignal): Promise<'ended' | 'failed' | 'not let in'> {
  const { openEvents, notify, onCoreStart, logger } = options;
  try {
    const socket = await openEvents(signal, (event) => {
      const reason = reasonOf(event);
      if (reason !== undefined) notify(reason);
    });
    try {
      if ((await socket.command('supervisor/subscribe')) === undefined) return 'not let in';
      onCoreStart();
      notify('watching');
      await keepAlive(socket, options.clock, signal);
    } finally {
      socket.close();
    }
    options.onCoreEnd();
    if (!signal.aborted) notify('Home Assistant went away');
    return 'ended';
  } catch (error) {
    if (signal.aborted) return 'ended';
    if (!(error instanceof AppError)) throw error;
    logger.debug({ source: 'homeassistant', err: error }, 'no events from Home Assistant, looking now and then');
    return error instanceof NotLetInError ? 'not let in' : 'failed';
  }
}

/** Resolves when the socket has ended, or answers no more. */
async function keepAlive(socket: CoreSocket, clock: Clock, signal: AbortSignal): Promise<void> {
  const ended = new AbortController();
  const closed = socket.closed.then(() => ended.abort());
  const either = AbortSignal.any([signal, ended.signal]);
  while (!either.aborted) {
    await Promise.race([closed, clock.sleep(aliveMs, either).catch(() => undefined)]);
    // `ping` is answered with something that is no result: any command will do, and this one changes nothing.
    if (!either.aborted) await socket.command('auth/current_user').catch(() => ended.abort());
  }
}

/** What the Supervisor tells of and has nothing to do with services. */
const unrelated = new Set(['job', 'issue_changed', 'issue_removed', 'health_changed', 'supported_changed']);

/** Why an event asks for a look; undefined when it does not. */
export function reasonOf(event: unknown): string | undefined {
  if (!isRecord(event) || typeof event.event !== 'string' || unrelated.has(event.event)) return undefined;
  const { event: kind, slug, state } = event;
  const about = [kind, slug, state].filter((part) => typeof part === 'string');
  return about.join(' ').slice(0, 200);
}

/** Notifies when the fingerprint is another than at the last poll. */
function createPoll({ fingerprint, notify }: WatchOptions): (signal: AbortSignal) => Promise<void> {
  let last: string | undefined;
  return async (signal) => {
    try {
      const now = await fingerprint(signal);
      if (last !== now) notify('something changed');
      last = now;
    } catch (error) {
      if (signal.aborted) return;
      // What changes nothing in the list needs no look; when it answers again, there is one.
      if (!(error instanceof AppError)) throw error;
      last = undefined;
    }
  };
}
