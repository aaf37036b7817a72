// Taking over somebody else's application and letting one of ours go: only where a person said so, and nothing else is touched.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noChoices } from '../../src/choices.ts';
import { never } from '../cloudflare/api-world.ts';
import { desiredFor, entryFor } from '../contract/reconciler.ts';
import {
  type AccessWorld,
  applyAll,
  codes,
  createAccessWorld,
  locks,
  ownPolicy,
  type Raw,
  summary,
  writes,
} from './world.ts';

const one = desiredFor([entryFor('one', { access: { policy: 'family' } })]);
const nothing = desiredFor([]);
const adopted = { ...noChoices, adopted: ['one.example.com'] };
const released = { ...noChoices, released: ['one.example.com'] };

/** Makes an application of somebody else's; resolves to its id. */
async function addTheirs(world: AccessWorld, fields: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const made = await world.sdk.zeroTrust.access.applications.create({
    ...world.account,
    type: 'self_hosted',
    name: 'made by hand',
    domain: 'one.example.com',
    logo_url: 'https://example.com/logo.png',
    policies: [ownPolicy('open', 'bypass')],
    ...fields,
  });
  return made.id ?? '';
}

function only(applications: readonly Raw[]): Raw {
  assert.equal(applications.length, 1);
  return applications[0] ?? {};
}

test('what a person adopted is taken over: our tag and our policies, its name and looks stay', async (t) => {
  const world = await createAccessWorld(t);
  const id = await addTheirs(world);
  assert.match(
    (await world.reconciler.plan(one, never())).held[0]?.reason ?? '',
    /`sallyport adopt one\.example\.com`/,
  );
  world.choices = adopted;
  const plan = await world.reconciler.plan(one, never());
  assert.deepEqual(plan.held, []);
  assert.deepEqual(summary(plan), ['create policy family', 'update one.example.com family (owner,policies)']);
  assert.deepEqual(await applyAll(world.reconciler, plan), []);
  const app = only((await world.look()).applications);
  assert.deepEqual(
    [app.id, app.name, app.logo_url, app.tags],
    [id, 'made by hand', 'https://example.com/logo.png', ['sallyport-home']],
  );
  assert.deepEqual(locks(world), ['one.example.com family']);
  assert.deepEqual(summary(await world.reconciler.plan(one, never())), []);
  assert.deepEqual(codes(world), []);
});

test('what is adopted and not wanted is not touched', async (t) => {
  const world = await createAccessWorld(t);
  await addTheirs(world);
  world.choices = adopted;
  assert.deepEqual(summary(await world.reconciler.plan(nothing, never())), []);
});

test('an application of another instance becomes ours, and not both’s', async (t) => {
  const world = await createAccessWorld(t);
  const cabin = world.another('cabin');
  await applyAll(cabin, await cabin.plan(one, never()));
  world.choices = adopted;
  await world.settle(one);
  assert.deepEqual(only((await world.look()).applications).tags, ['sallyport-home']);
  world.choices = noChoices;
  assert.match(
    (await cabin.plan(one, never())).held[0]?.reason ?? '',
    /belongs to the instance with the tag sallyport-home/,
  );
});

const obstacles: readonly (readonly [string, Readonly<Record<string, unknown>>, RegExp])[] = [
  [
    'guards other places too',
    {
      destinations: [
        { type: 'public', uri: 'one.example.com' },
        { type: 'public', uri: 'two.example.com' },
      ],
    },
    /cannot be adopted: it guards more than this place \(one\.example\.com, two\.example\.com\)/,
  ],
  ['is of another type', { type: 'ssh' }, /cannot be adopted: it is of the type ssh/],
];
for (const [what, fields, reason] of obstacles)
  test(`an application that ${what} is not taken over`, async (t) => {
    const world = await createAccessWorld(t);
    await addTheirs(world, fields);
    const before = JSON.stringify((await world.look()).applications);
    world.choices = adopted;
    const plan = await world.reconciler.plan(one, never());
    assert.match(plan.held[0]?.reason ?? '', reason);
    await applyAll(world.reconciler, plan);
    assert.equal(JSON.stringify((await world.look()).applications), before);
  });

test('an adoption that was taken back after the plan was made does not happen', async (t) => {
  const world = await createAccessWorld(t);
  await addTheirs(world);
  const before = JSON.stringify((await world.look()).applications);
  world.choices = adopted;
  const plan = await world.reconciler.plan(one, never());
  world.choices = noChoices;
  assert.deepEqual(await applyAll(world.reconciler, plan), ['docker/one']);
  assert.equal(JSON.stringify((await world.look()).applications), before);
});

test('what a person released loses our tag and nothing else, and is never touched again', async (t) => {
  const world = await createAccessWorld(t);
  await world.settle(one);
  const before = only((await world.look()).applications);
  world.choices = released;
  const plan = await world.reconciler.plan(one, never());
  assert.deepEqual(summary(plan), ['unmark one.example.com family']);
  assert.deepEqual(plan.held, []);
  assert.deepEqual(await applyAll(world.reconciler, plan), []);
  const after = only((await world.look()).applications);
  const { updated_at: _before, tags: _tags, ...rest } = before;
  const { updated_at: _after, tags, ...now } = after;
  assert.deepEqual([tags, now], [[], rest]);
  for (const desired of [one, nothing]) {
    world.remote.calls.length = 0;
    assert.deepEqual(await world.settle(desired), []);
    assert.deepEqual(writes(world), []);
  }
  assert.deepEqual(locks(world), ['one.example.com family']);
});

test('released with its service gone, the application is left where it is, not deleted', async (t) => {
  const world = await createAccessWorld(t);
  await world.settle(one);
  world.choices = released;
  assert.deepEqual(summary(await world.reconciler.plan(nothing, never())), ['unmark one.example.com family']);
  await world.settle(nothing);
  assert.deepEqual(locks(world), ['one.example.com family']);
});

test('under a released name nothing is made, and what is locked otherwise than asked stays closed', async (t) => {
  const world = await createAccessWorld(t);
  world.choices = released;
  const empty = await world.reconciler.plan(one, never());
  assert.deepEqual([summary(empty), empty.held.length], [[], 1]);
  assert.match(empty.held[0]?.reason ?? '', /was released, and nothing locks it.*sallyport adopt one\.example\.com/);
  await addTheirs(world);
  const theirs = await world.reconciler.plan(one, never());
  assert.deepEqual([summary(theirs), theirs.held.length], [[], 1]);
  assert.deepEqual(codes(world), [['E_CONFLICT', 'error', 'docker/one']]);
});

test('released and adopted again, it is ours again', async (t) => {
  const world = await createAccessWorld(t);
  await world.settle(one);
  world.choices = released;
  await world.settle(one);
  world.choices = adopted;
  await world.settle(one);
  assert.deepEqual(only((await world.look()).applications).tags, ['sallyport-home']);
  await world.settle(nothing);
  assert.deepEqual(locks(world), []);
});
