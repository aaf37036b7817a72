// A file's global originRequest and its rules' own: who wins, and what can never be undone by half a sentence.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldOriginRequest } from '../../src/ingress/origin-request.ts';
import type { OriginAccess } from '../../src/model.ts';

const locked: OriginAccess = { required: true, teamName: 'home', audTag: ['all'] };

const cases: { name: string; own?: OriginAccess; effective: OriginAccess }[] = [
  { name: 'a rule without access gets the global one', effective: locked },
  {
    name: 'a rule that names its audTag stays locked',
    own: { audTag: ['mine'] },
    effective: { ...locked, audTag: ['mine'] },
  },
  {
    name: 'a rule may say that it needs no token',
    own: { required: false },
    effective: { ...locked, required: false },
  },
];
for (const { name, own, effective } of cases) {
  test(name, () => {
    const rule = { service: 'http://app', ...(own === undefined ? {} : { originRequest: { access: own } }) };
    const [folded] = foldOriginRequest([rule], { access: locked, noTLSVerify: true });
    assert.deepEqual(folded?.originRequest, { noTLSVerify: true, access: effective });
  });
}

test('a rule keeps its own values, an explicit false included', () => {
  const rule = { service: 'https://app', originRequest: { noTLSVerify: false } };
  assert.deepEqual(foldOriginRequest([rule], { noTLSVerify: true, connectTimeout: 5 })[0]?.originRequest, {
    noTLSVerify: false,
    connectTimeout: 5,
  });
});

test('global ipRules reach no rule', () => {
  const rule = { service: 'socks-proxy' };
  assert.deepEqual(foldOriginRequest([rule], { ipRules: [{ prefix: '0.0.0.0/0', allow: true }] }), [rule]);
});

test('a global audTag without a team is accepted as by cloudflared, and serves nobody', () => {
  const [folded] = foldOriginRequest([{ service: 'http://app' }], { access: { required: true, audTag: ['x'] } });
  assert.deepEqual(folded?.originRequest?.access, { required: true });
});
