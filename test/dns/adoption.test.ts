// Names that change hands, against the real API: taken over, given away, or taken by somebody while we were not looking.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StoredRecord } from '../../src/edge/store/records.ts';
import { AppError } from '../../src/errors.ts';
import { reasons, restrict } from '../../src/plan/policy.ts';
import { never } from '../cloudflare/api-world.ts';
import { createDnsWorld, type DnsWorld, externalDns, fullName, type Instance, ourText, wanted } from './world.ts';

const forms = ['comment', 'txt'] as const;

/** So many records of others, some of them an external-dns's. */
function fill(world: DnsWorld, count = 500): readonly StoredRecord[] {
  for (let at = 0; at < count - 20; at++)
    world.make(at % 3 === 0 ? 'CNAME' : 'A', `f${at}`, at % 3 === 0 ? 'x.example.net' : '192.0.2.1', {
      comment: at % 2 === 0 ? `note ${at}` : null,
      ttl: 300,
      tags: ['team:net'],
    });
  for (let at = 0; at < 20; at++) world.make('TXT', `cname-f${at * 3}`, externalDns('k8s'));
  return world.records();
}

/** Without what every change of a record changes. */
function plain({ modifiedOn: _, ...record }: StoredRecord) {
  return record;
}

const codes = (instance: Instance) => instance.findings().map(({ code }) => code);
const batches = (world: DnsWorld) => world.calls.filter(({ path }) => path.endsWith('/batch')).length;

