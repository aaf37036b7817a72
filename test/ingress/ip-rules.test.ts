// Which destinations ipRules allow, against cloudflared's answers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIpPolicy, createOutwardPolicy } from '../../src/ingress/ip-rules.ts';
import { facts } from './fixtures/cases.ts';

for (const c of facts.ipRules)
  test(`a rule for ${c.cidr} ports ${c.ports} is ${c.ok ? 'accepted' : 'refused'}`, () => {
    const create = () =>
      createIpPolicy([{ ...(c.cidr === null ? {} : { prefix: c.cidr }), ports: c.ports, allow: true }]);
    if (c.ok) assert.equal(create().check('1.1.1.9', 80).allowed, true);
    else assert.throws(create, { message: /no prefix|cidr|invalid port/ });
  });

for (const c of facts.ipPolicy)
  test(`${c.ip}:${c.port} under ${JSON.stringify(c.rules)} (else ${c.default_allow}) is ${c.allowed}`, () => {
    const rules = c.rules.map(([prefix, ports, allow]) => ({ prefix, ports, allow }));
    assert.deepEqual(createIpPolicy(rules, c.default_allow).check(c.ip, c.port), {
      allowed: c.allowed,
      matched: c.matched ?? undefined,
    });
  });

const addresses = [
  ['fc00::/7', 'fd12::1', true],
  ['fc00::/7', 'fe80::1', false],
  ['10.0.0.0/8', '::ffff:10.1.2.3', true],
  ['0.0.0.0/0', 'not an address', false],
] as const;
for (const [prefix, ip, allowed] of addresses)
  test(`${ip} is ${allowed ? '' : 'not '}in ${prefix}`, () => {
    assert.equal(createIpPolicy([{ prefix, allow: true }]).check(ip, 1).allowed, allowed);
  });

for (const prefix of ['1.1.1.1', '01.1.1.0/24', '1.1.1.0/33', '::1%lo/128', '1.1.1.0/', '/24', '1.1.1.0/-1'])
  test(`${prefix} is no CIDR`, () => {
    assert.throws(() => createIpPolicy([{ prefix }]), { message: `unable to parse cidr: ${prefix}` });
  });

const outward = createOutwardPolicy([]);
for (const ip of ['192.168.1.1', '10.0.0.1', '8.8.8.8', '100.64.0.1', 'fd00::1', '2001:db8::1'])
  test(`without rules ${ip} may be chosen`, () => assert.equal(outward.check(ip, 22).allowed, true));

for (const ip of [
  ...['127.0.0.1', '127.255.0.1', '0.0.0.0', '169.254.169.254', '224.0.0.1', '255.255.255.255', 'localhost', ''],
  ...[
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::7f00:1',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
    '0:0:0:0:0:0:0:1',
  ],
])
  test(`without rules ${ip} may not be chosen`, () => assert.equal(outward.check(ip, 22).allowed, false));

test('with rules only they count', () => {
  const policy = createOutwardPolicy([{ prefix: '127.0.0.0/8', allow: true }]);
  assert.equal(policy.check('127.0.0.1', 22).allowed, true);
  assert.equal(policy.check('192.168.1.1', 22).allowed, false);
});
