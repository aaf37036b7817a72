// Which of two places covers the other, and which of several decides.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isBelowWildcard, isWithin, mostSpecific } from '../../src/access/places.ts';

describe('a place', () => {
  const within: readonly (readonly [inner: string, outer: string, expected: boolean])[] = [
    ['a.example.com', 'a.example.com', true],
    ['a.example.com/x', 'a.example.com', true],
    ['A.example.com/x/y', 'a.example.com/x/*', true],
    ['a.example.com/y', 'a.example.com/x*', false],
    ['a.example.com', 'a.example.com/x', false],
    ['b.a.example.com', 'a.example.com', false],
    ['a.example.com', '*.example.com', false],
  ];
  for (const [inner, outer, expected] of within)
    test(`${inner} ${expected ? 'is' : 'is not'} within ${outer}`, () =>
      assert.equal(isWithin(inner, outer), expected));

  const below: readonly (readonly [inner: string, outer: string, expected: boolean])[] = [
    ['a.example.com', '*.example.com', true],
    ['a.example.com/x', '*.example.com', true],
    ['b.a.example.com', '*.example.com', true],
    ['*.a.example.com', '*.example.com', true],
    ['a.example.com', '*.example.com/admin', false],
    ['a.example.com/admin/x', '*.example.com/admin', true],
    ['*.example.com', '*.example.com', false],
    ['example.com', '*.example.com', false],
    ['evilexample.com', '*.example.com', false],
    ['a.example.com', 'a.example.com', false],
    ['dev-1.example.com', 'dev-*.example.com', true],
    ['dev.example.com', 'dev-*.example.com', false],
    ['a.b.c.example.com', '*.b.*.example.com', true],
    ['a.c.example.com', '*.b.*.example.com', false],
    ['ab.example.com', 'ab*b.example.com', false],
  ];
  for (const [inner, outer, expected] of below)
    test(`${inner} ${expected ? 'is' : 'is not'} a name ${outer} stands for`, () =>
      assert.equal(isBelowWildcard(inner, outer), expected));
});

test('a whole name decides before a wildcard, a longer host before a shorter, a longer path before a shorter', () => {
  const order = ['a.example.com/x', 'a.example.com', '*.a.example.com', '*.example.com'];
  for (const index of order.keys())
    assert.equal(
      mostSpecific(order.slice(index).toReversed(), (place) => place),
      order[index],
    );
  assert.equal(
    mostSpecific<string>([], (place) => place),
    undefined,
  );
});
