// The difference between two lists of objects, and what is never touched.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ServiceId } from '../../src/model.ts';
import { type DiffRules, diff } from '../../src/plan/diff.ts';

interface Thing {
  readonly name: string;
  readonly value: number;
  readonly mine: boolean;
}

const rules: DiffRules<Thing> = {
  target: 'dns',
  key: (thing) => thing.name,
  service: (thing): ServiceId => `test/${thing.name}`,
  differences: (current, desired) => (current.value === desired.value ? [] : ['value']),
  foreign: (thing) => (thing.mine ? undefined : 'somebody else has it'),
};

function thing(name: string, value = 0, mine = true): Thing {
  return { name, value, mine };
}

test('what is missing is created, what differs is updated in the fields that differ, what is not wanted is deleted', () => {
  const plan = diff([thing('b', 1), thing('c'), thing('d')], [thing('a'), thing('b', 2), thing('c')], rules);
  assert.deepEqual(plan.changes, [
    { action: 'create', serviceId: 'test/a', desired: thing('a') },
    { action: 'update', serviceId: 'test/b', current: thing('b', 1), desired: thing('b', 2), fields: ['value'] },
    { action: 'delete', serviceId: 'test/d', current: thing('d') },
  ]);
  assert.deepEqual(plan.held, []);
  assert.equal(plan.owned, 3);
});

test('what is foreign is neither updated nor deleted: who wants its place is held with the reason', () => {
  const plan = diff([thing('a', 1, false), thing('b', 1, false)], [thing('a', 2)], rules);
  assert.deepEqual(plan.changes, []);
  assert.equal(plan.held.length, 1);
  assert.equal(plan.held[0]?.change.serviceId, 'test/a');
  assert.equal(plan.held[0]?.reason, 'somebody else has it');
  assert.equal(plan.owned, 0);
});

test('what is foreign and already as wanted is still not ours', () => {
  assert.equal(diff([thing('a', 1, false)], [thing('a', 1)], rules).held.length, 1);
});

test('of two that want the same place the first is planned', () => {
  const plan = diff([], [thing('a', 1), thing('a', 2)], rules);
  assert.deepEqual(plan.changes, [{ action: 'create', serviceId: 'test/a', desired: thing('a', 1) }]);
});

test('carrying out the changes makes ours equal to the desired state, and leaves every foreign object', () => {
  const things = (mine: fc.Arbitrary<boolean>) =>
    fc.uniqueArray(fc.record({ name: fc.constantFrom(...'abcdefgh'), value: fc.integer({ min: 0, max: 2 }), mine }), {
      selector: (item) => item.name,
    });
  fc.assert(
    fc.property(things(fc.boolean()), things(fc.constant(true)), (current, desired) => {
      const plan = diff(current, desired, rules);
      const world = new Map(current.map((item) => [item.name, item]));
      for (const change of plan.changes) {
        if (change.action === 'delete') world.delete(change.current.name);
        else world.set(change.desired.name, change.desired);
      }
      for (const item of current) if (!item.mine) assert.deepEqual(world.get(item.name), item);
      const taken = new Set(current.filter((item) => !item.mine).map((item) => item.name));
      const ours = [...world.values()].filter((item) => item.mine);
      const wanted = desired.filter((item) => !taken.has(item.name));
      assert.deepEqual(new Set(ours.map((item) => item.name)), new Set(wanted.map((item) => item.name)));
      for (const item of wanted) assert.equal(world.get(item.name)?.value, item.value);
      assert.deepEqual(diff([...world.values()], desired, rules).changes, []);
    }),
  );
});
