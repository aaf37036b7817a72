// The server end's websocket frames, against what a client may send and must not send.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ProtocolError } from '../../src/errors.ts';
import { acceptKey, closeFrame, createFrameDecoder, frameHeader, opcodes } from '../../src/origin/websocket-frames.ts';

function decode(chunks: readonly Buffer[]) {
  const data: Buffer[] = [];
  const pings: string[] = [];
  const closes: (number | undefined)[] = [];
  const decoder = createFrameDecoder({
    onData: (chunk) => data.push(Buffer.from(chunk)),
    onPing: (payload) => pings.push(payload.toString()),
    onClose: (code) => closes.push(code),
  });
  for (const chunk of chunks) decoder.push(Buffer.from(chunk));
  return { data: Buffer.concat(data), pings, closes };
}

function clientFrame(opcode: number, payload: Buffer, options: { final?: boolean; mask?: Buffer } = {}): Buffer {
  const mask = options.mask ?? Buffer.from([1, 2, 3, 4]);
  const header = frameHeader(opcode, payload.length);
  if (options.final === false) header[0] = opcode;
  header[1] = (header[1] ?? 0) | 0x80;
  const masked = Buffer.from(payload.map((byte, i) => byte ^ (mask[i & 3] ?? 0)));
  return Buffer.concat([header, mask, masked]);
}

test('the handshake answer is the one of RFC 6455', () => {
  assert.equal(acceptKey('dGhlIHNhbXBsZSBub25jZQ=='), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
});

test('frames of any size, masked and cut anywhere, give their payload', () => {
  const sizes = fc.oneof(fc.integer({ min: 0, max: 130 }), fc.integer({ min: 65_530, max: 65_540 }));
  fc.assert(
    fc.property(
      fc.array(sizes, { maxLength: 4 }),
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.integer({ min: 1, max: 70_000 }),
      (lengths, mask, step) => {
        const payloads = lengths.map((length, i) => Buffer.alloc(length, 65 + i));
        const bytes = Buffer.concat(
          payloads.map((payload) => clientFrame(opcodes.binary, payload, { mask: Buffer.from(mask) })),
        );
        const chunks: Buffer[] = [];
        for (let at = 0; at < bytes.length; at += step) chunks.push(bytes.subarray(at, at + step));
        assert.deepEqual(decode(chunks).data, Buffer.concat(payloads));
      },
    ),
    { numRuns: 60 },
  );
});

test('pings between the parts of a message, and closes, are seen', () => {
  const bytes = Buffer.concat([
    clientFrame(opcodes.text, Buffer.from('a'), { final: false }),
    clientFrame(opcodes.ping, Buffer.from('p')),
    clientFrame(opcodes.continuation, Buffer.from('b')),
    clientFrame(opcodes.pong, Buffer.from('ignored')),
    clientFrame(opcodes.close, Buffer.from([0x03, 0xe9, 0x21])),
    clientFrame(opcodes.close, Buffer.alloc(0)),
  ]);
  const whole = decode([bytes]);
  assert.deepEqual([whole.data.toString(), whole.pings, whole.closes], ['ab', ['p'], [1001, undefined]]);
  assert.deepEqual(decode([...bytes].map((byte) => Buffer.from([byte]))), whole);
});

const violations: { name: string; bytes: number[] }[] = [
  { name: 'an unmasked frame', bytes: [0x82, 0x01, 0x41] },
  { name: 'reserved bits', bytes: [0xc2, 0x81, 0, 0, 0, 0, 0x41] },
  { name: 'an unknown data opcode', bytes: [0x83, 0x80, 0, 0, 0, 0] },
  { name: 'an unknown control opcode', bytes: [0x8b, 0x80, 0, 0, 0, 0] },
  { name: 'a long ping', bytes: [0x89, 0xfe, 0, 200, 0, 0, 0, 0] },
  { name: 'a fragmented ping', bytes: [0x09, 0x80, 0, 0, 0, 0] },
  { name: 'a continuation of nothing', bytes: [0x80, 0x80, 0, 0, 0, 0] },
  { name: 'a message inside a message', bytes: [0x02, 0x80, 0, 0, 0, 0, 0x82, 0x80, 0, 0, 0, 0] },
  { name: 'an absurd length', bytes: [0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0] },
];
for (const c of violations) {
  test(`${c.name} is a protocol error`, () => {
    assert.throws(() => decode([Buffer.from(c.bytes)]), ProtocolError);
  });
}

test('no bytes make the decoder throw anything but its own error', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }), (chunks) => {
      try {
        decode(chunks.map((chunk) => Buffer.from(chunk)));
      } catch (error) {
        assert.ok(error instanceof ProtocolError);
      }
    }),
  );
});

test('a close frame carries its code', () => {
  assert.deepEqual([...closeFrame(1000)], [0x88, 2, 0x03, 0xe8]);
});
