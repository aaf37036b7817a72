// How much is asked of the API, and how much may go at once.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { assertRight, possessionsOf, wanted } from './end.ts';
import type { Program } from './program.ts';
import type { Container } from './script.ts';
import { assertNothingWrong, createWorld, type World } from './world.ts';

const first: Container = { name: 'first', at: 200 };

async function started(
  t: TestContext,
  options: { readonly isLocal?: boolean; readonly zones?: readonly string[] } = {},
): Promise<{ world: World; program: Program }> {
  const world = await createWorld(t);
  const program = world.program({ zones: ['example.com'], ...options });
  program.start();
  program.show([first]);
  await program.pass();
  return { world, program };
}

function hundred(access?: string): readonly Container[] {
  const guarded = access === undefined ? {} : { access };
  return Array.from({ length: 100 }, (_, at) => ({ name: `s${at}`, at, ...guarded }));
}

for (const isLocal of [false, true]) {
  const where = isLocal ? 'rules in our connector' : 'rules kept by the API';

  test(`100 new public services take at most 10 calls, a steady state none: ${where}`, async (t) => {
    const { world, program } = await started(t, { isLocal });
    program.calls.length = 0;
    program.show([first, ...hundred()]);
    await program.pass();
    assert.ok(program.calls.length <= 10, `${program.calls.length} calls`);
    t.diagnostic(`${program.calls.length} calls`);
    await assertRight(world, program);
  });

  if (isLocal) continue;
  test(`100 services behind one policy take one call each, for the API makes applications one by one, and at most 12 more`, async (t) => {
    const { world, program } = await started(t, { isLocal });
    program.calls.length = 0;
    program.show([first, ...hundred('family')]);
    await program.pass();
    const made = program.calls.filter(({ method, path }) => method === 'POST' && path.endsWith('/access/apps'));
    assert.equal(made.length, 100);
    t.diagnostic(`${program.calls.length} calls`);
    assert.ok(program.calls.length - made.length <= 12, `${program.calls.length} calls`);
    await assertRight(world, program);
    program.calls.length = 0;
    program.show([first, ...hundred('family'), { name: 'one-more', at: 201, access: 'family' }]);
    await program.pass();
    assert.ok(program.calls.length <= 10, `${program.calls.length} calls for one more`);
  });
}

test('the very first start publishes 100 public services with at most 10 calls too', async (t) => {
  const world = await createWorld(t);
  const program = world.program({ zones: ['example.com'] });
  program.show(hundred());
  program.start();
  await program.pass();
  t.diagnostic(`${program.calls.length} calls`);
  assert.ok(program.calls.length <= 10, `${program.calls.length} calls`);
  await assertRight(world, program);
});

test('more than half of everything going at once is held, its addresses are closed, and it goes when a person agrees', async (t) => {
  const world = await createWorld(t);
  const program = world.program();
  const all = hundred('family').slice(0, 10);
  program.show(all);
  program.start();
  await program.pass();
  const few = all.slice(0, 2);
  program.show(few);
  const snapshot = await program.pass();
  assertNothingWrong(world);
  const reasons = new Set(snapshot?.plans.flatMap(({ held }) => held.map(({ reason }) => reason)));
  assert.match([...reasons].join(), /8 of our 10 objects would be deleted in one pass: confirm it first/);
  const now = possessionsOf(world, { ...program, script: { ...program.script, containers: all } });
  const closed = all.map((one, at) => (at < 2 ? one : { name: one.name, access: 'family' }));
  assert.deepEqual(now, wanted(program, closed));
  await program.pass({ confirmed: true });
  await assertRight(world, program, few);
});
