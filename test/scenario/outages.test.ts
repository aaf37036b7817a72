// An API that fails in the middle of the largest change there is: what cannot be done safely is not done, and what was left is made up for.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { assertRight, assertRightAfterRestart } from './end.ts';
import { addForeigners, sharedTunnel } from './foreigners.ts';
import type { Program } from './program.ts';
import { beginning, ending, upheave } from './upheaval.ts';
import type { Fault } from './way.ts';
import { assertNothingWrong, createWorld, type World } from './world.ts';

/** Longer than the client believes a token to be bad, and the controller then waits before it tries again. */
const patienceMs = 120_000;

/** A program that has published everything, its next pass being the upheaval. */
async function published(t: TestContext, isLocal: boolean): Promise<{ world: World; program: Program }> {
  const world = await createWorld(t);
  addForeigners(world, { records: 6, rules: 4, applications: 4 });
  const program = world.program({ isLocal, ...(isLocal ? {} : { tunnel: sharedTunnel }) });
  program.start();
  program.show(beginning);
  await program.pass();
  program.calls.length = 0;
  return { world, program };
}

/** The upheaval with this fault from the k-th call on; then all is well again. Returns whether there was a k-th call. */
async function failFrom(t: TestContext, isLocal: boolean, from: number, fault: Fault): Promise<boolean> {
  const { world, program } = await published(t, isLocal);
  let calls = 0;
  program.fault = () => (++calls >= from ? fault : undefined);
  upheave(world, program);
  await program.pass();
  assertNothingWrong(world);
  const wasHit = calls >= from;
  program.fault = () => undefined;
  if (wasHit) await world.wait(patienceMs);
  await assertRight(world, program);
  return wasHit;
}

test('the token is revoked before any call of a pass, and a good one comes later', async (t) => {
  for (let from = 1, wasHit = true; wasHit; from++)
    await t.test(`call ${from}`, async (one) => {
      wasHit = await failFrom(one, from % 2 === 0, from, { status: from % 4 < 2 ? 401 : 403 });
    });
});

test('a storm of refusals for too many requests is waited out, without asking meanwhile', async (t) => {
  const { world, program } = await published(t, false);
  program.fault = () => ({ status: 429, headers: { 'retry-after': '30' } });
  upheave(world, program);
  await program.pass();
  const askedAtOnce = program.calls.length;
  await world.wait(10_000);
  assertNothingWrong(world);
  assert.ok(askedAtOnce <= 10, `${askedAtOnce} calls in one pass`);
  assert.ok(program.calls.length <= 10 * 6, `${program.calls.length} calls in ten seconds`);
  program.fault = () => undefined;
  await world.wait(patienceMs);
  await assertRight(world, program);
  await assertRightAfterRestart(world, program);
});

test('a storm of errors on every write, or on every second request, leaves nothing open and is made up for', async (t) => {
  const error = { status: 500, headers: { 'retry-after': '0' } };
  for (const { every, isLocal } of [
    { every: 1, isLocal: true },
    { every: 2, isLocal: false },
    { every: 3, isLocal: true },
  ])
    await t.test(`every ${every}, ${isLocal ? 'rules in our connector' : 'rules kept by the API'}`, async (one) => {
      const { world, program } = await published(one, isLocal);
      let calls = 0;
      program.fault = ({ isWrite }) => ((every > 1 || isWrite) && ++calls % every === 0 ? error : undefined);
      upheave(world, program);
      await program.pass();
      await world.wait(10_000);
      assertNothingWrong(world);
      program.fault = () => undefined;
      await world.wait(patienceMs);
      await assertRight(world, program);
    });
});

test('connections that break before or after the API did what was asked cost only time', async (t) => {
  for (let at = 0; at < 6; at++) {
    const fault = at % 2 === 0 ? 'lose-answer' : 'reset';
    await t.test(`${fault} at every sixth write from ${at + 1} on`, async (one) => {
      const { world, program } = await published(one, false);
      let writes = 0;
      program.fault = ({ isWrite }) => (isWrite && writes++ % 6 === at ? fault : undefined);
      upheave(world, program);
      await program.pass();
      program.fault = () => undefined;
      await world.wait(patienceMs);
      // A policy that was made twice, because the first answer was lost, is seen and removed by the next full pass.
      await program.pass({ full: true });
      await assertRight(world, program);
    });
  }
});

test('while every call is slow, an address that is gone reaches nobody, long before the pass ends', async (t) => {
  const { world, program } = await published(t, true);
  const slow = Promise.withResolvers<void>();
  const answers = Promise.withResolvers<void>();
  program.fault = () => {
    slow.resolve();
    return { after: answers.promise };
  };
  upheave(world, program);
  const pass = program.pass();
  await slow.promise;
  const served = (name: string) => program.table()?.find(({ hostname }) => hostname === `${name}.example.com`)?.service;
  // Nothing was asked yet, and all that closes or moves has done so.
  assert.deepEqual(['keep', 'moved', 'gone', 'closes', 'handed-on'].map(served), [
    'http://10.0.0.1:80',
    'http://10.0.0.4:80',
    'http_status:503',
    'http_status:503',
    'http_status:503',
  ]);
  program.show(ending.filter(({ name }) => name !== 'keep'));
  await world.clock.advance(300);
  assert.equal(served('keep'), 'http_status:503');
  assert.ok(program.isBusy, 'the pass still waits for the API');
  program.fault = () => undefined;
  answers.resolve();
  await pass;
  await world.wait(patienceMs);
  await assertRight(world, program);
});
