// Messages that lie about themselves: each lie is a ProtocolError, and none costs more than the message's own size.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolError } from '../../../src/errors.ts';
import { buildMessage } from '../../../src/protocol/capnp/builder.ts';
import { decodeMessage, readRoot, type StructReader } from '../../../src/protocol/capnp/message.ts';

/** A segment of words, each written as its two 32-bit halves. */
function segment(...words: readonly (readonly [number, number])[]): Uint8Array {
  const bytes = new Uint8Array(words.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [index, [low, high]] of words.entries()) {
    view.setUint32(index * 8, low >>> 0, true);
    view.setUint32(index * 8 + 4, high >>> 0, true);
  }
  return bytes;
}

const structPointer = (offset: number, dataWords: number, pointers: number) =>
  [offset << 2, dataWords | (pointers << 16)] as const;
const listPointer = (offset: number, size: number, count: number) => [(offset << 2) | 1, (count << 3) | size] as const;
const farPointer = (word: number, inSegment: number) => [(word << 3) | 2, inSegment] as const;
const doubleFarPointer = (word: number, inSegment: number) => [(word << 3) | 6, inSegment] as const;
const root = structPointer(0, 0, 1);

test('a double far pointer leads to its content', () => {
  const message = readRoot([
    segment(doubleFarPointer(0, 1)),
    segment(farPointer(1, 2), structPointer(0, 1, 0)),
    segment([0, 0], [42, 0]),
  ]);
  assert.equal(message.u32(0), 42);
});

test('a double far pointer leads to a list', () => {
  const message = readRoot([
    segment(root, doubleFarPointer(0, 1)),
    segment(farPointer(0, 2), listPointer(0, 2, 3)),
    segment([0x006968, 0]),
  ]);
  assert.equal(message.text(0), 'hi');
});

test('a far pointer to a null pad and fields beyond the struct read as empty', () => {
  const message = readRoot([segment(structPointer(0, 1, 1), [7, 0], [0, 0])]);
  assert.deepEqual(
    [message.u8(8), message.u16(7), message.u32(6), message.u64(8), message.bit(64)],
    [0, 0, 0, 0n, false],
  );
  assert.deepEqual([message.text(0), message.text(5), message.texts(0), message.structs(0)], ['', '', [], []]);
  assert.equal(message.capability(0), undefined);
  assert.equal(message.struct(0).struct(3).u8(0), 0);
});

interface Lie {
  readonly name: string;
  readonly segments: readonly Uint8Array[];
  readonly read?: (root: StructReader) => unknown;
}

const text = (message: StructReader) => message.text(0);
const structs = (message: StructReader) => message.structs(0);
const texts = (message: StructReader) => message.texts(0);
const huge = 2 ** 29 - 1;

const lies: readonly Lie[] = [
  { name: 'no segment at all', segments: [] },
  { name: 'an empty segment', segments: [new Uint8Array(0)] },
  { name: 'a root beyond the segment', segments: [segment(structPointer(0, 1, 0))] },
  { name: 'a root before the segment', segments: [segment(structPointer(-2, 1, 0), [0, 0])] },
  { name: 'a root that is a list', segments: [segment(listPointer(0, 2, 0))] },
  { name: 'a root that is a capability', segments: [segment([3, 0])] },
  { name: 'a struct with 131070 words', segments: [segment(structPointer(0, 0xffff, 0xffff))] },
  { name: 'a far pointer into no segment', segments: [segment(farPointer(0, 9))] },
  { name: 'a far pointer beyond its segment', segments: [segment(farPointer(1, 0))] },
  { name: 'a far pointer to itself', segments: [segment(farPointer(0, 0))] },
  { name: 'a far pointer to a far pointer', segments: [segment(farPointer(0, 1)), segment(farPointer(0, 0))] },
  {
    name: 'a double far pointer with half a pad',
    segments: [segment(doubleFarPointer(0, 1)), segment(farPointer(0, 0))],
  },
  {
    name: 'a double far pointer to a near one',
    segments: [segment(doubleFarPointer(0, 1)), segment(root, structPointer(0, 0, 0))],
  },
  {
    name: 'a double far pointer with a far tag',
    segments: [segment(doubleFarPointer(0, 1)), segment(farPointer(0, 0), farPointer(0, 0))],
  },
  {
    name: 'a double far pointer to content in no segment',
    segments: [segment(doubleFarPointer(0, 1)), segment(farPointer(0, 77), structPointer(0, 0, 0))],
  },
  { name: 'a text beyond the segment', segments: [segment(root, listPointer(0, 2, 9))], read: text },
  { name: 'a text without its NUL', segments: [segment(root, listPointer(0, 2, 2), [0x6968, 0])], read: text },
  { name: 'a text of half a gigabyte', segments: [segment(root, listPointer(0, 2, huge))], read: text },
  { name: 'a text that is a struct', segments: [segment(root, structPointer(-1, 0, 0))], read: text },
  { name: 'a text that is a list of bits', segments: [segment(root, listPointer(0, 1, 8), [0, 0])], read: text },
  { name: 'half a billion texts', segments: [segment(root, listPointer(0, 6, huge))], read: texts },
  { name: 'half a billion values without size', segments: [segment(root, listPointer(0, 0, huge))], read: texts },
  {
    name: 'half a billion structs without size',
    segments: [segment(root, listPointer(0, 7, 0), structPointer(huge, 0, 0))],
    read: structs,
  },
  {
    name: 'a billion structs with size',
    segments: [segment(root, listPointer(0, 7, 1), [0xfffffffc, 0xffffffff], [0, 0])],
    read: structs,
  },
  { name: 'structs without a tag', segments: [segment(root, listPointer(0, 7, 0))], read: structs },
  { name: 'structs tagged as a list', segments: [segment(root, listPointer(0, 7, 0), [1, 0])], read: structs },
  {
    name: 'structs larger than their list',
    segments: [segment(root, listPointer(0, 7, 1), structPointer(2, 1, 0), [0, 0])],
    read: structs,
  },
  {
    name: 'a capability that is a struct',
    segments: [segment(root, structPointer(-1, 0, 0))],
    read: (m) => m.capability(0),
  },
  { name: 'a capability of an unknown kind', segments: [segment(root, [7, 0])], read: (m) => m.capability(0) },
];

