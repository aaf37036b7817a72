// DER as X.690 and RFC 5280 write it.
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { bitString, childrenOf, encodeDer, integer, objectIdentifier, sequence, time } from '../../src/edge/der.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

const cases: readonly (readonly [name: string, bytes: Uint8Array, expected: string])[] = [
  ['an empty sequence', sequence(), '3000'],
  ['a short length', encodeDer(0x04, new Uint8Array(127)).subarray(0, 2), '047f'],
  ['a length of one byte', encodeDer(0x04, new Uint8Array(128)).subarray(0, 3), '048180'],
  ['a length of two bytes', encodeDer(0x04, new Uint8Array(256)).subarray(0, 4), '04820100'],
  ['a small integer', integer(Uint8Array.of(2)), '020102'],
  ['an integer that must not look negative', integer(Uint8Array.of(0x80)), '02020080'],
  ['a bit string with unused bits', bitString(Uint8Array.of(0x80), 7), '03020780'],
  ['ecdsa-with-SHA256', objectIdentifier('1.2.840.10045.4.3.2'), '06082a8648ce3d040302'],
  ['basicConstraints', objectIdentifier('2.5.29.19'), '0603551d13'],
  ['a time of this half century', time(new Date('2049-12-31T23:59:59.999Z')), `170d${ascii('491231235959Z')}`],
  ['a time after it', time(new Date('2050-01-01T00:00:00Z')), `180f${ascii('20500101000000Z')}`],
];

function ascii(text: string): string {
  return Buffer.from(text).toString('hex');
}

for (const [name, bytes, expected] of cases) {
  test(`DER: ${name}`, () => {
    assert.equal(hex(bytes), expected);
  });
}

test('what was put into a sequence is found in it', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 400 })), (contents) => {
      const items = contents.map((bytes) => encodeDer(0x04, bytes));
      assert.deepEqual(childrenOf(sequence(...items)).map(hex), items.map(hex));
    }),
  );
});

test('whatever is read, there is an answer or a RangeError', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      try {
        childrenOf(bytes);
      } catch (error) {
        assert.ok(error instanceof RangeError);
      }
    }),
  );
});
