// Records in the store: changes, and batches that happen whole or not at all.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { Clock } from '../../../src/clock.ts';
import type { RecordInput } from '../../../src/edge/store/record-rules.ts';
import { RefusedError } from '../../../src/edge/store/refusal.ts';
import { type EdgeStore, openEdgeStore } from '../../../src/edge/store/store.ts';
import type { Zone } from '../../../src/edge/store/zones.ts';

let store: EdgeStore;
let zone: Zone;
let time = 0;
const clock: Clock = { now: () => time, sleep: () => Promise.reject(new Error('nobody sleeps here')) };

beforeEach(() => {
  time = Date.UTC(2026, 0, 1);
  store = openEdgeStore(':memory:', { clock, limits: { batch: 5 } });
  zone = store.ensureZone('example.com');
});
afterEach(() => store.close());

const a = (name: string, content = '192.0.2.1'): RecordInput => ({ type: 'A', name, content });

function codeOf(work: () => unknown): number | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof RefusedError) return error.lines[0]?.code;
    throw error;
  }
  return undefined;
}

test('a patch changes what it names and nothing else', () => {
  const before = store.records.create(zone, { ...a('x'), comment: 'mine', tags: ['k:v'], ttl: 300 });
  time += 1_000;
  const after = store.records.patch(zone, before.id, { content: '192.0.2.9' });
  assert.deepEqual(after, { ...before, content: '192.0.2.9', modifiedOn: '2026-01-01T00:00:01.000Z' });
  assert.deepEqual(store.records.get(zone.id, before.id), after);
});

test('a patch with null takes comment and tags away', () => {
  const { id } = store.records.create(zone, { ...a('x'), comment: 'mine', tags: ['k:v'] });
  const after = store.records.patch(zone, id, { comment: null, tags: null });
  assert.equal(after.comment, null);
  assert.deepEqual(after.tags, []);
});

test('overwriting forgets what the new record does not say', () => {
  const before = store.records.create(zone, { ...a('x'), comment: 'mine', proxied: true });
  const after = store.records.replace(zone, before.id, a('y', '192.0.2.2'));
  assert.deepEqual([after.name, after.comment, after.proxied], ['y.example.com', null, false]);
  assert.equal(after.createdOn, before.createdOn);
});

test('new content of structured data replaces the data', () => {
  const { id } = store.records.create(zone, {
    type: 'CAA',
    name: '@',
    data: { flags: 0, tag: 'issue', value: 'a.example' },
  });
  assert.equal(store.records.patch(zone, id, { comment: 'x' }).content, '0 issue "a.example"');
  assert.equal(store.records.patch(zone, id, { content: '0 issue "b.example"' }).content, '0 issue "b.example"');
});

test('a record does not stand in its own way', () => {
  const { id } = store.records.create(zone, { type: 'CNAME', name: 'x', content: 'a.example.net' });
  assert.equal(store.records.patch(zone, id, { content: 'b.example.net' }).content, 'b.example.net');
  assert.equal(store.records.replace(zone, id, a('x')).type, 'A');
});

test('a record is only found in its own zone', () => {
  const other = store.ensureZone('example.net');
  const { id } = store.records.create(zone, a('x'));
  assert.equal(store.records.get(other.id, id), undefined);
  assert.equal(
    codeOf(() => store.records.delete(other, id)),
    81044,
  );
  assert.equal(
    codeOf(() => store.records.patch(other, id, {})),
    81044,
  );
  assert.equal(store.records.list(zone.id).length, 1);
});

test('a batch runs deletes, patches, puts and posts in this order, whatever the order it was written in', () => {
  const first = store.records.create(zone, a('first'));
  const second = store.records.create(zone, a('second'));
  const third = store.records.create(zone, a('third'));
  // Each step is only possible after the one before it.
  const done = store.records.batch(zone, {
    posts: [{ type: 'CNAME', name: 'third', content: 'a.example.net' }],
    puts: [{ id: third.id, type: 'CNAME', name: 'second', content: 'a.example.net' }],
    patches: [{ id: second.id, type: 'CNAME', name: 'first', content: 'a.example.net' }],
    deletes: [{ id: first.id }],
  });
  assert.deepEqual(done.deletes, [first]);
  assert.deepEqual(
    store.records.list(zone.id).map((record) => `${record.type} ${record.name}`),
    ['CNAME first.example.com', 'CNAME second.example.com', 'CNAME third.example.com'],
  );
});

const failing: { name: string; step: (id: string) => Parameters<EdgeStore['records']['batch']>[1]; code: number }[] = [
  { name: 'a delete', step: () => ({ deletes: [{ id: 'f'.repeat(32) }] }), code: 81044 },
  { name: 'a patch', step: () => ({ patches: [{ id: 'f'.repeat(32) }] }), code: 81044 },
  { name: 'a put', step: (id) => ({ puts: [{ id, ...a('x', 'nonsense') }] }), code: 9005 },
  { name: 'a post', step: () => ({ posts: [a('new', '192.0.2.7'), a('new', '192.0.2.7')] }), code: 81058 },
];

for (const { name, step, code } of failing)
  test(`${name} that fails undoes the whole batch`, () => {
    const kept = store.records.create(zone, a('kept'));
    const gone = store.records.create(zone, a('gone'));
    const before = store.records.list(zone.id);
    const batch = step(kept.id);
    assert.equal(
      codeOf(() =>
        store.records.batch(zone, {
          ...batch,
          deletes: [{ id: gone.id }, ...(batch.deletes ?? [])],
          patches: [{ id: kept.id, comment: 'changed' }, ...(batch.patches ?? [])],
        }),
      ),
      code,
    );
    assert.deepEqual(store.records.list(zone.id), before);
  });

test('a batch larger than the plan allows is refused', () => {
  assert.equal(
    codeOf(() => store.records.batch(zone, { posts: Array.from({ length: 6 }, (_, n) => a(`r${n}`)) })),
    1004,
  );
  assert.equal(store.records.list(zone.id).length, 0);
});

test('an empty batch is fine', () => {
  assert.deepEqual(store.records.batch(zone, { deletes: null }), { deletes: [], patches: [], puts: [], posts: [] });
});
