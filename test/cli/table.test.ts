// Tables for the terminal: aligned, and deaf to what untrusted names try to tell it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTable } from '../../src/cli/table.ts';

test('columns are as wide as their longest cell, without trailing space', () => {
  assert.equal(
    formatTable(
      ['A', 'B'],
      [
        ['long', 'x'],
        ['s', ''],
      ],
    ),
    'A     B\nlong  x\ns\n',
  );
});

test('escape sequences in a name are shown as dots, not obeyed', () => {
  assert.equal(formatTable(['A'], [['\u001b[2Jevil\r\n\u009b']]), 'A\n·[2Jevil···\n');
});
