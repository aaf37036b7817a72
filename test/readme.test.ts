// The README's promises that can be read off the source: every error code and every setting is in it.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import schema from '../src/settings/settings.schema.json' with { type: 'json' };

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const root = new URL('..', import.meta.url).pathname;

test('every error and warning code in the source is in the README', () => {
  const source = globSync('{src,addon}/**/*.ts', { cwd: root }).map((file) => readFileSync(`${root}/${file}`, 'utf8'));
  const codes = new Set(
    source.flatMap((text) => [...text.matchAll(/'([EW]_[A-Z_]+)'/g)].map((found) => found[1] ?? '')),
  );
  assert.ok(codes.size > 20);
  assert.deepEqual(
    [...codes].filter((code) => !readme.includes(`\`${code}\``)),
    [],
  );
});

test('every top-level setting is in the README', () => {
  const missing = Object.keys(schema.properties).filter((key) => !new RegExp(`^${key}:`, 'm').test(readme));
  assert.deepEqual(missing, []);
});
