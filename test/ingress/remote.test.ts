// Our rules in a configuration that is not only ours.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RemoteRule, TunnelConfiguration } from '../../src/cloudflare/configurations.ts';
import { mergeConfiguration } from '../../src/ingress/remote.ts';
import { weave } from '../../src/ingress/weave.ts';
import { entryFor } from '../contract/reconciler.ts';

const isOurs = (hostname: string) => /^[a-c]\.example\.com$/.test(hostname);
const a = entryFor('a', { service: 'http://10.0.0.1:1' });
const ruleA: RemoteRule = { hostname: 'a.example.com', service: 'http://10.0.0.1:1' };
const nas: RemoteRule = { hostname: 'nas.example.com', service: 'http://nas:5000', someday: { x: 1 } };
const rest: RemoteRule = { hostname: '*.example.com', service: 'http://proxy:80' };
const end: RemoteRule = { service: 'http_status:418', originRequest: { noTLSVerify: true } };

test('an empty configuration gets our rules and a catch-all', () => {
  assert.deepEqual(mergeConfiguration({}, [a], isOurs), { ingress: [ruleA, { service: 'http_status:404' }] });
});

test('foreign rules, their catch-all and every other key stay verbatim and in order', () => {
  const config = {
    ingress: [nas, rest, end],
    originRequest: { noHappyEyeballs: true },
    'warp-routing': { y: 2 },
    z: 3,
  };
  assert.deepEqual(mergeConfiguration(config, [a], isOurs), { ...config, ingress: [nas, ruleA, rest, end] });
});

test('a rule of ours that is not wanted goes, and its neighbours stay', () => {
  const b: RemoteRule = { hostname: 'b.example.com', service: 'http://10.0.0.2:1' };
  assert.deepEqual(mergeConfiguration({ ingress: [nas, b, ruleA, end] }, [a], isOurs).ingress, [nas, ruleA, end]);
});

test('what a user added to a rule of ours stays, what we set is ours', () => {
  const before: RemoteRule = {
    ...ruleA,
    service: 'http://10.0.0.9:9',
    note: 'mine',
    originRequest: { connectTimeout: 1, someday: true },
  };
  const wanted = { ...a, rule: { ...a.rule, originRequest: { tlsTimeout: 5 } } };
  assert.deepEqual(mergeConfiguration({ ingress: [before, end] }, [wanted], isOurs).ingress?.[0], {
    ...ruleA,
    note: 'mine',
    originRequest: { someday: true, tlsTimeout: 5 },
  });
});

const same: readonly { readonly name: string; readonly config: TunnelConfiguration }[] = [
  { name: 'as we write it', config: { ingress: [nas, ruleA, end] } },
  {
    name: 'with the empty fields an API fills in',
    config: { ingress: [nas, { ...ruleA, path: '', originRequest: {} }, end] },
  },
  { name: 'with keys we do not know', config: { ingress: [nas, { ...ruleA, id: '7' }, end], more: 1 } },
];
for (const { name, config } of same) {
  test(`a configuration that says the same, ${name}, is left as it is`, () => {
    assert.equal(mergeConfiguration(config, [a], isOurs), config);
  });
}

const weaves: readonly {
  readonly name: string;
  readonly fixed: readonly string[];
  readonly extra: readonly string[];
  readonly woven: readonly string[];
}[] = [
  { name: 'before the catch-all', fixed: ['x', ''], extra: ['a'], woven: ['x', 'a', ''] },
  {
    name: 'before a wildcard that would take it',
    fixed: ['x.n', '*.n', ''],
    extra: ['a.n'],
    woven: ['x.n', 'a.n', '*.n', ''],
  },
  { name: 'a wildcard after the names it would take', fixed: ['x.n', ''], extra: ['*.n'], woven: ['x.n', '*.n', ''] },
  { name: 'a path before its whole host', fixed: ['a', ''], extra: ['a /p'], woven: ['a /p', 'a', ''] },
  { name: 'a whole host after a path of it', fixed: ['a /p', ''], extra: ['a'], woven: ['a /p', 'a', ''] },
  {
    name: 'in their own order, even where the last must come early',
    fixed: ['x', '*.n', ''],
    extra: ['b', '*.a.n'],
    woven: ['x', 'b', '*.a.n', '*.n', ''],
  },
  { name: 'at the end where there is no catch-all', fixed: ['x'], extra: ['a'], woven: ['x', 'a'] },
];
for (const { name, fixed, extra, woven } of weaves) {
  test(`rules are woven in ${name}`, () => {
    const reach = (rule: string) => {
      const [hostname, path] = rule.split(' ');
      return { hostname, path };
    };
    assert.deepEqual(weave(fixed, extra, reach), woven);
  });
}
