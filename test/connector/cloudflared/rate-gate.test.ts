// Too many lines at once are counted instead of written.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRateGate } from '../../../src/connector/cloudflared/rate-gate.ts';

test('events over the limit are dropped until the window ends, and then counted once', () => {
  let now = 0;
  const gate = createRateGate({ now: () => now }, 2, 1000);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => gate.next().isOpen),
    [true, true, false, false],
  );
  now = 1000;
  assert.deepEqual(gate.next(), { isOpen: true, dropped: 2 });
  assert.deepEqual(gate.next(), { isOpen: true, dropped: 0 });
});
