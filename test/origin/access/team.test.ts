// Where a team's keys are asked for: never anywhere but at Cloudflare.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cloudflareTeam } from '../../../src/origin/access/team.ts';

test('a team is found under its own name at Cloudflare', () => {
  assert.deepEqual(cloudflareTeam('Home-1'), {
    issuer: 'https://home-1.cloudflareaccess.com',
    certsUrl: 'https://home-1.cloudflareaccess.com/cdn-cgi/access/certs',
  });
});

for (const name of ['', 'a.b', 'evil.example/', 'a@b', 'a:1', '-a', 'a-', 'a b', 'a\n', '..', 'ä', 'x'.repeat(64)])
  test(`${JSON.stringify(name)} is no team`, () => assert.equal(cloudflareTeam(name), undefined));
