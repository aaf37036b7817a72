// Durations as Access writes them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goDurationMs } from '../../../../src/edge/store/access/go-duration.ts';
import { RefusedError } from '../../../../src/edge/store/refusal.ts';

for (const [text, ms] of [
  ['24h', 86_400_000],
  ['2h45m', 9_900_000],
  ['300ms', 300],
  ['1.5s', 1_500],
  ['0s', 0],
  ['1000us', 1],
] as const)
  test(`${text} is ${ms} ms`, () => assert.equal(goDurationMs(text, 'session_duration'), ms));

for (const text of ['', 'h', '24', '1d', '-1h', '1h ', '1h,1m', `${'9'.repeat(60)}h`, 'forever', '1e3h'])
  test(`"${text}" is none`, () => {
    assert.throws(
      () => goDurationMs(text, 'session_duration'),
      (error) => error instanceof RefusedError && /session_duration/.test(error.message),
    );
  });
