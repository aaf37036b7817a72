// DNS records against the real API: ours are kept in line, nobody else's is ever touched.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createDnsReconciler, type DnsReconciler } from '../../src/dns/reconciler.ts';
import type { StoredRecord } from '../../src/edge/store/records.ts';
import { ApiError } from '../../src/errors.ts';
import { createSilentLogger } from '../../src/logger.ts';
import type { DesiredState, ServiceId } from '../../src/model.ts';
import { type ApiWorld, createApiWorld, never } from '../cloudflare/api-world.ts';
import { contractZone, desiredFor, entryFor, testReconciler } from '../contract/reconciler.ts';

const tunnelTarget = 'tunnel.cfargotunnel.com';

interface DnsWorld extends ApiWorld {
  readonly dns: DnsReconciler;
  records(): readonly StoredRecord[];
  record(name: string): StoredRecord | undefined;
  /** A record somebody else made. */
  foreign(type: string, name: string, content: string, comment?: string): StoredRecord;
}

async function createWorld(t: TestContext, owner = 'home'): Promise<DnsWorld> {
  const world = await createApiWorld(t);
  const zone = world.store.ensureZone(contractZone);
  const dns = createDnsReconciler({
    api: world.api,
    zones: [contractZone],
    owner,
    tunnelTarget,
    logger: createSilentLogger(),
  });
  const records = () => world.store.records.list(zone.id);
  return Object.assign(world, {
    dns,
    records,
    record: (name: string) => records().find((record) => record.name === `${name}.${contractZone}`),
    foreign: (type: string, name: string, content: string, comment?: string) =>
      world.store.records.create(zone, { type, name: `${name}.${contractZone}`, content, comment: comment ?? null }),
  });
}

async function settle(dns: DnsReconciler, desired: DesiredState): Promise<readonly ServiceId[]> {
  const plan = await dns.plan(desired, never());
  const failed = await dns.apply(plan, 'delete', never());
  return [...failed, ...(await dns.apply(plan, 'upsert', never()))];
}

function names(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `s${at}`);
}

testReconciler('dns', async (t) => {
  const world = await createWorld(t);
  return { reconciler: world.dns, look: () => world.records() };
});

test('a record is a proxied CNAME to the tunnel that carries our mark', async (t) => {
  const world = await createWorld(t);
  await settle(world.dns, desiredFor([entryFor('grafana')]));
  const record = world.record('grafana');
  assert.equal(record?.type, 'CNAME');
  assert.equal(record?.content, 'tunnel.cfargotunnel.com');
  assert.equal(record?.proxied, true);
  assert.equal(record?.comment, 'sallyport owner=home resource=docker/grafana');
});

test('100 new services take two calls for the records, a list and a batch, and the zone is looked up once', async (t) => {
  const world = await createWorld(t);
  const desired = desiredFor(names(100).map((name) => entryFor(name)));
  assert.deepEqual(await settle(world.dns, desired), []);
  assert.equal(world.records().length, 100);
  assert.deepEqual(
    world.calls.map((call) => `${call.method} ${call.path.replace(/[0-9a-f]{32}/, 'ID')}`),
    ['GET /zones', 'GET /zones/ID/dns_records', 'POST /zones/ID/dns_records/batch'],
  );
});

test('500 foreign records stay as they are, byte for byte, whatever we do beside and to them', async (t) => {
  const world = await createWorld(t);
  for (let at = 0; at < 490; at++) world.foreign('A', `f${at}`, '192.0.2.1', at % 2 === 0 ? `note ${at}` : undefined);
  world.foreign('CNAME', 'taken', 'elsewhere.example.net');
  world.foreign('CNAME', 'similar', 'tunnel.cfargotunnel.com');
  world.foreign('A', 'neighbour', '192.0.2.1', 'sallyport owner=cabin resource=docker/neighbour');
  world.foreign('CNAME', 'cabin', 'other.cfargotunnel.com', 'sallyport owner=cabin resource=docker/cabin');
  world.foreign('TXT', 'words', 'sallyport owner=home resource=docker/words');
  world.foreign('TXT', 'note', 'v=spf1', 'sallyport owner=home resource=docker/note');
  world.foreign('CNAME', 'almost', 'tunnel.cfargotunnel.com', 'sallyport owner=homestead resource=docker/almost');
  world.foreign('CNAME', 'quoted', 'a.example.net', 'see: sallyport owner=home resource=docker/quoted');
  world.foreign('A', 'turned', '192.0.2.9', 'sallyport owner=home resource=docker/turned');
  world.foreign('AAAA', 'six', '2001:db8::1');
  const before = world.records();
  assert.equal(before.length, 500);

  const wanted = ['taken', 'similar', 'neighbour', 'cabin', 'almost', 'quoted', 'turned', 'six', 'f0', 'new1', 'new2'];
  const plan = await world.dns.plan(desiredFor(wanted.map((name) => entryFor(name))), never());
  assert.deepEqual(
    plan.changes.map((change) => [change.action, change.serviceId]),
    [
      ['create', 'docker/new1'],
      ['create', 'docker/new2'],
    ],
  );
  assert.equal(plan.held.length, 9);
  await world.dns.apply(plan, 'upsert', never());
  assert.deepEqual(await settle(world.dns, desiredFor([])), []);
  assert.deepEqual(world.records(), before);
});

