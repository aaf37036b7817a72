// The lock of a whole zone: every name is behind it but those somebody wrote public, and nobody else becomes public.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { accessApplications, guard, noLogin } from '../../src/ingress/access-applications.ts';
import type { IngressEntry } from '../../src/model.ts';

/** `family a.example.com ^/path`, or `public …`; the service is named after where it is. */
function entry(text: string, index = 0): IngressEntry {
  const [access = '', hostname = '', path] = text.split(' ');
  const rule = { hostname, ...(path === undefined ? {} : { path }), service: 'http://10.0.0.1:80' };
  return {
    serviceId: `docker/${access}-${index}`,
    plugin: 'generic',
    rule,
    access: access === 'public' ? 'public' : { policy: access },
    explicit: true,
  };
}

function compile(entries: readonly string[], zones: readonly string[] = ['example.com']) {
  const { guarded } = guard(entries.map(entry));
  const { applications, problems } = accessApplications(guarded, 'home', { policy: 'zone', zones });
  return {
    domains: applications.map(({ domain, policies }) => `${domain} ${policies.join()}`),
    problems,
    applications,
  };
}

test('every zone has a lock of its own, without any entry, and not on the zone itself', () => {
  const { applications, problems } = compile([], ['example.com', 'home.example.org']);
  assert.deepEqual(problems, []);
  assert.deepEqual(
    applications.map(({ domain, policies, owner }) => [domain, policies, owner?.resource]),
    [
      ['*.example.com', ['zone'], 'access/zone-default'],
      ['*.home.example.org', ['zone'], 'access/zone-default'],
    ],
  );
});

test('without the setting nothing of it is there', () => {
  assert.deepEqual(accessApplications([entry('public a.example.com')], 'home').applications, []);
});

describe('with the setting', () => {
  const lock = '*.example.com zone';
  const table: readonly (readonly [what: string, entries: readonly string[], domains: readonly string[]])[] = [
    ['a public host is an exception', ['public a.example.com'], [`a.example.com ${noLogin}`, lock]],
    ['a public prefix is one', ['public a.example.com ^/share/'], [`a.example.com/share/* ${noLogin}`, lock]],
    [
      'a public pattern opens its host, where nobody else is',
      ['public a.example.com ^/(x|y)'],
      [`a.example.com ${noLogin}`, lock],
    ],
    ['a guarded host keeps its policy', ['family a.example.com'], ['a.example.com family', lock]],
    ['the zone itself needs no exception', ['public example.com'], [lock]],
    [
      'a public host with a guarded part is an exception around it',
      ['family a.example.com ^/admin/', 'public a.example.com'],
      ['a.example.com/admin/* family', `a.example.com ${noLogin}`, lock],
    ],
    ['a guarded wildcard of somebody is the lock', ['family *.example.com'], ['*.example.com family']],
    [
      'two public entries of one host are one exception',
      ['public a.example.com ^/(x|y)', 'public a.example.com'],
      [`a.example.com ${noLogin}`, lock],
    ],
  ];
  for (const [what, entries, domains] of table)
    test(what, () => {
      const compiled = compile(entries);
      assert.deepEqual(compiled.domains, domains);
      assert.deepEqual(compiled.problems, []);
    });

  const locked: readonly (readonly [
    what: string,
    entries: readonly string[],
    domains: readonly string[],
    said: RegExp,
  ])[] = [
    ['all names cannot be public', ['public *.example.com'], [lock], /policy zone of access\.zone_default guards it/],
    [
      'what another policy locks without it stays locked with it',
      ['public a.example.com ^/share/', 'family a.example.com'],
      ['a.example.com family', lock],
      /policy family of docker\/family-1 guards all of a\.example\.com/,
    ],
    [
      'a public name below a guarded wildcard stays locked, as without it',
      ['public a.example.com', 'family *.example.com'],
      ['*.example.com family'],
      /policy family of docker\/family-1 guards/,
    ],
    [
      'a pattern is no exception where the rest of the host is guarded',
      ['public a.example.com ^/share/[a-z]+$', 'family a.example.com ^/share/x/'],
      ['a.example.com/share/x/* family', lock],
      /asks for a login/,
    ],
    [
      'a prefix within a segment is no exception where it may reach a guarded one',
      ['family a.example.com ^/share/x', 'public a.example.com ^/share'],
      ['a.example.com/share/x* family', lock],
      /asks for a login/,
    ],
    [
      'a pattern is no exception where a guarded wildcard answers the rest',
      ['public a.example.com ^/(x|y)', 'family *.example.com ^/admin/'],
      ['*.example.com/admin/* family', lock],
      /asks for a login/,
    ],
  ];
  for (const [what, entries, domains, said] of locked)
    test(what, () => {
      const compiled = compile(entries);
      assert.deepEqual(compiled.domains, domains);
      assert.deepEqual(
        compiled.problems.map(({ severity, code }) => [severity, code]),
        [['warning', 'E_CONFLICT']],
      );
      assert.match(compiled.problems[0]?.message ?? '', said);
    });
});

test('an ssh entry behind a policy asks for an SSH authority, no other does', () => {
  const ssh = (access: IngressEntry['access'], name: string): IngressEntry => ({
    ...entry(`family ${name}.example.com`),
    rule: { hostname: `${name}.example.com`, service: 'ssh://10.0.0.1:22' },
    access,
  });
  const entries = [ssh({ policy: 'family' }, 'shell'), ssh('public', 'open'), entry('family web.example.com')];
  const { applications } = accessApplications(entries, 'home');
  assert.deepEqual(
    applications.map(({ domain, sshCa }) => [domain, sshCa]),
    [
      ['shell.example.com', true],
      ['web.example.com', undefined],
    ],
  );
});
