// Bytes from a stream to a visitor, with back-pressure, and an end to visitors who stop reading.
import type { Readable, Writable } from 'node:stream';
import type { Deadline, Deadlines } from '../deadlines.ts';

/** What a pump reports. */
export interface PumpEvents {
  /** Before a chunk is passed on. */
  onChunk?(bytes: number): void;
  /** The sink has taken nothing for as long as the deadlines allow. */
  onStall(): void;
}

/**
 * Like `source.pipe(sink, { end: false })`. A visitor who asks for much and reads nothing would otherwise hold a whole
 * flow-control window of memory for as long as he likes.
 */
export function pump(source: Readable, sink: Writable, stalls: Deadlines, events: PumpEvents): void {
  let stall: Deadline | undefined;
  const release = () => {
    stall?.cancel();
    stall = undefined;
  };
  source.on('data', (chunk: Buffer) => {
    events.onChunk?.(chunk.length);
    if (sink.write(chunk) || stall !== undefined) return;
    source.pause();
    stall = stalls.start(events.onStall);
  });
  sink.on('drain', () => {
    release();
    source.resume();
  });
  source.once('close', release);
  sink.once('close', release);
}
