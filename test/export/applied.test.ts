// What is exported of a pass: what is open, and nothing that something holds.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { appliedState, placeOf } from '../../src/export/applied.ts';
import type { Plan } from '../../src/model.ts';
import { reasons } from '../../src/plan/policy.ts';
import { entryOf, passOf } from './sample.ts';

const guarded = entryOf('a.example.com', {}, { policy: 'family' });
const path = entryOf('a.example.com', { path: '^/x' }, { policy: 'family' });
const open = entryOf('b.example.com');
const all = [guarded, path, open];

function held(
  target: Plan<unknown>['target'],
  desired: unknown,
  reason: string,
  serviceId = guarded.serviceId,
): Plan<unknown> {
  return { target, changes: [], held: [{ change: { action: 'create', serviceId, desired }, reason }] };
}

function lookAt(plans: readonly Plan<unknown>[], more: Parameters<typeof passOf>[2] = {}) {
  const { entries, withheld } = appliedState(passOf(all, plans, more));
  return { places: entries.map(placeOf), withheld: withheld.map(({ what, reason }) => `${what}: ${reason}`) };
}

describe('what is applied', () => {
  test('is everything when nothing is held, in matching order', () => {
    assert.deepEqual(lookAt([]), { places: ['a.example.com ^/x', 'a.example.com', 'b.example.com'], withheld: [] });
  });

  test('is nothing of a service whose lock is not there', () => {
    const plan = held('access', { domain: 'a.example.com', name: '', policies: [] }, 'no such policy');
    assert.deepEqual(lookAt([plan]), {
      places: ['b.example.com'],
      withheld: ['a.example.com ^/x: no such policy', 'a.example.com: no such policy'],
    });
  });

  test('is not the one rule that is held, with the reason that came first', () => {
    const rules = held('ingress', path, reasons.unlocked);
    assert.deepEqual(lookAt([rules]).places, ['a.example.com', 'b.example.com']);
    const both = lookAt([rules, held('dns', { name: 'a.example.com' }, 'somebody else has it')]);
    assert.deepEqual(both.withheld, ['a.example.com ^/x: somebody else has it', 'a.example.com: somebody else has it']);
  });

  test('is not what could not be looked at', () => {
    const failed = [open.serviceId];
    assert.deepEqual(lookAt([], { failed }).withheld, [`b.example.com: ${reasons.earlier}`]);
    const diagnostics = [
      { severity: 'error', code: 'E_API', message: 'the API said no', serviceId: open.serviceId },
    ] as const;
    assert.deepEqual(lookAt([], { failed, diagnostics }).withheld, ['b.example.com: the API said no']);
  });

  test('names services that got no name, and what is only still there', () => {
    const pass = passOf([open]);
    const service = { ...pass.services[0], id: 'docker/home/x' } as (typeof pass.services)[0];
    const diagnostics = [
      { severity: 'error', code: 'E_NO_PORT', message: 'which port?', serviceId: service.id },
    ] as const;
    const leaving: Plan<unknown> = {
      target: 'dns',
      changes: [],
      held: [
        {
          change: { action: 'delete', serviceId: service.id, current: { name: 'old.example.com' } },
          reason: reasons.incomplete,
        },
      ],
    };
    const { withheld } = appliedState({
      ...pass,
      services: [...pass.services, service],
      diagnostics,
      plans: [leaving],
    });
    assert.deepEqual(withheld, [
      { what: service.id, reason: 'which port?' },
      { what: 'record old.example.com', reason: `it is on its way out: ${reasons.incomplete}` },
    ]);
  });
});
