// Frames survive any way of being cut up, and a frame that lies about its size costs nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ProtocolError } from '../../../src/errors.ts';
import { createFrameReader, decodeFrame, encodeFrame } from '../../../src/protocol/capnp/framing.ts';
import { defaultLimits } from '../../../src/protocol/capnp/limits.ts';
import { wireVectors } from '../fixtures/wire-vectors.ts';

const conversation = wireVectors.connector.map((vector) => Buffer.from(vector.hex, 'hex'));

test('a conversation cut anywhere gives the same messages', () => {
  const whole = Buffer.concat(conversation);
  const expected = conversation.map((frame) => decodeFrame(frame).map((part) => Buffer.from(part).toString('hex')));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: whole.length }), { maxLength: 60 }), (cuts) => {
      const reader = createFrameReader();
      const ends = [...cuts, whole.length].sort((a, b) => a - b);
      let start = 0;
      const messages = ends.flatMap((end) => {
        const chunk = whole.subarray(start, end);
        start = end;
        return reader.push(chunk);
      });
      assert.deepEqual(
        messages.map((message) => message.map((part) => Buffer.from(part).toString('hex'))),
        expected,
      );
      assert.equal(reader.idle, true);
    }),
    { numRuns: 100 },
  );
});

test('messages do not change when the chunk they came in is used again', () => {
  const reader = createFrameReader();
  const chunk = Buffer.from(conversation[0] ?? []);
  const [message] = reader.push(chunk);
  chunk.fill(0xff);
  assert.deepEqual(
    message?.map((part) => Buffer.from(part)),
    decodeFrame(conversation[0] ?? Buffer.alloc(0)).map(Buffer.from),
  );
});

test('several segments with and without padding of the table are cut right', () => {
  for (const sizes of [[1], [1, 2], [0, 3, 1], [1, 1, 1, 1]]) {
    const table = Buffer.alloc(8 * Math.ceil((4 + 4 * sizes.length) / 8));
    table.writeUInt32LE(sizes.length - 1, 0);
    for (const [index, size] of sizes.entries()) table.writeUInt32LE(size, 4 + 4 * index);
    const body = sizes.map((size, index) => Buffer.alloc(size * 8, index + 1));
    const segments = decodeFrame(Buffer.concat([table, ...body]));
    assert.deepEqual(
      segments.map((part) => Buffer.from(part)),
      body,
    );
  }
});

for (const [name, header] of [
  ['half a billion segments', [0xff, 0xff, 0xff, 0x1f]],
  ['2^32 segments', [0xff, 0xff, 0xff, 0xff]],
  ['32 GB in one segment', [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]],
  ['8 MiB and a word', [0, 0, 0, 0, 1, 0, 0x10, 0]],
] as const) {
  test(`a frame announcing ${name} is refused before it arrives`, () => {
    assert.throws(() => createFrameReader().push(Uint8Array.from(header)), ProtocolError);
  });
}

test('an announced size is not allocated before the bytes are there', () => {
  const before = process.memoryUsage().arrayBuffers;
  const readers = Array.from({ length: 200 }, () => createFrameReader());
  // 8 MiB each.
  for (const reader of readers) reader.push(Uint8Array.of(0, 0, 0, 0, 0, 0, 0x10, 0));
  assert.ok(process.memoryUsage().arrayBuffers - before < 16 * 1024 * 1024);
  assert.ok(readers.every((reader) => !reader.idle));
});

test('one message of many tiny chunks takes memory for its bytes, not for its chunks', () => {
  const size = 256 * 1024;
  const frame = encodeFrame(new Uint8Array(size).fill(7));
  const reader = createFrameReader({ ...defaultLimits, maxMessageBytes: size });
  const messages = Array.from(frame, (_, index) => reader.push(frame.subarray(index, index + 1))).flat();
  assert.deepEqual(
    messages.map((message) => message.map((part) => part.length)),
    [[size]],
  );
});

test('a frame cut short or too long is not one message', () => {
  const frame = conversation[1] ?? Buffer.alloc(0);
  assert.throws(() => decodeFrame(frame.subarray(0, -1)), ProtocolError);
  assert.throws(() => decodeFrame(Buffer.concat([frame, Buffer.alloc(8)])), ProtocolError);
  assert.throws(() => decodeFrame(new Uint8Array(0)), ProtocolError);
});
