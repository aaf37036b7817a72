// Who may see an entry: every combination that matters, and nothing open by accident.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ServiceHints } from '../../src/model.ts';
import { type AccessContext, decideAccess } from '../../src/plugin/access.ts';
import type { Sensitivity } from '../../src/plugin/catalogue.ts';
import { serviceOf } from './sample.ts';

const internet: AccessContext = {
  accessDefault: undefined,
  policies: new Set(['family']),
  loopbackOnly: false,
  allow: { public: false },
};
const family = { ...internet, accessDefault: 'family' };
const open = { ...internet, accessDefault: 'public' };
const loopback = { ...open, loopbackOnly: true, policies: new Set<string>() };
const permissive = { ...internet, allow: { public: true } };

function decide(hints: ServiceHints, sensitivity: Sensitivity, context: AccessContext, source = 'docker'): string {
  const decision = decideAccess(serviceOf({ source }), hints, sensitivity, context);
  if ('refused' in decision) return decision.refused.code;
  return decision.access === 'public' ? 'public' : decision.access.policy;
}

const cases: readonly (readonly [
  string,
  ServiceHints,
  AccessContext,
  Readonly<Partial<Record<Sensitivity, string>>>,
])[] = [
  [
    'nothing written',
    {},
    internet,
    { 'public-ok': 'E_NO_POLICY', protect: 'E_NO_POLICY', admin: 'E_NO_POLICY', never: 'E_NO_POLICY' },
  ],
  ['default none', {}, { ...internet, accessDefault: 'none' }, { 'public-ok': 'E_NO_POLICY' }],
  ['a default policy', {}, family, { 'public-ok': 'family', protect: 'family', admin: 'family', never: 'E_NO_POLICY' }],
  [
    'a policy on a label',
    { access: 'family' },
    internet,
    { 'public-ok': 'family', protect: 'family', admin: 'family', never: 'family' },
  ],
  ['people on a label', { access: 'a@example.com' }, internet, { 'public-ok': 'E_LABEL_NOT_ALLOWED' }],
  ['people on a label, with a default policy', { access: 'a@example.com' }, family, { protect: 'E_LABEL_NOT_ALLOWED' }],
  [
    'people on a label that may name them',
    { access: 'B@example.com, a@example.com' },
    { ...family, allow: { public: false, people: true } },
    { 'public-ok': 'a@example.com,b@example.com', admin: 'a@example.com,b@example.com' },
  ],
  ['people on a label where everybody is let in', { access: '@example.org' }, open, { 'public-ok': '@example.org' }],
  [
    'people whom the operator chose',
    { access: 'a@example.com', chosen: { access: true } },
    internet,
    { 'public-ok': 'a@example.com' },
  ],
  ['people and a policy', { access: 'a@example.com,family' }, open, { 'public-ok': 'E_NO_POLICY' }],
  ['none on a label', { access: 'none' }, family, { 'public-ok': 'E_NO_POLICY' }],
  ['a policy that does not exist', { access: 'famly' }, open, { 'public-ok': 'E_NO_POLICY', protect: 'E_NO_POLICY' }],
  ['a default policy that does not exist', {}, { ...internet, accessDefault: 'x' }, { 'public-ok': 'E_NO_POLICY' }],
  ['guarded by another tool, with a default policy', { guarded: 'its login guards it' }, family, { protect: 'family' }],
  ['guarded by another tool, with none', { guarded: 'its login guards it' }, internet, { 'public-ok': 'E_NO_POLICY' }],
  [
    'guarded by another tool, public by default',
    { guarded: 'its login guards it' },
    open,
    { 'public-ok': 'E_NO_POLICY' },
  ],
  [
    'guarded by another tool, on loopback',
    { guarded: 'its login guards it' },
    loopback,
    { 'public-ok': 'E_NO_POLICY' },
  ],
  [
    'public on a label',
    { access: 'public' },
    family,
    { 'public-ok': 'E_LABEL_NOT_ALLOWED', admin: 'E_LABEL_NOT_ALLOWED', never: 'E_LABEL_NOT_ALLOWED' },
  ],
  [
    'public on a label, allowed',
    { access: 'public' },
    permissive,
    { 'public-ok': 'public', protect: 'public', admin: 'public', never: 'E_NO_POLICY' },
  ],
  ['Public on a label, allowed', { access: 'Public' }, permissive, { 'public-ok': 'E_NO_POLICY' }],
  [
    'public as the default',
    {},
    open,
    { 'public-ok': 'public', protect: 'public', admin: 'E_NO_POLICY', never: 'E_NO_POLICY' },
  ],
  ['public as the default and on a label', { access: 'public' }, open, { admin: 'public', never: 'E_NO_POLICY' }],
  [
    'public on loopback',
    {},
    loopback,
    { 'public-ok': 'public', protect: 'public', admin: 'public', never: 'E_NO_POLICY' },
  ],
];

