// Matching against cloudflared's answers, against a naive first-match reference, and under hostile input.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCloudflaredConfig } from '../../src/ingress/cloudflared-file.ts';
import { compileMatcher, requestPath } from '../../src/ingress/match.ts';
import { checkRules } from '../../src/ingress/validate.ts';
import type { IngressRule } from '../../src/model.ts';
import { cases } from './fixtures/cases.ts';

const catchAll: IngressRule = { service: 'http_status:404' };

function matcher(rules: readonly IngressRule[]): (hostname: string, path: string) => number {
  const match = compileMatcher(checkRules(rules));
  return (hostname, path) => match(hostname, path).index;
}

for (const c of cases.match)
  test(`the rule cloudflared finds: ${c.name} (${c.url})`, () => {
    const [, authority = '', target = ''] = /^https?:\/\/([^/]*)(.*)$/.exec(c.url) ?? [];
    const match = matcher(parseCloudflaredConfig(c.yaml, 'rules').ingress);
    assert.equal(match(authority.replace(/^\[(.*)\]$/, '$1'), requestPath(target)), c.index);
  });

/** cloudflared's rule walk, written down as plainly as possible. */
function naive(rules: readonly IngressRule[], hostname: string, path: string): number {
  const found = rules.findIndex((rule) => {
    const pattern = rule.hostname ?? '';
    const hostFits =
      pattern === '' ||
      pattern === '*' ||
      pattern === hostname ||
      (pattern.startsWith('*.') && hostname.endsWith(pattern.slice(1)));
    return hostFits && (rule.path === undefined || new RegExp(rule.path, 'u').test(path));
  });
  return found === -1 ? rules.length - 1 : found;
}

const label = fc.constantFrom('a', 'b', 'c', 'xn--m-xgaa', '');
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const pathPattern = fc.constantFrom('^/a', '/b', 'b$', '^/(a|b)/', '[ab]{2}', '^/a.c$', '(ab)+', '^', 'x?$', '^/\\d+/');
const rulePattern = fc
  .record(
    {
      hostname: fc.oneof(
        name,
        name.map((text) => `*.${text}`),
        fc.constantFrom('*', '*a'),
      ),
      path: pathPattern,
    },
    { requiredKeys: [] },
  )
  .filter(({ hostname, path }) => path !== undefined || (hostname !== undefined && !['', '*'].includes(hostname)))
  .map((rule): IngressRule => ({ ...rule, service: 'http://x' }));
const requestedPath = fc
  .array(fc.constantFrom('a', 'b', 'c', '/', '1', 'ab', '\n', 'é'), { maxLength: 6 })
  .map((parts) => `/${parts.join('')}`);
const requestedHost = fc.oneof(
  name,
  name.map((text) => `*.${text}`),
  fc.string({ maxLength: 8 }).filter((text) => !text.includes(':')),
);

test('for any rules and request, the match is the first rule a walk would find', () => {
  fc.assert(
    fc.property(fc.array(rulePattern, { maxLength: 12 }), requestedHost, requestedPath, (some, host, path) => {
      const rules = [...some, catchAll];
      assert.equal(matcher(rules)(host, path), naive(rules, host, path));
    }),
    { numRuns: 600 },
  );
});

test('an earlier wildcard wins over a later exact host, and an earlier rule for every host over both', () => {
  const rules = [
    { path: '^/all', service: 'http://x' },
    { hostname: '*.b', service: 'http://x' },
    { hostname: 'a.b', service: 'http://x' },
    catchAll,
  ];
  assert.equal(matcher(rules)('a.b', '/all'), 0);
  assert.equal(matcher(rules)('a.b', '/'), 1);
});

const portCases = [
  ['a.b:443', 0],
  ['a.b:', 0],
  ['a.b:x', 0],
  ['a.b:1:2', 1],
  ['[a.b]:1', 0],
  ['[a.b]', 1],
] as const;
for (const [host, index] of portCases)
  test(`the port is taken off as Go does: ${host}`, () => {
    assert.equal(matcher([{ hostname: 'a.b', service: 'http://x' }, catchAll])(host, '/'), index);
  });

const idnaCases = [
  ['Môô.example.com', 'xn--m-xgaa.example.com', 0],
  ['MÔÔ.example.com', 'xn--m-xgaa.example.com', 0],
  ['App.Example.com', 'app.example.com', 0],
  ['App.Example.com', 'App.Example.com', 0],
  ['App_1.example.com', 'app_1.example.com', 1],
  ['-App.example.com', '-app.example.com', 1],
  ['App-.example.com', 'app-.example.com', 1],
  ['Ap--p.example.com', 'ap--p.example.com', 1],
  ['*.Example.com', 'a.example.com', 1],
  ['a／b.example.com', 'a/b.example.com', 1],
] as const;
for (const [rule, host, index] of idnaCases)
  test(`a rule for ${rule} ${index === 0 ? 'serves' : 'does not serve'} ${host}`, () => {
    assert.equal(matcher([{ hostname: rule, service: 'http://x' }, catchAll])(host, '/'), index);
  });

const pathCases = [
  ['/a%2Fb?x=%2F', '/a/b'],
  ['/caf%C3%A9', '/café'],
  ['/%', '/%'],
  ['/%zz%41', '/%zzA'],
  ['/%FF', '/\ufffd'],
  ['/a/../b//c', '/a/../b//c'],
  ['', ''],
  ['?q', ''],
] as const;
for (const [target, path] of pathCases)
  test(`the path of ${JSON.stringify(target)} is ${JSON.stringify(path)}`, () => {
    assert.equal(requestPath(target), path);
  });

test('patterns that stall a backtracking matcher answer at once', () => {
  const path = `/${'a'.repeat(60_000)}`;
  for (const pattern of ['(a+)+$x', '(a|aa)+$x', '^(.*a){20}b', '(a?){20}a{20}b']) {
    const rules = [{ path: pattern, service: 'http://x' }, catchAll];
    assert.equal(matcher(rules)('h', path), 1);
  }
});

test('a host of a million dots costs no more than the rules are deep', () => {
  const match = matcher([{ hostname: '*.b.c', service: 'http://x' }, catchAll]);
  assert.equal(match('.'.repeat(1_000_000), '/'), 1);
  assert.equal(match(`${'a.'.repeat(500_000)}b.c`, '/'), 0);
});
