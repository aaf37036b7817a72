// A rule of ours that somebody changed at the API by hand: held, shown, and then kept, taken or ignored as a person decides.
import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { RemoteRule } from '../../src/cloudflare/configurations.ts';
import { closedService } from '../../src/ingress/closing.ts';
import type { IngressEntry } from '../../src/model.ts';
import { desiredFor, entryFor } from '../contract/reconciler.ts';
import { createRemoteWorld, type RemoteWorld } from './remote-world.ts';

const a = entryFor('a', { service: 'http://10.0.0.1:80' });
const api = entryFor('a', { service: 'http://10.0.0.1:81', path: '^/api' });
const b = entryFor('b', { service: 'http://10.0.0.2:80' });
const elsewhere = 'http://nas.lan:5000';

/** The rule with other fields. */
const edit = (hostname: string, fields: Partial<RemoteRule>) => (rules: readonly RemoteRule[]) =>
  rules.map((rule) => (rule.hostname === hostname && (rule.path ?? '') === '' ? { ...rule, ...fields } : rule));

const warnings = (world: RemoteWorld) =>
  world.ingress.diagnostics?.().map(({ code, severity, message, hint }) => `${severity} ${code} ${message}: ${hint}`) ??
  [];

const kinds: readonly {
  readonly name: string;
  readonly change: (rules: readonly RemoteRule[]) => readonly RemoteRule[];
  readonly held: readonly [action: string, says: RegExp];
}[] = [
  {
    name: 'another service',
    change: edit('a.example.com', { service: elsewhere }),
    held: [
      'update',
      /changed by hand \(service: http:\/\/nas\.lan:5000 → http:\/\/10\.0\.0\.1:80\).*sallyport drift keep a\.example\.com/,
    ],
  },
  {
    name: 'another originRequest',
    change: edit('a.example.com', { originRequest: { noTLSVerify: true } }),
    held: ['update', /originRequest\.noTLSVerify: true → not set/],
  },
  {
    name: 'no rule any more',
    change: (rules) => rules.filter((rule) => rule.path === '^/api' || rule.hostname !== 'a.example.com'),
    held: ['create', /deleted by hand \(rule: none → http:\/\/10\.0\.0\.1:80\)/],
  },
  {
    name: 'another path',
    change: (rules) => rules.map((rule) => (rule.path === '^/api' ? { ...rule, path: '^/v2' } : rule)),
    held: ['create', /deleted by hand .*--path '\^\/api'/],
  },
  {
    name: 'one more rule under our name',
    change: (rules) => [{ hostname: 'a.example.com', path: '^/nas', service: elsewhere }, ...rules],
    held: ['delete', /added by hand .*--path '\^\/nas'/],
  },
  {
    name: 'a place below one that takes its requests',
    change: (rules) => [{ hostname: '*.example.com', service: elsewhere }, ...rules],
    held: ['update', /moved by hand/],
  },
];

