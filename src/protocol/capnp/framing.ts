// Cap'n Proto's standard stream framing, unpacked: u32 segments - 1, u32 words of each, padding to 8 bytes, the segments.
import { ProtocolError } from '../../errors.ts';
import { defaultLimits, type Limits } from './limits.ts';

/** A message's segments, each a whole number of words. */
export type Segments = readonly Uint8Array[];

/** Cuts a byte stream into messages. */
export interface FrameReader {
  /** The messages `chunk` completes, in order. Throws ProtocolError; the stream cannot be read further then. */
  push(chunk: Uint8Array): Segments[];
  /** True between two messages. */
  readonly idle: boolean;
}

/** The segment table of a message. */
interface Table {
  readonly headerBytes: number;
  readonly segmentBytes: readonly number[];
  readonly totalBytes: number;
}

/**
 * A reader holding at most one unfinished message. It grows with what arrived, not with what was announced, and copies
 * into one buffer: a peer can make it hold neither a large empty buffer nor millions of tiny ones.
 */
export function createFrameReader(limits: Limits = defaultLimits): FrameReader {
  let buffer = new Uint8Array(0);
  let used = 0;
  /** Of the unfinished message, once it is there: read once, not once per chunk. */
  let table: Table | undefined;

  function append(chunk: Uint8Array): void {
    if (used + chunk.length > buffer.length) {
      const grown = new Uint8Array(Math.max(used + chunk.length, Math.min(2 * buffer.length, limits.maxMessageBytes)));
      grown.set(buffer.subarray(0, used));
      buffer = grown;
    }
    buffer.set(chunk, used);
    used += chunk.length;
  }

  /** Starts a new buffer, so that the messages cut from the old one never change. */
  function keep(rest: Uint8Array): void {
    buffer = rest.slice();
    used = rest.length;
  }

  return {
    get idle() {
      return used === 0;
    },
    push(chunk) {
      append(chunk);
      const messages: Segments[] = [];
      let at = 0;
      for (;;) {
        const rest = buffer.subarray(at, used);
        table ??= readTable(rest, limits);
        if (table === undefined || rest.length < table.totalBytes) break;
        messages.push(split(rest, table));
        at += table.totalBytes;
        table = undefined;
      }
      if (at > 0) keep(buffer.subarray(at, used));
      return messages;
    },
  };
}

/** The segment table at the start of `bytes`, or undefined when it is not complete yet. */
function readTable(bytes: Uint8Array, limits: Limits): Table | undefined {
  if (bytes.length < 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(0, true) + 1;
  if (count > limits.maxSegments) throw new ProtocolError(`a message has ${count} segments`);
  const headerBytes = 8 * Math.ceil((4 + 4 * count) / 8);
  if (bytes.length < headerBytes) return undefined;
  const segmentBytes = Array.from({ length: count }, (_, index) => 8 * view.getUint32(4 + 4 * index, true));
  const body = segmentBytes.reduce((sum, size) => sum + size, 0);
  if (body > limits.maxMessageBytes) throw new ProtocolError(`a message has ${body} bytes`);
  return { headerBytes, segmentBytes, totalBytes: headerBytes + body };
}

function split(message: Uint8Array, table: Table): Segments {
  let at = table.headerBytes;
  return table.segmentBytes.map((size) => {
    at += size;
    return message.subarray(at - size, at);
  });
}

/** The one message `bytes` is, whole. Throws ProtocolError. */
export function decodeFrame(bytes: Uint8Array, limits: Limits = defaultLimits): Segments {
  const table = readTable(bytes, limits);
  if (table === undefined || bytes.length !== table.totalBytes) throw new ProtocolError('a message is cut short');
  return split(bytes, table);
}

/** Frames a message of one segment. */
export function encodeFrame(segment: Uint8Array): Uint8Array {
  const frame = new Uint8Array(8 + segment.length);
  new DataView(frame.buffer).setUint32(4, segment.length / 8, true);
  frame.set(segment, 8);
  return frame;
}
