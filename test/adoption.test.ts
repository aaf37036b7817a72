// What was decided about names: the last word counts, and the two exclude each other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adoptName, maxDecisions, nameDecisions, releaseName } from '../src/adoption.ts';
import { noChoices } from '../src/choices.ts';
import { ValidationError } from '../src/errors.ts';

const name = 'nas.example.com';

test('nothing is adopted or released until somebody says so', () => {
  const { isAdopted, isReleased } = nameDecisions(noChoices);
  assert.deepEqual([isAdopted(name), isReleased(name)], [false, false]);
});

test('adopting takes back a release, and the other way round; other choices stay', () => {
  const choices = { ...noChoices, drift: { [name]: 'mine' } } as const;
  const adopted = adoptName(releaseName(choices, name), name);
  assert.deepEqual(adopted, { ...choices, adopted: [name] });
  assert.deepEqual(releaseName(adoptName(adopted, name), name), { ...choices, released: [name] });
});

test('a wildcard is decided about by itself, not the names it covers', () => {
  const { isAdopted } = nameDecisions(adoptName(noChoices, '*.example.com'));
  assert.deepEqual([isAdopted('*.example.com'), isAdopted(name)], [true, false]);
});

test('where a file says both, giving away wins', () => {
  const { isAdopted, isReleased } = nameDecisions({ adopted: [name], released: [name] });
  assert.deepEqual([isAdopted(name), isReleased(name)], [false, true]);
});

test('more names than the file may hold are refused, and one that is in it is not one more', () => {
  const full = { ...noChoices, adopted: Array.from({ length: maxDecisions }, (_, at) => `n${at}.example.com`) };
  assert.throws(() => adoptName(full, name), ValidationError);
  assert.equal(adoptName(full, 'n7.example.com').adopted.length, maxDecisions);
});
