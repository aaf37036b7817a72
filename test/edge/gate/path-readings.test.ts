// Every reading of a path, and those that mean nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pathReadings } from '../../../src/edge/gate/path-readings.ts';

const cases: readonly (readonly [string, readonly string[]])[] = [
  ['/', ['/']],
  ['/api/health?x=/admin', ['/api/health']],
  ['/a/', ['/a/']],
  ['/app.js', ['/app.js']],
  ['/api/health/../admin', ['/api/admin']],
  ['/api/health/%2e%2e/admin', ['/api/admin']],
  ['/api/health%2f..%2fadmin', ['/api/admin']],
  ['/api/health/%252e%252e/admin', ['/api/admin']],
  ['/api/health\\..\\admin', ['/api/admin']],
  ['/api/health/..;x=1/admin', ['/api/admin']],
  ['/api/health;x/admin', ['/api/health/admin']],
  ['//admin', ['/admin']],
  ['/%61dmin', ['/admin']],
  ['/share/caf%C3%A9', ['/share/café']],
  ['/share/100%', ['/share/100%']],
  ['/share/%ff', ['/share/ÿ']],
  ['/../../x', ['/x']],
  ['/a/.', ['/a/']],
];
for (const [path, expected] of cases)
  test(`${path} may be read as ${expected.join(' and ')}`, () => {
    const readings = pathReadings(path) ?? [];
    for (const one of expected) assert.ok(readings.includes(one), `${one} is not among ${readings.join(' ')}`);
  });

test('a path that is decoded again and again means nothing', () => {
  assert.equal(pathReadings(`/${'%25'.repeat(1)}${'25'.repeat(6)}2e`), undefined);
});

test('whatever a path is, its readings are few, and what WHATWG reads is among them', () => {
  const piece = fc.constantFrom('/', '..', '.', '%2e', '%2F', '%5c', '\\', ';', 'a', 'B', '%', '%25', 'admin');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
      const path = `/${pieces.join('')}`;
      const readings = pathReadings(path);
      if (readings === undefined) return;
      assert.ok(readings.length <= 20);
      const merged = new URL(`https://host.invalid${path}`).pathname.replace(/\/{2,}/g, '/');
      const isThere = readings.some((reading) => reading === merged || reading === decodeLoosely(merged));
      // A browser keeps an empty segment that `..` may take back; both readings are compared without it.
      if (!/\/\/|[\\]/.test(path)) assert.ok(isThere, `${path}: ${merged} is not among ${readings.join(' ')}`);
    }),
  );
});

function decodeLoosely(path: string): string {
  return path.replace(/%[0-9A-Fa-f]{2}/g, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16)));
}
