// Which address is chosen, from every place we may run in.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AddressChoice, chooseAddress, type Reachability, type Self } from '../../src/sources/docker-address.ts';

const host: Self = { kind: 'host' };
const rootless: Self = { kind: 'host', rootless: true };
const inside: Self = { kind: 'container', id: 'a'.repeat(64), networks: ['proxy'], gateway: '172.20.0.1' };
const onHostNetwork: Self = { kind: 'container', id: 'a'.repeat(64), networks: ['host'] };
const remote: Self = { kind: 'remote', host: 'nas.lan' };

const tcp = (number: number, target?: number) => ({
  number,
  protocol: 'tcp' as const,
  ...(target === undefined ? {} : { target }),
});
const publish = (hostPort: number, port: number, hostIp = '0.0.0.0') => ({
  hostIp,
  hostPort,
  port,
  protocol: 'tcp' as const,
});
const base: Reachability = { mode: 'networks', networks: [], exposed: [tcp(3000)], published: [] };
const bridge = { name: 'bridge', address: '172.17.0.2', driver: 'bridge' };
const media = { name: 'media_default', address: '172.18.0.2', driver: 'bridge' };
const macvlan = { name: 'lan', address: '192.168.1.77', driver: 'macvlan' };

const found: readonly (readonly [string, Partial<Reachability>, Self, AddressChoice])[] = [
  ['the host reaches a bridge', { networks: [bridge] }, host, { address: '172.17.0.2', ports: [tcp(3000)] }],
  [
    'a bridge beats a published port',
    { networks: [bridge], published: [publish(80, 3000)] },
    host,
    { address: '172.17.0.2', ports: [tcp(3000)] },
  ],
  [
    'of several bridges the first by name',
    { networks: [media, bridge] },
    host,
    { address: '172.17.0.2', ports: [tcp(3000)] },
  ],
  [
    'the network the label names',
    { networks: [media, bridge], network: 'media_default' },
    host,
    { address: '172.18.0.2', ports: [tcp(3000)] },
  ],
  [
    '… also without its project',
    { networks: [media, bridge], network: 'default', project: 'media' },
    host,
    { address: '172.18.0.2', ports: [tcp(3000)] },
  ],
  [
    'a network of unknown driver is taken for a bridge',
    { networks: [{ name: 'x', address: '10.1.0.2' }] },
    host,
    { address: '10.1.0.2', ports: [tcp(3000)] },
  ],
  [
    'an IPv6 address',
    { networks: [{ ...bridge, address: 'fd00::2' }] },
    host,
    { address: 'fd00::2', ports: [tcp(3000)] },
  ],
  [
    'a macvlan does not answer its host, a published port does',
    { networks: [macvlan], published: [publish(8080, 3000)] },
    host,
    { address: '127.0.0.1', ports: [tcp(8080, 3000)] },
  ],
  [
    'a rootless engine keeps its networks',
    { networks: [bridge], published: [publish(8080, 3000)] },
    rootless,
    { address: '127.0.0.1', ports: [tcp(8080, 3000)] },
  ],
  [
    'the published port of one address',
    { published: [publish(8080, 3000, '192.168.1.5')] },
    rootless,
    { address: '192.168.1.5', ports: [tcp(8080, 3000)] },
  ],
  [
    'IPv4 and IPv6 of one published port are one',
    { published: [publish(8080, 3000), publish(8080, 3000, '::')] },
    rootless,
    { address: '127.0.0.1', ports: [tcp(8080, 3000)] },
  ],
  [
    'the address where the wanted port is',
    { published: [publish(1, 11), publish(2, 12), publish(3, 3000, '10.0.0.9')], port: 3000 },
    rootless,
    { address: '10.0.0.9', ports: [tcp(3, 3000)] },
  ],
  ['the host network', { mode: 'host' }, host, { address: '127.0.0.1', ports: [tcp(3000)] }],
  [
    'a shared network',
    { networks: [media, { name: 'proxy', address: '172.20.0.5' }] },
    inside,
    { address: '172.20.0.5', ports: [tcp(3000)] },
  ],
  [
    'a port published on every address, through the gateway',
    { networks: [media], published: [publish(8080, 3000)] },
    inside,
    { address: '172.20.0.1', ports: [tcp(8080, 3000)] },
  ],
  [
    'a port published on one LAN address',
    { networks: [media], published: [publish(8080, 3000, '192.168.1.5')] },
    inside,
    { address: '192.168.1.5', ports: [tcp(8080, 3000)] },
  ],
  ['the host network, from a container', { mode: 'host' }, inside, { address: '172.20.0.1', ports: [tcp(3000)] }],
  [
    'on the host network ourselves, a bridge',
    { networks: [bridge] },
    onHostNetwork,
    { address: '172.17.0.2', ports: [tcp(3000)] },
  ],
  [
    'on the host network ourselves, the host network',
    { mode: 'host' },
    onHostNetwork,
    { address: '127.0.0.1', ports: [tcp(3000)] },
  ],
  [
    'on the host network ourselves, a loopback port',
    { networks: [macvlan], published: [publish(1, 3000, '127.0.0.1')] },
    onHostNetwork,
    { address: '127.0.0.1', ports: [tcp(1, 3000)] },
  ],
  [
    'elsewhere, a published port',
    { networks: [bridge], published: [publish(8080, 3000)] },
    remote,
    { address: 'nas.lan', ports: [tcp(8080, 3000)] },
  ],
  ['elsewhere, the host network', { mode: 'host' }, remote, { address: 'nas.lan', ports: [tcp(3000)] }],
];

describe('an address', () => {
  for (const [name, at, self, expected] of found)
    test(name, () => assert.deepEqual(chooseAddress({ ...base, ...at }, self), expected));

  test('thousands of published ports are bounded, and the wanted one is kept', () => {
    const published = Array.from({ length: 5000 }, (_, index) => publish(10_000 + index, 10_000 + index));
    const choice = chooseAddress({ ...base, published, port: 14_999 }, rootless);
    assert.ok('ports' in choice);
    assert.equal(choice.ports.length, 256);
    assert.deepEqual(choice.ports[0], tcp(14_999, 14_999));
  });
});

const missing: readonly (readonly [string, Partial<Reachability>, Self, RegExp])[] = [
  ['no network at all', {}, host, /it is on no network/],
  [
    'a network without an address',
    { networks: [{ ...bridge, address: '' }] },
    host,
    /cannot reach its networks \(bridge\)/,
  ],
  ['only a macvlan', { networks: [macvlan] }, host, /cannot reach its networks \(lan\)/],
  [
    'a network the label names and it is not on',
    { networks: [bridge], network: 'proxy' },
    host,
    /not on the network "proxy".*\n?/,
  ],
  ['nothing shared', { networks: [media] }, inside, /shares no network .*media_default.*proxy/],
  [
    'a port published on loopback, from a container',
    { networks: [media], published: [publish(1, 3000, '127.0.0.1')] },
    inside,
    /shares no network/,
  ],
  [
    'a port published on loopback, from elsewhere',
    { published: [publish(1, 3000, '127.0.0.1')] },
    remote,
    /another machine/,
  ],
  [
    'the host network from a container without a gateway',
    { mode: 'host' },
    { kind: 'container', id: 'a', networks: ['lan'] },
    /no bridge network/,
  ],
];

describe('no address', () => {
  for (const [name, at, self, reason] of missing)
    test(name, () => {
      const choice = chooseAddress({ ...base, ...at }, self);
      assert.ok('reason' in choice);
      assert.match(choice.reason, reason);
      assert.match(choice.hint, /\S/);
    });
});
