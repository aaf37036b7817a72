// Many deadlines on one clock.
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Clock } from '../../src/clock.ts';
import { createDeadlines } from '../../src/edge/deadlines.ts';

/** A clock that only moves when told to. */
function manualClock() {
  let now = 0;
  const waiting = new Set<{ readonly at: number; readonly wake: () => void }>();
  const clock: Clock = {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const entry = { at: now + ms, wake: resolve };
        waiting.add(entry);
        signal?.addEventListener('abort', () => {
          waiting.delete(entry);
          reject(signal.reason);
        });
      }),
  };
  async function advance(ms: number): Promise<void> {
    for (const end = now + ms; now < end; now += 10) {
      for (const entry of [...waiting]) {
        if (entry.at > now + 10) continue;
        waiting.delete(entry);
        entry.wake();
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return { clock, advance, sleepers: () => waiting.size };
}

test('a deadline expires once, a cancelled one never, a refreshed one later', async () => {
  const { clock, advance, sleepers } = manualClock();
  const deadlines = createDeadlines(clock, 800);
  const expired: string[] = [];
  deadlines.start(() => expired.push('plain'));
  const cancelled = deadlines.start(() => expired.push('cancelled'));
  const refreshed = deadlines.start(() => expired.push('refreshed'));
  cancelled.cancel();
  await advance(500);
  refreshed.refresh();
  await advance(450);
  assert.deepEqual(expired, ['plain']);
  await advance(600);
  assert.deepEqual(expired, ['plain', 'refreshed']);
  assert.equal(sleepers(), 0, 'nothing waits when there is nothing to wait for');
  deadlines.start(() => expired.push('second life'));
  await advance(1_000);
  assert.deepEqual(expired.at(-1), 'second life');
});

test('stopping forgets everything and wakes the sleeper', async () => {
  const { clock, sleepers } = manualClock();
  const deadlines = createDeadlines(clock, 800);
  deadlines.start(() => assert.fail('expired after stop'));
  assert.equal(sleepers(), 1);
  await deadlines.stop();
  assert.equal(sleepers(), 0);
});
