// How policies are evaluated: order, rules, and what cannot be known.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decide, type GatePolicy } from '../../../src/edge/gate/decide.ts';
import type { GateGroups, GateRule, GateRules, GateVisitor } from '../../../src/edge/gate/rules.ts';

const everyone: GateRule = { everyone: {} };
const alice: GateRule = { email: { email: 'Alice@Example.com' } };
const org: GateRule = { email_domain: { domain: 'example.org' } };
const home: GateRule = { ip: { ip: '192.0.2.0/24' } };
const six: GateRule = { ip: { ip: '2001:db8::/32' } };
const phone: GateRule = { service_token: { token_id: 'phone' } };
const anyToken: GateRule = { any_valid_service_token: {} };
const idp: GateRule = { login_method: { id: 'idp-1' } };
const geo: GateRule = { geo: { country_code: 'DE' } };
const family: GateRule = { group: { id: 'family' } };

const groups: GateGroups = new Map<string, GateRules>([
  ['family', { include: [alice, org], require: [], exclude: [{ email: { email: 'eve@example.org' } }] }],
  ['nested', { include: [family], require: [home], exclude: [] }],
  ['circle', { include: [{ group: { id: 'circle' } }], require: [], exclude: [] }],
]);

function policy(decision: GatePolicy['decision'], rules: Partial<GateRules>): GatePolicy {
  return { name: decision, decision, include: [], require: [], exclude: [], ...rules };
}

function visitor(email?: string, more: Partial<GateVisitor> = {}): GateVisitor {
  const identity = email === undefined ? undefined : { email, loginMethod: 'idp-1' };
  return { address: '192.0.2.7', serviceToken: undefined, identity, ...more };
}

const nobody = visitor();
const asAlice = visitor('alice@example.com');
const asBob = visitor('bob@example.org');
const asEve = visitor('eve@example.org');
const asPhone = visitor(undefined, { serviceToken: 'phone' });
const away = { address: '198.51.100.1' };

const cases: readonly (readonly [string, readonly GatePolicy[], GateVisitor, string])[] = [
  ['no policy is nobody', [], asAlice, 'deny'],
  ['no policy asks for no login', [], nobody, 'deny'],
  ['only blocks ask for no login', [policy('deny', { include: [alice] })], nobody, 'deny'],
  ['an address of the list', [policy('allow', { include: [alice] })], asAlice, 'allow'],
  ['another address', [policy('allow', { include: [alice] })], asBob, 'deny'],
  ['nobody yet', [policy('allow', { include: [alice] })], nobody, 'login'],
  ['everyone still logs in', [policy('allow', { include: [everyone] })], nobody, 'login'],
  ['everyone who has', [policy('allow', { include: [everyone] })], asBob, 'allow'],
  ['a domain', [policy('allow', { include: [org] })], asBob, 'allow'],
  ['not a domain that ends like it', [policy('allow', { include: [org] })], visitor('x@not-example.org'), 'deny'],
  ['not a name before an at', [policy('allow', { include: [org] })], visitor('x@example.org@evil.test'), 'deny'],
  ['a group', [policy('allow', { include: [family] })], asBob, 'allow'],
  ['whom a group excludes', [policy('allow', { include: [family] })], asEve, 'deny'],
  ['a group in a group', [policy('allow', { include: [{ group: { id: 'nested' } }] })], asBob, 'allow'],
  [
    'what the inner group requires',
    [policy('allow', { include: [{ group: { id: 'nested' } }] })],
    visitor('bob@example.org', away),
    'deny',
  ],
  ['a group in itself', [policy('allow', { include: [{ group: { id: 'circle' } }] })], asBob, 'deny'],
  ['a group that is gone', [policy('allow', { include: [{ group: { id: 'gone' } }] })], asBob, 'deny'],
  ['a place', [policy('allow', { include: [home] })], asBob, 'allow'],
  ['another place', [policy('allow', { include: [home] })], visitor('bob@example.org', away), 'deny'],
  [
    'a place of the other family',
    [policy('allow', { include: [six] })],
    visitor('bob@example.org', { address: '2001:db8::1' }),
    'allow',
  ],
  ['all that is required', [policy('allow', { include: [org], require: [home, idp] })], asBob, 'allow'],
  [
    'less than is required',
    [policy('allow', { include: [org], require: [home] })],
    visitor('bob@example.org', away),
    'deny',
  ],
  [
    'another login method',
    [policy('allow', { include: [idp] })],
    { ...asBob, identity: { email: 'bob@example.org', loginMethod: 'other' } },
    'deny',
  ],
  ['whom it excludes', [policy('allow', { include: [org], exclude: [home] })], asBob, 'deny'],
  ['a country nobody knows', [policy('allow', { include: [geo] })], asBob, 'deny'],
  ['a country nobody knows, required', [policy('allow', { include: [org], require: [geo] })], asBob, 'deny'],
  ['a country nobody knows, excluded', [policy('allow', { include: [org], exclude: [geo] })], asBob, 'deny'],
  ['an unknown rule', [policy('allow', { include: [{ device_posture: { integration_uid: 'x' } }] })], asBob, 'deny'],
  ['two rules in one', [policy('allow', { include: [{ ...everyone, ...alice }] })], asBob, 'deny'],
  [
    'what only Cloudflare can see to',
    [{ ...policy('allow', { include: [everyone] }), isBeyondUs: true }],
    asBob,
    'deny',
  ],
  ['a block before', [policy('deny', { include: [alice] }), policy('allow', { include: [everyone] })], asAlice, 'deny'],
  ['a block after', [policy('allow', { include: [everyone] }), policy('deny', { include: [alice] })], asAlice, 'allow'],
  [
    'a block of others',
    [policy('deny', { include: [alice] }), policy('allow', { include: [everyone] })],
    asBob,
    'allow',
  ],
  [
    'a block that cannot be evaluated',
    [policy('deny', { include: [geo] }), policy('allow', { include: [everyone] })],
    asBob,
    'deny',
  ],
  [
    'a block whose exception cannot be evaluated',
    [policy('deny', { include: [everyone], exclude: [geo] }), policy('allow', { include: [everyone] })],
    asBob,
    'deny',
  ],
  ['a bypass', [policy('bypass', { include: [everyone] })], nobody, 'bypass'],
  [
    'a bypass after everything else',
    [policy('deny', { include: [everyone] }), policy('bypass', { include: [everyone] })],
    asBob,
    'bypass',
  ],
  ['a bypass for a place', [policy('bypass', { include: [home] })], visitor(undefined, away), 'deny'],
  ['a bypass for somebody asks nobody', [policy('bypass', { include: [alice] })], asAlice, 'deny'],
  [
    'a bypass with an exception of a person',
    [policy('bypass', { include: [everyone], exclude: [alice] })],
    nobody,
    'deny',
  ],
  ['a program', [policy('non_identity', { include: [phone] })], asPhone, 'service'],
  [
    'another program',
    [policy('non_identity', { include: [phone] })],
    visitor(undefined, { serviceToken: 'x' }),
    'deny',
  ],
  ['any program', [policy('non_identity', { include: [anyToken] })], asPhone, 'service'],
  ['no program', [policy('non_identity', { include: [anyToken] })], nobody, 'deny'],
  [
    'a program is nobody who is excluded',
    [policy('non_identity', { include: [phone], exclude: [alice] })],
    asPhone,
    'service',
  ],
  [
    'a program from elsewhere',
    [policy('non_identity', { include: [phone], require: [home] })],
    { ...asPhone, ...away },
    'deny',
  ],
  ['a program where people log in', [policy('allow', { include: [phone] })], asPhone, 'login'],
  [
    'a place without a login, but for a person',
    [policy('non_identity', { include: [home], exclude: [alice] })],
    nobody,
    'deny',
  ],
];
for (const [name, policies, who, expected] of cases)
  test(name, () => assert.equal(decide(policies, who, groups).kind, expected));

