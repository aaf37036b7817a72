// Which applications entries get, and which paths may really do without a login.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accessApplications, guard, noLogin } from '../../src/ingress/access-applications.ts';
import { bypassPath } from '../../src/ingress/bypass-path.ts';
import type { AccessSpec, IngressEntry, ServiceId } from '../../src/model.ts';

interface Fields {
  readonly id?: ServiceId;
  readonly hostname?: string;
  readonly path?: string;
  readonly policy?: string;
  readonly bypassPaths?: readonly string[];
}

function entry(fields: Fields): IngressEntry {
  const { id = 'docker/a', hostname = 'a.example.com', path, policy, bypassPaths } = fields;
  const access: AccessSpec | 'public' =
    policy === undefined ? 'public' : { policy, ...(bypassPaths === undefined ? {} : { bypassPaths }) };
  const rule = { hostname, ...(path === undefined ? {} : { path }), service: 'http://10.0.0.1:80' };
  return { serviceId: id, plugin: 'generic', rule, access, explicit: false };
}

function domains(entries: readonly IngressEntry[]): readonly (readonly [string, string])[] {
  const { applications } = accessApplications(guard(entries).guarded, 'home');
  return applications.map(({ domain, policies }) => [domain, policies.join()]);
}

test('an entry with a policy gets an application, a public one none, and a path without login one of its own', () => {
  assert.deepEqual(
    domains([
      entry({ policy: 'family', bypassPaths: ['/api/health', '/share/', '/hook*'] }),
      entry({ id: 'docker/b', hostname: 'b.example.com' }),
    ]),
    [
      ['a.example.com', 'family'],
      ['a.example.com/api/health', noLogin],
      ['a.example.com/share/*', noLogin],
      ['a.example.com/hook*', noLogin],
    ],
  );
});

test('a path without login lies within the prefix its rule answers', () => {
  assert.deepEqual(domains([entry({ policy: 'family', path: '^/app/', bypassPaths: ['/app/health'] })]), [
    ['a.example.com/app/*', 'family'],
    ['a.example.com/app/health', noLogin],
  ]);
});

const kept: readonly (readonly [string, readonly IngressEntry[], string])[] = [
  ['everything', [entry({ policy: 'p', bypassPaths: ['/'] })], 'E_INPUT_INVALID'],
  ['everything, written as a wildcard', [entry({ policy: 'p', bypassPaths: ['/*'] })], 'E_INPUT_INVALID'],
  ['all the rule answers', [entry({ policy: 'p', path: '^/app', bypassPaths: ['/app/'] })], 'E_INPUT_INVALID'],
  ['a path another rule answers', [entry({ policy: 'p', path: '^/app', bypassPaths: ['/api'] })], 'E_INPUT_INVALID'],
  ['a path below a pattern', [entry({ policy: 'p', path: '^/(a|b)', bypassPaths: ['/a/x'] })], 'E_INPUT_INVALID'],
  [
    'names below a wildcard',
    [entry({ policy: 'p', hostname: '*.example.com', bypassPaths: ['/x'] })],
    'E_INPUT_INVALID',
  ],
  ['a query', [entry({ policy: 'p', bypassPaths: ['/x?y'] })], 'E_INPUT_INVALID'],
  ['a path that climbs', [entry({ policy: 'p', bypassPaths: ['/x/../y'] })], 'E_INPUT_INVALID'],
  [
    'a part of the host that another service guards',
    [entry({ id: 'docker/b', policy: 'q', path: '^/api' }), entry({ policy: 'p', bypassPaths: ['/api/health'] })],
    'E_CONFLICT',
  ],
  [
    'what begins like that part',
    [entry({ id: 'docker/b', policy: 'q', path: '^/api/' }), entry({ policy: 'p', bypassPaths: ['/api'] })],
    'E_CONFLICT',
  ],
  [
    'what a wildcard may reach of it',
    [entry({ id: 'docker/b', policy: 'q', path: '^/x/api' }), entry({ policy: 'p', bypassPaths: ['/*/api'] })],
    'E_CONFLICT',
  ],
  [
    'what another service answers by a pattern',
    [entry({ id: 'docker/b', policy: 'p', path: '\\.php$' }), entry({ policy: 'p', bypassPaths: ['/x'] })],
    'E_CONFLICT',
  ],
];
for (const [what, entries, code] of kept)
  test(`${what} keeps its login`, () => {
    const { applications, problems } = accessApplications(entries, 'home');
    assert.ok(applications.every(({ policies }) => !policies.includes(noLogin)));
    assert.deepEqual(
      problems.map((problem) => [problem.code, problem.severity, problem.serviceId]),
      [[code, 'warning', 'docker/a']],
    );
  });

test('a part further down has a more specific application, so the path above it may be open', () => {
  assert.deepEqual(
    domains([
      entry({ id: 'docker/b', policy: 'q', path: '^/api/admin' }),
      entry({ policy: 'p', bypassPaths: ['/api'] }),
    ]),
    [
      ['a.example.com/api/admin*', 'q'],
      ['a.example.com', 'p'],
      ['a.example.com/api', noLogin],
    ],
  );
});

const paths = [
  ['/a', '/a', '/a', false],
  ['/a/', '/a/*', '/a/', false],
  ['/a/*', '/a/*', '/a/', false],
  ['/a*', '/a*', '/a', true],
  ['/a/*/c', '/a/*/c', '/a/', true],
] as const;
for (const [path, domain, literal, hasWildcard] of paths)
  test(`the path ${path} is ${domain} to Access`, () => {
    assert.deepEqual(bypassPath(path), { domain, literal, hasWildcard });
  });

for (const path of ['', 'a', '/a b', '/a?b', '/a#b', '/%2e', '/./a', '//a', '/a//b', '/a*b*', `/${'a'.repeat(300)}`])
  test(`the path ${JSON.stringify(path.slice(0, 20))} cannot be said to Access`, () => {
    assert.equal(bypassPath(path), undefined);
  });
