// A request body on its way to a connector: with back-pressure, and able to begin again while its start is still known.
import type { Readable, Writable } from 'node:stream';

/** How much of a body is kept for a second attempt (bytes). */
const maxReplay = 64 * 1024;

/** What an upload reports. */
export interface UploadEvents {
  /** Something arrived; `total` counts from the start of the body. */
  onProgress(total: number): void;
}

/** A body that can be sent to one target after the other. */
export interface Upload {
  /** False once bytes are gone that a second attempt would need. */
  readonly replayable: boolean;
  /** The target takes no more at the moment: the source is not to blame for the silence. */
  readonly blocked: boolean;
  /** Sends the body, from its beginning, to this stream, and ends it after the last byte. */
  attach(target: Writable): void;
  /** Stops sending. */
  detach(): void;
  /** There will be no second attempt: what was kept for it is let go. */
  settle(): void;
}

/** Prepares a body; nothing is read before the first `attach`. */
export function createUpload(source: Readable, events: UploadEvents): Upload {
  let target: Writable | undefined;
  let kept: Buffer[] | undefined = [];
  let total = 0;
  let started = false;

  const resume = () => {
    source.resume();
  };

  function onData(chunk: Buffer): void {
    total += chunk.length;
    if (kept !== undefined) {
      if (total <= maxReplay) kept.push(chunk);
      else kept = undefined;
    }
    events.onProgress(total);
    if (target?.writable === true && !target.write(chunk)) source.pause();
  }

  function begin(): void {
    started = true;
    source.on('data', onData);
    source.once('end', () => {
      if (target?.writable === true) target.end();
    });
  }

  return {
    get replayable() {
      return kept !== undefined;
    },
    get blocked() {
      return target?.writableNeedDrain === true;
    },
    attach: (next) => {
      target = next;
      next.on('drain', resume);
      for (const chunk of kept ?? []) next.write(chunk);
      if (source.readableEnded) next.end();
      else if (started) source.resume();
      else begin();
    },
    detach: () => {
      target?.off('drain', resume);
      target = undefined;
      if (started) source.pause();
    },
    settle: () => {
      kept = undefined;
    },
  };
}
