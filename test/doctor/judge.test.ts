// What probes and visits mean, in words: which of the usual troubles each is taken for.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Check, failed, passed, rootCause } from '../../src/doctor/check.ts';
import { judgeOrigin } from '../../src/doctor/judge-origin.ts';
import { judgePlans } from '../../src/doctor/judge-plan.ts';
import { judgeVisit } from '../../src/doctor/judge-visit.ts';
import type { Answered, Probe } from '../../src/doctor/probe.ts';
import type { Visit } from '../../src/doctor/visit.ts';
import type { OriginRequest, Plan } from '../../src/model.ts';
import { entryFor } from '../contract/reconciler.ts';

const answered = (fields: Partial<Answered> = {}): Probe => ({
  kind: 'answered',
  status: 200,
  headers: {},
  body: '',
  ...fields,
});

describe('an origin', () => {
  const cases: readonly (readonly [string, Probe, Check['outcome'], RegExp, OriginRequest?])[] = [
    ['that answers is fine', answered(), 'ok', /answers 200/],
    ['that asks for a login of its own is fine', answered({ status: 401 }), 'ok', /answers 401/],
    ['that is not there', { kind: 'closed', code: 'ECONNREFUSED' }, 'failed', /nothing listens/],
    ['whose name is unknown', { kind: 'closed', code: 'ENOTFOUND' }, 'failed', /does not resolve/],
    ['on another network', { kind: 'closed', code: 'ETIMEDOUT' }, 'failed', /cannot be reached.*one network/],
    ['whose socket is missing', { kind: 'closed', code: 'ENOENT' }, 'failed', /no socket/],
    ['that is stuck', { kind: 'silent' }, 'failed', /answers nothing/],
    ['that speaks TLS', { kind: 'other-protocol', speaks: 'https' }, 'failed', /protocol=https/],
    ['that speaks something else', { kind: 'other-protocol', speaks: undefined }, 'failed', /does not speak HTTP/],
    [
      'whose certificate is its own',
      answered({ distrust: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
      'failed',
      /not trusted.*noTLSVerify/,
    ],
    ['whose certificate need not be checked', answered({ distrust: 'X' }), 'ok', /200/, { noTLSVerify: true }],
    ['that is broken', answered({ status: 502 }), 'failed', /answers 502/],
    ['that does not like proxies', answered({ status: 400 }), 'warning', /trust its proxy/],
    [
      'that says it wanted TLS',
      answered({ status: 400, body: '<h1>The plain HTTP request was sent to HTTPS port</h1>' }),
      'failed',
      /protocol=https/,
    ],
    [
      'that sends visitors in a circle',
      answered({ status: 301, headers: { location: 'https://a.example.com/' } }),
      'failed',
      /again and again/,
    ],
    [
      'that sends visitors to its login',
      answered({ status: 302, headers: { location: 'https://a.example.com/login' } }),
      'ok',
      /302/,
    ],
  ];
  for (const [name, probe, outcome, words, originRequest = {}] of cases)
    test(`${name}: ${outcome}`, () => {
      const check = judgeOrigin(probe, { service: 'http://10.0.0.2:80', hostname: 'a.example.com', originRequest });
      assert.equal(check.outcome, outcome);
      assert.match(`${check.message}: ${check.hint}`, words);
    });

  test('behind ssh must greet as one', () => {
    const asked = { service: 'ssh://10.0.0.2:22', hostname: 'a.example.com', originRequest: {} };
    assert.equal(judgeOrigin({ kind: 'open', banner: 'SSH-2.0-OpenSSH_9.2\r\n' }, asked).outcome, 'ok');
    assert.equal(judgeOrigin({ kind: 'open', banner: '' }, asked).outcome, 'warning');
  });
});

describe('a visitor', () => {
  const family = { policy: 'family' };
  const login = { location: 'https://team.cloudflareaccess.com/cdn-cgi/access/login/x' };
  const met = (status: number, headers: Record<string, string> = {}, body = ''): Visit => ({
    kind: 'answered',
    status,
    headers,
    body,
  });
  const cases: readonly (readonly [string, Visit, 'public' | 'guarded', string, Check['outcome'], RegExp])[] = [
    ['is let in where it is public', met(200), 'public', 'visitor', 'ok', /200/],
    ['is asked to log in where it is guarded', met(302, login), 'guarded', 'visitor', 'ok', /log in/],
    ['is let in where it is guarded', met(200), 'guarded', 'visitor', 'failed', /lets everybody in.*family/],
    ['is asked to log in where it is public', met(302, login), 'public', 'visitor', 'failed', /is public/],
    ['finds no connector', met(530, { server: 'cloudflare' }, 'error 1033'), 'public', 'visitor', 'failed', /1033/],
    [
      'finds no record',
      met(530, { server: 'cloudflare' }, 'error 1016'),
      'public',
      'visitor',
      'failed',
      /does not know/,
    ],
    ['finds no service', met(502, { server: 'cloudflare' }), 'public', 'visitor', 'failed', /origin check/],
    ['finds the service’s own 502', met(502, { server: 'nginx' }), 'public', 'visitor', 'warning', /answers 502/],
    ['finds no name', { kind: 'failed', code: 'ENOTFOUND' }, 'public', 'dns', 'failed', /does not resolve/],
    [
      'finds no certificate',
      { kind: 'failed', code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
      'public',
      'edge',
      'failed',
      /one level/,
    ],
    ['finds no edge', { kind: 'failed', code: 'ECONNREFUSED' }, 'public', 'edge', 'failed', /does not answer/],
  ];
  for (const [name, visit, access, step, outcome, words] of cases)
    test(`${name}: ${outcome}`, () => {
      const promised = {
        hostname: 'a.example.com',
        access: access === 'public' ? ('public' as const) : family,
        isEmbedded: false,
      };
      const check = judgeVisit(visit, promised).find((one) => one.step === step);
      assert.equal(check?.outcome, outcome);
      assert.match(`${check?.message}: ${check?.hint}`, words);
    });
});

describe('what a plan would change', () => {
  const entry = entryFor('a', { access: { policy: 'family' } });
  const { serviceId, rule } = entry;
  const record = { zone: 'example.com', name: rule.hostname, type: 'CNAME', content: 'x', proxied: true };
  const plan = (fields: Partial<Plan<unknown>>): Plan<unknown> => ({ target: 'dns', changes: [], held: [], ...fields });
  const create = { serviceId, action: 'create', desired: record } as const;
  const cases: readonly (readonly [string, Plan<unknown>, Check['outcome'], RegExp])[] = [
    ['nothing', plan({}), 'ok', /as it should be/],
    ['its record', plan({ changes: [create] }), 'failed', /not there yet/],
    [
      'its record, held',
      plan({ held: [{ change: create, reason: 'somebody else has it' }] }),
      'failed',
      /somebody else has it/,
    ],
    [
      'another name’s record',
      plan({ changes: [{ ...create, desired: { ...record, name: 'b.example.com' } }] }),
      'ok',
      /as/,
    ],
    [
      'its rule',
      plan({ target: 'ingress', changes: [{ serviceId, action: 'create', desired: entry }] }),
      'failed',
      /rule/,
    ],
    [
      'a rule that waits for its service',
      plan({
        target: 'ingress',
        changes: [
          {
            serviceId,
            action: 'update',
            current: { ...entry, rule: { ...rule, service: 'http_status:503' } },
            desired: entry,
            fields: ['service'],
          },
        ],
      }),
      'warning',
      /503 until/,
    ],
    [
      'its lock',
      plan({
        target: 'access',
        changes: [{ serviceId, action: 'create', desired: { name: 'x', domain: rule.hostname, policies: ['family'] } }],
      }),
      'failed',
      /Access application/,
    ],
  ];
  for (const [name, one, outcome, words] of cases)
    test(`${name}: ${outcome}`, () => {
      const [check] = judgePlans([one], entry);
      assert.equal(check?.outcome, outcome);
      assert.match(check?.message ?? '', words);
    });
});

test('the first to mend is what breaks the others', () => {
  const checks = [
    failed('visitor', 'a 502'),
    passed('edge', 'answers'),
    failed('rule', 'no rule'),
    failed('origin', 'closed'),
  ];
  assert.equal(rootCause(checks)?.step, 'rule');
  assert.equal(rootCause([passed('edge', 'answers')]), undefined);
});