const rule = fc.constantFrom(everyone, alice, org, home, six, phone, anyToken, idp, geo, family, {
  group: { id: 'nested' },
});
const rules = fc.array(rule, { maxLength: 3 });
const visitors = fc.record({
  address: fc.constantFrom('192.0.2.7', '198.51.100.1', '2001:db8::1', 'unknown'),
  serviceToken: fc.constantFrom(undefined, 'phone', 'other'),
  identity: fc.constantFrom(undefined, asAlice.identity, asBob.identity, asEve.identity),
});
const opening = fc.constantFrom('allow', 'non_identity', 'bypass');

function isIn(policies: readonly GatePolicy[], who: GateVisitor): boolean {
  return ['allow', 'service', 'bypass'].includes(decide(policies, who, groups).kind);
}

test('one more exclude or require never lets more people in', () => {
  const args = [opening, rules, rules, rules, rule, fc.boolean(), visitors] as const;
  fc.assert(
    fc.property(...args, (decision, include, require, exclude, extra, isExclude, who) => {
      const before = policy(decision as GatePolicy['decision'], { include, require, exclude });
      const after = isExclude
        ? { ...before, exclude: [...exclude, extra] }
        : { ...before, require: [...require, extra] };
      assert.ok(isIn([before], who) || !isIn([after], who));
    }),
    { numRuns: 2_000 },
  );
});

test('one more block never lets more people in, one more rule that opens never fewer', () => {
  const several = fc.array(fc.tuple(opening, rules, rules, rules), { maxLength: 3 });
  fc.assert(
    fc.property(several, rules, rules, rules, visitors, (list, include, require, exclude, who) => {
      const policies = list.map(([decision, a, b, c]) =>
        policy(decision as GatePolicy['decision'], { include: a, require: b, exclude: c }),
      );
      const block = policy('deny', { include, require, exclude });
      assert.ok(isIn(policies, who) || !isIn([block, ...policies], who));
      assert.ok(!isIn(policies, who) || isIn([...policies, policy('allow', { include, require, exclude })], who));
    }),
    { numRuns: 1_000 },
  );
});
