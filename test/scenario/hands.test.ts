// What people do by hand to our objects: what is still ours is put right, what is not any more is left alone, and no door is open for it
// longer than it takes to look.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createChoiceStore } from '../../src/choices.ts';
import { assertRight, possessionsOf } from './end.ts';
import {
  appOf,
  changeApp,
  changeRules,
  household,
  patchRecord,
  policyOf,
  published,
  type Rule,
  recordOf,
  rulesFor,
} from './household.ts';
import { policies } from './program.ts';
import { configurationOf } from './reality.ts';
import { assertNothingWrong, type World } from './world.ts';

interface Edit {
  readonly name: string;
  edit(world: World): void;
}

const ours: readonly Edit[] = [
  { name: 'a record is pointed elsewhere', edit: (world) => patchRecord(world, 'web', { content: 'a.example.org' }) },
  { name: 'a record is no longer proxied', edit: (world) => patchRecord(world, 'vault', { proxied: false }) },
  {
    name: 'a record is removed',
    edit: (world) => world.store.records.delete(world.zones.com, recordOf(world, 'vault').id),
  },
  {
    name: 'the application of a guarded service is removed',
    edit: (world) => world.store.access.apps.delete(appOf(world, 'vault.example.com').id),
  },
  {
    name: 'every application is removed',
    edit: ({ store }) => {
      for (const app of store.access.apps.list())
        if (app.fields.tags.includes('sallyport-home')) store.access.apps.delete(app.id);
    },
  },
  {
    name: 'an application loses all its policies',
    edit: (world) => changeApp(world, 'vault.example.com', { policies: [] }),
  },
  {
    name: 'an application is given a policy that lets everybody in',
    edit: (world) => {
      const own = { name: 'all', decision: 'bypass', include: [{ everyone: {} }], kept: {} } as const;
      changeApp(world, 'vault.example.com', { policies: [{ precedence: 1, own }] });
    },
  },
  {
    name: 'an application is moved to another host',
    edit: (world) => changeApp(world, 'vault.example.com', { domain: 'elsewhere.example.com' }),
  },
  {
    name: 'a policy lets other people in',
    edit: (world) => {
      const { id, fields } = policyOf(world, 'family');
      const include = [{ email: { email: 'stranger@example.org' } }];
      world.store.access.policies.replace(id, { ...fields, session_duration: '1h', include });
    },
  },
];

describe('by hand, and put right by the next look at everything', () => {
  for (const { name, edit } of ours)
    test(name, async (t) => {
      const { world, program } = await published(t);
      world.observer.byHand(() => edit(world));
      await program.pass({ full: true });
      await assertRight(world, program);
    });

  for (const { name, edit } of ours)
    test(`${name}, while we were away`, async (t) => {
      const { world, program } = await published(t);
      program.kill();
      world.observer.byHand(() => edit(world));
      program.start();
      await program.pass();
      await assertRight(world, program);
    });
});

describe('by hand, and no longer ours', () => {
  test('a record without our mark is left alone, and said to be in the way', async (t) => {
    const { world, program } = await published(t);
    world.observer.byHand(() => patchRecord(world, 'web', { comment: 'mine now', content: 'a.example.org' }));
    const snapshot = await program.pass({ full: true });
    assertNothingWrong(world);
    assert.equal(recordOf(world, 'web').content, 'a.example.org');
    assert.ok(
      snapshot?.diagnostics.some(({ code, message }) => code === 'E_CONFLICT' && message.includes('web.example.com')),
    );
  });

  test('an application without our tag is not touched, and its service closes', async (t) => {
    const { world, program } = await published(t);
    world.observer.byHand(() => changeApp(world, 'vault.example.com', { tags: [] }));
    const before = JSON.stringify(appOf(world, 'vault.example.com'));
    await program.pass({ full: true });
    assertNothingWrong(world);
    assert.equal(JSON.stringify(appOf(world, 'vault.example.com')), before);
    assert.ok(possessionsOf(world, program).rules.includes('vault.example.com → http_status:503'));
  });

  test('a policy that was renamed stays with whoever renamed it; ours is made anew', async (t) => {
    const { world, program } = await published(t);
    const { id, fields } = policyOf(world, 'family');
    world.observer.byHand(() => {
      world.store.access.policies.replace(id, { ...fields, session_duration: null, name: 'my own' });
    });
    await program.pass({ full: true });
    await assertRight(world, program);
    assert.equal(world.store.access.policies.get(id).fields.name, 'my own');
  });

  test('what a person set on our objects beyond what we need stays', async (t) => {
    const { world, program } = await published(t);
    world.observer.byHand(() => {
      changeApp(world, 'vault.example.com', { name: 'The vault', kept: { app_launcher_visible: false } });
      changeRules(world, (rules) =>
        rules.map((rule) =>
          rule.hostname === 'web.example.com' ? { ...rule, originRequest: { keyOfTheFuture: 7 } as object } : rule,
        ),
      );
    });
    program.show([...household.map((one) => ({ ...one, at: (one.at ?? 0) + 10 })), { name: 'new', at: 1 }]);
    program.policies = { ...policies, family: { allow: { emails: ['d@example.com'] } } };
    await program.pass({ full: true });
    await assertRight(world, program);
    assert.equal(appOf(world, 'vault.example.com').fields.name, 'The vault');
    const [tunnel] = world.store.tunnels.list();
    const rules = configurationOf(world.store, tunnel?.id ?? '').ingress;
    assert.deepEqual(rules.find(({ hostname }) => hostname === 'web.example.com')?.originRequest, {
      keyOfTheFuture: 7,
    });
  });
});

