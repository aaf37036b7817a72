// One signal asks, a later one insists, and an echo of the first does neither.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { onEndSignals } from '../../src/cli/end-signals.ts';

describe('signals that end a program', () => {
  let forget: (() => void) | undefined;
  afterEach(() => forget?.());

  function listen() {
    const heard: string[] = [];
    const clock = { time: 1_000, now: () => clock.time };
    forget = onEndSignals(
      { ask: (signal) => heard.push(`ask ${signal}`), now: (signal) => heard.push(`now ${signal}`) },
      clock,
    );
    return { heard, clock };
  }

  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    test(`the same ${signal} passed on by npm is no second one`, () => {
      const { heard, clock } = listen();
      process.emit(signal, signal);
      process.emit(signal, signal);
      clock.time += 100;
      process.emit(signal, signal);
      assert.deepEqual(heard, [`ask ${signal}`]);
    });

  test('one more, later, means now, and is the last that is heard', () => {
    const { heard, clock } = listen();
    process.emit('SIGINT', 'SIGINT');
    clock.time += 500;
    process.emit('SIGTERM', 'SIGTERM');
    assert.deepEqual(heard, ['ask SIGINT', 'now SIGTERM']);
    assert.deepEqual([process.listenerCount('SIGINT'), process.listenerCount('SIGTERM')], [0, 0]);
  });

  test('nothing is heard once it is forgotten', () => {
    const before = process.listenerCount('SIGINT');
    listen();
    assert.equal(process.listenerCount('SIGINT'), before + 1);
    forget?.();
    assert.equal(process.listenerCount('SIGINT'), before);
  });
});
