// Marks in TXT records, against the real API: written and deleted with their record, and those of others respected.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createDnsReconciler } from '../../src/dns/reconciler.ts';
import { compileIngress } from '../../src/ingress/compile.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { never } from '../cloudflare/api-world.ts';
import { contractZone, entryFor, testReconciler } from '../contract/reconciler.ts';
import {
  createDnsWorld,
  type DnsWorld,
  externalDns,
  fullName,
  ourText,
  settle,
  tunnelTarget,
  wanted,
} from './world.ts';

testReconciler('dns with a TXT registry', async (t) => {
  const world = await createDnsWorld(t);
  return { reconciler: world.start({ ownership: 'txt' }).dns, look: () => world.records() };
});

function shown(world: DnsWorld): readonly string[] {
  return world
    .records()
    .map(({ type, name, content, comment }) => [type, name, content, comment ?? '-'].join(' '))
    .toSorted();
}

const batches = (world: DnsWorld) => world.calls.filter(({ path }) => path.endsWith('/batch')).length;

test('a record and its mark are written together, and deleted together', async (t) => {
  const world = await createDnsWorld(t);
  const home = world.start({ ownership: 'txt' });
  assert.deepEqual(await home.settle('wiki'), []);
  assert.deepEqual(shown(world), [
    'CNAME wiki.example.com tunnel.cfargotunnel.com -',
    `TXT cname-wiki.example.com ${ourText('home', 'wiki')} -`,
  ]);
  assert.equal(batches(world), 1);
  assert.deepEqual(await home.settle(), []);
  assert.deepEqual(world.records(), []);
  assert.equal(batches(world), 2);
});

test('100 new services take one batch, deleting them one more, and a steady state none', async (t) => {
  const world = await createDnsWorld(t);
  const home = world.start({ ownership: 'txt' });
  const names = Array.from({ length: 100 }, (_, at) => `s${at}`);
  assert.deepEqual(await home.settle(...names), []);
  assert.equal(world.records().length, 200);
  assert.deepEqual(
    world.calls.map(({ method, path }) => `${method} ${path.replace(/[0-9a-f]{32}/, 'ID')}`),
    ['GET /zones', 'GET /zones/ID/dns_records', 'POST /zones/ID/dns_records/batch'],
  );
  assert.deepEqual((await home.dns.plan(wanted(names), never())).changes, []);
  await home.settle();
  assert.equal(batches(world), 2);
  assert.deepEqual(world.records(), []);
});

test('more than one batch holds is cut between records, never between a record and its mark', async (t) => {
  const world = await createDnsWorld(t);
  const split: string[] = [];
  world.store.subscribe(() => {
    for (const { name } of world.records().filter(({ type }) => type === 'CNAME'))
      if (world.record(`cname-${name}`, 'TXT') === undefined) split.push(name);
  });
  const names = Array.from({ length: 251 }, (_, at) => `s${at}`);
  assert.deepEqual(await world.start({ ownership: 'txt' }).settle(...names), []);
  assert.equal(world.records().length, 502);
  assert.equal(batches(world), 3);
  assert.deepEqual(split, []);
});

const forms = [
  ['comment', 'txt'],
  ['txt', 'comment'],
] as const;
for (const [before, after] of forms)
  describe(`from ${before} to ${after}`, () => {
    test('every record stays ours, is converted in place, and nothing else changes', async (t) => {
      const world = await createDnsWorld(t);
      const names = Array.from({ length: 30 }, (_, at) => `s${at}`);
      await world.start({ ownership: before }).settle(...names, '*.apps', '@');
      for (let at = 0; at < 500; at++) world.make('A', `f${at}`, '192.0.2.1', { comment: `note ${at}` });
      const foreign = () => world.records().filter(({ type }) => type === 'A');
      const cnames = () => world.records().filter(({ type }) => type === 'CNAME');
      const untouched = foreign();
      const ids = cnames().map(({ id }) => id);

      const home = world.start({ ownership: after });
      world.calls.length = 0;
      assert.deepEqual(await home.settle(...names, '*.apps', '@'), []);
      assert.equal(batches(world), 1);
      assert.deepEqual((await home.dns.plan(wanted([...names, '*.apps', '@']), never())).changes, []);
      assert.deepEqual(
        cnames().map(({ id }) => id),
        ids,
      );
      assert.equal(world.records().filter(({ type }) => type === 'TXT').length, after === 'txt' ? 31 : 0);
      // The apex has no name for a TXT record.
      assert.equal(cnames().filter(({ comment }) => comment !== null).length, after === 'txt' ? 1 : 32);
      await home.settle();
      assert.deepEqual(world.records(), untouched);
      assert.deepEqual(foreign(), untouched);
    });

    test('a record that nobody wants any more is still deleted as ours', async (t) => {
      const world = await createDnsWorld(t);
      await world.start({ ownership: before }).settle('wiki');
      const home = world.start({ ownership: after });
      assert.deepEqual([...(await home.dns.ownedHostnames(never()))], ['wiki.example.com']);
      assert.deepEqual(await home.settle(), []);
      assert.deepEqual(world.records(), []);
    });
  });

