// The road is kept: built once, opened when it may serve, and built anew when the edge refuses it for good.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Road } from '../../src/app/road.ts';
import { createRoadKeeper } from '../../src/app/road-keeper.ts';
import { EdgeError } from '../../src/errors.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { createFakeClock } from '../fakes/clock.ts';

const refused = new EdgeError({ code: 'E_EDGE_REFUSED', message: 'wrong secret', permanent: true });

function setUp(outcomes: readonly ('open' | 'refused' | 'bug')[], isRemote = false) {
  const clock = createFakeClock();
  const log: string[] = [];
  let built = 0;
  const keeper = createRoadKeeper({
    build: async (refresh) => {
      const outcome = outcomes[built++] ?? 'open';
      log.push(refresh ? 'build with a fresh secret' : 'build');
      const start = async () => {
        log.push('start');
        if (outcome === 'refused') throw refused;
        if (outcome === 'bug') throw new TypeError('oops');
      };
      const connector = { start, stop: async () => void log.push('stop') };
      return { connector, isRemote } as unknown as Road;
    },
    onLost: () => log.push('lost'),
    onBug: (bug) => log.push(`bug: ${String(bug)}`),
    logger: createSilentLogger(),
    clock,
  });
  return { clock, keeper, log };
}

const { signal } = new AbortController();

describe('the road keeper', () => {
  test('builds one road for many passes and opens a local one at once', async () => {
    const { keeper, log } = setUp(['open']);
    await keeper.ensure(signal);
    await keeper.ensure(signal);
    assert.deepEqual(log, ['build', 'start']);
  });

  test('a road whose rules the edge keeps is opened only when a pass says so, and once', async () => {
    const { keeper, log } = setUp(['open'], true);
    const road = await keeper.ensure(signal);
    assert.deepEqual(log, ['build']);
    keeper.open(road);
    keeper.open(road);
    assert.deepEqual(log, ['build', 'start']);
  });

  test('refused for good, it waits, asks for a pass, and the next road fetches the secret again', async () => {
    const { clock, keeper, log } = setUp(['refused', 'open']);
    await keeper.ensure(signal);
    await clock.advance(0);
    assert.equal(keeper.error(), refused);
    assert.deepEqual(log, ['build', 'start']);
    await clock.advance(2_000);
    assert.deepEqual(log, ['build', 'start', 'stop', 'lost']);
    await keeper.ensure(signal);
    await clock.advance(0);
    assert.deepEqual(log.slice(4), ['build with a fresh secret', 'start']);
    assert.equal(keeper.error(), undefined);
  });

  test('what is no AppError is a bug', async () => {
    const { clock, keeper, log } = setUp(['bug']);
    await keeper.ensure(signal);
    await clock.advance(0);
    assert.deepEqual(log, ['build', 'start', 'bug: TypeError: oops']);
  });

  test('once stopped, nothing is opened or built again', async () => {
    const { clock, keeper, log } = setUp(['refused']);
    await keeper.ensure(signal);
    await clock.advance(0);
    await keeper.stop();
    await clock.advance(1_000_000);
    assert.deepEqual(log, ['build', 'start', 'stop']);
  });
});
