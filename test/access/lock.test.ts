// Whose service must close when a change of Access fails: those that nothing locks, and no others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLock, strangePolicy, withoutLock } from '../../src/access/lock.ts';
import { noLogin } from '../../src/ingress/access-applications.ts';
import type { AccessApplication, AccessObject, AccessPolicy, Change } from '../../src/model.ts';

const serviceId = 'docker/one';
const application = (...policies: string[]): AccessApplication => ({
  name: 'one',
  domain: 'one.example.com',
  policies,
});
const policy = (decision: string): AccessPolicy => ({
  name: 'family',
  decision,
  include: [],
  require: [],
  exclude: [],
  users: [serviceId],
});
const update = <T extends AccessObject>(current: T, desired: T): Change<AccessObject> => ({
  action: 'update',
  serviceId,
  current,
  desired,
  fields: ['policies'],
});

const table: readonly (readonly [string, Change<AccessObject>, boolean])[] = [
  ['a lock that is not made', { action: 'create', serviceId, desired: application('family') }, true],
  ['a lock that is not changed', update(application('friends'), application('family')), false],
  ['an exception that does not become a lock', update(application(noLogin), application('family')), true],
  ['a lock that somebody opened', update(application(strangePolicy('p')), application('family')), true],
  ['a lock that somebody emptied', update(application(), application('family')), true],
  ['an exception that is not made', { action: 'create', serviceId, desired: application(noLogin) }, false],
  ['a lock that does not become an exception', update(application('family'), application(noLogin)), false],
  ['a policy that somebody opened', update(policy('bypass'), policy('allow')), true],
  ['a policy that is not changed', update(policy('allow'), policy('allow')), false],
  ['a lock that is not deleted', { action: 'delete', serviceId, current: application('family') }, false],
];
for (const [what, change, isOpen] of table)
  test(`${what} ${isOpen ? 'closes its service' : 'closes nothing'}`, () => {
    assert.deepEqual([...new Set(withoutLock([change], new Set([serviceId])))], isOpen ? [serviceId] : []);
    assert.deepEqual(withoutLock([change], new Set()), []);
  });

test('only policies of ours that ask for something are a lock', () => {
  assert.equal(isLock(['family', 'family/service-tokens']), true);
  for (const policies of [[], [noLogin], ['family', noLogin], ['family', strangePolicy('x')]])
    assert.equal(isLock(policies), false, policies.join());
});
