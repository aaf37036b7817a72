// Where we run, as seen from an engine.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ContainerView, readContainer } from '../../src/sources/docker-container.ts';
import { findOwnContainer, hasForeignNetworks, refreshSelf } from '../../src/sources/docker-self.ts';

function container(id: string, networks: Readonly<Record<string, string>> = {}): ContainerView {
  const entries = Object.entries(networks).map(([name, gateway]) => [name, { NetworkID: name, Gateway: gateway }]);
  const view = readContainer(
    { Id: id, Names: ['/x'], State: 'running', NetworkSettings: { Networks: Object.fromEntries(entries) } },
    'sallyport',
  );
  assert.ok(view !== undefined);
  return view;
}

const own = 'a1'.repeat(32);
const other = 'b2'.repeat(32);
const containers = [container(other), container(own)];
const host = { hostname: 'nas', mountinfo: '', platform: 'linux' } as const;

/** What the kernel shows for a file the engine mounts. */
function mount(id: string, target: string): string {
  return `712 700 8:1 /var/lib/docker/containers/${id}/hostname ${target} rw,relatime - ext4 /dev/sda1 rw\n`;
}

describe('our own container', () => {
  test('is the one whose id is our hostname', () => {
    assert.equal(findOwnContainer(containers, { ...host, hostname: own.slice(0, 12) })?.id, own);
  });
  test('is the one our /etc/hostname is mounted from, whatever our hostname', () => {
    assert.equal(findOwnContainer(containers, { ...host, mountinfo: mount(own, '/etc/hostname') })?.id, own);
  });
  test('is none of those whose files merely appear among the mounts of their host', () => {
    const mountinfo = mount(own, `/var/lib/docker/containers/${own}/mounts/shm`);
    assert.equal(findOwnContainer(containers, { ...host, mountinfo }), undefined);
  });
  test('is none when this engine does not know it', () => {
    const stranger = 'c3'.repeat(32);
    const traces = { ...host, hostname: stranger.slice(0, 12), mountinfo: mount(stranger, '/etc/hosts') };
    assert.equal(findOwnContainer(containers, traces), undefined);
  });
});

describe('our networks', () => {
  const self = { kind: 'container', id: own, networks: [] } as const;
  test('are looked up again in every list, and only a bridge leads to the host', () => {
    const now = [container(own, { lan: '192.168.1.1', proxy: '172.20.0.1' })];
    const drivers = new Map([
      ['lan', 'macvlan'],
      ['proxy', 'bridge'],
    ]);
    assert.deepEqual(refreshSelf(self, now, drivers), { ...self, networks: ['lan', 'proxy'], gateway: '172.20.0.1' });
  });
  test('stay what they were when we are not in the list', () => {
    assert.deepEqual(refreshSelf(self, [], new Map()), self);
  });
});

describe('an engine that keeps its networks to itself', () => {
  const cases: readonly (readonly [string, unknown, NodeJS.Platform, boolean])[] = [
    [
      'an ordinary one',
      { SecurityOptions: ['name=seccomp,profile=default'], OperatingSystem: 'Debian' },
      'linux',
      false,
    ],
    ['a rootless one', { SecurityOptions: ['name=rootless'] }, 'linux', true],
    ['Docker Desktop', { OperatingSystem: 'Docker Desktop' }, 'linux', true],
    ['any on another system', {}, 'darwin', true],
    ['one that does not say', undefined, 'linux', false],
  ];
  for (const [name, info, platform, expected] of cases)
    test(`${name}: ${expected}`, () => assert.equal(hasForeignNetworks(info, platform), expected));
});
