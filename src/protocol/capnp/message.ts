// Reading Cap'n Proto messages from peers that may lie: every pointer is checked, and the work a message can cause is
// limited by its own size. Pure. Layout: https://capnproto.org/encoding.html
import { ProtocolError } from '../../errors.ts';
import { decodeFrame, type Segments } from './framing.ts';
import { defaultLimits, type Limits } from './limits.ts';

interface Segment {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly words: number;
}

/** A pointer followed: its two halves, and where its content starts. */
interface Target {
  readonly segment: Segment;
  readonly start: number;
  readonly low: number;
  readonly high: number;
}

/** A message being read, and how much of it may still be. */
interface Arena {
  readonly segments: readonly Segment[];
  /** Words; pointers may overlap, so without it a small message could stand for an endless one. */
  budget: number;
}

/** Each word may be read a few times: once by the envelope, once by the application, and a little to spare. */
const readsPerWord = 4;
const pointerKind = { struct: 0, list: 1, far: 2, other: 3 } as const;
const elementSize = { byte: 2, pointer: 6, composite: 7 } as const;
const utf8 = new TextDecoder();

/** The root struct of a framed message. Throws ProtocolError. */
export function decodeMessage(bytes: Uint8Array, limits: Limits = defaultLimits): StructReader {
  return readRoot(decodeFrame(bytes, limits), limits);
}

/** The root struct of a message's segments. Throws ProtocolError. */
export function readRoot(parts: Segments, limits: Limits = defaultLimits): StructReader {
  const segments = parts.map(toSegment);
  const first = segments[0];
  if (first === undefined || first.words === 0) throw new ProtocolError('a message has no root');
  const words = segments.reduce((sum, segment) => sum + segment.words, 0);
  const arena = { segments, budget: readsPerWord * words };
  return new StructReader(arena, { segment: first, start: 0, dataWords: 0, pointers: 1 }, limits.maxDepth).struct(0);
}

function toSegment(bytes: Uint8Array): Segment {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { bytes, view, words: Math.floor(bytes.length / 8) };
}

/** Where a struct's data and pointers lie. */
interface StructLocation {
  readonly segment: Segment;
  readonly start: number;
  readonly dataWords: number;
  readonly pointers: number;
}

const nowhere: Segment = toSegment(new Uint8Array(0));

/**
 * A struct in a message. Offsets are in bytes, pointers are counted from 0; what lies beyond what the writer knew reads as zero or
 * empty, as do null pointers. Every method that follows a pointer may throw ProtocolError.
 */
export class StructReader {
  readonly #arena: Arena;
  readonly #at: StructLocation;
  readonly #depth: number;

  constructor(arena: Arena, at: StructLocation, depth: number) {
    this.#arena = arena;
    this.#at = at;
    this.#depth = depth;
  }

  u8(offset: number): number {
    return this.#has(offset, 1) ? this.#at.segment.view.getUint8(this.#at.start * 8 + offset) : 0;
  }

  u16(offset: number): number {
    return this.#has(offset, 2) ? this.#at.segment.view.getUint16(this.#at.start * 8 + offset, true) : 0;
  }

  u32(offset: number): number {
    return this.#has(offset, 4) ? this.#at.segment.view.getUint32(this.#at.start * 8 + offset, true) : 0;
  }

  u64(offset: number): bigint {
    return this.#has(offset, 8) ? this.#at.segment.view.getBigUint64(this.#at.start * 8 + offset, true) : 0n;
  }

  i64(offset: number): bigint {
    return BigInt.asIntN(64, this.u64(offset));
  }

  bit(index: number): boolean {
    return ((this.u8(index >>> 3) >>> (index & 7)) & 1) === 1;
  }

