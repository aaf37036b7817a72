// One control stream as messages in and out: framing, back-pressure, and an end that always comes.
import type { Duplex } from 'node:stream';
import { type Clock, systemClock } from '../../clock.ts';
import { ProtocolError } from '../../errors.ts';
import { createFrameReader, type Segments } from './framing.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { encodeAbort } from './rpc.ts';

/** How long a peer may take to read our last message. */
const lastWordsMs = 1_000;

/** What a transport is made of. */
export interface TransportOptions {
  readonly stream: Duplex;
  /** Throwing a ProtocolError ends the stream. */
  readonly onMessage: (message: Segments) => void;
  /** Asked for each chunk, so that limits can follow what the peer has proved. */
  readonly limits?: () => Limits;
  readonly clock?: Clock;
}

/** A control stream that carries messages. */
export interface Transport {
  send(frame: Uint8Array): void;
  /** Sends `lastWords` and ends the stream, at once for us, and within a second for a peer that does not read. */
  close(lastWords?: Uint8Array): void;
  /** Ends the stream because of `cause`, which becomes `error`. */
  fail(cause: unknown): void;
  /** Resolves when the stream is gone; never rejects. */
  readonly closed: Promise<void>;
  /** Why the stream ended, when it did not end well. */
  readonly error: Error | undefined;
}

/** Starts reading. While the peer does not read our answers, its messages are not read either. */
export function createTransport(options: TransportOptions): Transport {
  const { stream, clock = systemClock, limits = () => defaultLimits } = options;
  const reader = createFrameReader({
    get maxSegments() {
      return limits().maxSegments;
    },
    get maxMessageBytes() {
      return limits().maxMessageBytes;
    },
    get maxDepth() {
      return limits().maxDepth;
    },
  });
  const gone = new AbortController();
  let open = true;
  let error: Error | undefined;

  const closed = new Promise<void>((resolve) => {
    const onClose = () => {
      open = false;
      gone.abort();
      resolve();
    };
    if (stream.closed) onClose();
    else stream.once('close', onClose);
  });

  function onData(chunk: Uint8Array): void {
    try {
      for (const message of reader.push(chunk)) if (open) options.onMessage(message);
    } catch (cause) {
      fail(cause);
    }
    if (open && stream.writableNeedDrain) {
      stream.pause();
      stream.once('drain', () => stream.resume());
    }
  }

  function onEnd(): void {
    if (open && !reader.idle) fail(new ProtocolError('the stream ended in the middle of a message'));
    else close();
  }

  function fail(cause: unknown): void {
    error ??= cause instanceof Error ? cause : new Error(String(cause));
    // Bugs of ours are recorded too, but what they say is not for the peer.
    close(encodeAbort(cause instanceof ProtocolError ? cause.message : 'internal error'));
  }

  function close(lastWords?: Uint8Array): void {
    if (!open) return;
    open = false;
    stream.off('data', onData);
    // Read on, into nothing: a peer that still sends must be able to see our end.
    stream.resume();
    if (lastWords === undefined) stream.end();
    else stream.end(lastWords);
    clock.sleep(lastWordsMs, gone.signal).then(
      () => stream.destroy(),
      () => undefined,
    );
  }

  stream.on('data', onData);
  stream.once('end', onEnd);
  stream.on('error', (cause) => {
    error ??= cause;
  });

  return {
    closed,
    close,
    fail,
    get error() {
      return error;
    },
    send(frame) {
      if (open && stream.writable) stream.write(frame);
    },
  };
}