test('a conflict says whose the record is and how to mend it, beside its service', async (t) => {
  const world = await createWorld(t);
  world.foreign('A', 'nas', '192.0.2.1');
  world.foreign('CNAME', 'tv', 'x.cfargotunnel.com', 'sallyport owner=cabin resource=docker/tv');
  await world.dns.plan(desiredFor([entryFor('nas'), entryFor('tv')]), never());
  const [nas, tv] = world.dns.diagnostics?.() ?? [];
  assert.equal(nas?.code, 'E_CONFLICT');
  assert.equal(nas?.serviceId, 'docker/nas');
  assert.match(nas?.message ?? '', /A record for nas\.example\.com exists and is not ours/);
  assert.match(tv?.message ?? '', /belongs to the instance "cabin"/);
});

test('two instances share a zone: each keeps and deletes only its own', async (t) => {
  const world = await createWorld(t, 'home');
  const cabin = createDnsReconciler({
    api: world.api,
    zones: [contractZone],
    owner: 'cabin',
    tunnelTarget,
    logger: createSilentLogger(),
  });
  await settle(world.dns, desiredFor([entryFor('a'), entryFor('b')], 'home'));
  await settle(cabin, desiredFor([entryFor('b'), entryFor('c')], 'cabin'));
  assert.match(world.record('b')?.comment ?? '', /owner=home /);
  assert.match(world.record('c')?.comment ?? '', /owner=cabin /);
  await settle(world.dns, desiredFor([], 'home'));
  assert.deepEqual(
    world.records().map((record) => record.name),
    ['c.example.com'],
  );
  await settle(cabin, desiredFor([entryFor('b'), entryFor('c')], 'cabin'));
  assert.match(world.record('b')?.comment ?? '', /owner=cabin /);
});

test('a record of ours that was changed by hand is put right again', async (t) => {
  const world = await createWorld(t);
  const desired = desiredFor([entryFor('a')]);
  await settle(world.dns, desired);
  const zone = world.store.ensureZone(contractZone);
  world.store.records.patch(zone, world.record('a')?.id ?? '', { content: 'elsewhere.example.net', proxied: false });
  const plan = await world.dns.plan(desired, never());
  assert.deepEqual(
    plan.changes.map((change) => (change.action === 'update' ? change.fields : [])),
    [['content', 'proxied']],
  );
  await world.dns.apply(plan, 'upsert', never());
  assert.equal(world.record('a')?.content, 'tunnel.cfargotunnel.com');
});

test('a hostname that moved to another service gets the new mark, in place', async (t) => {
  const world = await createWorld(t);
  const entry = entryFor('a');
  await settle(world.dns, desiredFor([entry]));
  const before = world.record('a')?.id;
  await settle(world.dns, desiredFor([{ ...entry, serviceId: 'docker/other' }]));
  assert.equal(world.record('a')?.id, before);
  assert.match(world.record('a')?.comment ?? '', /resource=docker\/other$/);
});

const edits: readonly { readonly name: string; readonly edit: (world: DnsWorld) => void }[] = [
  {
    name: 'its mark was taken off',
    edit: (world) => {
      const zone = world.store.ensureZone(contractZone);
      world.store.records.patch(zone, world.record('a')?.id ?? '', { comment: 'mine now' });
    },
  },
  {
    name: 'it was pointed elsewhere',
    edit: (world) => {
      const zone = world.store.ensureZone(contractZone);
      world.store.records.patch(zone, world.record('a')?.id ?? '', { content: 'elsewhere.example.net' });
    },
  },
];
for (const { name, edit } of edits) {
  test(`between plan and apply ${name}: the record is left alone`, async (t) => {
    const world = await createWorld(t);
    await settle(world.dns, desiredFor([entryFor('a'), entryFor('b')]));
    const plan = await world.dns.plan(desiredFor([]), never());
    assert.equal(plan.changes.length, 2);
    edit(world);
    const edited = world.record('a');
    assert.deepEqual(await world.dns.apply(plan, 'delete', never()), []);
    assert.deepEqual(world.records(), [edited]);
  });
}

test('a record that is gone already needs no delete', async (t) => {
  const world = await createWorld(t);
  await settle(world.dns, desiredFor([entryFor('a')]));
  const plan = await world.dns.plan(desiredFor([]), never());
  world.store.records.delete(world.store.ensureZone(contractZone), world.record('a')?.id ?? '');
  assert.deepEqual(await world.dns.apply(plan, 'delete', never()), []);
});

