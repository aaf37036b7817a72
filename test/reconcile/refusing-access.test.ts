// Access before policies can be applied: nothing that asks for one is opened.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { never } from '../cloudflare/api-world.ts';
import { desiredFor, entryFor } from '../contract/reconciler.ts';
import { createRefusingAccess } from './refusing-access.ts';

const desired = desiredFor([entryFor('open'), entryFor('guarded', { access: { policy: 'family' } })]);

test('where others can reach the edge, an entry with a policy is held and named, a public one is not', async () => {
  const access = createRefusingAccess({ loopbackOnly: false });
  const plan = await access.plan(desired, never());
  assert.deepEqual(plan.changes, []);
  assert.deepEqual(
    plan.held.map(({ change, reason }) => [change.action, change.serviceId, reason]),
    [['create', 'docker/guarded', 'no lock can be made here; the service stays closed']],
  );
  assert.deepEqual(await access.apply(plan, 'upsert', never()), ['docker/guarded']);
  assert.deepEqual(await access.apply(plan, 'delete', never()), []);
  const [diagnostic, ...others] = access.diagnostics?.() ?? [];
  assert.equal(diagnostic?.severity, 'error');
  assert.equal(diagnostic?.serviceId, 'docker/guarded');
  assert.deepEqual(others, []);
});

test('where only this machine can reach the edge, it is served, with a warning', async () => {
  const access = createRefusingAccess({ loopbackOnly: true });
  const plan = await access.plan(desired, never());
  assert.deepEqual([plan.changes, plan.held], [[], []]);
  assert.deepEqual(await access.apply(plan, 'upsert', never()), []);
  const [diagnostic] = access.diagnostics?.() ?? [];
  assert.equal(diagnostic?.code, 'W_POLICY_NOT_ENFORCED');
  assert.equal(diagnostic?.severity, 'warning');
  assert.match(
    diagnostic?.message ?? '',
    /"family" is not enforced: only this machine can reach guarded\.example\.com/,
  );
});
