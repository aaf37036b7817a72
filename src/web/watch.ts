// Follows the program: what passes do becomes activity and events, what the connector does becomes events.
import type { Snapshot } from '../model.ts';
import type { Status } from '../status.ts';
import type { ActivityLog } from './activity.ts';
import type { EventHub } from './event-hub.ts';
import { activityOf, connectorEvent, passEvent } from './passes.ts';

/** What is followed. */
export interface WatchOptions {
  readonly status: () => Status;
  readonly snapshot: () => Snapshot | undefined;
  readonly activity: ActivityLog;
  readonly hub: EventHub;
  readonly intervalMs?: number;
}

/** Told of passes, and looks at the connector by itself. */
export interface ProgramWatch {
  /** A pass is done, or failed. */
  passed(): void;
  stop(): void;
}

/** Begins to follow. */
export function watchProgram({ status, snapshot, activity, hub, intervalMs = 250 }: WatchOptions): ProgramWatch {
  let before: Status | undefined;
  let written = 0;
  let connector = '';

  /** Connectors of both kinds show their state and tell of changes in different ways: looking is cheap. */
  function look(): void {
    const event = connectorEvent(status());
    const seen = JSON.stringify(event);
    if (seen === connector) return;
    connector = seen;
    hub.publish('connector', event);
  }

  const timer = setInterval(() => {
    if (hub.isHeard()) look();
  }, intervalMs);
  timer.unref();
  return {
    passed() {
      const now = status();
      const pass = snapshot();
      if (pass !== undefined && pass.revision > written) {
        written = pass.revision;
        for (const one of activityOf(pass)) activity.add(one);
      }
      hub.publish('snapshot', passEvent(before, now));
      before = now;
    },
    stop: () => clearInterval(timer),
  };
}
