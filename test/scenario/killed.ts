// A process that is killed at one write of a pass that has much to do, and started again without memory.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Mode } from '../../src/plan/policy.ts';
import { assertRight } from './end.ts';
import { addForeigners, sharedTunnel } from './foreigners.ts';
import type { Program } from './program.ts';
import { beginning, upheave } from './upheaval.ts';
import type { Fault } from './way.ts';
import { createWorld, type World } from './world.ts';

/** One pass that has much to do. */
export interface Phase {
  readonly name: string;
  /** What was before it. */
  before(world: World, program: Program): Promise<void>;
  begin(world: World, program: Program): void;
}

/** Everything is new. */
export const firstPublication: Phase = {
  name: 'the first publication',
  before: async () => undefined,
  begin: (_world, program) => program.show(beginning),
};

/** Everything changes. */
export const upheaval: Phase = {
  name: 'the upheaval',
  async before(_world, program) {
    program.show(beginning);
    await program.pass();
  },
  begin: upheave,
};

/** How a phase is gone through. */
interface Run {
  readonly isLocal: boolean;
  /** After how many writes the first process dies; absent: none does. */
  readonly cut?: number;
  /** For all but the last pass; default `sync`. */
  readonly mode?: Mode;
}

/**
 * Goes through a phase; returns how many writes one life needs for it. With `cut` the first life ends after that many writes, the second one
 * at a write of its own, and the third one comes to an end.
 */
async function go(t: TestContext, phase: Phase, { isLocal, cut, mode }: Run): Promise<number> {
  const world = await createWorld(t);
  addForeigners(world, { records: 6, rules: 4, applications: 4 });
  const program = world.program({ isLocal, ...(isLocal ? {} : { tunnel: sharedTunnel }) });
  program.start();
  await phase.before(world, program);
  phase.begin(world, program);
  program.calls.length = 0;
  program.mode = mode ?? 'sync';
  if (cut !== undefined) {
    await die(program, cut === 0 ? { write: 1, fault: 'kill-before' } : { write: cut, fault: 'kill-after' });
    assert.equal(program.isRunning, false, 'the process was killed');
    program.start();
    // Perhaps too little was left to do for it to die of.
    await die(program, cut % 2 === 0 ? { write: 1, fault: 'kill-after' } : { write: 2, fault: 'kill-before' });
    if (!program.isRunning) program.start();
  }
  if (mode !== undefined) await holdDeletes(program, mode);
  await program.pass();
  const writes = program.calls.filter(({ isWrite }) => isWrite).length;
  await assertRight(world, program);
  return writes;
}

/** One pass that is killed before or after this write of it. */
async function die(
  program: Program,
  { write, fault }: { readonly write: number; readonly fault: Fault },
): Promise<void> {
  let writes = 0;
  program.fault = ({ isWrite }) => (isWrite && ++writes === write ? fault : undefined);
  await program.pass();
  program.fault = () => undefined;
}

/** One pass in this mode, in which nothing may be deleted; then everything may. */
async function holdDeletes(program: Program, mode: Mode): Promise<void> {
  program.mode = mode;
  await program.pass();
  const deletes = program.calls.filter(({ method }) => method === 'DELETE');
  assert.deepEqual(deletes, [], `nothing is deleted in ${mode}`);
  program.mode = 'sync';
}

/** A test, with one below it for every number of writes after which the process dies. */
export function testKilled(phase: Phase, isLocal: boolean): void {
  test(`${phase.name}, killed at every write`, async (t) => {
    const writes = await go(t, phase, { isLocal });
    assert.ok(writes > 10, `${writes} writes`);
    for (let cut = 0; cut <= writes; cut++)
      await t.test(`after ${cut} of ${writes} writes, and once more`, async (one) => {
        await go(one, phase, { isLocal, cut });
      });
  });
}

/** The same where nothing may be deleted until a person has the mode changed. */
export function testKilledUpsertOnly(isLocal: boolean): void {
  for (const cut of [0, 3, 7, 11])
    test(`upsert-only, killed after ${cut} writes, and once more`, async (t) => {
      await go(t, upheaval, { isLocal, cut, mode: 'upsert-only' });
    });
}