  struct(pointer: number): StructReader {
    const target = this.#follow(pointer);
    if (target === undefined) return emptyStruct;
    if ((target.low & 3) !== pointerKind.struct) throw new ProtocolError('a pointer should lead to a struct');
    const at = { ...target, dataWords: target.high & 0xffff, pointers: target.high >>> 16 };
    take(this.#arena, target, at.dataWords + at.pointers);
    return new StructReader(this.#arena, at, this.#deeper());
  }

  /** A copy, so that it does not keep the message in memory. */
  data(pointer: number): Uint8Array {
    // Not slice(): on a Buffer that would share the memory.
    return new Uint8Array(this.#bytes(pointer));
  }

  /** UTF-8 without its final NUL; broken UTF-8 reads as U+FFFD. */
  text(pointer: number): string {
    const bytes = this.#bytes(pointer);
    if (bytes.length === 0) return '';
    if (bytes[bytes.length - 1] !== 0) throw new ProtocolError('a text has no final NUL');
    return utf8.decode(bytes.subarray(0, -1));
  }

  texts(pointer: number): string[] {
    const list = this.#list(pointer, elementSize.pointer);
    if (list === undefined) return [];
    take(this.#arena, list, list.count);
    // A list of pointers is laid out as a struct of nothing but pointers.
    const at = { segment: list.segment, start: list.start, dataWords: 0, pointers: list.count };
    const pointers = new StructReader(this.#arena, at, this.#deeper());
    return Array.from({ length: list.count }, (_, index) => pointers.text(index));
  }

  structs(pointer: number): StructReader[] {
    const list = this.#list(pointer, elementSize.composite);
    if (list === undefined) return [];
    // The count of a composite list is its words; a tag word before them holds the real count.
    take(this.#arena, list, list.count + 1);
    const low = list.segment.view.getUint32(list.start * 8, true);
    const high = list.segment.view.getUint32(list.start * 8 + 4, true);
    const [length, dataWords, pointers] = [low >>> 2, high & 0xffff, high >>> 16];
    if ((low & 3) !== pointerKind.struct || length * (dataWords + pointers) > list.count)
      throw new ProtocolError('a list of structs does not fit its own size');
    // Structs of no size cost no words, so their number is what must be paid for.
    charge(this.#arena, length);
    const depth = this.#deeper();
    return Array.from({ length }, (_, index) => {
      const start = list.start + 1 + index * (dataWords + pointers);
      return new StructReader(this.#arena, { segment: list.segment, start, dataWords, pointers }, depth);
    });
  }

  /** The index of a capability in the message's table, or undefined for null. */
  capability(pointer: number): number | undefined {
    const target = this.#follow(pointer);
    if (target === undefined) return undefined;
    if (target.low !== pointerKind.other) throw new ProtocolError('a pointer should be a capability');
    return target.high;
  }

  #has(offset: number, size: number): boolean {
    return offset + size <= this.#at.dataWords * 8;
  }

  #follow(pointer: number): Target | undefined {
    if (pointer >= this.#at.pointers) return undefined;
    return follow(this.#arena, this.#at.segment, this.#at.start + this.#at.dataWords + pointer);
  }

  #list(pointer: number, size: number): (Target & { readonly count: number }) | undefined {
    const target = this.#follow(pointer);
    if (target === undefined) return undefined;
    if ((target.low & 3) !== pointerKind.list || (target.high & 7) !== size)
      throw new ProtocolError('a pointer should lead to another kind of list');
    return { ...target, count: target.high >>> 3 };
  }

  #bytes(pointer: number): Uint8Array {
    const list = this.#list(pointer, elementSize.byte);
    if (list === undefined) return nowhere.bytes;
    take(this.#arena, list, Math.ceil(list.count / 8));
    return list.segment.bytes.subarray(list.start * 8, list.start * 8 + list.count);
  }

  #deeper(): number {
    if (this.#depth === 0) throw new ProtocolError('a message is nested too deeply');
    return this.#depth - 1;
  }
}

const emptyStruct = new StructReader(
  { segments: [], budget: 0 },
  { segment: nowhere, start: 0, dataWords: 0, pointers: 0 },
  0,
);

/** The pointer at a word that is known to exist, or undefined for null. */
function follow(arena: Arena, segment: Segment, at: number): Target | undefined {
  const low = segment.view.getUint32(at * 8, true);
  const high = segment.view.getUint32(at * 8 + 4, true);
  if (low === 0 && high === 0) return undefined;
  if ((low & 3) === pointerKind.far) return followFar(arena, low, high);
  return { segment, start: at + 1 + (low >> 2), low, high };
}

/** A pointer into another segment leads to a landing pad: the real pointer, or for a double one its place and its tag. */
function followFar(arena: Arena, low: number, high: number): Target {
  const double = (low & 4) !== 0;
  const segment = segmentAt(arena, high);
  const pad = low >>> 3;
  take(arena, { segment, start: pad }, double ? 2 : 1);
  const padLow = segment.view.getUint32(pad * 8, true);
  const padHigh = segment.view.getUint32(pad * 8 + 4, true);
  // A pad is never itself far, save for the one hop of a double pointer: chains and loops cannot be built.
  if (!double) {
    if ((padLow & 3) === pointerKind.far) throw new ProtocolError('a far pointer leads to another');
    return { segment, start: pad + 1 + (padLow >> 2), low: padLow, high: padHigh };
  }
  if ((padLow & 7) !== pointerKind.far) throw new ProtocolError('a double far pointer leads to no far pointer');
  const tagLow = segment.view.getUint32(pad * 8 + 8, true);
  const tagHigh = segment.view.getUint32(pad * 8 + 12, true);
  if ((tagLow & 3) === pointerKind.far) throw new ProtocolError('a double far pointer has a far tag');
  return { segment: segmentAt(arena, padHigh), start: padLow >>> 3, low: tagLow, high: tagHigh };
}

function segmentAt(arena: Arena, index: number): Segment {
  const segment = arena.segments[index];
  if (segment === undefined) throw new ProtocolError(`a pointer leads to segment ${index}, which is not there`);
  return segment;
}

/** Checks that `words` words lie at a target, and pays for them. */
function take(arena: Arena, at: { readonly segment: Segment; readonly start: number }, words: number): void {
  if (at.start < 0 || at.start + words > at.segment.words)
    throw new ProtocolError('a pointer leads out of its segment');
  charge(arena, words);
}

function charge(arena: Arena, words: number): void {
  arena.budget -= Math.max(1, words);
  if (arena.budget < 0) throw new ProtocolError('a message stands for far more than it holds');
}