test('one record the API refuses fails alone, and few calls find it', async (t) => {
  const world = await createWorld(t);
  const desired = desiredFor(names(100).map((name) => entryFor(name)));
  const plan = await world.dns.plan(desired, never());
  // Somebody takes a name between plan and apply.
  world.foreign('A', 's42', '192.0.2.1');
  world.calls.length = 0;
  assert.deepEqual(await world.dns.apply(plan, 'upsert', never()), ['docker/s42']);
  assert.equal(world.records().length, 100);
  assert.equal(world.record('s42')?.type, 'A');
  assert.ok(world.calls.length <= 30, `${world.calls.length} calls`);
  const [problem] = world.dns.diagnostics?.() ?? [];
  assert.equal(problem?.serviceId, 'docker/s42');
  assert.equal(problem?.code, 'E_API');
});

test('a batch whose answer was lost is not made twice and has not failed', async (t) => {
  const world = await createWorld(t);
  let lost = false;
  world.fault = ({ path }) => {
    if (lost || !path.endsWith('/batch')) return undefined;
    lost = true;
    return 'lose-answer';
  };
  assert.deepEqual(await settle(world.dns, desiredFor([entryFor('a'), entryFor('b')])), []);
  assert.equal(world.records().length, 2);
  assert.ok(lost);
});

test('when the API takes nothing, every service of the changes is named', async (t) => {
  const world = await createWorld(t);
  const plan = await world.dns.plan(desiredFor(names(250).map((name) => entryFor(name))), never());
  world.calls.length = 0;
  world.fault = () => ({ status: 429, headers: { 'retry-after': '600' } });
  const failed = await world.dns.apply(plan, 'upsert', never());
  assert.equal(failed.length, 250);
  assert.equal(world.calls.length, 1);
  assert.equal(world.dns.diagnostics?.()[0]?.code, 'E_API_RATE_LIMITED');
});

test('planning with an API that is down is an ApiError', async (t) => {
  const world = await createWorld(t);
  world.fault = () => ({ status: 401 });
  await assert.rejects(
    world.dns.plan(desiredFor([entryFor('a')]), never()),
    (error) => error instanceof ApiError && error.code === 'E_API_UNAUTHORIZED',
  );
});

test('a zone the token does not see holds its own records and no others', async (t) => {
  const world = await createWorld(t);
  const dns = createDnsReconciler({
    api: world.api,
    zones: [contractZone, 'unseen.org'],
    owner: 'home',
    tunnelTarget,
    logger: createSilentLogger(),
  });
  const desired = desiredFor([entryFor('a'), entryFor('b')]);
  const moved = desired.dnsRecords.map((record, at) =>
    at === 0 ? { ...record, zone: 'unseen.org', name: 'a.unseen.org' } : record,
  );
  const plan = await dns.plan({ ...desired, dnsRecords: moved }, never());
  assert.deepEqual(
    plan.changes.map((change) => change.serviceId),
    ['docker/b'],
  );
  assert.match(plan.held[0]?.reason ?? '', /sees no zone "unseen\.org"/);
  assert.equal(dns.diagnostics?.()[0]?.code, 'E_ZONE_UNKNOWN');
});

test('a zone outside the configured ones is never read or changed, even when the token sees it', async (t) => {
  const world = await createWorld(t);
  const other = world.store.ensureZone('other.org');
  const [record] = desiredFor([entryFor('a')]).dnsRecords;
  assert.ok(record !== undefined);
  const dnsRecords = [{ ...record, zone: 'other.org', name: 'a.other.org' }];
  const plan = await world.dns.plan({ ...desiredFor([]), dnsRecords }, never());
  await world.dns.apply(plan, 'upsert', never());
  assert.equal(plan.changes.length, 0);
  assert.match(plan.held[0]?.reason ?? '', /not among cloudflare\.zones/);
  assert.ok(!world.calls.some((call) => call.path.includes(other.id)));
});

test('the hostnames that carry our mark are ours', async (t) => {
  const world = await createWorld(t);
  world.foreign('CNAME', 'cabin', 'x.cfargotunnel.com', 'sallyport owner=cabin resource=docker/cabin');
  await settle(world.dns, desiredFor([entryFor('a'), entryFor('b')]));
  assert.deepEqual([...(await world.dns.ownedHostnames(never()))].toSorted(), ['a.example.com', 'b.example.com']);
  const recorded = await world.dns.recordedHostnames(never());
  assert.ok(['a.example.com', 'b.example.com'].every((name) => recorded.has(name)));
});

test('whoever asks while a pass is reading shares its answer, whoever asks later does not', async (t) => {
  const world = await createWorld(t);
  const pass = never();
  await Promise.all([world.dns.plan(desiredFor([]), pass), world.dns.ownedHostnames(pass)]);
  const lists = () => world.calls.filter((call) => call.path.endsWith('/dns_records')).length;
  assert.equal(lists(), 1);
  await world.dns.ownedHostnames(pass);
  assert.equal(lists(), 2);
});
