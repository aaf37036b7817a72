// Marks in comments: written within the limit, read back strictly.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkOwnerId, formatMark, isSameMark, maxCommentLength, parseMark } from '../../src/dns/ownership.ts';
import { ValidationError } from '../../src/errors.ts';
import type { ServiceId } from '../../src/model.ts';

test('a mark is readable by people and read back as it was', () => {
  const owner = { id: 'home', resource: 'docker/immich/immich-server' } as const;
  assert.equal(formatMark(owner), 'sallyport owner=home resource=docker/immich/immich-server');
  assert.deepEqual(parseMark(formatMark(owner)), owner);
});

const notMarks: readonly (string | null | undefined)[] = [
  undefined,
  null,
  '',
  'sallyport',
  'sallyport owner=home',
  'sallyport owner=home resource=',
  'sallyport owner=home resource=noslash',
  'sallyport owner= resource=a/b',
  'sallyport owner=home resource=a/b ',
  ' sallyport owner=home resource=a/b',
  'sallyport owner=home resource=a/b and more',
  'sallyport  owner=home resource=a/b',
  'Sallyport owner=home resource=a/b',
  'sallyport owner=ho me resource=a/b',
  'sallyport owner=home resource=a/b\nsallyport owner=other resource=a/b',
  'my note: sallyport owner=home resource=a/b',
  `sallyport owner=${'x'.repeat(41)} resource=a/b`,
];
for (const comment of notMarks) {
  test(`${JSON.stringify(comment)} is nobody's mark`, () => assert.equal(parseMark(comment), undefined));
}

test('a long service id is cut, and two that differ only at the end stay different', () => {
  const long = (end: string): ServiceId => `docker/${'a'.repeat(120)}/${end}`;
  const one = formatMark({ id: 'home', resource: long('one') });
  const two = formatMark({ id: 'home', resource: long('two') });
  assert.equal(one.length, maxCommentLength);
  assert.notEqual(one, two);
  assert.equal(parseMark(one)?.id, 'home');
  assert.ok(isSameMark(parseMark(one), { id: 'home', resource: long('one') }));
  assert.ok(!isSameMark(parseMark(one), { id: 'home', resource: long('two') }));
});

test('whatever the ids, a mark fits, is read back with its owner, and is the same mark as what it was made from', () => {
  const id = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/);
  const part = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 90 });
  fc.assert(
    fc.property(id, part, part, (owner, source, name) => {
      const mark = { id: owner, resource: `${source}/${name}` } as const;
      const comment = formatMark(mark);
      assert.ok(comment.length <= maxCommentLength);
      const read = parseMark(comment);
      assert.equal(read?.id, owner);
      assert.ok(isSameMark(read, mark), `${comment} is not the same as ${JSON.stringify(mark)}`);
    }),
  );
});

for (const id of ['', 'two words', '-dash', 'a'.repeat(41), 'ümlaut', 'a\nb', 'a=b']) {
  test(`${JSON.stringify(id)} is refused as an owner id`, () => {
    assert.throws(() => checkOwnerId(id), ValidationError);
  });
}
