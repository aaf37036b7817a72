// A process that is killed at one write of a pass that has much to do, and started again without memory.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { assertRight } from './end.ts';
import { addForeigners, sharedTunnel } from './foreigners.ts';
import type { Program } from './program.ts';
import { beginning, upheave } from './upheaval.ts';
import { createWorld, type World } from './world.ts';

/** Where a run is cut: at this write, before or after the API did it. */
interface Cut {
  readonly write: number;
  readonly fault: 'kill-before' | 'kill-after';
}

/** One pass that has much to do. */
interface Phase {
  readonly name: string;
  /** What was before it. */
  before(world: World, program: Program): Promise<void>;
  begin(world: World, program: Program): void;
}

const phases: readonly Phase[] = [
  {
    name: 'the first publication',
    before: async () => undefined,
    begin: (_world, program) => program.show(beginning),
  },
  {
    name: 'the upheaval',
    async before(_world, program) {
      program.show(beginning);
      await program.pass();
    },
    begin: upheave,
  },
];

/** Goes through a phase, cut or not; returns how many writes it made. */
async function go(t: TestContext, phase: Phase, isLocal: boolean, cut?: Cut): Promise<number> {
  const world = await createWorld(t);
  addForeigners(world, { records: 6, rules: 4, applications: 4 });
  const program = world.program({ isLocal, ...(isLocal ? {} : { tunnel: sharedTunnel }) });
  program.start();
  await phase.before(world, program);
  program.calls.length = 0;
  let writes = 0;
  program.fault = ({ isWrite }) => {
    if (!isWrite) return undefined;
    writes++;
    return writes === cut?.write ? cut.fault : undefined;
  };
  phase.begin(world, program);
  await program.pass();
  if (cut !== undefined) {
    assert.equal(program.isRunning, false, 'the process was killed');
    program.fault = () => undefined;
    program.start();
    await program.pass();
  }
  const made = writes;
  await assertRight(world, program);
  return made;
}

/** One test per phase, with one below it for every write and every way to die at it. */
export function testKilled(isLocal: boolean, faults: readonly Cut['fault'][]): void {
  for (const phase of phases) {
    test(`${phase.name}, killed at every write`, async (t) => {
      const writes = await go(t, phase, isLocal);
      assert.ok(writes > 10, `${writes} writes`);
      for (let write = 1; write <= writes; write++) {
        for (const fault of faults)
          await t.test(`${fault} write ${write} of ${writes}`, async (one) => {
            await go(one, phase, isLocal, { write, fault });
          });
      }
    });
  }
}
