// Whether Home Assistant trusts us: judged by its own word, else by trying, and said so that a person can mend it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createProxyCheck } from '../../../addon/homeassistant/proxy-check.ts';
import {
  contains,
  judgeAnswers,
  judgeConfig,
  type Trust,
  trustDiagnostics,
} from '../../../addon/homeassistant/proxy-trust.ts';
import { usualNetwork } from '../../../addon/homeassistant/shapes.ts';
import { SourceError } from '../../../src/errors.ts';
import { createFakeClock } from '../../fakes/clock.ts';
import { startFakeCore } from './core.ts';

const signal = AbortSignal.timeout(30_000);
const us = '172.30.33.5';

function config(stable: object, more: object = {}) {
  return { stable, pending: null, active_config_type: 'stable', default: {}, ...more };
}

const on = { use_x_forwarded_for: true };
const words: readonly [string, unknown, Trust['kind'] | undefined][] = [
  ['our network', config({ ...on, trusted_proxies: ['172.30.33.0/24'] }), 'trusted'],
  ['our very address', config({ ...on, trusted_proxies: [us] }), 'trusted'],
  ['everybody', config({ ...on, trusted_proxies: ['::/0', '0.0.0.0/0'] }), 'trusted'],
  ['others', config({ ...on, trusted_proxies: ['127.0.0.1', '10.0.0.0/8', '::1', 'x', 7] }), 'untrusted'],
  ['us, but the header is off', config({ use_x_forwarded_for: false, trusted_proxies: [us] }), 'untrusted'],
  ['nobody', config({}), 'untrusted'],
  [
    'us, in a change that is being tried',
    config({}, { pending: { ...on, trusted_proxies: [us] }, active_config_type: 'pending' }),
    'trusted',
  ],
  [
    'us, in a change that is not applied',
    config({}, { pending: { ...on, trusted_proxies: [us] }, active_config_type: 'stable' }),
    'untrusted',
  ],
  ['nothing, because it does not know the question', undefined, undefined],
  ['nonsense', { stable: [] }, undefined],
];
for (const [whom, answer, expected] of words) {
  test(`Home Assistant says it trusts ${whom}: ${expected ?? 'no answer'}`, () => {
    assert.equal(judgeConfig(answer, us)?.kind, expected);
  });
}

const networks: readonly [string, string, boolean][] = [
  ['172.30.33.0/24', '172.30.33.255', true],
  ['172.30.33.0/24', '172.30.34.0', false],
  ['172.30.33.5', '172.30.33.5', true],
  ['fd00::/8', 'fd00::1', true],
  ['fd00::/8', '172.30.33.5', false],
  ['172.30.33.0/33', '172.30.33.1', false],
  ['172.30.33.0/x', '172.30.33.1', false],
  ['', '172.30.33.1', false],
  ['0.0.0.0/0', 'no address', false],
];
for (const [network, address, expected] of networks) {
  test(`${network} ${expected ? 'holds' : 'does not hold'} ${address}`, () => {
    assert.equal(contains(network, address), expected);
  });
}

test('an answer is judged only against what it is without the header', () => {
  assert.equal(judgeAnswers(200, undefined, us).kind, 'trusted');
  assert.equal(judgeAnswers(400, 200, us).kind, 'untrusted');
  assert.equal(judgeAnswers(400, 400, us).kind, 'unknown');
  assert.equal(judgeAnswers(400, undefined, us).kind, 'unknown');
  assert.equal(judgeAnswers(503, undefined, us).kind, 'unknown');
});

