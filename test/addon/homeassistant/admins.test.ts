// Who may change things through ingress, by Home Assistant's own list of users.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isAdminAmong, isAdministrator } from '../../../addon/homeassistant/admins.ts';

const user = { id: 'a', is_active: true, is_owner: false, system_generated: false, group_ids: ['system-users'] };
const cases: readonly (readonly [string, unknown, boolean | undefined])[] = [
  ['an owner', [{ ...user, is_owner: true }], true],
  ['an administrator', [{ ...user, group_ids: ['system-admin'] }], true],
  ['an ordinary user', [user], false],
  ['an administrator who was switched off', [{ ...user, is_active: false, group_ids: ['system-admin'] }], false],
  ['a program', [{ ...user, system_generated: true, group_ids: ['system-admin'] }], false],
  ['somebody else', [{ ...user, id: 'b', is_owner: true }], false],
  ['a list that is none', null, undefined],
  ['users that are none', ['a', 7, null], false],
];

describe('administrators', () => {
  for (const [name, users, expected] of cases)
    test(`${name}: ${expected}`, () => assert.equal(isAdminAmong(users, 'a'), expected));

  test('nobody is known to be one while Home Assistant does not answer', async () => {
    assert.equal(await isAdministrator({ url: 'http://127.0.0.1:9', token: 't', timeoutMs: 2_000 }, 'a'), undefined);
  });
});