describe('a change by hand', () => {
  for (const { name, change, held } of kinds) {
    test(`${name}: is held, stays through other writes and a restart, and says what differs`, async (t) => {
      const world = await createRemoteWorld(t);
      await world.pass(api, a);
      world.byHand(change);
      const before = world.config().ingress;
      const plan = await world.pass(api, a);
      assert.deepEqual(plan.changes, []);
      const found = plan.held.find(({ reason }) => held[1].test(reason));
      assert.equal(found?.change.action, held[0], JSON.stringify(plan.held));
      assert.deepEqual(world.config().ingress, before);
      world.restart();
      await world.pass(api, a, b);
      assert.deepEqual(
        world.config().ingress?.filter((rule) => rule.hostname !== 'b.example.com'),
        before,
      );
      assert.ok(warnings(world).some((line) => line.startsWith('warning W_DRIFT')));
    });

    test(`${name}: "keep mine" writes ours again and is used up`, async (t) => {
      const world = await createRemoteWorld(t);
      await world.pass(api, a);
      const ours = world.config().ingress;
      world.byHand(change);
      await world.pass(api, a);
      world.decide('a.example.com', 'mine');
      await world.pass(api, a);
      const without = world.config().ingress?.filter((rule) => rule.hostname !== '*.example.com');
      assert.deepEqual(without?.map(bare), ours?.map(bare));
      assert.equal(world.config().ingress?.[0]?.path, '^/api');
      assert.deepEqual(world.choices.read().drift, {});
      const plan = await world.pass(api, a);
      assert.deepEqual([plan.changes, plan.held], [[], []]);
    });

    for (const choice of ['theirs', 'ignore'] as const)
      test(`${name}: "${choice}" leaves it through other writes and a restart, and no longer holds it`, async (t) => {
        const world = await createRemoteWorld(t);
        await world.pass(api, a);
        world.byHand(change);
        world.decide('a.example.com', choice);
        const before = world.config().ingress;
        const plan = await world.pass(api, a);
        assert.deepEqual([plan.changes, plan.held], [[], []]);
        world.restart();
        await world.pass(api, a, b);
        assert.deepEqual(
          world.config().ingress?.filter((rule) => rule.hostname !== 'b.example.com'),
          before,
        );
        assert.ok(warnings(world).every((line) => line.startsWith('info W_DRIFT')));
        assert.equal(world.choices.read().drift['a.example.com'], choice);
      });
  }

  test('unknown keys on a rule of ours are nobody’s drift', async (t) => {
    const world = await createRemoteWorld(t);
    await world.pass(a);
    world.byHand(edit('a.example.com', { note: 'x', originRequest: { someday: true } }));
    const plan = await world.pass(a);
    assert.deepEqual([plan.changes, plan.held], [[], []]);
  });

  test('what was changed back to ours is forgotten', async (t) => {
    const world = await createRemoteWorld(t);
    await world.pass(a);
    world.byHand(edit('a.example.com', { service: elsewhere }));
    await world.pass(a);
    world.byHand(edit('a.example.com', { service: a.rule.service }));
    const plan = await world.pass(a);
    assert.deepEqual([plan.changes, plan.held, warnings(world)], [[], [], []]);
  });

  test('a decision for a path is for that path only', async (t) => {
    const world = await createRemoteWorld(t);
    await world.pass(api, a);
    world.byHand((rules) => rules.map((rule) => (rule.hostname ? { ...rule, service: elsewhere } : rule)));
    world.decide('a.example.com ^/api', 'mine');
    const plan = await world.pass(api, a);
    assert.equal(plan.held.length, 1);
    assert.deepEqual(world.rules().slice(0, 2), [
      `a.example.com^/api ${api.rule.service}`,
      `a.example.com ${elsewhere}`,
    ]);
  });

  test('made between plan and apply it is kept, and the pass knows it is not done', async (t) => {
    const world = await createRemoteWorld(t);
    await world.pass(a, b);
    const moved = entryFor('b', { service: b.rule.service, access: { policy: 'family' } });
    const plan = await world.ingress.plan(
      { ingress: [a, entryFor('c')], dnsRecords: [], accessApplications: [] },
      signal,
    );
    world.byHand(edit('a.example.com', { service: elsewhere }));
    const failed = await world.ingress.apply(plan, 'upsert', signal);
    assert.deepEqual(failed, ['docker/a']);
    assert.ok(world.rules().includes(`a.example.com ${elsewhere}`), world.rules().join());
    assert.equal((await world.pass(a, moved)).held.length, 1);
  });
});

const { signal } = new AbortController();

/** A rule without the empty fields that two writes may leave differently. */
function bare({ path, originRequest, ...rule }: RemoteRule): object {
  return {
    ...rule,
    ...(path === undefined || path === '' ? {} : { path }),
    ...(Object.keys(originRequest ?? {}).length === 0 ? {} : { originRequest }),
  };
}

