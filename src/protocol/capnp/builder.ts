// Writing Cap'n Proto messages: one segment, objects in the order they are made. Pure.
import { encodeFrame } from './framing.ts';

const utf8 = new TextEncoder();
const listOf = { bytes: 2, pointers: 6, structs: 7 } as const;

/** The words of one segment, growing as needed. */
class Arena {
  bytes = new Uint8Array(256);
  view = new DataView(this.bytes.buffer);
  words = 0;

  /** Reserves zeroed words and says where. */
  allocate(words: number): number {
    const start = this.words;
    this.words += words;
    if (this.words * 8 > this.bytes.length) {
      const grown = new Uint8Array(Math.max(this.words * 8, this.bytes.length * 2));
      grown.set(this.bytes);
      this.bytes = grown;
      this.view = new DataView(grown.buffer);
    }
    return start;
  }

  pointer(at: number, start: number, kind: number, high: number): void {
    this.view.setInt32(at * 8, ((start - at - 1) << 2) | kind, true);
    this.view.setUint32(at * 8 + 4, high, true);
  }
}

/** Builds a message: `fill` gets its root struct. The result is framed, ready to be sent. */
export function buildMessage(
  size: { readonly dataWords: number; readonly pointers: number },
  fill: (root: StructBuilder) => void,
): Uint8Array {
  const arena = new Arena();
  arena.allocate(1);
  fill(newStruct(arena, 0, size.dataWords, size.pointers));
  return encodeFrame(arena.bytes.subarray(0, arena.words * 8));
}

function newStruct(arena: Arena, pointerAt: number, dataWords: number, pointers: number): StructBuilder {
  const start = arena.allocate(dataWords + pointers);
  // A struct of no size points at itself: an all-zero pointer would be null.
  const target = dataWords + pointers === 0 ? pointerAt : start;
  arena.pointer(pointerAt, target, 0, dataWords | (pointers << 16));
  return new StructBuilder(arena, start, dataWords);
}

/** A struct being written. Offsets are in bytes, pointers are counted from 0. */
export class StructBuilder {
  readonly #arena: Arena;
  readonly #start: number;
  readonly #dataWords: number;

  constructor(arena: Arena, start: number, dataWords: number) {
    this.#arena = arena;
    this.#start = start;
    this.#dataWords = dataWords;
  }

  u8(offset: number, value: number): void {
    this.#arena.view.setUint8(this.#start * 8 + offset, value);
  }

  u16(offset: number, value: number): void {
    this.#arena.view.setUint16(this.#start * 8 + offset, value, true);
  }

  u32(offset: number, value: number): void {
    this.#arena.view.setUint32(this.#start * 8 + offset, value, true);
  }

  u64(offset: number, value: bigint): void {
    this.#arena.view.setBigUint64(this.#start * 8 + offset, value, true);
  }

  i64(offset: number, value: bigint): void {
    this.#arena.view.setBigInt64(this.#start * 8 + offset, value, true);
  }

  bit(index: number, value: boolean): void {
    const at = this.#start * 8 + (index >>> 3);
    const mask = 1 << (index & 7);
    const byte = this.#arena.view.getUint8(at);
    this.#arena.view.setUint8(at, value ? byte | mask : byte & ~mask);
  }

  struct(pointer: number, dataWords: number, pointers: number): StructBuilder {
    return newStruct(this.#arena, this.#pointerAt(pointer), dataWords, pointers);
  }

  data(pointer: number, bytes: Uint8Array): void {
    this.#bytes(pointer, bytes, bytes.length);
  }

  text(pointer: number, text: string): void {
    const bytes = utf8.encode(text);
    this.#bytes(pointer, bytes, bytes.length + 1);
  }

  texts(pointer: number, texts: readonly string[]): void {
    const start = this.#arena.allocate(texts.length);
    this.#arena.pointer(this.#pointerAt(pointer), start, 1, listOf.pointers | (texts.length << 3));
    const list = new StructBuilder(this.#arena, start, 0);
    for (const [index, text] of texts.entries()) list.text(index, text);
  }

  structs(pointer: number, length: number, dataWords: number, pointers: number): StructBuilder[] {
    const words = length * (dataWords + pointers);
    const tag = this.#arena.allocate(1 + words);
    this.#arena.pointer(this.#pointerAt(pointer), tag, 1, listOf.structs | (words << 3));
    this.#arena.view.setUint32(tag * 8, length << 2, true);
    this.#arena.view.setUint32(tag * 8 + 4, dataWords | (pointers << 16), true);
    return Array.from(
      { length },
      (_, index) => new StructBuilder(this.#arena, tag + 1 + index * (dataWords + pointers), dataWords),
    );
  }

  /** `index` counts the message's capability table. */
  capability(pointer: number, index: number): void {
    const at = this.#pointerAt(pointer) * 8;
    this.#arena.view.setUint32(at, 3, true);
    this.#arena.view.setUint32(at + 4, index, true);
  }

  #bytes(pointer: number, bytes: Uint8Array, length: number): void {
    const start = this.#arena.allocate(Math.ceil(length / 8));
    this.#arena.pointer(this.#pointerAt(pointer), start, 1, listOf.bytes | (length << 3));
    this.#arena.bytes.set(bytes, start * 8);
  }

  #pointerAt(pointer: number): number {
    return this.#start + this.#dataWords + pointer;
  }
}