describe('adopting', () => {
  const cases: readonly {
    readonly name: string;
    readonly make: (world: DnsWorld) => void;
    readonly inPlace: boolean;
  }[] = [
    {
      name: 'a CNAME',
      make: (world) => world.make('CNAME', 'nas', 'x.example.net', { comment: 'mine', ttl: 300 }),
      inPlace: true,
    },
    {
      name: 'a CNAME to our tunnel',
      make: (world) => world.make('CNAME', 'nas', 'tunnel.cfargotunnel.com', { proxied: true }),
      inPlace: true,
    },
    { name: 'an A record', make: (world) => world.make('A', 'nas', '192.0.2.1'), inPlace: false },
    {
      name: 'several addresses',
      make: (world) => {
        for (const address of ['192.0.2.1', '192.0.2.2']) world.make('A', 'nas', address);
        world.make('AAAA', 'nas', '2001:db8::1');
      },
      inPlace: false,
    },
    {
      name: 'the record of another instance',
      make: (world) =>
        world.make('CNAME', 'nas', 'x.cfargotunnel.com', { comment: 'sallyport owner=cabin resource=docker/nas' }),
      inPlace: true,
    },
    {
      name: 'the record of another instance that keeps a TXT registry',
      make: (world) => {
        world.make('CNAME', 'nas', 'x.cfargotunnel.com');
        world.make('TXT', 'cname-nas', ourText('cabin', 'nas'));
      },
      inPlace: true,
    },
    {
      name: 'what an external-dns made',
      make: (world) => {
        world.make('A', 'nas', '192.0.2.1');
        world.make('TXT', 'a-nas', externalDns('k8s'));
        world.make('TXT', 'nas', externalDns('k8s'));
      },
      inPlace: false,
    },
    {
      name: 'a name that is only claimed',
      make: (world) => world.make('TXT', 'cname-nas', externalDns('k8s')),
      inPlace: false,
    },
    {
      name: 'a record of ours whose type was changed',
      make: (world) => world.make('A', 'nas', '192.0.2.1', { comment: 'sallyport owner=home resource=docker/nas' }),
      inPlace: false,
    },
  ];
  for (const ownership of forms)
    for (const { name, make, inPlace } of cases)
      test(`${name} takes one batch, and nothing else in the zone changes (${ownership})`, async (t) => {
        const world = await createDnsWorld(t);
        const foreign = fill(world, inPlace ? 500 : 80);
        make(world);
        const mail = world.make('MX', 'nas', 'mail.example.net', { priority: 10 });
        const before = world.record('nas');
        const home = world.start({ ownership });
        const seen = world.records();
        await home.settle('nas');
        assert.deepEqual(codes(home), ['E_CONFLICT']);
        assert.deepEqual(world.records(), seen);

        home.choices.adopted = [fullName('nas')];
        world.calls.length = 0;
        assert.deepEqual(await home.settle('nas'), []);
        assert.equal(batches(world), 1);
        assert.deepEqual(codes(home), []);
        const record = world.record('nas');
        assert.deepEqual([record?.content, record?.proxied, record?.ttl], ['tunnel.cfargotunnel.com', true, 1]);
        assert.equal(record?.id === before?.id, inPlace);
        const marks = world
          .records()
          .filter(({ name }) => name === fullName('cname-nas'))
          .map(({ content }) => content);
        assert.deepEqual(marks, ownership === 'txt' ? [ourText('home', 'nas')] : []);
        assert.equal(record?.comment?.startsWith('sallyport owner=home ') === true, ownership === 'comment');
        assert.deepEqual((await home.dns.plan(wanted(['nas']), never())).changes, []);

        await home.settle();
        assert.deepEqual(world.records(), [...foreign, mail]);
      });

  test('a name that no service wants changes nothing', async (t) => {
    const world = await createDnsWorld(t);
    const before = fill(world);
    const home = world.start({ choices: { adopted: ['f0', 'f1', 'f2'].map(fullName), released: [] } });
    assert.deepEqual((await home.dns.plan(wanted([]), never())).changes, []);
    await home.settle();
    assert.deepEqual(world.records(), before);
  });

  test('one name leaves its neighbours and what a wildcard covers alone', async (t) => {
    const world = await createDnsWorld(t);
    world.make('A', 'nas.lab', '192.0.2.1');
    world.make('A', '*.lab', '192.0.2.1');
    const home = world.start({ choices: { adopted: [fullName('*.lab')], released: [] } });
    await home.settle('*.lab', 'nas.lab');
    assert.equal(world.record('*.lab')?.content, 'tunnel.cfargotunnel.com');
    assert.equal(world.record('nas.lab', 'A')?.content, '192.0.2.1');
    assert.deepEqual(codes(home), ['E_CONFLICT']);
  });

  test('a delegation is refused: what is behind it is more than a name', async (t) => {
    const world = await createDnsWorld(t);
    world.make('NS', 'lab', 'ns1.example.net');
    const before = world.records();
    const home = world.start({ choices: { adopted: [fullName('lab')], released: [] } });
    await home.settle('lab');
    assert.deepEqual(world.records(), before);
    assert.match(home.findings()[0]?.message ?? '', /delegated/);
    assert.doesNotMatch(home.findings()[0]?.hint ?? '', /adopt/);
  });

  test('the apex goes past its own name servers', async (t) => {
    const world = await createDnsWorld(t);
    world.make('NS', '@', 'ns1.example.net');
    world.make('TXT', '@', '"v=spf1 -all"');
    const home = world.start();
    assert.deepEqual(await home.settle('@'), []);
    assert.equal(world.record('@')?.content, 'tunnel.cfargotunnel.com');
    assert.equal(world.records().length, 3);
  });

  const edits: readonly { readonly name: string; readonly edit: (world: DnsWorld) => void }[] = [
    { name: 'it was changed', edit: (world) => world.edit(world.record('nas', 'A'), { content: '192.0.2.7' }) },
    { name: 'it got a note', edit: (world) => world.edit(world.record('nas', 'A'), { comment: 'no, mine' }) },
    {
      name: 'another of the name was changed',
      edit: (world) => world.edit(world.record('nas', 'AAAA'), { content: '2001:db8::7' }),
    },
    { name: 'one more came', edit: (world) => world.make('A', 'nas', '192.0.2.8') },
  ];
  for (const { name, edit } of edits)
    test(`where between plan and apply ${name}, it is left alone`, async (t) => {
      const world = await createDnsWorld(t);
      world.make('A', 'nas', '192.0.2.1');
      world.make('AAAA', 'nas', '2001:db8::1');
      const home = world.start({ choices: { adopted: [fullName('nas')], released: [] } });
      const plan = await home.dns.plan(wanted(['nas']), never());
      assert.equal(plan.changes.length, 1);
      edit(world);
      const edited = world.records();
      await home.dns.apply(plan, 'upsert', never());
      assert.deepEqual(world.records(), edited);
    });
});