describe('safety before drift', () => {
  const family = { policy: 'family' };
  const cases: readonly {
    readonly name: string;
    readonly first: readonly IngressEntry[];
    readonly hand: Partial<RemoteRule>;
    readonly later: readonly IngressEntry[];
    readonly becomes: string;
  }[] = [
    {
      name: 'a container that moved is followed, and only its address',
      first: [a],
      hand: { originRequest: { noTLSVerify: true } },
      later: [entryFor('a', { service: 'http://10.0.0.9:80' })],
      becomes: 'http://10.0.0.9:80',
    },
    {
      name: 'so is one whose port was changed by hand',
      first: [a],
      hand: { service: 'https://10.0.0.1:8443' },
      later: [entryFor('a', { service: 'http://10.0.0.9:80' })],
      becomes: 'https://10.0.0.9:8443',
    },
    {
      name: 'a stopped service answers 503',
      first: [a],
      hand: { service: elsewhere },
      later: [entryFor('a', { service: closedService })],
      becomes: closedService,
    },
    {
      name: 'another service’s address that is gone is closed',
      first: [a, b],
      hand: { service: b.rule.service },
      later: [a],
      becomes: closedService,
    },
    {
      name: 'a free address that a service has now is closed',
      first: [a],
      hand: { service: 'http://10.0.0.7:80' },
      later: [a, entryFor('c', { service: 'http://10.0.0.7:80' })],
      becomes: closedService,
    },
    {
      name: 'a name nobody wants any more is closed',
      first: [a],
      hand: { service: elsewhere },
      later: [],
      becomes: closedService,
    },
  ];
  for (const choice of [undefined, 'theirs', 'ignore'] as const)
    for (const { name, first, hand, later, becomes } of cases)
      for (const isRestarted of [false, true])
        test(`${name}: ${choice ?? 'undecided'}${isRestarted ? ', after a restart' : ''}`, async (t) => {
          const world = await createRemoteWorld(t);
          await world.pass(...first);
          world.byHand(edit('a.example.com', hand));
          if (choice !== undefined) world.decide('a.example.com', choice);
          await world.pass(...first);
          assert.ok(world.rules()[0]?.endsWith(hand.service ?? a.rule.service), world.rules().join());
          if (isRestarted) world.restart();
          const desired = { ingress: later, dnsRecords: [], accessApplications: [] };
          if (isRestarted) await world.ingress.plan(desired, signal);
          if (isRestarted) await world.ingress.closeStale(desired, signal);
          else await world.ingress.withdraw(desired, signal);
          const stale = world.rules().find((rule) => rule.startsWith('a.example.com'));
          // After a restart nothing is moved before its lock is known to be there: closed first, then opened by the pass.
          const expected = isRestarted && !becomes.startsWith('http_status') ? closedService : becomes;
          assert.equal(stale, `a.example.com ${expected}`);
          await world.pass(...later);
          const after = world.rules().find((rule) => rule.startsWith('a.example.com'));
          assert.equal(after, later.length === 0 ? undefined : `a.example.com ${becomes}`);
        });

  test('a rule of a public name that leads to a guarded service is closed and says so', async (t) => {
    const world = await createRemoteWorld(t);
    const guarded = entryFor('b', { service: b.rule.service, access: family });
    await world.pass(a, guarded);
    world.byHand(edit('a.example.com', { service: b.rule.service }));
    world.decide('a.example.com', 'theirs');
    await world.pass(a, guarded);
    assert.equal(world.rules()[0], `a.example.com ${closedService}`);
    assert.match(warnings(world).join(), /answers 503, because it leads to docker\/b, whose Access policy/);
  });

  test('so is one that lets its visitors choose the address', async (t) => {
    const world = await createRemoteWorld(t);
    await world.pass(a, entryFor('b', { access: family }));
    world.byHand(edit('a.example.com', { service: 'bastion' }));
    await world.pass(a, entryFor('b', { access: family }));
    assert.equal(world.rules()[0], `a.example.com ${closedService}`);
  });

  test('one that leads to another service with the same lock is left, and named', async (t) => {
    const world = await createRemoteWorld(t);
    await world.pass(a, b);
    world.byHand(edit('a.example.com', { service: b.rule.service }));
    const plan = await world.pass(a, b);
    assert.equal(world.rules()[0], `a.example.com ${b.rule.service}`);
    assert.match(plan.held[0]?.reason ?? '', /docker\/b/);
  });

  for (const choice of [undefined, 'theirs', 'ignore'] as const)
    test(`what a stop closed comes back as it was written by hand: ${choice ?? 'undecided'}`, async (t) => {
      const world = await createRemoteWorld(t);
      await world.pass(a);
      world.byHand(edit('a.example.com', { originRequest: { noTLSVerify: true } }));
      if (choice !== undefined) world.decide('a.example.com', choice);
      await world.pass(a);
      await world.pass(entryFor('a', { service: closedService }));
      assert.equal(world.rules()[0], `a.example.com ${closedService}`);
      world.restart();
      await world.pass(entryFor('a', { service: 'http://10.0.0.9:80' }));
      assert.deepEqual(world.config().ingress?.[0], {
        hostname: 'a.example.com',
        service: 'http://10.0.0.9:80',
        originRequest: { noTLSVerify: true },
      });
    });
});

describe('"take theirs"', () => {
  test('ends when something else is wanted, and ours is written', async (t) => {
    const world = await createRemoteWorld(t);
    await world.pass(a);
    world.byHand(edit('a.example.com', { service: elsewhere }));
    world.decide('a.example.com', 'theirs');
    await world.pass(a);
    world.restart();
    await world.pass(entryFor('a', { service: 'http://10.0.0.3:80' }));
    assert.equal(world.rules()[0], `a.example.com ${elsewhere}`, 'an address is not what a person wants');
    await world.pass(entryFor('a', { service: 'http://10.0.0.3:8080' }));
    assert.equal(world.rules()[0], 'a.example.com http://10.0.0.3:8080');
    assert.deepEqual(world.choices.read().drift, {});
  });
});

