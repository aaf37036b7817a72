// Which connection dials which address.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAddressSlots } from '../../../src/connector/native/address-slots.ts';

const address = (port: number) => ({ host: '192.0.2.1', port, region: 'region1', family: 4 as const });
const four = [1, 2, 3, 4].map(address);

test('each connection has an address of its own and keeps it', () => {
  const slots = createAddressSlots(four);
  assert.deepEqual(
    [0, 1, 2].map((index) => slots.take(index).port),
    [1, 2, 3],
  );
  assert.equal(slots.take(1).port, 2);
});

test('a connection that left its address takes a free one', () => {
  const slots = createAddressSlots(four);
  for (const index of [0, 1, 2]) slots.take(index);
  slots.leave(0);
  assert.equal(slots.take(0).port, 4);
  slots.leave(0);
  assert.equal(slots.take(0).port, 1);
});

test('with one address the same one is used again', () => {
  const slots = createAddressSlots(four.slice(0, 1));
  assert.equal(slots.take(0).port, 1);
  slots.leave(0);
  assert.equal(slots.take(0).port, 1);
});

test('a connection walks round all addresses', () => {
  const slots = createAddressSlots(four);
  const seen: number[] = [];
  for (let i = 0; i < 5; i++) {
    seen.push(slots.take(0).port);
    slots.leave(0);
  }
  assert.deepEqual(seen, [1, 2, 3, 4, 1]);
});

test('new addresses are used from then on, and none is no change', () => {
  const slots = createAddressSlots(four);
  slots.take(3);
  slots.update([address(9)]);
  assert.equal(slots.take(3).port, 9);
  slots.update([]);
  assert.equal(slots.size, 1);
});