describe('between plan and apply', () => {
  for (const claim of ['cname-nas', 'a-nas', 'nas'])
    test(`a claim by ${claim} that was changed is left alone, and so is its name`, async (t) => {
      const world = await createDnsWorld(t);
      const text = world.make('TXT', claim, externalDns('k8s'));
      const home = world.start({ ownership: 'txt', choices: { adopted: [fullName('nas')], released: [] } });
      const plan = await home.dns.plan(wanted(['nas', 'wiki']), never());
      const edited = world.edit(text, { content: '"my notes"' });
      // Not done, so that a pass soon decides again.
      assert.deepEqual(await home.dns.apply(plan, 'upsert', never()), ['docker/nas']);
      assert.deepEqual(world.record(claim, 'TXT'), edited);
      assert.equal(world.record('nas'), undefined);
      assert.ok(world.record('wiki'));
    });
});

describe('releasing', () => {
  for (const ownership of forms)
    for (const marked of forms)
      test(`takes only the mark off, and nothing under the name is changed any more (${ownership}, marked by ${marked})`, async (t) => {
        const world = await createDnsWorld(t);
        const foreign = fill(world);
        await world.start({ ownership: marked }).settle('nas', 'wiki');
        // Proxied records have no TTL of their own: this one shows that it is kept.
        const before = world.edit(world.record('nas'), { proxied: false, ttl: 300, tags: ['team:home'] });
        const home = world.start({ ownership, choices: { adopted: [], released: [fullName('nas')] } });
        assert.deepEqual([...(await home.dns.ownedHostnames(never()))], ['wiki.example.com']);
        assert.deepEqual(await home.settle('nas', 'wiki'), []);
        const released = world.record('nas');
        assert.ok(released);
        assert.deepEqual(plain(released), { ...plain(before), comment: null });
        assert.equal(world.record('cname-nas', 'TXT'), undefined);
        assert.deepEqual(world.records().slice(0, foreign.length), foreign);
        assert.deepEqual(codes(home), ['W_RELEASED']);
        assert.match(home.findings()[0]?.hint ?? '', /sallyport adopt nas\.example\.com/);

        // Nothing more to do, wanted or not, changed by hand or gone.
        world.calls.length = 0;
        await home.settle('nas', 'wiki');
        await home.settle('wiki');
        assert.deepEqual(world.record('nas'), released);
        world.remove(released);
        await home.settle('nas', 'wiki');
        assert.equal(world.record('nas'), undefined);
        assert.equal(batches(world), 0);
      });

  test('and adopting again makes it ours as if nothing had been', async (t) => {
    const world = await createDnsWorld(t);
    const home = world.start();
    await home.settle('nas');
    const before = world.record('nas');
    home.choices.released = [fullName('nas')];
    await home.settle('nas');
    home.choices.released = [];
    await home.settle('nas');
    assert.deepEqual(codes(home), ['E_CONFLICT']);
    home.choices.adopted = [fullName('nas')];
    await home.settle('nas');
    const after = world.record('nas');
    assert.deepEqual(after && plain(after), before && plain(before));
  });

  test('a record of somebody else changes nothing', async (t) => {
    const world = await createDnsWorld(t);
    world.make('CNAME', 'nas', 'x.cfargotunnel.com', { comment: 'sallyport owner=cabin resource=docker/nas' });
    world.make('CNAME', 'wiki', 'x.example.net');
    world.make('TXT', 'cname-wiki', externalDns('k8s'));
    const before = world.records();
    const home = world.start({ choices: { adopted: [], released: ['nas', 'wiki'].map(fullName) } });
    await home.settle('nas', 'wiki');
    await home.settle();
    assert.deepEqual(world.records(), before);
  });

  test('is not held back by a service that failed, by a start or by upsert-only', async (t) => {
    const world = await createDnsWorld(t);
    const home = world.start();
    await home.settle('nas');
    home.choices.released = [fullName('nas')];
    const plan = await home.dns.plan(wanted(['nas']), never());
    for (const mode of ['sync', 'upsert-only'] as const)
      assert.equal(restrict(plan, { mode, complete: false }).changes.length, 1);
    // What failed for the service is held by its id, and a released name is for none.
    assert.equal(plan.changes[0]?.serviceId, 'dns/record');
    assert.equal(restrict(plan, { mode: 'dry-run', complete: true }).changes.length, 0);
  });

  test('that the API refuses is a failure, told to nobody in particular, and tried again', async (t) => {
    const world = await createDnsWorld(t);
    const home = world.start({ ownership: 'txt' });
    await home.settle('nas', 'wiki');
    home.choices.released = [fullName('nas')];
    world.fault = ({ path }) => (path.endsWith('/batch') ? { status: 400 } : undefined);
    assert.deepEqual(await home.settle('nas', 'wiki'), ['dns/record']);
    assert.deepEqual(
      home.findings().map(({ code, serviceId }) => [code, serviceId]),
      [
        ['W_RELEASED', 'docker/nas'],
        ['E_API', undefined],
      ],
    );
    world.fault = () => undefined;
    assert.deepEqual(await home.settle('nas', 'wiki'), []);
    assert.equal(world.record('cname-nas', 'TXT'), undefined);
  });

  test('where marks contradict each other, ours goes and theirs stays', async (t) => {
    const world = await createDnsWorld(t);
    world.make('CNAME', 'nas', 'x.example.net', { comment: 'sallyport owner=home resource=docker/nas' });
    const text = world.make('TXT', 'cname-nas', externalDns('k8s'));
    await world.start({ choices: { adopted: [], released: [fullName('nas')] } }).settle();
    assert.equal(world.record('nas')?.comment, null);
    assert.deepEqual(world.record('cname-nas', 'TXT'), text);
  });
});

