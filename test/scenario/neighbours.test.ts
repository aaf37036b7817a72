// Two instances with different owners on one account and its zones, each with a tunnel of its own or both on one: neither touches the other's.
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { assertRight, assertRightAfterRestart, possessionsOf, wanted } from './end.ts';
import { addForeigners, sharedTunnel } from './foreigners.ts';
import type { Program } from './program.ts';
import type { Container } from './script.ts';
import { assertNothingWrong, createWorld, type World } from './world.ts';

function containersOf(owner: string, from: number): readonly Container[] {
  return [
    { name: `${owner}-web`, at: from },
    { name: `${owner}-vault`, at: from + 1, access: 'family', bypass: ['/health'] },
    { name: `${owner}-office`, at: from + 2, access: owner === 'home' ? 'staff' : 'friends' },
  ];
}

/** Two instances side by side, having published theirs. */
async function neighbours(t: TestContext, tunnel: string | undefined, isLocal = false) {
  const world = await createWorld(t);
  addForeigners(world, { records: 3, rules: 4, applications: 4 });
  const options = { isLocal, ...(tunnel === undefined ? {} : { tunnel }) };
  const [home, barn] = [world.program({ ...options, owner: 'home' }), world.program({ ...options, owner: 'barn' })];
  for (const [at, program] of [home, barn].entries()) {
    program.show(containersOf(program.owner, 10 * at + 1));
    program.start();
    await program.pass();
  }
  return { world, home, barn };
}

async function assertBothRight(world: World, ...programs: readonly Program[]): Promise<void> {
  for (const program of programs) await assertRight(world, program);
}

/** And neither finds anything of the other's to change when it starts anew. */
async function assertBothRightAfterRestart(world: World, ...programs: readonly Program[]): Promise<void> {
  await assertBothRight(world, ...programs);
  for (const program of programs) await assertRightAfterRestart(world, program);
}

for (const { name, tunnel, isLocal } of [
  { name: 'each with a tunnel of its own', tunnel: undefined, isLocal: false },
  { name: 'each with a tunnel and rules of its own', tunnel: undefined, isLocal: true },
  { name: 'both on one tunnel', tunnel: sharedTunnel, isLocal: false },
]) {
  describe(name, () => {
    test('both publish, change and take away theirs in turn', async (t) => {
      const { world, home, barn } = await neighbours(t, tunnel, isLocal);
      await assertBothRight(world, home, barn);
      home.show(containersOf('home', 21));
      await home.pass({ full: true });
      barn.show(containersOf('barn', 1).slice(0, 2));
      await barn.pass({ full: true });
      await assertBothRight(world, home, barn);
      home.show([]);
      await home.pass({ full: true, confirmed: true });
      await assertBothRightAfterRestart(world, home, barn);
    });

    test('both want one name: whoever has it keeps it, and the other gets it when it is free', async (t) => {
      const { world, home, barn } = await neighbours(t, tunnel, isLocal);
      const mine = containersOf('home', 1);
      const one: Container = { name: 'one', at: 5, access: 'family' };
      home.show([...mine, one]);
      await home.pass();
      const theirs = containersOf('barn', 11);
      barn.script.containers = [...theirs, { name: 'one', at: 15, access: 'friends' }];
      const snapshot = await barn.pass({ full: true });
      assertNothingWrong(world);
      assert.deepEqual(possessionsOf(world, home), wanted(home, [...mine, one]));
      assert.ok(
        snapshot?.diagnostics.some(({ code, serviceId }) => code === 'E_CONFLICT' && serviceId === 'docker/one'),
      );
      home.show(mine);
      await home.pass();
      await assertRight(world, home);
      barn.show(barn.script.containers);
      await barn.pass({ full: true });
      await assertBothRightAfterRestart(world, barn, home);
    });

    test('one is killed in the middle of its pass while the other works on', async (t) => {
      const { world, home, barn } = await neighbours(t, tunnel, isLocal);
      let writes = 0;
      home.fault = ({ isWrite }) => (isWrite && ++writes === 3 ? 'kill-after' : undefined);
      home.show(containersOf('home', 31).toReversed());
      home.policies = { ...home.policies, family: { allow: { emails: ['z@example.com'] } } };
      home.show([...containersOf('home', 31), { name: 'home-new', at: 40, access: 'friends' }]);
      await home.pass();
      assert.equal(home.isRunning, false);
      barn.show(containersOf('barn', 51));
      await barn.pass({ full: true });
      home.fault = () => undefined;
      home.start();
      await home.pass();
      await assertBothRight(world, home, barn);
    });
  });
}

test('both at work at the same moment, each with its own tunnel', async (t) => {
  const { world, home, barn } = await neighbours(t, undefined);
  home.show([...containersOf('home', 31), { name: 'home-new', at: 40, access: 'friends' }]);
  barn.show(containersOf('barn', 41).slice(1));
  await Promise.all([home.pass(), barn.pass()]);
  await assertBothRight(world, home, barn);
});
