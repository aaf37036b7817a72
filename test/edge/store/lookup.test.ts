// The look-ups on the path of every request: which tunnel a host name leads to.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentOfTunnel } from '../../../src/edge/store/names.ts';
import type { RecordInput } from '../../../src/edge/store/record-rules.ts';
import { openEdgeStore } from '../../../src/edge/store/store.ts';

const one = '11111111-1111-4111-8111-111111111111';
const two = '22222222-2222-4222-8222-222222222222';

function to(tunnelId: string, name: string, more: Partial<RecordInput> = {}): RecordInput {
  return { type: 'CNAME', name, content: contentOfTunnel(tunnelId), proxied: true, ...more };
}

const cases: { name: string; records: RecordInput[]; host: string; want: string | undefined }[] = [
  { name: 'no record', records: [], host: 'a.example.com', want: undefined },
  { name: 'the exact name', records: [to(one, 'a')], host: 'a.example.com', want: one },
  { name: 'the exact name in capitals', records: [to(one, 'a')], host: 'A.Example.COM', want: one },
  { name: 'the apex', records: [to(one, '@')], host: 'example.com', want: one },
  { name: 'a name below an exact one', records: [to(one, 'a')], host: 'b.a.example.com', want: undefined },
  { name: 'a wildcard', records: [to(one, '*')], host: 'a.example.com', want: one },
  { name: 'a wildcard over two labels', records: [to(one, '*')], host: 'b.a.example.com', want: one },
  { name: 'a wildcard and the apex', records: [to(one, '*')], host: 'example.com', want: undefined },
  { name: 'the exact name before a wildcard', records: [to(one, '*'), to(two, 'a')], host: 'a.example.com', want: two },
  {
    name: 'the closest of two wildcards',
    records: [to(one, '*'), to(two, '*.b')],
    host: 'a.b.example.com',
    want: two,
  },
  {
    name: 'a CNAME that is not proxied',
    records: [to(one, 'a', { proxied: false })],
    host: 'a.example.com',
    want: undefined,
  },
  {
    name: 'a CNAME to somewhere else',
    records: [to(one, 'a', { content: 'example.net' })],
    host: 'a.example.com',
    want: undefined,
  },
  {
    name: 'an address that hides the wildcard',
    records: [to(one, '*'), { type: 'A', name: 'a', content: '192.0.2.1' }],
    host: 'a.example.com',
    want: undefined,
  },
  {
    name: 'a closer wildcard to somewhere else, which hides the other one',
    records: [to(one, '*'), to(two, '*.b', { proxied: false })],
    host: 'a.b.example.com',
    want: undefined,
  },
  {
    name: 'a text record, which hides nothing',
    records: [to(one, '*'), { type: 'TXT', name: 'a', content: 'x' }],
    host: 'a.example.com',
    want: one,
  },
  { name: 'an empty name', records: [to(one, '*')], host: '', want: undefined },
  { name: 'the wildcard literally', records: [to(one, '*')], host: '*.example.com', want: one },
];

for (const { name, records, host, want } of cases) {
  test(`a host leads to its tunnel: ${name}`, () => {
    const store = openEdgeStore(':memory:');
    const zone = store.ensureZone('example.com');
    for (const record of records) store.records.create(zone, record);
    assert.equal(store.route(host)?.tunnelId, want);
    store.close();
  });
}

test('the look-up follows every kind of change', () => {
  const store = openEdgeStore(':memory:');
  const zone = store.ensureZone('example.com');
  const { id } = store.records.create(zone, to(one, 'a'));
  store.records.patch(zone, id, { content: contentOfTunnel(two) });
  assert.equal(store.route('a.example.com')?.tunnelId, two);
  store.records.replace(zone, id, to(one, 'b'));
  assert.equal(store.route('a.example.com'), undefined);
  assert.equal(store.route('b.example.com')?.tunnelId, one);
  store.records.batch(zone, { deletes: [{ id }], posts: [to(two, 'b')] });
  assert.equal(store.route('b.example.com')?.tunnelId, two);
  store.close();
});

test('a refused batch leaves the look-up as it was', () => {
  const store = openEdgeStore(':memory:');
  const zone = store.ensureZone('example.com');
  const { id } = store.records.create(zone, to(one, 'a'));
  assert.throws(() => store.records.batch(zone, { deletes: [{ id }], posts: [to(two, 'a'), to(one, 'a')] }));
  assert.equal(store.route('a.example.com')?.tunnelId, one);
  store.close();
});

test('of a zone and its parent, the closer one answers for a name that is in both', () => {
  const store = openEdgeStore(':memory:');
  const parent = store.ensureZone('example.com');
  const child = store.ensureZone('dev.example.com');
  store.records.create(child, to(two, 'a'));
  store.records.create(parent, to(one, 'a.dev'));
  assert.equal(store.route('a.dev.example.com')?.tunnelId, two);
  store.close();
});

test('a deleted tunnel is no longer found, and neither is its configuration', () => {
  const store = openEdgeStore(':memory:');
  const { id } = store.tunnels.create({ name: 'home' });
  store.configurations.put(id, { ingress: [] });
  assert.equal(store.configuration(id)?.version, 1);
  store.tunnels.delete(id);
  assert.equal(store.tunnel(id), undefined);
  assert.equal(store.configuration(id), undefined);
  store.close();
});
