// What a person decided survives a restart, and a damaged file is never taken for "nothing was decided".
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { createChoiceStore, noChoices } from '../src/choices.ts';

describe('choices', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'sallyport-choices-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const file = () => join(dir, 'choices.json');

  test('are empty, and no file is made, until something was chosen', () => {
    assert.deepEqual(createChoiceStore(dir).read(), noChoices);
    assert.equal(existsSync(file()), false);
  });

  test('are read back by another store, from a file only its owner reads', () => {
    const kept = createChoiceStore(dir).update((choices) => ({
      ...choices,
      adopted: ['grafana.example.com'],
      drift: { 'wiki.example.com ^/api': 'theirs' },
      services: { 'docker/nas': { enable: true, access: 'family' } },
    }));
    assert.deepEqual(createChoiceStore(dir).read(), kept);
    assert.equal(statSync(file()).mode & 0o777, 0o600);
  });

  for (const [name, text] of [
    ['is not JSON', '{'],
    ['has a key nobody knows', '{"adopt":[]}'],
    ['has a choice that is none', '{"drift":{"a.example.com":"yours"}}'],
    ['has a service that is none', '{"services":{"nas":{}}}'],
  ] as const)
    test(`from a file that ${name} are refused, and the file stays as it is`, () => {
      writeFileSync(file(), text);
      const store = createChoiceStore(dir);
      assert.throws(() => store.read(), { code: 'E_STATE' });
      assert.throws(() => store.update((choices) => choices), { code: 'E_STATE' });
    });
});
