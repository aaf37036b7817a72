// What of a plan may be done now.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change, Plan, ServiceId } from '../../src/model.ts';
import { heldDeletes, heldUpserts, hold, type Policy, reasons, restrict, withhold } from '../../src/plan/policy.ts';

const sync: Policy = { mode: 'sync', complete: true };

function create(name: string): Change<string> {
  return { action: 'create', serviceId: `test/${name}`, desired: name };
}

function remove(name: string): Change<string> {
  return { action: 'delete', serviceId: `test/${name}`, current: name };
}

function planOf(changes: readonly Change<string>[], owned?: number): Plan<string> {
  return { target: 'dns', changes, held: [], ...(owned === undefined ? {} : { owned }) };
}

function manyDeletes(count: number): readonly Change<string>[] {
  return Array.from({ length: count }, (_, at) => remove(`n${at}`));
}

const cases: readonly {
  readonly name: string;
  readonly plan: Plan<string>;
  readonly policy: Policy;
  readonly done: number;
  readonly reason?: string;
}[] = [
  { name: 'sync does everything', plan: planOf([create('a'), remove('b')], 4), policy: sync, done: 2 },
  {
    name: 'dry-run does nothing',
    plan: planOf([create('a'), remove('b')], 4),
    policy: { mode: 'dry-run', complete: true },
    done: 0,
    reason: reasons.dryRun,
  },
  {
    name: 'upsert-only deletes nothing',
    plan: planOf([create('a'), remove('b')], 4),
    policy: { mode: 'upsert-only', complete: true },
    done: 1,
    reason: reasons.upsertOnly,
  },
  {
    name: 'an incomplete pass deletes nothing',
    plan: planOf([create('a'), remove('b')], 4),
    policy: { mode: 'sync', complete: false },
    done: 1,
    reason: reasons.incomplete,
  },
  {
    name: 'an agreement to many deletes is none to an incomplete pass',
    plan: planOf(manyDeletes(9), 9),
    policy: { mode: 'sync', complete: false, confirmed: true },
    done: 0,
    reason: reasons.incomplete,
  },
  {
    name: 'three deletes are ordinary, even when they are all',
    plan: planOf(manyDeletes(3), 3),
    policy: sync,
    done: 3,
  },
  { name: 'half of our objects may go', plan: planOf(manyDeletes(4), 8), policy: sync, done: 4 },
  {
    name: 'more than half of our objects wait for an agreement',
    plan: planOf([...manyDeletes(5), create('a')], 9),
    policy: sync,
    done: 1,
    reason: reasons.many(5, 9),
  },
  {
    name: 'with the agreement they go',
    plan: planOf(manyDeletes(9), 9),
    policy: { ...sync, confirmed: true },
    done: 9,
  },
  {
    name: 'when nobody knows how many there are, four deletes count as many',
    plan: planOf(manyDeletes(4)),
    policy: sync,
    done: 0,
    reason: reasons.many(4, 4),
  },
  {
    name: 'deletes that only follow from others do not count among many',
    plan: { ...planOf(manyDeletes(5), 3), following: 2 },
    policy: sync,
    done: 5,
  },
  {
    name: 'nor do they hide that there are many',
    plan: { ...planOf(manyDeletes(6), 5), following: 2 },
    policy: sync,
    done: 0,
    reason: reasons.many(4, 5),
  },
];
for (const { name, plan, policy, done, reason } of cases) {
  test(name, () => {
    const restricted = restrict(plan, policy);
    assert.equal(restricted.changes.length, done);
    assert.equal(restricted.held.length, plan.changes.length - done);
    for (const held of restricted.held) assert.equal(held.reason, reason);
  });
}

test('in place of a held delete something else may be done, but nothing in dry-run', () => {
  const instead = (change: Change<string>): Change<string> => ({ ...create('closed'), serviceId: change.serviceId });
  const plan = planOf([remove('a')], 1);
  assert.deepEqual(restrict(plan, { mode: 'sync', complete: false }, instead).changes, [
    { action: 'create', serviceId: 'test/a', desired: 'closed' },
  ]);
  assert.deepEqual(restrict(plan, { mode: 'dry-run', complete: false }, instead).changes, []);
});

test('withholding moves every change of the services and no other, and keeps what was held before', () => {
  const before = hold(planOf([create('a'), remove('b'), create('c'), create('d')]), (change) =>
    change.serviceId === 'test/d' ? 'conflict' : undefined,
  );
  const plan = withhold(before, ['test/a', 'test/b'] satisfies ServiceId[]);
  assert.deepEqual(plan.changes, [create('c')]);
  assert.deepEqual(
    plan.held.map((held) => [held.change.serviceId, held.reason]),
    [
      ['test/d', 'conflict'],
      ['test/a', reasons.earlier],
      ['test/b', reasons.earlier],
    ],
  );
  assert.deepEqual(heldDeletes(plan), ['b']);
  assert.deepEqual(heldUpserts(plan), ['test/d', 'test/a']);
});

test('a plan of which nothing is held is the same plan', () => {
  const plan = planOf([create('a')]);
  assert.equal(withhold(plan, []), plan);
  assert.equal(restrict(plan, sync), plan);
});

test('taking only a mark off waits like a delete, and neither counts as one nor leaves anything of ours where it is', () => {
  const marks = manyDeletes(9).map((change) => ({ ...change, onlyMark: true }) as Change<string>);
  assert.equal(restrict(planOf(marks, 9), sync).changes.length, 9);
  const held = restrict(planOf([...marks, remove('x')], 9), { mode: 'sync', complete: false });
  assert.equal(held.held.length, 10);
  assert.deepEqual(heldDeletes(held), ['x']);
});
