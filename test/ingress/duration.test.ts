// Go durations to seconds and back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatGoDuration, parseGoDuration } from '../../src/ingress/duration.ts';

const cases = [
  ['30s', 30],
  ['1h2m3s', 3723],
  ['1.5s', 1.5],
  ['.5s', 0.5],
  ['-5s', -5],
  ['+5s', 5],
  ['0', 0],
  ['250ms', 0.25],
  ['1µs', 1e-6],
  ['', undefined],
  ['30', undefined],
  ['s', undefined],
  ['1 s', undefined],
  ['1d', undefined],
  ['.s', undefined],
  ['--1s', undefined],
  ['9223372037s', undefined],
] as const;
for (const [text, seconds] of cases)
  test(`${JSON.stringify(text)} is ${seconds ?? 'no duration'}`, () => assert.equal(parseGoDuration(text), seconds));

test('what was formatted reads back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e15 }), (nanoseconds) => {
      const seconds = nanoseconds / 1e9;
      assert.ok(Math.abs((parseGoDuration(formatGoDuration(seconds)) ?? Number.NaN) - seconds) < 1e-9);
    }),
  );
});
