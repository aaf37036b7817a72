// What is offered of what is not published, and what is never offered.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ServiceChoice } from '../src/choices.ts';
import type { Service } from '../src/model.ts';
import { routeServices } from '../src/plugin/route.ts';
import { suggest } from '../src/suggestions.ts';
import { catalogueOf, contextOf, line, pluginOf, serviceOf, stoppedOf } from './plugin/sample.ts';

const catalogue = catalogueOf(
  pluginOf('grafana', {
    match: { images: ['grafana/grafana'] },
    service: { port: 3000 },
    access: { sensitivity: 'protect' },
  }),
);
const plain = (name: string, fields: Partial<Service> = {}) =>
  serviceOf({ id: `docker/${name}`, name, hints: {}, ...fields });
const tcp = (...numbers: readonly number[]) => numbers.map((number) => ({ number, protocol: 'tcp' }) as const);

function suggestions(services: readonly Service[], choices: Record<string, ServiceChoice> = {}) {
  const { entries } = routeServices(services, catalogue, contextOf());
  const isForVisitors = ({ image }: Service) => image !== 'postgres';
  return suggest({
    services,
    entries,
    choices,
    isForVisitors,
    route: (some) => routeServices(some, catalogue, contextOf()),
  });
}

describe('a suggestion', () => {
  test('says what publishing would do', () => {
    const [one] = suggestions([plain('g', { image: 'grafana/grafana', ports: tcp(3000, 9090) })]);
    assert.equal(one?.plugin, 'grafana');
    assert.deepEqual(one?.entries.map(line), ['g.example.com → http://10.0.0.2:3000 [family]']);
  });

  test('says what would have to be mended first, after those that would work', () => {
    const found = suggestions([plain('a', { ports: tcp(5000, 6000) }), plain('b')]);
    assert.deepEqual(
      found.map(({ name, entries, diagnostics }) => [name, entries.length, diagnostics.map(({ code }) => code)]),
      [
        ['b', 1, []],
        ['a', 0, ['E_NO_PORT']],
      ],
    );
  });

  const none: readonly (readonly [string, Service, Record<string, ServiceChoice>?])[] = [
    ['is published', serviceOf()],
    ['was refused by label', serviceOf({ hints: { enable: false } })],
    ['was asked for and cannot be published', serviceOf({ ports: [] })],
    ['is stopped', stoppedOf(plain('a'))],
    ['has no TCP port', plain('a', { ports: [{ number: 53, protocol: 'udp' }] })],
    ['is not meant for visitors', plain('a', { image: 'postgres' })],
    ['comes with the program', plain('a', { source: 'builtin' })],
    ['is to be ignored', plain('a'), { 'docker/a': { ignored: true } }],
  ];
  for (const [name, service, choices] of none)
    test(`is never what ${name}`, () => assert.deepEqual(suggestions([service], choices), []));
});
