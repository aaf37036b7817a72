// People of `embedded_edge.login`: read, checked, and never repeated in an error.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashPassword } from '../../src/edge/password-hash.ts';
import { ValidationError } from '../../src/errors.ts';
import { loadSettings } from '../../src/settings/load.ts';

const hash = await hashPassword('open sesame');

function load(login: unknown, env: Record<string, string> = {}) {
  return loadSettings({ env, cwd: '/nonexistent', overrides: { embedded_edge: { login } } }).settings.embeddedEdge
    .login;
}

test('people and the longest login are read; without them nobody can log in', () => {
  assert.deepEqual(load({ users: [{ email: 'A@example.com', password_hash: hash }], session: '12h' }), {
    users: [{ email: 'A@example.com', passwordHash: hash }],
    sessionMs: 12 * 3_600_000,
  });
  assert.deepEqual(load(undefined), { users: [], sessionMs: undefined });
});

test('they may come from the environment', () => {
  const users = JSON.stringify([{ email: 'a@example.com', password_hash: hash }]);
  assert.equal(load({}, { SALLYPORT_EMBEDDED_EDGE__LOGIN__USERS: users }).users.length, 1);
});

for (const [name, login] of [
  ['the password itself', { users: [{ email: 'a@example.com', password_hash: 'hunter2hunter2' }] }],
  ['a hash of another kind', { users: [{ email: 'a@example.com', password_hash: '$2y$10$hunter2hunter2' }] }],
  ['no hash', { users: [{ email: 'a@example.com' }] }],
  ['no address', { users: [{ email: 'nobody', password_hash: hash }] }],
  ['an address with a line end', { users: [{ email: 'a@example.com\nx: y', password_hash: hash }] }],
  ['one person twice', { users: ['a@example.com', 'A@EXAMPLE.com'].map((email) => ({ email, password_hash: hash })) }],
  ['a session that is none', { session: 'long' }],
] as const)
  test(`${name} is refused, and no secret is repeated`, () => {
    assert.throws(
      () => load(login),
      (error) => error instanceof ValidationError && !/hunter2hunter2|scrypt:15/.test(`${error.message} ${error.hint}`),
    );
  });
