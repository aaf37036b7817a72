// When a quick tunnel ends, in words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { untilText } from '../../src/cli/quick-end.ts';

const now = new Date(2026, 10, 22, 23, 5, 9);
const cases: readonly (readonly [string, Date | undefined, string])[] = [
  ['no limit', undefined, 'until Ctrl-C'],
  ['a limit of minutes', new Date(2026, 10, 22, 23, 35, 9), 'until 23:35 or Ctrl-C'],
  ['a limit of seconds', new Date(2026, 10, 22, 23, 5, 39), 'until 23:05:39 or Ctrl-C'],
  ['another day', new Date(2026, 10, 23, 1, 5, 9), 'until 2026-11-23 01:05 or Ctrl-C'],
];
for (const [name, endsAt, expected] of cases)
  test(`${name} is said`, () => assert.equal(untilText(now, endsAt), expected));