test('somebody adds rules and records of their own while a pass is at work: all of them stay', async (t) => {
  const { world, program } = await published(t);
  let added = 0;
  program.fault = ({ isWrite, path }) => {
    // Not between our last look at the rules and our writing them: the API has no way to say "only if nobody else did".
    if (!isWrite || path.endsWith('/configurations')) return undefined;
    world.observer.byHand(() => {
      const name = `by-hand-${added++}.example.com`;
      changeRules(world, (rules) => [{ hostname: name, service: nas }, ...rules]);
      world.store.records.create(world.zones.com, { type: 'A', name, content: '192.0.2.9' });
    });
    return undefined;
  };
  program.show([
    { name: 'web', at: 4 },
    { name: 'vault', at: 2, access: 'staff' },
    { name: 'new', at: 3, access: 'friends' },
  ]);
  await program.pass();
  assert.ok(added > 5, `${added} additions`);
  await assertRight(world, program);
  for (let at = 0; at < added; at++) {
    const name = `by-hand-${at}.example.com`;
    assert.deepEqual(rulesFor(world, name), [{ hostname: name, service: nas }]);
    assert.equal(world.store.records.named(world.zones.com.id, name).length, 1);
  }
});

const nas = 'http://192.0.2.99:5000';

const ruleEdits: readonly { readonly name: string; change(rules: readonly Rule[]): readonly Rule[] }[] = [
  { name: 'a rule is removed', change: (rules) => rules.filter(({ hostname }) => hostname !== 'vault.example.com') },
  {
    name: 'a rule leads somewhere else',
    change: (rules) => rules.map((rule) => (rule.hostname === 'vault.example.com' ? { ...rule, service: nas } : rule)),
  },
  {
    name: 'a rule is put above ours',
    change: (rules) => [{ hostname: 'vault.example.com', path: '^/nas', service: nas }, ...rules],
  },
];

describe('rules changed by hand', () => {
  for (const { name, change } of ruleEdits) {
    for (const choice of ['mine', 'theirs', 'ignore'] as const)
      test(`${name}: it stays so, through a restart and other changes, until a person says ${choice}`, async (t) => {
        const { world, program } = await published(t);
        world.observer.acceptOrigin(nas);
        world.observer.byHand(() => changeRules(world, change));
        const theirs = rulesFor(world, 'vault.example.com');
        await program.pass({ full: true });
        assert.deepEqual(rulesFor(world, 'vault.example.com'), theirs);
        program.kill();
        program.start();
        program.show([...household, { name: 'new', at: 9, access: 'friends' }]);
        const snapshot = await program.pass();
        assert.deepEqual(rulesFor(world, 'vault.example.com'), theirs);
        assert.ok(snapshot?.diagnostics.some(({ code }) => code === 'W_DRIFT'));
        const key = name.endsWith('above ours') ? 'vault.example.com ^/nas' : 'vault.example.com';
        createChoiceStore(program.dataDir).update((choices) => ({ ...choices, drift: { [key]: choice } }));
        await program.pass({ full: true });
        assertNothingWrong(world);
        if (choice === 'mine') await assertRight(world, program);
        else assert.deepEqual(rulesFor(world, 'vault.example.com'), theirs);
      });
  }
});
