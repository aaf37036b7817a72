// Docker engines that start late, fall silent and come back: names wait for their services, addresses never do.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertRight, assertRightAfterRestart, possessionsOf, wanted } from './end.ts';
import { readThings } from './reality.ts';
import type { Container } from './script.ts';
import { assertNothingWrong, createWorld, type World } from './world.ts';

const minute = 60_000;
const graceMs = 10 * minute;

const household: readonly Container[] = [
  { name: 'web', at: 1 },
  { name: 'photos', at: 2, access: 'family', bypass: ['/share'] },
  { name: 'notes', at: 3, access: 'family' },
  { name: 'office', at: 4, access: 'staff' },
  { name: 'media', at: 5 },
];

/** Docker gives addresses in the order of starting: after a reboot they are other ones. */
const rebooted: readonly Container[] = household.map((one, at) => ({ ...one, at: household.length - at }));

const stopped: readonly Container[] = household.map(({ at: _at, ...rest }) => rest);

/** Names that lead somewhere and what locks them, which must outlive whatever the engine does. */
function standing(world: World): ReadonlySet<string> {
  return new Set(
    [...readThings(world.store, () => undefined).keys()].filter((key) => /^(record|application)/.test(key)),
  );
}

for (const isLocal of [false, true]) {
  describe(isLocal ? 'rules in our connector' : 'rules kept by the API', () => {
    test('the host reboots and we are up before the containers: no name goes, no address stays, and all is as it was', async (t) => {
      const world = await createWorld(t);
      const program = world.program({ isLocal, graceMs });
      program.start();
      program.show(household);
      await program.pass();
      const before = standing(world);
      program.kill();
      program.show([]);
      program.start();
      await program.pass({ full: true });
      assertNothingWrong(world);
      assert.deepEqual(standing(world), before);
      for (let count = 1; count <= rebooted.length; count++) {
        program.show(rebooted.slice(0, count));
        await world.wait(minute);
        assertNothingWrong(world);
        assert.deepEqual(standing(world), before, 'nothing was removed or made anew');
      }
      await world.wait(graceMs);
      assert.deepEqual(standing(world), before);
      await assertRight(world, program);
      await assertRightAfterRestart(world, program);
    });

    test('a container that does not come back after a reboot goes once the grace period is over, and not before', async (t) => {
      const world = await createWorld(t);
      const program = world.program({ isLocal, graceMs });
      program.start();
      program.show(household);
      await program.pass();
      const before = standing(world);
      program.kill();
      const rest = rebooted.slice(1);
      program.show(rest);
      program.start();
      await program.pass();
      await world.wait(graceMs - minute);
      assert.deepEqual(standing(world), before);
      await world.wait(2 * minute);
      await assertRight(world, program, rest);
    });

    test('a container stops: its name and lock stay, it answers 503, and goes with its grace', async (t) => {
      const world = await createWorld(t);
      const program = world.program({ isLocal, graceMs });
      program.start();
      program.show(household);
      await world.wait(graceMs + minute);
      program.show(stopped.slice(0, 1).concat(household.slice(1)));
      await world.wait(1_000);
      await assertRight(world, program);
      program.show(household.slice(1));
      await world.wait(graceMs + minute);
      await assertRight(world, program);
    });

    test('the engine falls silent: its last word is believed for two minutes, then its addresses are closed, and opened when it is back', async (t) => {
      const world = await createWorld(t);
      const program = world.program({ isLocal, graceMs });
      program.start();
      program.show(household);
      await world.wait(graceMs + minute);
      const before = standing(world);
      await program.pass();
      program.script.isLost = true;
      program.script.changed();
      await world.wait(1.8 * minute);
      assert.deepEqual(possessionsOf(world, program), wanted(program, household));
      await world.wait(minute);
      assert.deepEqual(possessionsOf(world, program), wanted(program, stopped));
      // Much longer than any grace: what nobody can be asked about is not removed.
      await world.wait(2 * graceMs);
      assertNothingWrong(world);
      assert.deepEqual(standing(world), before);
      program.script.isLost = false;
      program.show(rebooted);
      await world.wait(minute);
      assert.deepEqual(standing(world), before);
      await assertRight(world, program);
    });

    test('an engine that is silent from the start keeps everything of the last run but its addresses', async (t) => {
      const world = await createWorld(t);
      const program = world.program({ isLocal, graceMs });
      program.start();
      program.show(household);
      await program.pass();
      const before = standing(world);
      program.kill();
      program.script.isLost = true;
      program.start();
      await world.wait(2 * graceMs);
      assertNothingWrong(world);
      assert.deepEqual(standing(world), before);
      const reaching = possessionsOf(world, program).rules.filter((rule) => !rule.endsWith('http_status:503'));
      assert.deepEqual(reaching, []);
      program.script.isLost = false;
      program.show(rebooted);
      await world.wait(minute);
      await assertRight(world, program);
    });
  });
}

test('upsert-only: everything new is there, nothing old is removed, and no old address is reached', async (t) => {
  const world = await createWorld(t);
  const program = world.program({ mode: 'upsert-only' });
  program.start();
  program.show(household);
  await program.pass();
  const before = standing(world);
  const moved = [...rebooted.slice(0, 2), { name: 'new', at: 3, access: 'friends' }];
  program.show(moved);
  await program.pass();
  assertNothingWrong(world);
  const now = standing(world);
  assert.deepEqual(
    [...before].filter((key) => !now.has(key)),
    [],
    'nothing was removed',
  );
  const { rules, records, locks } = wanted(program, moved);
  const all = possessionsOf(world, program);
  assert.deepEqual(all.rules, rules);
  assert.deepEqual(
    [...records, ...locks].filter((one) => ![...all.records, ...all.locks].includes(one)),
    [],
  );
  program.mode = 'sync';
  await program.pass({ confirmed: true });
  await assertRight(world, program);
});
