// Rules changed by hand: exported as they are served, or held until somebody decides.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { appliedState } from '../../src/export/applied.ts';
import { passAsServed } from '../../src/export/hand-edits.ts';
import { terraformWorld } from '../../src/export/terraform-world.ts';
import { entryKey } from '../../src/ingress/closing.ts';
import type { Drift } from '../../src/ingress/drift-decide.ts';
import type { IngressEntry, Plan } from '../../src/model.ts';
import { entryOf, passOf, remoteOf } from './sample.ts';

const ours = entryOf('a.example.com');
const byHand = entryOf('a.example.com', { service: 'http://10.0.0.9:81' });

function driftOf(kind: Drift['kind'], fields: Partial<Drift>): Drift {
  const entry = fields.effective ?? ours;
  return {
    key: entryKey(entry),
    kind,
    fields: [],
    entry,
    theirs: undefined,
    ours: undefined,
    choice: undefined,
    isOver: false,
    effective: undefined,
    closed: undefined,
    leadsTo: undefined,
    hand: { form: null, fields: [] } as unknown as Drift['hand'],
    ...fields,
  };
}

function look(drifts: readonly Drift[], plans: readonly Plan<unknown>[] = []) {
  const pass = passAsServed(passOf([ours], plans), drifts);
  const applied = appliedState(pass);
  const ingress = [byHand, entryOf('a.example.com', { path: '^/x' })].map(({ rule }) => rule as { service: string });
  const remote = remoteOf({ configuration: { source: 'cloudflare', config: { ingress } } });
  const { configuration } = terraformWorld(applied, pass, remote);
  return {
    rules: applied.entries.map(({ rule }) => rule.service),
    withheld: applied.withheld.map(({ what, reason }) => `${what}: ${reason}`),
    places: configuration.ingress?.map(({ hostname, path }) => `${hostname} ${path ?? ''}`),
  };
}

describe('a rule changed by hand', () => {
  test('is as it was written where that was decided', () => {
    for (const choice of ['theirs', 'ignore'] as const)
      assert.deepEqual(look([driftOf('changed', { choice, effective: byHand })]).rules, ['http://10.0.0.9:81']);
    assert.deepEqual(look([driftOf('changed', { choice: 'mine', effective: ours })]).rules, ['http://10.0.0.2:80']);
  });

  test('is not there where it was taken away and that was decided', () => {
    assert.deepEqual(look([driftOf('deleted', { choice: 'ignore' })]).rules, []);
  });

  test('that nobody decided about is held, and stays where Terraform looks after it', () => {
    const added = entryOf('a.example.com', { path: '^/x' });
    const held: Plan<IngressEntry> = {
      target: 'ingress',
      changes: [],
      held: [{ change: { action: 'delete', serviceId: ours.serviceId, current: added }, reason: 'added by hand' }],
    };
    const { rules, withheld, places } = look([driftOf('added', { effective: added })], [held]);
    assert.deepEqual(rules, ['http://10.0.0.2:80']);
    assert.deepEqual(withheld, ['a.example.com ^/x: added by hand']);
    assert.ok(places?.includes('a.example.com ^/x'));
  });

  test('changes nothing where there is none', () => {
    const pass = passOf([ours]);
    assert.equal(passAsServed(pass, []), pass);
  });
});