describe('what a person is told', () => {
  test('before 2026.8 the lines for configuration.yaml', () => {
    const [finding] = trustDiagnostics({ kind: 'untrusted', from: us, isInUi: false }, usualNetwork);
    assert.equal(finding?.severity, 'error');
    assert.equal(finding.serviceId, 'homeassistant/core');
    assert.match(finding.message, /answers 400 .* does not trust 172\.30\.33\.5/);
    assert.match(
      finding.hint ?? '',
      /configuration\.yaml.*http: \{ use_x_forwarded_for: true, trusted_proxies: \[172\.30\.33\.0\/24\] \}$/,
    );
  });

  test('since then the place in its settings, with those it trusts already', () => {
    const trust = { kind: 'untrusted', from: us, isInUi: true, trusted: ['10.0.0.1'] } as const;
    const [finding] = trustDiagnostics(trust, usualNetwork);
    assert.match(finding?.hint ?? '', /Settings, System, Network .*172\.30\.33\.0\/24.*confirm/);
    assert.match(finding?.hint ?? '', /trusted_proxies: \[10\.0\.0\.1, 172\.30\.33\.0\/24\]/);
  });

  test('on the host’s network our own address', () => {
    const [finding] = trustDiagnostics({ kind: 'untrusted', from: '172.30.32.1', isInUi: false }, usualNetwork);
    assert.match(finding?.hint ?? '', /trusted_proxies: \[172\.30\.32\.1\] /);
  });

  test('nothing while all is well, or nobody knows', () => {
    assert.deepEqual(trustDiagnostics({ kind: 'trusted' }, usualNetwork), []);
    assert.deepEqual(trustDiagnostics({ kind: 'unknown' }, usualNetwork), []);
  });
});

describe('finding out', () => {
  async function start(t: { after(end: () => Promise<void>): void }, ownWord?: () => Promise<unknown>) {
    const core = await startFakeCore();
    t.after(() => core.close());
    const clock = createFakeClock();
    const nothing = async () => undefined;
    const check = createProxyCheck({ ownWord: ownWord ?? nothing, clock });
    const at = { host: '127.0.0.1', port: core.port, isTls: false };
    return { core, clock, check, trust: () => check.trust(at, signal) };
  }

  test('its own word leaves no trace in its log', async (t) => {
    const { core, trust } = await start(t, async () => config({}));
    assert.equal((await trust()).kind, 'untrusted');
    assert.deepEqual(core.requests, []);
  });

  test('without its word it is tried once, with a page that needs no login', async (t) => {
    const { core, trust } = await start(t);
    for (let count = 0; count < 5; count++) assert.equal((await trust()).kind, 'untrusted');
    assert.deepEqual(core.requests, ['GET /manifest.json', 'GET /manifest.json']);
    assert.equal(core.refusals.length, 1);
  });

  test('a failed word is no word', async (t) => {
    const error = new SourceError({ code: 'E_SOURCE_UNREACHABLE', message: 'gone' });
    const { trust } = await start(t, () => Promise.reject(error));
    assert.equal((await trust()).kind, 'untrusted');
  });

  test('a bug in asking is not swallowed', async (t) => {
    const { trust } = await start(t, () => Promise.reject(new TypeError('bug')));
    await assert.rejects(trust(), TypeError);
  });

  test('a refusal is tried again later and later, an approval not until it starts again', async (t) => {
    const { core, clock, check, trust } = await start(t);
    await trust();
    await clock.advance(60_000);
    await trust();
    assert.equal(core.refusals.length, 2);
    await clock.advance(59_000);
    await trust();
    assert.equal(core.refusals.length, 2);
    core.settings = { use_x_forwarded_for: true, trusted_proxies: ['127.0.0.0/8'] };
    check.again();
    assert.equal((await trust()).kind, 'trusted');
    const asked = core.requests.length;
    await clock.advance(86_400_000);
    assert.equal((await trust()).kind, 'trusted');
    assert.equal(core.requests.length, asked);
  });

  test('one that does not run yet is asked again soon', async (t) => {
    const { core, clock, trust, check } = await start(t, async () => config({}));
    const nowhere = { host: '127.0.0.1', port: 1, isTls: false };
    assert.equal((await check.trust(nowhere, signal)).kind, 'unknown');
    await clock.advance(10_000);
    assert.equal((await trust()).kind, 'untrusted');
    assert.deepEqual(core.requests, []);
  });

  test('it ends with the pass that asked', async (t) => {
    const { check } = await start(t, () => new Promise(() => undefined));
    const at = { host: '127.0.0.1', port: 1, isTls: false };
    await assert.rejects(check.trust(at, AbortSignal.abort(new Error('enough'))), { message: 'enough' });
  });
});
