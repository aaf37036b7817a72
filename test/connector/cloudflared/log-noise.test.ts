// Which complaints matter.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLogLine } from '../../../src/connector/cloudflared/log-line.ts';
import { quietenNoise } from '../../../src/connector/cloudflared/log-noise.ts';

const at = '2026-11-21T20:46:30Z';
const cases = [
  { line: 'WRN ICMP proxy feature is disabled error="x"', own: 'debug', cloudflare: 'debug' },
  { line: 'ERR update check failed error="no such host"', own: 'debug', cloudflare: 'debug' },
  {
    line: 'ERR edge discovery: error looking up Cloudflare edge IPs: the DNS query failed',
    own: 'debug',
    cloudflare: 'error',
  },
  {
    line: 'ERR   2. ensure that your DNS resolver is not returning compressed SRV records.',
    own: 'debug',
    cloudflare: 'error',
  },
  { line: 'ERR      https://developers.cloudflare.com/1.1.1.1/setting-up-1.1.1.1/', own: 'debug', cloudflare: 'error' },
  { line: 'ERR Serve tunnel error error="refused" connIndex=0', own: 'error', cloudflare: 'error' },
  { line: 'INF Registered tunnel connection connIndex=0', own: 'info', cloudflare: 'info' },
];
for (const { line, own, cloudflare } of cases) {
  test(`${line} is ${own} with an edge of our own, ${cloudflare} with Cloudflare's`, () => {
    assert.equal(quietenNoise(parseLogLine(`${at} ${line}`), true).level, own);
    assert.equal(quietenNoise(parseLogLine(`${at} ${line}`), false).level, cloudflare);
  });
}