test('a comment of the user stays on a record that is marked beside it', async (t) => {
  const world = await createDnsWorld(t);
  const home = world.start({ ownership: 'txt' });
  await home.settle('wiki');
  world.edit(world.record('wiki'), { comment: 'for grandma', content: 'elsewhere.example.net' });
  await home.settle('wiki');
  assert.equal(world.record('wiki')?.content, 'tunnel.cfargotunnel.com');
  assert.equal(world.record('wiki')?.comment, 'for grandma');
});

describe('names for which there is no TXT name', () => {
  const names = ['@', '_wildcard', 'a'.repeat(58)];
  for (const name of names)
    test(`${name.slice(0, 20)} keep the mark in the comment and are ours`, async (t) => {
      const world = await createDnsWorld(t);
      const home = world.start({ ownership: 'txt' });
      assert.deepEqual(await home.settle(name), []);
      assert.equal(world.records().length, 1);
      assert.match(world.record(name)?.comment ?? '', /^sallyport owner=home /);
      assert.deepEqual((await home.dns.plan(wanted([name]), never())).changes, []);
      await home.settle();
      assert.deepEqual(world.records(), []);
    });

  test('a TXT record of the user in its place stays, and the mark goes into the comment', async (t) => {
    const world = await createDnsWorld(t);
    const text = world.make('TXT', 'cname-wiki', '"my notes"');
    const home = world.start({ ownership: 'txt' });
    await home.settle('wiki');
    assert.match(world.record('wiki')?.comment ?? '', /^sallyport owner=home /);
    await home.settle();
    assert.deepEqual(world.records(), [text]);
  });
});

describe('a wildcard', () => {
  for (const ownership of ['comment', 'txt'] as const)
    test(`gets its record and its mark (${ownership}), and loses both`, async (t) => {
      const world = await createDnsWorld(t);
      const home = world.start({ ownership });
      assert.deepEqual(await home.settle('*', '*.apps', 'wildcard.apps'), []);
      assert.equal(world.record('*.apps')?.content, 'tunnel.cfargotunnel.com');
      assert.equal(world.record('*')?.proxied, true);
      const texts = world.records().flatMap(({ type, name }) => (type === 'TXT' ? [name] : []));
      const expected = ['cname-_wildcard.apps', 'cname-_wildcard', 'cname-wildcard.apps'].map(fullName).toSorted();
      assert.deepEqual(texts.toSorted(), ownership === 'txt' ? expected : []);
      assert.deepEqual((await home.dns.plan(wanted(['*', '*.apps', 'wildcard.apps']), never())).changes, []);
      await home.settle('wildcard.apps');
      assert.equal(world.record('*.apps'), undefined);
      assert.ok(world.record('wildcard.apps'));
      await home.settle();
      assert.deepEqual(world.records(), []);
    });
});

