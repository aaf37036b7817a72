// Cutting a stream of text into lines.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createLineSplitter } from '../../../src/connector/cloudflared/line-splitter.ts';

function split(pieces: readonly string[], maxLength = 100): string[] {
  const splitter = createLineSplitter(maxLength);
  return [...pieces.flatMap((piece) => splitter.push(piece)), ...splitter.end()];
}

const cases = [
  { name: 'a line in two pieces is one line', pieces: ['ab', 'c\n'], lines: ['abc'] },
  { name: 'several lines in one piece are several', pieces: ['a\nb\n'], lines: ['a', 'b'] },
  { name: 'an empty line is a line', pieces: ['a\n\nb\n'], lines: ['a', '', 'b'] },
  { name: 'a carriage return before the line end is no part of the line', pieces: ['a\r', '\nb\n'], lines: ['a', 'b'] },
  { name: 'what is left at the end is a line', pieces: ['a\nb'], lines: ['a', 'b'] },
  { name: 'nothing gives no line', pieces: ['', ''], lines: [] },
  { name: 'a long line is cut and its rest dropped', pieces: ['123456', '789\nab\n'], lines: ['12345', 'ab'], max: 5 },
];
for (const { name, pieces, lines, max } of cases) {
  test(name, () => assert.deepEqual(split(pieces, max), lines));
}

test('however the text is cut, the lines are the same', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\n') })), (pieces) => {
      const lines = pieces.join('').split('\n');
      if (lines.at(-1) === '') lines.pop();
      assert.deepEqual(split(pieces, 1000), lines);
    }),
  );
});
