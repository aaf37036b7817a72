// Which application guards a request: the most specific one, and every other that a lenient reader might mean.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathReadings } from '../../../src/edge/gate/path-readings.ts';
import { guardsOf, indexPlaces, placesOfHost } from '../../../src/edge/gate/places.ts';

const index = indexPlaces(
  [
    'app.test',
    'app.test/api/health',
    'app.test/share/*',
    'app.test/admin*',
    'app.test/Secret',
    '*.zone.test',
    'open.zone.test',
    '*.zone.test/admin',
    'part.zone.test/only',
    '*-dev.zone.test',
    'deep.test/a/*/c',
  ].map((uri) => ({ uri, app: uri })),
);

function guards(host: string, path: string): readonly string[] | undefined {
  const places = placesOfHost(index, host);
  return places && guardsOf(places, pathReadings(path) ?? []);
}

const cases: readonly (readonly [string, string, readonly string[] | undefined])[] = [
  ['nowhere.test', '/', undefined],
  ['zone.test', '/', undefined],
  ['app.test', '/', ['app.test']],
  ['app.test', '/api/health', ['app.test/api/health']],
  ['app.test', '/api/health/deep', ['app.test/api/health']],
  ['app.test', '/api/health?next=/', ['app.test/api/health']],
  ['app.test', '/api/healthy', ['app.test', 'app.test/api/health']],
  ['app.test', '/API/health', ['app.test', 'app.test/api/health']],
  ['app.test', '/api/health/../x', ['app.test/api/health', 'app.test']],
  ['app.test', '/api/health%2f..%2fx', ['app.test', 'app.test/api/health']],
  ['app.test', '/share', ['app.test', 'app.test/share/*']],
  ['app.test', '/share/x', ['app.test/share/*']],
  ['app.test', '/administration', ['app.test/admin*']],
  ['app.test', '/%61dmin', ['app.test', 'app.test/admin*']],
  ['app.test', '/secret', ['app.test', 'app.test/Secret']],
  ['a.zone.test', '/', ['*.zone.test']],
  ['a.b.zone.test', '/', ['*.zone.test']],
  ['a.zone.test', '/admin', ['*.zone.test/admin']],
  ['open.zone.test', '/admin', ['open.zone.test']],
  ['part.zone.test', '/only', ['part.zone.test/only']],
  ['part.zone.test', '/else', ['*.zone.test']],
  ['x-dev.zone.test', '/', ['*-dev.zone.test']],
  ['deep.test', '/a/b/c', ['deep.test/a/*/c']],
  ['deep.test', '/a/c', []],
];
for (const [host, path, expected] of cases)
  test(`${host}${path} is guarded by ${expected?.join(' and ') ?? 'nobody'}`, () => {
    assert.deepEqual(guards(host, path)?.toSorted(), expected?.toSorted());
  });

test('a pattern of many stars takes no longer than it is long', () => {
  const hostile = indexPlaces([{ uri: `app.test/${'a*/'.repeat(300)}b`, app: 'x' }]);
  const places = placesOfHost(hostile, 'app.test') ?? [];
  assert.deepEqual(guardsOf(places, [`/${'a/'.repeat(4_000)}`]), []);
});
