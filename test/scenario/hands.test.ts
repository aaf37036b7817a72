// What people do by hand, to our objects and to their labels: what is still ours is put right, what is not any more is left alone, and no door
// is open for it longer than it takes to look.
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { createChoiceStore } from '../../src/choices.ts';
import type { AppInput, StoredApp } from '../../src/edge/store/access/apps.ts';
import { assertRight, possessionsOf } from './end.ts';
import { addForeigners, sharedTunnel } from './foreigners.ts';
import type { Program } from './program.ts';
import { policies } from './program.ts';
import { configurationOf, lockFor, locksOf } from './reality.ts';
import type { Container } from './script.ts';
import { assertNothingWrong, createWorld, type World } from './world.ts';

const household: readonly Container[] = [
  { name: 'web', at: 1 },
  { name: 'vault', at: 2, access: 'family', bypass: ['/health'] },
  { name: 'office', at: 3, access: 'staff' },
];

/** A program that has published these. */
async function published(
  t: TestContext,
  containers: readonly Container[] = household,
  isLocal = false,
): Promise<{ world: World; program: Program }> {
  const world = await createWorld(t);
  addForeigners(world, { records: 6, rules: 4, applications: 4 });
  const program = world.program({ isLocal, ...(isLocal ? {} : { tunnel: sharedTunnel }) });
  program.start();
  program.show(containers);
  await program.pass();
  return { world, program };
}

function recordOf({ store, zones }: World, name: string) {
  const [record] = store.records.named(zones.com.id, `${name}.example.com`);
  assert.ok(record !== undefined);
  return record;
}

function patchRecord(world: World, name: string, patch: Parameters<World['store']['records']['patch']>[2]): void {
  world.store.records.patch(world.zones.com, recordOf(world, name).id, patch);
}

function appOf({ store }: World, domain: string): StoredApp {
  const app = store.access.apps.list().find(({ fields }) => fields.domain === domain);
  assert.ok(app !== undefined, domain);
  return app;
}

function changeApp(world: World, domain: string, change: Partial<AppInput>): void {
  const { id, fields } = appOf(world, domain);
  const { policies: links, name, tags, type, kept } = fields;
  world.store.access.apps.replace(id, { type, name, tags, kept, domain, policies: links, ...change });
}

function policyOf({ store }: World, name: string) {
  const policy = store.access.policies.list().find(({ fields }) => fields.name.endsWith(`owner=home policy=${name}`));
  assert.ok(policy !== undefined, name);
  return policy;
}

/** Changes the configuration of the tunnel that holds our rules. */
function changeRules(world: World, change: (rules: readonly Rule[]) => readonly Rule[]): void {
  const [tunnel] = world.store.tunnels.list();
  assert.ok(tunnel !== undefined);
  const { ingress, ...rest } = configurationOf(world.store, tunnel.id);
  world.store.configurations.put(tunnel.id, { ...rest, ingress: change(ingress) });
}

type Rule = ReturnType<typeof configurationOf>['ingress'][number];

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

function rulesFor(world: World, name: string): readonly Rule[] {
  const [tunnel] = world.store.tunnels.list();
  return configurationOf(world.store, tunnel?.id ?? '').ingress.filter(({ hostname }) => hostname === name);
}

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