describe('access', () => {
  for (const [name, hints, context, outcomes] of cases) {
    for (const [sensitivity, expected] of Object.entries(outcomes) as [Sensitivity, string][]) {
      test(`${name}, ${sensitivity}: ${expected}`, () => assert.equal(decide(hints, sensitivity, context), expected));
    }
  }

  test('what the operator wrote in the settings may be public', () => {
    assert.equal(decide({ access: 'public' }, 'admin', family, 'file'), 'public');
    assert.equal(decide({ access: 'public' }, 'never', family, 'file'), 'E_NO_POLICY');
  });

  test('a source nobody thought of is no operator', () => {
    assert.equal(decide({ access: 'public' }, 'public-ok', family, 'swarm'), 'E_LABEL_NOT_ALLOWED');
  });

  test('a policy that does not exist names the nearest that does', () => {
    const decision = decideAccess(serviceOf(), { access: 'famly' }, 'public-ok', family);
    assert.ok('refused' in decision);
    assert.equal(decision.refused.hint, 'did you mean family?');
  });

  test('is public only where somebody wrote public', () => {
    const sensitivities = fc.constantFrom<Sensitivity>('public-ok', 'protect', 'admin', 'never');
    const words = fc.constantFrom(undefined, 'public', 'family', 'none', 'other', '');
    fc.assert(
      fc.property(
        words,
        words,
        sensitivities,
        fc.boolean(),
        fc.boolean(),
        (label, fallback, sensitivity, loop, allowed) => {
          const context = {
            accessDefault: fallback,
            policies: new Set(['family']),
            loopbackOnly: loop,
            allow: { public: allowed },
          };
          const outcome = decide(label === undefined ? {} : { access: label }, sensitivity, context);
          if (outcome !== 'public') return;
          assert.ok(
            label === 'public' ? allowed || fallback === 'public' : label === undefined && fallback === 'public',
          );
          assert.notEqual(sensitivity, 'never');
        },
      ),
    );
  });
});

describe('paths without login', () => {
  function bypass(paths: readonly string[], context: AccessContext, source = 'docker') {
    const decision = decideAccess(serviceOf({ source }), { bypassPaths: paths }, 'public-ok', context);
    assert.ok('access' in decision);
    return [decision.access, decision.findings.map(({ code }) => code)];
  }

  test('are those of the label', () => {
    assert.deepEqual(bypass(['/api/'], family), [{ policy: 'family', bypassPaths: ['/api/'] }, []]);
  });

  test('that are everything are public by another name', () => {
    for (const path of ['/', '/*', '//'])
      assert.deepEqual(bypass(['/api/', path], family), [{ policy: 'family' }, ['E_LABEL_NOT_ALLOWED']]);
    assert.deepEqual(bypass(['/'], { ...family, allow: { public: true } }), [
      { policy: 'family', bypassPaths: ['/'] },
      [],
    ]);
    assert.deepEqual(bypass(['/'], family, 'file'), [{ policy: 'family', bypassPaths: ['/'] }, []]);
  });
});