test('in several zones a name is in the deepest, and an apex is a name like others', async (t) => {
  const world = await createDnsWorld(t);
  const zones = ['lab.example.com', 'example.com', 'example.org'];
  const ids = zones.map((zone) => world.store.ensureZone(zone).id);
  const names = [
    'a.lab.example.com',
    'lab.example.com',
    '*.lab.example.com',
    'example.com',
    'b.example.com',
    '*.example.org',
  ];
  const entries = names.map((hostname, at) => {
    const entry = entryFor(`s${at}`);
    return { ...entry, rule: { ...entry.rule, hostname } };
  });
  const { desired } = compileIngress(entries, { zones, tunnelTarget, owner: 'home', previous: [] });
  const logger = createSilentLogger();
  const dns = createDnsReconciler({ api: world.api, zones, owner: 'home', ownership: 'txt', tunnelTarget, logger });
  assert.deepEqual(await settle(dns, desired), []);
  const found = ids.map((id) =>
    world.store.records
      .list(id)
      .map(({ type, name }) => `${type} ${name}`)
      .toSorted(),
  );
  assert.deepEqual(found, [
    [
      'CNAME *.lab.example.com',
      'CNAME a.lab.example.com',
      'CNAME lab.example.com',
      'TXT cname-_wildcard.lab.example.com',
      'TXT cname-a.lab.example.com',
    ],
    ['CNAME b.example.com', 'CNAME example.com', 'TXT cname-b.example.com'],
    ['CNAME *.example.org', 'TXT cname-_wildcard.example.org'],
  ]);
  assert.equal(batches(world), 3);
  assert.deepEqual((await dns.plan(desired, never())).changes, []);
});

describe('a registry record without its CNAME', () => {
  test('is used again where the name is wanted', async (t) => {
    const world = await createDnsWorld(t);
    const home = world.start({ ownership: 'txt' });
    await home.settle('wiki');
    world.remove(world.record('wiki'));
    const text = world.record('cname-wiki', 'TXT');
    await home.settle('wiki');
    assert.deepEqual(world.record('cname-wiki', 'TXT'), text);
    assert.ok(world.record('wiki'));
  });

  for (const ownership of ['comment', 'txt'] as const)
    test(`is removed where it is not (${ownership}), whatever has become of the name`, async (t) => {
      const world = await createDnsWorld(t);
      await world.start({ ownership: 'txt' }).settle('wiki', 'nas');
      world.remove(world.record('wiki'));
      world.remove(world.record('nas'));
      const address = world.make('A', 'nas', '192.0.2.1');
      const home = world.start({ ownership });
      const plan = await home.dns.plan(wanted([]), never());
      assert.deepEqual(
        plan.changes.map((change) => change.action === 'delete' && change.onlyMark),
        [true, true],
      );
      assert.deepEqual(await home.settle(), []);
      assert.deepEqual(world.records(), [address]);
    });
});

