// The command line cloudflared is started with.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ArgumentOptions, cloudflaredArguments } from '../../../src/connector/cloudflared/arguments.ts';

const options: ArgumentOptions = {
  configFile: '/state/cloudflared.yml',
  credentialsFile: '/state/credentials.json',
  edges: ['127.0.0.1:7844'],
  caFile: '/state/ca.pem',
  haConnections: 4,
  gracePeriodMs: 30_000,
  managementHostname: 'x.invalid',
  abilities: { managementHostname: true, managementDiagnostics: true, jsonLog: true, prechecks: true },
};

function valuesOf(args: readonly string[], flag: string): string[] {
  return args.flatMap((arg, at) => (arg === flag ? [args[at + 1] ?? ''] : []));
}

test('a newest release is told everything a private edge needs', () => {
  assert.equal(
    cloudflaredArguments({ ...options, haConnections: 2 }).join(' '),
    'tunnel --config /state/cloudflared.yml --no-autoupdate --loglevel info --output json --metrics 127.0.0.1:0 ' +
      '--grace-period 30s --ha-connections 2 --edge 127.0.0.1:7844 --edge 127.0.0.1:7844 --protocol http2 --cacert /state/ca.pem ' +
      '--management-hostname x.invalid --management-diagnostics=false --no-prechecks run --credentials-file /state/credentials.json',
  );
});

test('an old release is spared the flags it does not know', () => {
  const abilities = { managementHostname: false, managementDiagnostics: false, jsonLog: false, prechecks: false };
  const args = cloudflaredArguments({ ...options, abilities }).join(' ');
  assert.doesNotMatch(args, /management|output|prechecks/);
});

test('Cloudflare’s own edge needs neither addresses, nor a CA, nor a protocol', () => {
  const args = cloudflaredArguments({ ...options, edges: undefined, caFile: undefined }).join(' ');
  assert.doesNotMatch(args, /--edge|--cacert|--protocol/);
});

const spreads = [
  { edges: ['a:1'], haConnections: 1, given: ['a:1', 'a:1'] },
  { edges: ['a:1'], haConnections: 4, given: ['a:1', 'a:1', 'a:1', 'a:1'] },
  { edges: ['a:1', 'b:2'], haConnections: 4, given: ['a:1', 'b:2', 'a:1', 'b:2'] },
  { edges: ['a:1', 'b:2', 'c:3'], haConnections: 2, given: ['a:1', 'b:2', 'c:3'] },
];
for (const { edges, haConnections, given } of spreads) {
  test(`${haConnections} connections to ${edges.join(', ')} need ${given.length} addresses, never fewer than two`, () => {
    assert.deepEqual(valuesOf(cloudflaredArguments({ ...options, edges, haConnections }), '--edge'), given);
  });
}

const graces = [
  { gracePeriodMs: 0, given: '0s' },
  { gracePeriodMs: 1, given: '1s' },
  { gracePeriodMs: 30_000, given: '30s' },
  { gracePeriodMs: 3_600_000, given: '180s' },
  { gracePeriodMs: -5, given: '0s' },
];
for (const { gracePeriodMs, given } of graces) {
  test(`a grace period of ${gracePeriodMs} ms is given as ${given}`, () => {
    assert.deepEqual(valuesOf(cloudflaredArguments({ ...options, gracePeriodMs }), '--grace-period'), [given]);
  });
}
