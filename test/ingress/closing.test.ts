// Rules that must stop working without disappearing, and what is done in place of a held change.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  closedService,
  closeEntry,
  closeInstead,
  closeServices,
  entryDifferences,
  withdrawals,
} from '../../src/ingress/closing.ts';
import type { Change, IngressEntry } from '../../src/model.ts';
import { desiredFor, entryFor } from '../contract/reconciler.ts';

const family = { policy: 'family' };

function update(current: IngressEntry, desired: IngressEntry): Change<IngressEntry> {
  const fields = entryDifferences(current, desired);
  return { action: 'update', serviceId: desired.serviceId, current, desired, fields };
}

function resultOf(change: Change<IngressEntry> | undefined): string | undefined {
  return change === undefined || change.action === 'delete' ? undefined : change.desired.rule.service;
}

test('a closed entry keeps its name and path, answers 503 and loses its origin options', () => {
  const entry = entryFor('a', { path: '^/api' });
  const rule = { ...entry.rule, originRequest: { noTLSVerify: true } };
  assert.deepEqual(closeEntry({ ...entry, rule }).rule, {
    hostname: 'a.example.com',
    path: '^/api',
    service: closedService,
  });
});

const a = entryFor('a');
const held: readonly { readonly name: string; readonly change: Change<IngressEntry>; readonly becomes?: string }[] = [
  { name: 'a delete closes', change: { action: 'delete', serviceId: a.serviceId, current: a }, becomes: closedService },
  {
    name: 'a delete of a closed rule needs nothing',
    change: { action: 'delete', serviceId: a.serviceId, current: closeEntry(a) },
  },
  { name: 'a create stays out', change: { action: 'create', serviceId: a.serviceId, desired: a } },
  {
    name: 'a new address closes the old one',
    change: update(a, entryFor('a', { service: 'http://10.9.9.9:1' })),
    becomes: closedService,
  },
  {
    name: 'a new service of the name closes the old one',
    change: update(a, { ...a, serviceId: 'docker/b' }),
    becomes: closedService,
  },
  {
    name: 'public that should be guarded closes',
    change: update(a, entryFor('a', { access: family })),
    becomes: closedService,
  },
  {
    name: 'another policy closes',
    change: update(entryFor('a', { access: { policy: 'friends' } }), entryFor('a', { access: family })),
    becomes: closedService,
  },
  { name: 'guarded that should be public stays guarded', change: update(entryFor('a', { access: family }), a) },
  {
    name: 'another origin option can wait',
    change: update(a, { ...a, rule: { ...a.rule, originRequest: { noTLSVerify: true } } }),
  },
];
for (const { name, change, becomes } of held) {
  test(`held: ${name}`, () => assert.equal(resultOf(closeInstead(desiredFor([a]))(change)), becomes));
}

test('held: a create is made closed where a broader rule would take its requests', () => {
  const admin = entryFor('a', { path: '^/admin', access: family });
  const change: Change<IngressEntry> = { action: 'create', serviceId: admin.serviceId, desired: admin };
  assert.equal(resultOf(closeInstead(desiredFor([admin, a]))(change)), closedService);
  const wildcard = { ...a, rule: { ...a.rule, hostname: '*.example.com' } };
  assert.equal(resultOf(closeInstead(desiredFor([admin, wildcard]))(change)), closedService);
  assert.equal(closeInstead(desiredFor([admin, entryFor('b')]))(change), undefined);
});

const moved = entryFor('a', { service: 'http://10.9.9.9:1' });
const withdrawn: readonly {
  readonly name: string;
  readonly live: IngressEntry;
  readonly desired: readonly IngressEntry[];
  readonly becomes?: string;
}[] = [
  { name: 'what nobody wants is closed', live: a, desired: [], becomes: closedService },
  { name: 'what is wanted as it is stays', live: a, desired: [a] },
  {
    name: 'a container with a new address is followed at once',
    live: a,
    desired: [moved],
    becomes: 'http://10.9.9.9:1',
  },
  {
    name: 'a stopped service is closed',
    live: a,
    desired: [entryFor('a', { service: closedService })],
    becomes: closedService,
  },
  {
    name: 'a name that another service has now is closed first',
    live: a,
    desired: [{ ...moved, serviceId: 'docker/b' }],
    becomes: closedService,
  },
  {
    name: 'a new address with another policy is closed first',
    live: a,
    desired: [{ ...moved, access: family }],
    becomes: closedService,
  },
  {
    name: 'what shall no longer be public is closed first',
    live: a,
    desired: [entryFor('a', { access: family })],
    becomes: closedService,
  },
  {
    name: 'another policy waits behind the lock there is',
    live: entryFor('a', { access: { policy: 'friends' } }),
    desired: [entryFor('a', { access: family })],
  },
  { name: 'what is closed is not opened', live: closeEntry(a), desired: [a] },
];
for (const { name, live, desired, becomes } of withdrawn) {
  test(`withdrawn: ${name}`, () => {
    assert.equal(resultOf(withdrawals([live], desiredFor(desired))[0]), becomes);
  });
}

test('rules that were just read are closed where they would have been moved', () => {
  assert.equal(resultOf(withdrawals([a], desiredFor([moved]), true)[0]), closedService);
  assert.deepEqual(withdrawals([a], desiredFor([a]), true), []);
});

test('nothing is added by a withdrawal', () => {
  assert.deepEqual(withdrawals([], desiredFor([a])), []);
});

test('services without a lock are closed even where nothing about their rules changes', () => {
  const plan = { target: 'ingress', changes: [], held: [] } as const;
  const closed = closeServices(plan, [a, entryFor('b')], ['docker/a']);
  assert.deepEqual(closed.changes.map(resultOf), [closedService]);
  assert.equal(closeServices(plan, [closeEntry(a)], ['docker/a']), plan);
});
