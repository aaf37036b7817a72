// What the http origin needs to know of a rule, worked out once when the rule appears.
import type { DialTarget } from './dial.ts';

/** An origin that speaks HTTP, and how a rule wants it to be spoken to. */
export interface HttpTarget {
  readonly dial: DialTarget;
  /** Sent instead of the visitor's Host, which then goes into X-Forwarded-Host. */
  readonly hostHeader: string | undefined;
  /** The TLS name follows each request's Host. */
  readonly serverNameFromHost: boolean;
  /** Collect a body of unknown length instead of sending it in chunks. */
  readonly bufferBodies: boolean;
  /** Idle connections kept for the next request. */
  readonly keepAliveConnections: number;
  readonly keepAliveTimeoutMs: number;
}