describe('the memory of what was written', () => {
  const file = (world: RemoteWorld) => join(world.dataDir, 'rules-written.json');

  test('is only its owner’s, and is not written when nothing changed', async (t) => {
    const world = await createRemoteWorld(t);
    await world.pass(a);
    assert.equal(statSync(file(world)).mode & 0o777, 0o600);
    rmSync(file(world));
    await world.pass(a);
    assert.throws(() => statSync(file(world)), { code: 'ENOENT' });
  });

  for (const [name, spoil] of [
    ['lost', (path: string) => rmSync(path)],
    ['cut short', (path: string) => writeFileSync(path, readFileSync(path, 'utf8').slice(0, 40))],
    ['of another tunnel', (path: string) => writeFileSync(path, '{"tunnel":"other","rules":{}}')],
    ['something else', (path: string) => writeFileSync(path, '{"rules":[1],"tunnel":5}')],
  ] as const)
    test(`${name}: what differs is put right as if it had never been there`, async (t) => {
      const world = await createRemoteWorld(t);
      await world.pass(a);
      world.byHand(edit('a.example.com', { service: elsewhere }));
      spoil(file(world));
      world.restart();
      const plan = await world.pass(a);
      assert.deepEqual(plan.held, []);
      assert.equal(world.rules()[0], `a.example.com ${a.rule.service}`);
    });

  for (const fault of ['reset', 'lose-answer'] as const)
    test(`a write that ends in "${fault}" is not taken for somebody else’s after a restart`, async (t) => {
      const world = await createRemoteWorld(t);
      await world.pass(a);
      world.fault = ({ method }) => (method === 'PUT' ? fault : undefined);
      await assert.rejects(world.pass(entryFor('a', { service: 'http://10.0.0.3:80' })));
      world.fault = () => undefined;
      world.restart();
      const plan = await world.pass(entryFor('a', { service: 'http://10.0.0.4:80' }));
      assert.deepEqual(plan.held, []);
      assert.equal(world.rules()[0], 'a.example.com http://10.0.0.4:80');
    });

  test('without it a decision still counts, except for an address nobody vouches for', async (t) => {
    const world = await createRemoteWorld(t);
    world.owned.add('a.example.com');
    world.put({ ingress: [{ hostname: 'a.example.com', service: elsewhere }, { service: 'http_status:404' }] });
    world.decide('a.example.com', 'ignore');
    await world.pass(a);
    assert.equal(world.rules()[0], `a.example.com ${elsewhere}`);
    rmSync(file(world), { force: true });
    world.put({
      ingress: [{ hostname: 'a.example.com', service: 'http://10.0.0.8:80' }, { service: 'http_status:404' }],
    });
    world.restart();
    await world.pass(a);
    assert.equal(world.rules()[0], `a.example.com ${a.rule.service}`);
  });
});

describe('a death after the record is gone and before its rules are', () => {
  const hostname = 'a.example.com';
  /** As a pass that no longer wants the name leaves it when it dies there: closed, or still open where nothing could be written. */
  const deaths: readonly [name: string, die: (world: RemoteWorld) => Promise<unknown>][] = [
    ['closed', (world) => world.ingress.withdraw(desiredFor([b]), signal)],
    ['still open', async () => undefined],
  ];
  const dead = async (t: TestContext, die: (world: RemoteWorld) => Promise<unknown>) => {
    const world = await createRemoteWorld(t);
    await world.pass(a, api, b);
    await die(world);
    world.owned.delete(hostname);
    return world;
  };
  const left = (world: RemoteWorld) => world.rules().filter((rule) => rule.startsWith(hostname));

  for (const [name, die] of deaths) {
    test(`${name}: the next start removes them`, async (t) => {
      const world = await dead(t, die);
      world.restart();
      await world.pass(b);
      assert.deepEqual(left(world), []);
      assert.ok(world.rules().some((rule) => rule.startsWith('b.example.com ')));
    });

    const others: readonly [name: string, take: (world: RemoteWorld) => void][] = [
      ['a record of somebody else leads there', (world) => world.elsewhere.add(hostname)],
      ['one of them is not as we wrote it', (world) => world.byHand(edit(hostname, { service: elsewhere }))],
      ['the name was released', (world) => world.choices.update((now) => ({ ...now, released: [hostname] }))],
    ];
    for (const [reason, take] of others)
      test(`${name}: they stay when ${reason}`, async (t) => {
        const world = await dead(t, die);
        take(world);
        const before = left(world);
        world.restart();
        await world.pass(b);
        assert.deepEqual(left(world), before);
      });
  }
});

