// RFC 6455 frames as the server end of a websocket reads and writes them. Pure; payloads pass through piece by piece.
import { createHash } from 'node:crypto';
import { ProtocolError } from '../errors.ts';

/** Opcodes that matter. */
export const opcodes = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

/** What a decoder found. Data is unmasked and may be a part of a frame; `code` is undefined in an empty close. */
export interface FrameListener {
  onData(chunk: Buffer): void;
  onPing(payload: Buffer): void;
  onClose(code: number | undefined): void;
}

/** Reads the frames of a client. */
export interface FrameDecoder {
  /** Throws ProtocolError when the client breaks the rules; nothing may be pushed afterwards. Changes `chunk`. */
  push(chunk: Buffer): void;
}

/** RFC 6455 5.5: the longest payload of a control frame. */
const maxControlPayload = 125;

/** The answer to a handshake's key (RFC 6455 1.3). */
export function acceptKey(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/** The header of an unmasked, final frame; the payload follows it. */
export function frameHeader(opcode: number, length: number): Buffer {
  if (length <= maxControlPayload) return Buffer.from([0x80 | opcode, length]);
  if (length <= 0xffff) return Buffer.from([0x80 | opcode, 126, length >> 8, length & 0xff]);
  const header = Buffer.alloc(10);
  header[0] = 0x80 | opcode;
  header[1] = 127;
  header.writeUIntBE(length, 4, 6);
  return header;
}

/** A whole close frame. */
export function closeFrame(code: number): Buffer {
  return Buffer.from([0x80 | opcodes.close, 2, code >> 8, code & 0xff]);
}

/** A decoder that calls `listener` as it goes. */
export function createFrameDecoder(listener: FrameListener): FrameDecoder {
  return new Decoder(listener);
}

class Decoder implements FrameDecoder {
  private readonly listener: FrameListener;
  /** A header that is not complete yet: 14 bytes at most. */
  private pending: Buffer = Buffer.alloc(0);
  private opcode = 0;
  private remaining = 0;
  private readonly mask = Buffer.alloc(4);
  private maskOffset = 0;
  private control: Buffer[] | undefined;
  /** A message is begun and not final. */
  private fragmented = false;

  constructor(listener: FrameListener) {
    this.listener = listener;
  }

  push(chunk: Buffer): void {
    let rest = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
    this.pending = Buffer.alloc(0);
    while (rest.length > 0) {
      if (this.remaining === 0) {
        const used = this.readHeader(rest);
        if (used === 0) {
          this.pending = Buffer.from(rest);
          return;
        }
        rest = rest.subarray(used);
        if (this.remaining === 0) this.endFrame();
      } else {
        const piece = rest.subarray(0, this.remaining);
        rest = rest.subarray(piece.length);
        this.readPayload(piece);
      }
    }
  }

  /** Bytes used, 0 when the header is not complete. */
  private readHeader(bytes: Buffer): number {
    const first = bytes[0] ?? 0;
    const second = bytes[1];
    if (second === undefined) return 0;
    const short = second & 0x7f;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    const size = 2 + lengthBytes + 4;
    this.checkHeader(first, second, short);
    if (bytes.length < size) return 0;
    this.begin(first, readLength(bytes, short));
    bytes.copy(this.mask, 0, size - 4, size);
    return size;
  }

  private checkHeader(first: number, second: number, length: number): void {
    const opcode = first & 0x0f;
    const final = (first & 0x80) !== 0;
    if ((first & 0x70) !== 0) throw new ProtocolError('a websocket frame uses an extension that was not agreed on');
    if ((second & 0x80) === 0) throw new ProtocolError('a websocket client must mask its frames');
    if (opcode >= 0x8) {
      if (opcode > opcodes.pong) throw new ProtocolError(`a websocket frame has the unknown opcode ${opcode}`);
      if (!final || length > maxControlPayload) throw new ProtocolError('a websocket control frame is too long');
    } else if (opcode > opcodes.binary) {
      throw new ProtocolError(`a websocket frame has the unknown opcode ${opcode}`);
    } else if ((opcode === opcodes.continuation) !== this.fragmented) {
      throw new ProtocolError('a websocket message is continued that was not begun, or begun twice');
    }
  }

  private begin(first: number, length: number): void {
    this.opcode = first & 0x0f;
    this.remaining = length;
    this.maskOffset = 0;
    if (this.opcode >= 0x8) this.control = [];
    else this.fragmented = (first & 0x80) === 0;
  }

  private readPayload(piece: Buffer): void {
    for (let i = 0; i < piece.length; i++) piece[i] = (piece[i] ?? 0) ^ (this.mask[(this.maskOffset + i) & 3] ?? 0);
    this.maskOffset = (this.maskOffset + piece.length) & 3;
    this.remaining -= piece.length;
    if (this.control === undefined) this.listener.onData(piece);
    else this.control.push(piece);
    if (this.remaining === 0) this.endFrame();
  }

  private endFrame(): void {
    if (this.control === undefined) return;
    const payload = Buffer.concat(this.control);
    this.control = undefined;
    if (this.opcode === opcodes.ping) this.listener.onPing(payload);
    else if (this.opcode === opcodes.close)
      this.listener.onClose(payload.length >= 2 ? payload.readUInt16BE(0) : undefined);
  }
}

function readLength(bytes: Buffer, short: number): number {
  if (short < 126) return short;
  if (short === 126) return bytes.readUInt16BE(2);
  const length = bytes.readBigUInt64BE(2);
  if (length > BigInt(Number.MAX_SAFE_INTEGER)) throw new ProtocolError('a websocket frame is absurdly long');
  return Number(length);
}