describe('the registry of others', () => {
  const claims: readonly [name: string, content: string, says: RegExp][] = [
    ['cname-wiki', externalDns('k8s'), /external-dns \(owner "k8s"\)/],
    ['a-wiki', externalDns('k8s'), /external-dns \(owner "k8s"\)/],
    ['aaaa-wiki', externalDns('k8s'), /external-dns \(owner "k8s"\)/],
    ['wiki', externalDns('k8s'), /external-dns \(owner "k8s"\)/],
    ['cname-wiki', externalDns('k8s').slice(1, -1), /external-dns \(owner "k8s"\)/],
    // An external-dns with our own id.
    ['cname-wiki', externalDns('home'), /external-dns \(owner "home"\)/],
    ['cname-wiki', '"heritage=external-dns"', /external-dns \(owner ""\)/],
    ['cname-wiki', ourText('cabin', 'wiki'), /the instance "cabin"/],
  ];
  for (const ownership of ['comment', 'txt'] as const)
    for (const [name, content, says] of claims) {
      test(`${name} with ${content.slice(0, 80)} keeps the name theirs (${ownership})`, async (t) => {
        const world = await createDnsWorld(t);
        const text = world.make('TXT', name, content, { comment: 'k8s' });
        const home = world.start({ ownership });
        const plan = await home.dns.plan(wanted(['wiki', 'other']), never());
        assert.deepEqual(
          plan.changes.map((change) => change.serviceId),
          ['docker/other'],
        );
        assert.match(plan.held[0]?.reason ?? '', says);
        const [finding] = home.findings();
        assert.deepEqual([finding?.code, finding?.serviceId], ['E_CONFLICT', 'docker/wiki']);
        assert.match(finding?.hint ?? '', /sallyport adopt wiki\.example\.com/);
        await home.settle('wiki');
        await home.settle();
        assert.deepEqual(world.records(), [text]);
      });

      test(`${name} with ${content.slice(0, 80)} and its record stay as they are (${ownership})`, async (t) => {
        const world = await createDnsWorld(t);
        const type = name === 'aaaa-wiki' ? 'AAAA' : name === 'a-wiki' ? 'A' : 'CNAME';
        const target = { A: '192.0.2.1', AAAA: '2001:db8::1', CNAME: 'tunnel.cfargotunnel.com' }[type];
        // Even one that says in its comment that it is ours.
        const comment = 'sallyport owner=home resource=docker/wiki';
        world.make(type, 'wiki', target, type === 'CNAME' && name !== 'wiki' ? { comment } : {});
        world.make('TXT', name, content);
        const before = world.records();
        const home = world.start({ ownership });
        await home.settle('wiki');
        assert.equal(home.findings()[0]?.code, 'E_CONFLICT');
        await home.settle();
        assert.deepEqual(world.records(), before);
      });
    }

  for (const ownership of ['comment', 'txt'] as const)
    test(`does not keep us from a record that is ours (${ownership})`, async (t) => {
      const world = await createDnsWorld(t);
      const home = world.start({ ownership });
      await home.settle('wiki');
      const text = world.make('TXT', 'a-wiki', externalDns('k8s'));
      world.edit(world.record('wiki'), { proxied: false });
      assert.deepEqual(await home.settle('wiki'), []);
      assert.deepEqual(home.findings(), []);
      assert.equal(world.record('wiki')?.proxied, true);
      await home.settle();
      assert.deepEqual(world.records(), [text]);
    });

  for (const ownership of ['comment', 'txt'] as const)
    test(`counts from the moment it is there, also between plan and apply (${ownership})`, async (t) => {
      const world = await createDnsWorld(t);
      const home = world.start({ ownership });
      await home.settle('wiki', 'nas');
      const plan = await home.dns.plan(wanted([]), never());
      world.make('TXT', 'cname-wiki', ourText('cabin', 'wiki'));
      const before = world.records().filter(({ name }) => name.endsWith('wiki.example.com'));
      await home.dns.apply(plan, 'delete', never());
      assert.deepEqual(world.records(), before);
    });

  test('about other types and other names does not matter', async (t) => {
    const world = await createDnsWorld(t);
    for (const name of ['mx-wiki', 'txt-wiki', 'cname-wiki2', 'cname-x.wiki', 'a-wiki-a'])
      world.make('TXT', name, externalDns('k8s'));
    const home = world.start({ ownership: 'txt' });
    const before = world.records();
    assert.deepEqual(await home.settle('wiki'), []);
    assert.ok(world.record('wiki'));
    await home.settle();
    assert.deepEqual(world.records(), before);
  });
});

describe('two instances on one zone', () => {
  const pairs = [
    ['comment', 'comment'],
    ['txt', 'txt'],
    ['comment', 'txt'],
    ['txt', 'comment'],
  ] as const;
  for (const [one, other] of pairs)
    test(`with ${one} and ${other}: each keeps and deletes only its own`, async (t) => {
      const world = await createDnsWorld(t);
      const home = world.start({ owner: 'home', ownership: one });
      const cabin = world.start({ owner: 'cabin', ownership: other });
      await home.settle('a', 'b');
      await cabin.settle('b', 'c');
      assert.match(cabin.findings()[0]?.message ?? '', /belongs to the instance "home"/);
      assert.deepEqual([...(await home.dns.ownedHostnames(never()))].toSorted(), ['a', 'b'].map(fullName));
      assert.deepEqual([...(await cabin.dns.ownedHostnames(never()))], ['c.example.com']);
      const cabins = world.records().filter(({ name }) => name.endsWith(`c.${contractZone}`));
      await home.settle();
      assert.deepEqual(world.records(), cabins);
      await cabin.settle('b', 'c');
      assert.deepEqual([...(await cabin.dns.ownedHostnames(never()))].toSorted(), ['b', 'c'].map(fullName));
      await cabin.settle();
      assert.deepEqual(world.records(), []);
    });
});
