// Which destinations ipRules allow, against cloudflared's answers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIpPolicy } from '../../src/ingress/ip-rules.ts';
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