describe('adopt and release', () => {
  const theirs = { hostname: 'a.example.com', service: elsewhere, note: 'mine' };
  const end = { service: 'http_status:404' };

  test('a conflict names the command, which makes the rules of the name ours', async (t) => {
    const world = await createRemoteWorld(t);
    const nas = { hostname: 'nas.example.com', service: 'http://nas:1', someday: 1 };
    world.put({ ingress: [theirs, { ...theirs, path: '^/x' }, nas, end] });
    const desired = { ingress: [a], dnsRecords: [], accessApplications: [] };
    const plan = await world.ingress.plan(desired, signal);
    assert.match(plan.held[0]?.reason ?? '', /sallyport adopt a\.example\.com/);
    assert.match(warnings(world)[0] ?? '', /sallyport adopt a\.example\.com/);
    world.choices.update((now) => ({ ...now, adopted: ['a.example.com'] }));
    await world.ingress.apply(await world.ingress.plan(desired, signal), 'upsert', signal);
    assert.deepEqual(
      world.rules().toSorted(),
      [`a.example.com ${a.rule.service}`, 'nas.example.com http://nas:1', '* http_status:404'].toSorted(),
    );
    assert.deepEqual(
      world.config().ingress?.find(({ hostname }) => hostname === 'nas.example.com'),
      nas,
    );
  });

  for (const later of [[a], [], [entryFor('a', { service: closedService })]])
    test(`a released name’s rules stay whatever is wanted: ${later[0]?.rule.service ?? 'nothing'}`, async (t) => {
      const world = await createRemoteWorld(t);
      await world.pass(a, b);
      const before = world.config().ingress?.[0];
      world.choices.update((now) => ({ ...now, released: ['a.example.com'] }));
      world.owned.delete('a.example.com');
      for (let round = 0; round < 2; round++) {
        await world.pass(...later);
        assert.deepEqual(world.config().ingress?.[0], before);
        world.restart();
      }
      assert.ok(!warnings(world).some((line) => line.includes('E_CONFLICT')));
      assert.ok(!world.ingress.live().some(({ rule }) => rule.hostname === 'a.example.com'));
    });
});

test('40 foreign rules stay byte for byte through every kind of drift and every decision', async (t) => {
  const world = await createRemoteWorld(t);
  const foreign: RemoteRule[] = Array.from({ length: 40 }, (_, at) => ({
    hostname: at % 10 === 9 ? `*.w${at}.example.com` : `f${at}.example.com`,
    ...(at % 3 === 0 ? { path: '^/x' } : {}),
    service: `http://foreign:${at + 1}`,
    ...(at % 2 === 0 ? { originRequest: { someday: at, noTLSVerify: true } } : { note: { at } }),
  }));
  const rest = { originRequest: { connectTimeout: 7 }, 'warp-routing': { maxActiveFlows: 9 }, unknown: [1, null] };
  world.put({ ingress: [...foreign, { service: 'http_status:418' }], ...rest });
  await world.pass(api, a, b);
  const check = () => {
    const { ingress = [], ...others } = world.config();
    const kept = ingress.filter((rule) => !/^[a-c]\.example\.com$|^\*\.example\.com$/.test(rule.hostname ?? ''));
    assert.equal(JSON.stringify([kept, others]), JSON.stringify([[...foreign, { service: 'http_status:418' }], rest]));
  };
  for (const { change } of kinds)
    for (const choice of [undefined, 'theirs', 'ignore', 'mine'] as const) {
      world.byHand(change);
      if (choice !== undefined) world.decide('a.example.com', choice);
      await world.pass(api, a, b);
      check();
      await world.pass(api, a, entryFor('c'));
      check();
      if (choice === undefined) world.restart();
      await world.pass(api, a, b);
      check();
      world.decide('a.example.com', 'mine');
      world.byHand((rules) => rules.filter((rule) => rule.hostname !== '*.example.com'));
      const last = await world.pass(api, a, b);
      check();
      assert.deepEqual(last.failed, []);
      assert.deepEqual((await world.pass(api, a, b)).held, []);
    }
});
