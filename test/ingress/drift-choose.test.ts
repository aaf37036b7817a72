// What is typed after `drift keep`, and which rule it means.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { noChoices } from '../../src/choices.ts';
import { decide, driftKey } from '../../src/ingress/drift-choose.ts';

const drifted = [
  { hostname: 'wiki.example.com' },
  { hostname: 'wiki.example.com', path: '^/api' },
  { hostname: 'git.example.com', path: '^/hooks$' },
];
const choices = { drift: { 'old.example.com': 'ignore' } } as const;
const known = { drifted, choices };
const domain = 'example.com';

describe('the rule that is meant', () => {
  const meant: readonly [name: string, path: string | undefined, key: string][] = [
    ['wiki.example.com', undefined, 'wiki.example.com'],
    ['wiki', undefined, 'wiki.example.com'],
    ['WIKI.Example.com.', undefined, 'wiki.example.com'],
    ['wiki/', undefined, 'wiki.example.com'],
    ['wiki/api', undefined, 'wiki.example.com ^/api'],
    ['git/hooks', undefined, 'git.example.com ^/hooks$'],
    ['git', undefined, 'git.example.com'],
    ['wiki', '^/api', 'wiki.example.com ^/api'],
    ['old', undefined, 'old.example.com'],
  ];
  for (const [name, path, key] of meant)
    test(`${name}${path === undefined ? '' : ` --path ${path}`}: ${key}`, () =>
      assert.equal(driftKey({ name, path, domain }, 'mine', known), key));

  const refused: readonly [name: string, path: string | undefined, says: RegExp][] = [
    ['wiko', undefined, /no rule for wiko\.example\.com/],
    ['wiki/apo', undefined, /no rule for wiki\.example\.com with path \/apo/],
    ['wiki', '^/x', /no rule for wiki\.example\.com with path \^\/x/],
    ['-.example.com', undefined, /is not a hostname/],
    ['', undefined, /is not a hostname/],
    ['__proto__', undefined, /no rule for|is not a hostname/],
  ];
  for (const [name, path, says] of refused)
    test(`"${name}"${path === undefined ? '' : ` --path ${path}`}: refused`, () =>
      assert.throws(() => driftKey({ name, path, domain }, 'theirs', known), {
        code: 'E_INPUT_INVALID',
        message: says,
      }));

  test('what is to be ignored need not have happened yet', () => {
    assert.equal(driftKey({ name: 'new', domain }, 'ignore', known), 'new.example.com');
    assert.equal(driftKey({ name: 'new', path: '^/x', domain }, 'ignore', known), 'new.example.com ^/x');
  });
});

test('"mine" of a hostname takes back what was decided for its paths, and nothing else', () => {
  const before = {
    ...noChoices,
    drift: { 'a.example.com ^/x': 'ignore', 'aa.example.com ^/x': 'theirs', 'a.example.com': 'theirs' },
  } as const;
  assert.deepEqual(decide(before, 'a.example.com', 'mine').drift, {
    'aa.example.com ^/x': 'theirs',
    'a.example.com': 'mine',
  });
  assert.deepEqual(decide(before, 'a.example.com', 'ignore').drift, { ...before.drift, 'a.example.com': 'ignore' });
});
