// The list of tunnels made here, and which of them are left over.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { AppError } from '../../src/errors.ts';
import { createOwnTunnels, orphansOf } from '../../src/tunnel/own-tunnels.ts';

const id = (digit: number) => `0000000${digit}-0000-4000-8000-000000000000`;
const made = (digit: number) => ({ id: id(digit), name: `tunnel ${digit}`, account: 'a'.repeat(32) });

function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'own-tunnels-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test('what was made is kept for us alone, once, until it is removed', (t) => {
  const dir = folder(t);
  const own = createOwnTunnels(join(dir, 'state'));
  assert.deepEqual(own.list(), []);
  own.add(made(1));
  own.add(made(2));
  own.add({ ...made(1), name: 'renamed' });
  assert.deepEqual(createOwnTunnels(join(dir, 'state')).list(), [made(2), { ...made(1), name: 'renamed' }]);
  assert.equal(statSync(join(dir, 'state', 'tunnels.json')).mode & 0o777, 0o600);
  own.remove(id(1));
  own.remove(id(9));
  assert.deepEqual(own.list(), [made(2)]);
});

for (const text of ['{', '[{"id":5}]', '"x"', `[${'1,'.repeat(600_000)}1]`]) {
  test(`a list that is damaged (${text.slice(0, 12)}) makes nothing ours`, (t) => {
    const dir = folder(t);
    writeFileSync(join(dir, 'tunnels.json'), text);
    assert.deepEqual(createOwnTunnels(dir).list(), []);
  });
}

test('a folder that cannot be written is said', (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, 'file'), '');
  const own = createOwnTunnels(join(dir, 'file'));
  assert.throws(
    () => own.add(made(1)),
    (error) => error instanceof AppError && error.code === 'E_STATE',
  );
});

const seen = [
  { id: id(1), name: 'idle', status: 'inactive' },
  { id: id(2), name: 'down', status: 'down', connections: [] },
  { id: id(3), name: 'used', status: 'healthy' },
  { id: id(4), name: 'odd', status: 'down', connections: [{}] },
  { id: id(5), name: 'silent' },
  { id: id(6), name: 'foreign', status: 'inactive' },
];

test('left over is what is ours, exists, is connected to nothing and is not the one in use', () => {
  const own = [1, 2, 3, 4, 5, 7].map(made);
  assert.deepEqual(
    orphansOf(own, seen, undefined).map((one) => one.id),
    [id(1), id(2)],
  );
  assert.deepEqual(
    orphansOf(own, seen, id(1)).map((one) => one.id),
    [id(2)],
  );
  assert.deepEqual(orphansOf([], seen, undefined), []);
});
