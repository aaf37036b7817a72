// Choices over labels: what a person decided counts, except against a label that closes.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ServiceChoice } from '../../src/choices.ts';
import type { Service, ServiceHints } from '../../src/model.ts';
import { routeServices } from '../../src/plugin/route.ts';
import { applyChoices } from '../../src/sources/chosen.ts';
import { catalogueOf, contextOf, serviceOf } from '../plugin/sample.ts';

function hintsAfter(hints: ServiceHints, choice: ServiceChoice): ServiceHints | undefined {
  return applyChoices([serviceOf({ hints })], { 'docker/app': choice })[0]?.hints;
}

describe('a choice', () => {
  const cases: readonly (readonly [string, ServiceHints, ServiceChoice, ServiceHints])[] = [
    ['publishes what no label does', {}, { enable: true }, { enable: true }],
    ['never publishes what a label closes', { enable: false }, { enable: true }, { enable: false }],
    ['closes what a label publishes', { enable: true }, { enable: false }, { enable: false }],
    ['gives another name', { enable: true, hostname: 'a' }, { hostname: 'b' }, { enable: true, hostname: 'b' }],
    ['keeps what it does not speak of', { port: 8080 }, { enable: true }, { port: 8080, enable: true }],
    [
      'is the operator’s own word where access is concerned',
      {},
      { access: 'public', bypassPaths: ['/'] },
      { access: 'public', bypassPaths: ['/'], chosen: { access: true, bypassPaths: true } },
    ],
    ['about suggestions changes nothing', { enable: true }, { ignored: true }, { enable: true }],
  ];
  for (const [name, hints, choice, expected] of cases)
    test(name, () => assert.deepEqual(hintsAfter(hints, choice), expected));

  test('may ask for what a label may not', () => {
    const service = serviceOf({ hints: { enable: true } });
    const asked = (services: readonly Service[]) =>
      routeServices(services, catalogueOf(), contextOf()).entries.map((entry) => entry.access);
    assert.deepEqual(asked([serviceOf({ hints: { enable: true, access: 'public' } })]), []);
    assert.deepEqual(asked(applyChoices([service], { 'docker/app': { access: 'public' } })), ['public']);
  });

  test('is for the service with that very id, and for no other', () => {
    const services = [serviceOf(), serviceOf({ id: 'docker/other' })];
    const chosen = applyChoices(services, { 'docker/other': { enable: false } });
    assert.deepEqual(
      chosen.map(({ hints }) => hints.enable),
      [true, false],
    );
    assert.equal(applyChoices(services, {}), services);
  });
});
