// When passes run: one at a time, bursts folded, failures tried again with patience, the end clean.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Controller, createController, type RunPass } from '../src/controller.ts';
import { ApiError } from '../src/errors.ts';
import { createSilentLogger } from '../src/logger.ts';
import type { Pass } from '../src/reconcile.ts';
import { createFakeClock } from './fakes/clock.ts';

const empty: Pass = {
  complete: true,
  services: [],
  entries: [],
  desired: { ingress: [], dnsRecords: [], accessApplications: [] },
  plans: [],
  diagnostics: [],
  failed: [],
  isUndone: false,
};

/** A controller whose passes end when the test says so. */
function setUp(outcome: (pass: number) => Promise<Pass> = async () => empty) {
  const clock = createFakeClock();
  const passes: { full: boolean; signal: AbortSignal }[] = [];
  const bugs: unknown[] = [];
  const runPass: RunPass = (options) => {
    passes.push(options);
    return outcome(passes.length);
  };
  const controller: Controller = createController({
    runPass,
    clock,
    logger: createSilentLogger(),
    onBug: (bug) => bugs.push(bug),
  });
  return { clock, passes, bugs, controller };
}

/** Lets promises that are ready go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

describe('the controller', () => {
  test('starts a pass at once when idle, and folds a burst into exactly one more', async () => {
    const first = Promise.withResolvers<Pass>();
    const { clock, passes, controller } = setUp((pass) => (pass === 1 ? first.promise : Promise.resolve(empty)));
    controller.request('one');
    assert.equal(passes.length, 1);
    for (let event = 0; event < 500; event++) controller.request(`event ${event}`);
    first.resolve(empty);
    await settle();
    assert.equal(passes.length, 1, 'the window after a pass gathers more');
    controller.request('within the window');
    await clock.advance(100);
    await settle();
    assert.equal(passes.length, 2);
    assert.ok(controller.snapshot()?.reasons.includes('within the window'));
    await clock.advance(1_000);
    await settle();
    assert.equal(passes.length, 2);
    await controller.stop();
  });

  test('one full request among many makes the folded pass full', async () => {
    const first = Promise.withResolvers<Pass>();
    const { clock, passes, controller } = setUp((pass) => (pass === 1 ? first.promise : Promise.resolve(empty)));
    controller.request('event');
    controller.request('event');
    controller.request('schedule', { full: true });
    first.resolve(empty);
    await settle();
    await clock.advance(100);
    await settle();
    assert.deepEqual(
      passes.map((pass) => pass.full),
      [false, true],
    );
    await controller.stop();
  });

  test('a failed pass is tried again after a wait, and an event does not wait for that', async () => {
    const down = new ApiError({ code: 'E_API_UNREACHABLE', message: 'down', retryable: true });
    const { clock, passes, controller } = setUp((pass) => (pass < 3 ? Promise.reject(down) : Promise.resolve(empty)));
    controller.request('start');
    await settle();
    assert.equal(controller.lastError(), down);
    assert.equal(controller.snapshot(), undefined);
    await clock.advance(100);
    await settle();
    assert.equal(passes.length, 1);
    controller.request('event');
    await settle();
    assert.equal(passes.length, 2);
    await clock.advance(10_000);
    await settle();
    assert.equal(passes.length, 3);
    assert.equal(passes[2]?.full, true, 'a retry reads everything');
    assert.equal(controller.lastError(), undefined);
    await controller.stop();
  });

  test('services that failed are tried again although the pass went through', async () => {
    const { clock, passes, controller } = setUp(async (pass) =>
      pass === 1 ? { ...empty, failed: ['docker/a'], isUndone: true } : empty,
    );
    controller.request('start');
    await settle();
    await clock.advance(10_000);
    await settle();
    assert.equal(passes.length, 2);
    await controller.stop();
  });

  test('what is no AppError is a bug and ends the process, not a retry', async () => {
    const { clock, passes, bugs, controller } = setUp(() => Promise.reject(new TypeError('oops')));
    controller.request('start');
    await settle();
    await clock.advance(100_000);
    await settle();
    assert.equal(passes.length, 1);
    assert.ok(bugs[0] instanceof TypeError);
    await controller.stop();
  });

  test('a pass asked for by hand answers with its own outcome', async () => {
    const { controller } = setUp(async (pass) =>
      pass === 1 ? empty : Promise.reject(new ApiError({ code: 'E_API', message: 'no' })),
    );
    assert.equal((await controller.passNow('by hand')).revision, 1);
    await controller.stop();
    await assert.rejects(controller.passNow('too late'), /stopping/);
  });

  test('while a pass is slow, what happens meanwhile gets a glance, once each time and never when nothing was asked', async () => {
    const slow = Promise.withResolvers<Pass>();
    const clock = createFakeClock();
    let glances = 0;
    const controller = createController({
      runPass: () => slow.promise,
      glance: async () => void glances++,
      clock,
      logger: createSilentLogger(),
      onBug: () => undefined,
    });
    controller.request('start');
    await clock.advance(1_000);
    assert.equal(glances, 0);
    controller.request('die a');
    controller.request('die b');
    await clock.advance(1_000);
    assert.equal(glances, 1);
    controller.request('die c');
    await clock.advance(250);
    assert.equal(glances, 2);
    slow.resolve(empty);
    await controller.stop();
  });

  test('stopping aborts the pass in flight and starts no other', async () => {
    const { clock, passes, controller } = setUp(
      () =>
        new Promise((_resolve, reject) =>
          passes.at(-1)?.signal.addEventListener('abort', () => reject(new Error('aborted'))),
        ),
    );
    controller.request('start');
    controller.request('more');
    await controller.stop();
    await clock.advance(100_000);
    await settle();
    assert.equal(passes.length, 1);
  });
});
