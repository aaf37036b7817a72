// Whatever bytes come, the codec either reads them or throws a ProtocolError.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ProtocolError } from '../../../src/errors.ts';
import { createFrameReader, decodeFrame } from '../../../src/protocol/capnp/framing.ts';
import { decodeMessage, type StructReader } from '../../../src/protocol/capnp/message.ts';
import {
  readLocalConfiguration,
  readRegisterRequest,
  readRegisterResponse,
} from '../../../src/protocol/capnp/registration-codec.ts';
import { bootstrapCapability, decodeRpc, encodeUnimplemented } from '../../../src/protocol/capnp/rpc.ts';
import { wireVectors } from '../fixtures/wire-vectors.ts';

const seeds = [
  ...wireVectors.connector.map((vector) => vector.hex),
  ...wireVectors.edge.map((vector) => vector.hex),
  ...wireVectors.segmented.register,
  wireVectors.segmented.connect,
].map((hex) => Buffer.from(hex, 'hex'));

/** Runs a reader and lets only a ProtocolError through as an expected outcome. */
function survive(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
}

/** Everything that could be done with a message. */
function readAll(frame: Uint8Array): void {
  survive(() => {
    const segments = decodeFrame(frame);
    survive(() => decodeFrame(encodeUnimplemented(segments)));
    const message = decodeRpc(segments);
    if (message.kind === 'call') {
      survive(() => readRegisterRequest(message.params));
      survive(() => readLocalConfiguration(message.params));
    }
    if (message.kind === 'return' && message.result.kind === 'results') {
      const { payload } = message.result;
      survive(() => bootstrapCapability(payload));
      survive(() => readRegisterResponse(payload.struct(0)));
    }
  });
  survive(() => walk(decodeMessage(frame), { visits: 0 }));
}

/** Follows every pointer as every kind; the reader's own budget has to end it. */
function walk(at: StructReader, count: { visits: number }): void {
  if (++count.visits > 20_000) throw new Error('the budget does not end a walk');
  for (let pointer = 0; pointer < 6; pointer++) {
    survive(() => at.text(pointer));
    survive(() => at.data(pointer));
    survive(() => at.texts(pointer));
    survive(() => at.capability(pointer));
    survive(() => {
      for (const item of at.structs(pointer)) item.u64(0);
    });
    survive(() => {
      const inner = at.struct(pointer);
      // The empty struct contains itself.
      if (inner.struct(0) !== inner) walk(inner, count);
    });
  }
}

const mutated = fc
  .record({
    seed: fc.constantFrom(...seeds),
    edits: fc.array(fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) }), {
      minLength: 1,
      maxLength: 12,
    }),
    keep: fc.option(fc.nat()),
  })
  .map(({ seed, edits, keep }) => {
    const bytes = Buffer.from(seed);
    // Beyond the segment table more often than not: there the lies are.
    for (const { at, value } of edits) bytes[at % 5 === 0 ? at % bytes.length : 8 + (at % (bytes.length - 8))] = value;
    return keep === null ? bytes : bytes.subarray(0, keep % bytes.length);
  });

test('mutated and truncated real messages are read or refused', () => {
  fc.assert(fc.property(mutated, readAll), { numRuns: 1500 });
});

test('random bytes are read or refused', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 512 }), readAll), { numRuns: 500 });
});

test('random words behind a valid segment table are read or refused', () => {
  const words = fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { minLength: 1, maxLength: 40 });
  // Small numbers make pointers that lead somewhere.
  const smallWords = fc.array(
    fc
      .tuple(fc.integer({ min: -60, max: 200 }), fc.integer({ min: 0, max: 0x30007 }))
      .map(([low, high]) => (BigInt(high) << 32n) | BigInt(low >>> 0)),
    { minLength: 1, maxLength: 40 },
  );
  fc.assert(
    fc.property(fc.oneof(words, smallWords), (values) => {
      const frame = Buffer.alloc(8 + 8 * values.length);
      frame.writeUInt32LE(values.length, 4);
      for (const [index, value] of values.entries()) frame.writeBigUInt64LE(value, 8 + 8 * index);
      readAll(frame);
    }),
    { numRuns: 1500 },
  );
});

test('random chunks are cut into frames or refused', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.uint8Array({ maxLength: 64 }), mutated), { maxLength: 20 }), (chunks) => {
      const reader = createFrameReader();
      survive(() => {
        for (const chunk of chunks) for (const message of reader.push(chunk)) assert.ok(message.length > 0);
      });
    }),
    { numRuns: 300 },
  );
});
