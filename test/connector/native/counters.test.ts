// What is counted of each rule: answers, failures and how long they took, kept over a swap of rules.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters, latencyBoundsMs } from '../../../src/connector/native/counters.ts';

test('a rule’s numbers go by its name and path, and outlive the rule', () => {
  const counters = new Counters();
  const rule = { hostname: 'a.example.com', path: '^/api' };
  counters.of(rule)?.answered(200, 3);
  counters.of({ ...rule })?.answered(502, 60_000);
  const found = counters.byRule.get('a.example.com^/api');
  assert.equal(found?.requests, 2);
  assert.deepEqual(found?.byClass, [0, 1, 0, 0, 1]);
  assert.equal(found?.latency[0], 1);
  assert.equal(found?.latency[latencyBoundsMs.length], 1);
  assert.equal(found?.totalMs, 60_003);
  assert.equal(counters.of({}), undefined);
  assert.equal(counters.of(undefined), undefined);
});

test('the rules remembered are bounded', () => {
  const counters = new Counters();
  for (let at = 0; at < 10_050; at++) counters.of({ hostname: `h${at}.example.com` })?.answered(200, 1);
  assert.equal(counters.byRule.size, 10_000);
});
