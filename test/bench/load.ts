// Orders to the load process, and what comes back.
import { type Child, startChild } from './child.ts';

/** What to send, and for how long. Only ever to 127.0.0.1. */
export interface LoadOrder {
  readonly port: number;
  readonly host: string;
  readonly path: string;
  readonly connections: number;
  readonly durationMs: number;
  /** Makes each request a POST with so many bytes. */
  readonly uploadBytes?: number;
}

/** What came back. */
export interface LoadResult {
  /** Answers that were complete, whatever their status. */
  readonly requests: number;
  /** How many failed, by reason; an answer other than 200 is a failure too. */
  readonly failures: Readonly<Record<string, number>>;
  /** Of bodies, in both directions. */
  readonly bytes: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** A load process, idle. */
export function startLoadProcess(): Child<LoadOrder, LoadResult> {
  return startChild('load-process.ts');
}

/** Failures of one load in words, or undefined. */
export function failuresOf({ failures }: LoadResult): string | undefined {
  const words = Object.entries(failures).map(([reason, count]) => `${count}× ${reason}`);
  return words.length === 0 ? undefined : words.join(', ');
}
