// Labels and addresses that change: hostnames move between containers and zones, access between policies and public, and at no moment is
// anything reached that must not be.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertRight, possessionsOf } from './end.ts';
import { household, published } from './household.ts';
import { policies } from './program.ts';
import { lockFor, locksOf } from './reality.ts';
import type { Container } from './script.ts';
import { assertNothingWrong } from './world.ts';

/** What the labels say, one after the other. */
const moves: readonly { readonly name: string; readonly steps: readonly (readonly Container[])[] }[] = [
  {
    name: 'a hostname moves to another container, to a guarded one, and back',
    steps: [
      [{ name: 'one', at: 1, host: 'app.example.com' }],
      [{ name: 'two', at: 2, host: 'app.example.com' }],
      [{ name: 'three', at: 1, host: 'app.example.com', access: 'family' }],
      [{ name: 'one', at: 3, host: 'app.example.com' }],
    ],
  },
  {
    name: 'a hostname moves to another zone, and back under another policy',
    steps: [
      [{ name: 'one', at: 1, host: 'app.example.com', access: 'family' }],
      [{ name: 'one', at: 1, host: 'app.example.net', access: 'family' }],
      [{ name: 'one', at: 1, host: 'app.example.com', access: 'staff' }],
    ],
  },
  {
    name: 'from a policy to public and back, and to another policy',
    steps: [
      [{ name: 'one', at: 1, access: 'family' }],
      [{ name: 'one', at: 1 }],
      [{ name: 'one', at: 1, access: 'family' }],
      [{ name: 'one', at: 1, access: 'staff' }],
    ],
  },
  {
    name: 'a path of a host is guarded, then all of it, then only the path is free',
    steps: [
      [
        { name: 'one', at: 1 },
        { name: 'two', at: 2, host: 'one.example.com', path: '/admin', access: 'family' },
      ],
      [{ name: 'one', at: 1, access: 'family' }],
      [{ name: 'one', at: 1, access: 'family', bypass: ['/share', '/health'] }],
      [{ name: 'one', at: 1, access: 'family', bypass: ['/health'] }],
    ],
  },
  {
    name: 'two containers exchange their addresses and their names',
    steps: [
      [
        { name: 'one', at: 1, access: 'family' },
        { name: 'two', at: 2 },
      ],
      [
        { name: 'one', at: 2, access: 'family' },
        { name: 'two', at: 1 },
      ],
      [
        { name: 'one', at: 2, host: 'two.example.com', access: 'family' },
        { name: 'two', at: 1, host: 'one.example.com' },
      ],
    ],
  },
];

describe('labels and addresses change', () => {
  for (const { name, steps } of moves) {
    for (const isLocal of [false, true]) {
      test(`${name}: ${isLocal ? 'rules in our connector' : 'rules kept by the API'}`, async (t) => {
        const { world, program } = await published(t, steps[0], isLocal);
        for (const step of steps) {
          program.show(step);
          await program.pass();
          await assertRight(world, program);
        }
      });
    }
    test(`${name}: each time while we were away`, async (t) => {
      const { world, program } = await published(t, steps[0]);
      for (const step of steps) {
        program.kill();
        program.show(step);
        program.start();
        await program.pass();
        await assertRight(world, program);
      }
    });
  }

  test('a service that was public is guarded while we were away, and Access cannot be read: it closes', async (t) => {
    const { world, program } = await published(t, [{ name: 'one', at: 1 }]);
    program.kill();
    program.show([{ name: 'one', at: 1, access: 'family' }]);
    program.fault = ({ path }) => (path.includes('/access/') ? { status: 403 } : undefined);
    program.start();
    await program.pass();
    assertNothingWrong(world);
    assert.deepEqual(possessionsOf(world, program).rules, ['one.example.com → http_status:503']);
    program.fault = () => undefined;
    await world.wait(61_000);
    await assertRight(world, program);
  });

  test('a policy that cannot be resolved closes its services and no others, until it can', async (t) => {
    const { world, program } = await published(t);
    program.policies = { ...policies, family: { allow: { groups: ['not there'] } } };
    program.show([...household, { name: 'new', at: 4, access: 'family' }, { name: 'other', at: 5, access: 'friends' }]);
    await program.pass({ full: true });
    assertNothingWrong(world);
    const { rules, records } = possessionsOf(world, program);
    assert.ok(rules.includes('vault.example.com → http_status:503'));
    assert.ok(!records.some((record) => record.startsWith('new.')), 'what is not locked has no name');
    assert.ok(
      rules.includes('office.example.com → http://10.0.0.3:80') &&
        rules.includes('other.example.com → http://10.0.0.5:80'),
    );
    assert.ok(lockFor(locksOf(world.store), 'vault.example.com', '/') !== undefined, 'the old lock stays');
    world.observer.byHand(() => {
      world.store.access.groups.create({ name: 'not there', include: [{ email: { email: 'a@example.com' } }] });
    });
    await program.pass({ full: true });
    await assertRight(world, program);
  });
});
