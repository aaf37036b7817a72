// A plan for a person: what changes, why, and what waits for what.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatPlans, hasChanges, plansAsJson } from '../../src/cli/plan-table.ts';
import type { Change, IngressEntry, Plan } from '../../src/model.ts';
import { causeOf } from '../../src/plan/cause.ts';

const entry = (fields: Partial<IngressEntry> & { readonly service?: string } = {}): IngressEntry => ({
  serviceId: 'docker/a',
  plugin: 'generic',
  rule: { hostname: 'a.example.com', service: fields.service ?? 'http://10.0.0.1:80' },
  access: fields.access ?? 'public',
  explicit: false,
});
const update = (desired: IngressEntry, ...fields: string[]): Change<unknown> => ({
  action: 'update',
  serviceId: 'docker/a',
  current: entry({ service: 'http://user:secret@10.0.0.1:80' }),
  desired,
  fields,
});

describe('the cause of a change', () => {
  const cases: readonly [target: Plan<unknown>['target'], change: Change<unknown>, says: RegExp][] = [
    ['ingress', { action: 'create', serviceId: 'docker/a', desired: entry() }, /wants this name/],
    [
      'ingress',
      update(entry({ service: 'http://10.0.0.2:80' }), 'service'),
      /^service: http:\/\/…@10\.0\.0\.1:80 → http:\/\/10\.0\.0\.2:80$/,
    ],
    ['ingress', update(entry({ access: { policy: 'family' } }), 'access'), /^access: public → policy family$/],
    ['ingress', update(entry({ service: 'http_status:503' }), 'service'), /^closed: /],
    ['ingress', update(entry(), 'order'), /never reached/],
    ['ingress', { action: 'delete', serviceId: 'docker/a', current: entry() }, /no service wants/],
    ['dns', { action: 'create', serviceId: 'docker/a', desired: { name: 'a' } }, /no record yet/],
    ['dns', { action: 'delete', serviceId: 'docker/a', current: { name: 'a' }, onlyMark: true }, /only our mark/],
    ['access', { action: 'create', serviceId: 'docker/a', desired: { domain: 'a' } }, /nothing guards it/],
    ['access', { action: 'delete', serviceId: 'docker/a', current: { domain: 'a' } }, /nothing uses it/],
  ];
  for (const [target, change, says] of cases)
    test(`${target} ${change.action}: ${says.source}`, () => assert.match(causeOf(target, change), says));
});

const held = { change: update(entry(), 'service'), reason: 'because' };

test('the table and the JSON say why, and no secret', () => {
  const plans: Plan<unknown>[] = [{ target: 'ingress', changes: [update(entry(), 'service')], held: [held] }];
  const table = formatPlans(plans);
  assert.match(table, /^TARGET +ACTION +SERVICE +WHAT +WHY\ningress +update +docker\/a .* service: /);
  assert.match(table, /Held back:\n.*\n.*because\n$/);
  const json = plansAsJson({ plans });
  assert.match(JSON.parse(json).plans[0].changes[0].cause, /^service: /);
  assert.ok(!`${table}${json}`.includes('secret'));
});

describe('changes for `--detailed-exitcode`', () => {
  const nothing: Plan<unknown> = { target: 'ingress', changes: [], held: [held] };
  const cases: readonly [name: string, code: string, severity: 'warning' | 'info', expected: boolean][] = [
    ['a change by hand that waits for a decision counts', 'W_DRIFT', 'warning', true],
    ['one that was decided about does not', 'W_DRIFT', 'info', false],
    ['nor does anything else that is held', 'E_CONFLICT', 'warning', false],
  ];
  for (const [name, code, severity, expected] of cases)
    test(name, () => assert.equal(hasChanges({ plans: [nothing], diagnostics: [{ code, severity }] }), expected));
});