describe('a record of ours that somebody pointed elsewhere', () => {
  for (const ownership of forms)
    test(`stays without our mark when nobody wants it any more (${ownership})`, async (t) => {
      const world = await createDnsWorld(t);
      const foreign = fill(world);
      const home = world.start({ ownership });
      await home.settle('nas', 'wiki');
      const edited = world.edit(world.record('nas'), { content: 'other.cfargotunnel.com' });
      const plan = await home.dns.plan(wanted([]), never());
      assert.deepEqual(
        plan.changes.map((change) => [change.action, change.action === 'delete' && change.onlyMark]),
        [
          ['delete', true],
          ['delete', undefined],
        ],
      );
      assert.match(home.findings()[0]?.message ?? '', /nas\.example\.com leads to other\.cfargotunnel\.com now/);
      assert.deepEqual(await home.settle(), []);
      const kept = world.record('nas');
      assert.deepEqual(world.records(), [...foreign, kept]);
      assert.deepEqual(kept && plain(kept), { ...plain(edited), comment: null });
      await home.settle();
      assert.deepEqual(world.record('nas'), kept);
    });

  test('waits for every source and the grace period, as a delete does', async (t) => {
    const world = await createDnsWorld(t);
    const home = world.start();
    await home.settle('nas');
    world.edit(world.record('nas'), { content: 'x.example.net' });
    const plan = await home.dns.plan(wanted([]), never());
    const held = restrict(plan, { mode: 'sync', complete: false });
    assert.deepEqual([held.changes.length, held.held[0]?.reason], [0, reasons.incomplete]);
    assert.equal(restrict(plan, { mode: 'upsert-only', complete: true }).changes.length, 0);
  });

  test('does not count among many deletes', async (t) => {
    const world = await createDnsWorld(t);
    const home = world.start();
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    await home.settle(...names);
    for (const name of names) world.edit(world.record(name), { content: 'x.example.net' });
    const plan = restrict(await home.dns.plan(wanted([]), never()), { mode: 'sync', complete: true });
    assert.deepEqual([plan.changes.length, plan.held.length], [6, 0]);
  });

  test('is put right while a service still wants it', async (t) => {
    const world = await createDnsWorld(t);
    const home = world.start();
    await home.settle('nas');
    world.edit(world.record('nas'), { content: 'x.example.net' });
    await home.settle('nas');
    assert.equal(world.record('nas')?.content, 'tunnel.cfargotunnel.com');
  });

  test('after the plan is left alone, with its mark', async (t) => {
    const world = await createDnsWorld(t);
    const home = world.start({ ownership: 'txt' });
    await home.settle('nas');
    const plan = await home.dns.plan(wanted([]), never());
    world.edit(world.record('nas'), { content: 'x.example.net' });
    const edited = world.records();
    await home.dns.apply(plan, 'delete', never());
    assert.deepEqual(world.records(), edited);
  });
});

test('choices that cannot be read stop the plan before anything is asked', async (t) => {
  const world = await createDnsWorld(t);
  const broken = new AppError({ code: 'E_STATE', message: 'damaged' });
  const choices = { released: [] } as unknown as Instance['choices'];
  Object.defineProperty(choices, 'adopted', {
    get() {
      throw broken;
    },
  });
  const home = world.start({ choices });
  await assert.rejects(home.dns.plan(wanted(['nas']), never()), broken);
  assert.deepEqual(world.calls, []);
});
