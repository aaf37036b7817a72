// Which public entries are said to be locked by a broader application, and which are not.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { accessApplications } from '../../src/ingress/access-applications.ts';
import type { IngressEntry } from '../../src/model.ts';

/** `host` or `host ^/path`. */
function entry(serviceId: 'docker/guard' | 'docker/open', at: string): IngressEntry {
  const [hostname = '', path] = at.split(' ');
  const rule = { hostname, ...(path === undefined ? {} : { path }), service: 'http://10.0.0.1:80' };
  const access = serviceId === 'docker/guard' ? { policy: 'family' } : 'public';
  return { serviceId, plugin: 'generic', rule, access, explicit: true };
}

const warnings = (guarded: string, open: string) =>
  accessApplications([entry('docker/open', open), entry('docker/guard', guarded)], 'home').problems;

describe('a public entry', () => {
  const locked: readonly (readonly [guarded: string, open: string])[] = [
    ['a.example.com', 'a.example.com ^/share/'],
    ['a.example.com ^/app', 'a.example.com ^/app/share'],
    ['a.example.com ^/(x|y)', 'a.example.com ^/share'],
    ['*.example.com', 'a.example.com'],
    ['*.example.com', 'b.a.example.com'],
    ['*.example.com', '*.a.example.com'],
    ['*.example.com', '*.example.com ^/share'],
    ['*.example.com ^/app', 'a.example.com ^/app/x'],
  ];
  for (const [guarded, open] of locked)
    test(`at ${open} is locked where ${guarded} is guarded, and the warning says by whom`, () => {
      const [warning, ...others] = warnings(guarded, open);
      assert.deepEqual(others, []);
      assert.equal(warning?.serviceId, 'docker/open');
      assert.equal(warning?.severity, 'warning');
      assert.match(warning?.message ?? '', /is public, but policy family of docker\/guard guards all of/);
    });

  const free: readonly (readonly [guarded: string, open: string])[] = [
    ['a.example.com ^/admin', 'a.example.com'],
    ['a.example.com ^/admin', 'a.example.com ^/share'],
    ['a.example.com', 'b.example.com'],
    ['a.example.com', 'b.a.example.com'],
    ['*.a.example.com', 'a.example.com'],
    ['*.a.example.com', '*.example.com'],
    ['*.example.com ^/app', 'a.example.com'],
  ];
  for (const [guarded, open] of free)
    test(`at ${open} stays open where ${guarded} is guarded`, () => assert.deepEqual(warnings(guarded, open), []));
});
