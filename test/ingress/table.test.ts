// The live table: whole swaps, equal rules, refused rules.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIngressTable } from '../../src/ingress/table.ts';
import type { IngressRule } from '../../src/model.ts';

const catchAll: IngressRule = { service: 'http_status:404' };
const first: readonly IngressRule[] = [{ hostname: 'a.test', service: 'http://one' }, catchAll];
const second: readonly IngressRule[] = [{ hostname: 'a.test', service: 'http://two' }, catchAll];

function serviceOf(table: ReturnType<typeof createIngressTable>): string {
  return table.match('a.test', '/').rule.target.service;
}

test('without rules everything is answered with 503', () => {
  const table = createIngressTable();
  assert.equal(serviceOf(table), 'http_status:503');
  assert.equal(table.swap([]), false);
  assert.equal(table.version, 0);
});

test('a swap replaces all rules and counts', () => {
  const table = createIngressTable(first);
  assert.equal(table.swap(second), true);
  assert.equal(serviceOf(table), 'http://two');
  assert.deepEqual(table.rules(), second);
  assert.equal(table.version, 1);
});

test('equal rules are a no-op', () => {
  const table = createIngressTable(first);
  const before = table.match('a.test', '/').rule;
  assert.equal(table.swap(structuredClone(first)), false);
  assert.equal(table.version, 0);
  assert.equal(table.match('a.test', '/').rule, before);
});

test('refused rules leave the old ones in place', () => {
  const table = createIngressTable(first);
  assert.throws(() => table.swap([{ hostname: 'a.test', path: '(', service: 'http://x' }, catchAll]), {
    code: 'E_INGRESS_INVALID',
  });
  assert.equal(serviceOf(table), 'http://one');
  assert.equal(table.version, 0);
});

test('a match made before a swap keeps its rule', () => {
  const table = createIngressTable(first);
  const { rule } = table.match('a.test', '/');
  table.swap(second);
  assert.equal(rule.target.service, 'http://one');
});

test('changing the array afterwards changes nothing', () => {
  const rules = [...first];
  const table = createIngressTable(rules);
  rules.splice(0, 1, { hostname: 'a.test', service: 'http://two' });
  assert.equal(serviceOf(table), 'http://one');
  assert.equal(table.swap(rules), true);
});
