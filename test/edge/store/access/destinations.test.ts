// Which addresses an application may guard.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { checkPlaces, type PlacesInput, publicUris } from '../../../../src/edge/store/access/destinations.ts';
import { RefusedError } from '../../../../src/edge/store/refusal.ts';

const zones = ['example.com', 'localhost'];

const good: { input: PlacesInput; domain: string; uris: readonly string[] }[] = [
  { input: { domain: 'example.com' }, domain: 'example.com', uris: ['example.com'] },
  { input: { domain: 'A.Example.com.' }, domain: 'a.example.com', uris: ['a.example.com'] },
  { input: { domain: 'bücher.example.com' }, domain: 'xn--bcher-kva.example.com', uris: ['xn--bcher-kva.example.com'] },
  { input: { domain: '*.localhost' }, domain: '*.localhost', uris: ['*.localhost'] },
  {
    input: { domain: 'pre-*.example.com/A/*/b' },
    domain: 'pre-*.example.com/A/*/b',
    uris: ['pre-*.example.com/A/*/b'],
  },
  { input: { domain: 'a.example.com/' }, domain: 'a.example.com', uris: ['a.example.com'] },
  {
    input: { self_hosted_domains: ['b.example.com', 'a.example.com'] },
    domain: 'b.example.com',
    uris: ['b.example.com', 'a.example.com'],
  },
  {
    input: { domain: 'a.example.com', self_hosted_domains: ['b.example.com', 'a.example.com'] },
    domain: 'a.example.com',
    uris: ['b.example.com', 'a.example.com'],
  },
  {
    input: { self_hosted_domains: ['b.example.com'], destinations: [{ uri: 'a.example.com' }] },
    domain: 'a.example.com',
    uris: ['a.example.com'],
  },
];

for (const { input, domain, uris } of good)
  test(`${JSON.stringify(input)} guards ${uris.join(', ')}`, () => {
    const places = checkPlaces(input, zones);
    assert.deepEqual([places.domain, publicUris(places.destinations)], [domain, uris]);
  });

const bad: PlacesInput[] = [
  {},
  { domain: '' },
  { domain: 'com' },
  { domain: 'example.org' },
  { domain: '.example.com' },
  { domain: '*' },
  { domain: 'a.example.com#x' },
  { domain: 'a.example.com/x y' },
  { domain: 'a.example.com/x\\y' },
  { domain: 'user@a.example.com' },
  { domain: `${'a'.repeat(64)}.example.com` },
  { domain: `a.example.com/${'x'.repeat(3_000)}` },
  { domain: 'a.example.com', destinations: [{ type: 'private', hostname: 'a' }] },
  { destinations: [{ type: 'public' }] },
  { destinations: [{ type: 7 }] },
];

for (const input of bad)
  test(`${JSON.stringify(input).slice(0, 80)} is refused`, () => {
    assert.throws(() => checkPlaces(input, zones), RefusedError);
  });

describe('whatever is sent', () => {
  const piece = fc.constantFrom('a', 'B', '*', '.', '/', 'example.com', '-', '%', ' ', 'é', '..', '\u0000', '?');
  const text = fc.array(piece, { maxLength: 8 }).map((parts) => parts.join(''));

  test('is refused, or is in a zone and stays what it is', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          text.map((start) => `${start}.example.com`),
        ),
        (domain) => {
          try {
            const places = checkPlaces({ domain }, zones);
            const host = places.domain.split('/')[0] ?? '';
            assert.ok(host === 'example.com' || host.endsWith('.example.com'));
            assert.deepEqual(checkPlaces({ domain: places.domain }, zones), places);
          } catch (error) {
            if (!(error instanceof RefusedError)) throw error;
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
