// Edge addresses, given by hand or found in DNS.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { discoverEdges, type EdgeResolver, staticEdges } from '../../../src/connector/native/edge-addresses.ts';
import { EdgeError, ValidationError } from '../../../src/errors.ts';

const hosts: Record<string, { address: string; family: number }[]> = {
  one: [
    { address: '192.0.2.1', family: 4 },
    { address: '2001:db8::1', family: 6 },
    { address: '192.0.2.2', family: 4 },
  ],
  two: [{ address: '198.51.100.1', family: 4 }],
  six: [{ address: '2001:db8::2', family: 6 }],
};
const asked: string[] = [];
const resolver: EdgeResolver = {
  resolveSrv(name) {
    asked.push(name);
    return Promise.resolve([
      { name: 'two', port: 7844, priority: 2 },
      { name: 'one', port: 7844, priority: 1 },
      { name: 'six', port: 7844, priority: 3 },
    ]);
  },
  lookup: (host) => (hosts[host] === undefined ? Promise.reject(new Error('ENOTFOUND')) : Promise.resolve(hosts[host])),
};

test('each given address is a slot, twice the same is two', async () => {
  const edges = await staticEdges(['one:7844', 'one:7844', 'six:1'], resolver)();
  assert.deepEqual(edges, [
    { host: '192.0.2.1', port: 7844, region: 'region1', family: 4 },
    { host: '192.0.2.1', port: 7844, region: 'region2', family: 4 },
    { host: '2001:db8::2', port: 1, region: 'region1', family: 6 },
  ]);
});

test('an IPv6 address is written in brackets', async () => {
  const [edge] = await staticEdges(['[::1]:7844'])();
  assert.deepEqual([edge?.host, edge?.port, edge?.family], ['::1', 7844, 6]);
});

for (const text of ['', 'host', 'host:', ':7844', 'host:0', 'host:70000', '::1:7844', 'http://host:1', 'a b:1'])
  test(`"${text}" is not an edge address`, () => {
    assert.throws(() => staticEdges([text]), ValidationError);
  });

test('no address at all is an error', () => {
  assert.throws(() => staticEdges([]), ValidationError);
});

test('discovery asks for the region and alternates between the two groups, IPv4 first', async () => {
  const edges = await discoverEdges('us', resolver)();
  assert.equal(asked.at(-1), '_us-v2-origintunneld._tcp.argotunnel.com');
  assert.deepEqual(
    edges.map(({ host, region }) => `${region} ${host}`),
    ['region1 192.0.2.1', 'region2 198.51.100.1', 'region1 192.0.2.2'],
  );
  await discoverEdges(undefined, resolver)();
  assert.equal(asked.at(-1), '_v2-origintunneld._tcp.argotunnel.com');
});

test('DNS that does not answer is an error that may pass', async () => {
  const broken: EdgeResolver = { ...resolver, resolveSrv: () => Promise.reject(new Error('ETIMEOUT')) };
  const passing = (error: unknown) => error instanceof EdgeError && error.retryable && !error.permanent;
  const silent = () => Promise.reject(new Error('ETIMEOUT'));
  await assert.rejects(discoverEdges(undefined, broken, silent)(), passing);
  await assert.rejects(discoverEdges(undefined, broken, () => Promise.resolve([]))(), passing);
  await assert.rejects(staticEdges(['unknown:1'], resolver)(), passing);
});

for (const [what, resolveSrv] of [
  ['fails', () => Promise.reject(new Error('ESERVFAIL'))],
  ['knows nothing', () => Promise.resolve([])],
] as const) {
  test(`when this machine's resolver ${what}, the public one is asked for the same name`, async () => {
    let askedFor = '';
    const edges = await discoverEdges('us', { ...resolver, resolveSrv }, (name) => {
      askedFor = name;
      return Promise.resolve([{ name: 'two', port: 7844, priority: 1 }]);
    })();
    assert.equal(askedFor, '_us-v2-origintunneld._tcp.argotunnel.com');
    assert.deepEqual(
      edges.map(({ host }) => host),
      ['198.51.100.1'],
    );
  });
}
