// People in place of a policy's name: what counts as that, what it is kept as, and what policy it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peopleName, policyNamed } from '../../src/settings/people.ts';

const names: readonly (readonly [string, string | undefined])[] = [
  ['alice@example.com', 'alice@example.com'],
  ['Bob@Example.com, alice@example.com', 'alice@example.com,bob@example.com'],
  ['@example.org alice@example.com', '@example.org,alice@example.com'],
  ['a@example.com,a@example.com', 'a@example.com'],
  ['family', undefined],
  ['public', undefined],
  ['example.org', undefined],
  ['@', undefined],
  ['a@b', undefined],
  ['alice@example.com,family', undefined],
  ['alice@example.com;rm', undefined],
  ['*@example.com', undefined],
  ['', undefined],
  [',', undefined],
  [`${'a'.repeat(190)}@example.com`, undefined],
];
for (const [text, name] of names)
  test(`"${text.slice(0, 40)}" is ${name === undefined ? 'not people' : `kept as ${name}`}`, () =>
    assert.equal(peopleName(text), name));

test('people are a policy that lets in just them, and a policy of the settings wins', () => {
  assert.deepEqual(policyNamed('@example.org,a@example.com', {}), {
    allow: { emails: ['a@example.com'], email_domains: ['example.org'] },
  });
  const family = { allow: { everyone: true } };
  assert.equal(policyNamed('family', { family }), family);
  assert.equal(policyNamed('famly', { family }), undefined);
  assert.equal(policyNamed('toString', {}), undefined);
});