for (const { name, segments, read } of lies) {
  test(`refused: ${name}`, () => {
    assert.throws(() => {
      const message = readRoot(segments);
      read?.(message);
    }, ProtocolError);
  });
}

test('a struct that contains itself ends at the depth limit', () => {
  // Word 1 is the struct's pointer, which points back at word 1; enough words beside it keep the budget out of the way.
  const words = Array.from({ length: 100 }, () => [0, 0] as const);
  const message = readRoot([segment(root, structPointer(-1, 0, 1), ...words)]);
  let at = message;
  assert.throws(() => {
    for (let depth = 0; depth < 1000; depth++) at = at.struct(0);
  }, /nested too deeply/);
});

test('many pointers to one large text cost what they stand for', () => {
  const count = 64;
  const pointers = Array.from({ length: count }, (_, index) => listPointer(count - 1 - index, 2, 8000));
  const body = Array.from({ length: 999 }, () => [0x61616161, 0x61616161] as const);
  const message = readRoot([segment(root, listPointer(0, 6, count), ...pointers, ...body, [0x61616161, 0x00616161])]);
  assert.throws(() => message.texts(0), /far more than it holds/);
});

test('data is a copy, whatever kind of bytes it is read from', () => {
  const frame = Buffer.from(
    buildMessage({ dataWords: 0, pointers: 1 }, (builder) => builder.data(0, Buffer.from('abc'))),
  );
  const data = decodeMessage(frame).data(0);
  frame.fill(0);
  assert.deepEqual(data, Uint8Array.of(97, 98, 99));
});

test('everything a builder can write is read back', () => {
  const frame = buildMessage({ dataWords: 4, pointers: 6 }, (builder) => {
    builder.u8(0, 200);
    builder.u16(2, 65_000);
    builder.u32(4, 4_000_000_000);
    builder.u64(8, 2n ** 64n - 1n);
    builder.i64(16, -1n);
    builder.bit(200, true);
    builder.bit(201, true);
    builder.bit(201, false);
    builder.text(0, 'Grüße');
    builder.texts(1, ['', 'x', '日本']);
    builder.struct(2, 0, 0);
    builder.struct(3, 1, 0).u8(0, 9);
    for (const [index, item] of builder.structs(4, 3, 1, 1).entries()) {
      item.u32(0, index);
      item.data(0, new Uint8Array(500).fill(index));
    }
    builder.capability(5, 12);
  });
  const message = decodeMessage(frame);
  assert.deepEqual([message.u8(0), message.u16(2), message.u32(4)], [200, 65_000, 4_000_000_000]);
  assert.deepEqual([message.u64(8), message.i64(16)], [2n ** 64n - 1n, -1n]);
  assert.deepEqual([message.bit(200), message.bit(201)], [true, false]);
  assert.deepEqual([message.text(0), message.texts(1)], ['Grüße', ['', 'x', '日本']]);
  assert.equal(message.struct(3).u8(0), 9);
  const items = message.structs(4);
  assert.deepEqual(
    items.map((item) => item.u32(0)),
    [0, 1, 2],
  );
  assert.deepEqual(
    items.map((item) => item.data(0)),
    [0, 1, 2].map((index) => new Uint8Array(500).fill(index)),
  );
  assert.equal(message.capability(5), 12);
});
