// Swarm services from a manager's answers: which address, which ports, which state.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Self } from '../../src/sources/docker-address.ts';
import { type ContainerView, readContainer } from '../../src/sources/docker-container.ts';
import { chooseSwarmAddress, type SwarmReach } from '../../src/sources/swarm-address.ts';
import { readNodes, readServices, readSwarmInfo, readTasks, type SwarmService } from '../../src/sources/swarm-view.ts';

const overlay = 'n1overlay';
const inOverlay: Self = { kind: 'container', id: 'a'.repeat(64), networks: ['app'], gateway: '172.18.0.1' };
const host: Self = { kind: 'host' };

/** As a manager answers. */
function rawService(fields: { spec?: object; template?: object; endpoint?: object; status?: object } = {}): unknown {
  return {
    ID: 'svc1',
    Spec: {
      Name: 'shop_web',
      Labels: { 'sallyport.enable': 'true', 'com.docker.stack.namespace': 'shop', other: 'x' },
      TaskTemplate: {
        ContainerSpec: {
          Image: 'grafana/grafana:11@sha256:abc',
          Labels: { 'sallyport.enable': 'false', 'sallyport.port': '3000' },
        },
        Networks: [{ Target: overlay }],
        ...fields.template,
      },
      EndpointSpec: { Mode: 'vip' },
      ...fields.spec,
    },
    Endpoint: { VirtualIPs: [{ NetworkID: overlay, Addr: '10.0.1.2/24' }], ...fields.endpoint },
    ServiceStatus: { RunningTasks: 2, DesiredTasks: 2, ...fields.status },
  };
}

function service(fields: Parameters<typeof rawService>[0] = {}): SwarmService {
  const [one] = readServices([rawService(fields)], ['sallyport']);
  assert.ok(one !== undefined);
  return one;
}

const published = (mode: 'ingress' | 'host', PublishedPort = 8081) => ({
  Ports: [{ Protocol: 'tcp', TargetPort: 80, PublishedPort, PublishMode: mode }],
});

function task(fields: object = {}, containerId = 'c'.repeat(64)): object {
  return {
    ServiceID: 'svc1',
    NodeID: 'node1',
    Status: { State: 'running', ContainerStatus: { ContainerID: containerId }, ...fields },
  };
}

function container(): ContainerView {
  const view = readContainer(
    {
      Id: 'c'.repeat(64),
      Names: ['/shop_web.1.x'],
      State: 'running',
      Ports: [{ PrivatePort: 3000, Type: 'tcp' }],
      HostConfig: { NetworkMode: 'default' },
      NetworkSettings: { Networks: { bridge: { NetworkID: 'b', IPAddress: '172.17.0.9' } } },
    },
    'sallyport',
  );
  assert.ok(view !== undefined);
  return view;
}

function reach(self: Self, fields: Partial<SwarmReach> = {}): SwarmReach {
  return {
    self,
    networks: new Map([[overlay, 'app']]),
    drivers: new Map(),
    tasks: [],
    containers: new Map(),
    nodeId: 'node1',
    nodes: new Map([['node2', '192.168.1.12']]),
    ...fields,
  };
}

describe('a Swarm service', () => {
  test('is read with its labels over its containers’, its image without digest, and its stack', () => {
    const { name, stack, image, labels, running } = service();
    assert.deepEqual(
      { name, stack, image, running },
      { name: 'shop_web', stack: 'shop', image: 'grafana/grafana', running: 2 },
    );
    assert.deepEqual(labels, { 'sallyport.enable': 'true', 'sallyport.port': '3000' });
  });

  test('that is nonsense is left out, and harms no other', () => {
    const raw = [null, 5, {}, { ID: 'x', Spec: { Name: '../../etc' } }, { ID: 1 }, rawService()];
    assert.deepEqual(
      readServices(raw, ['sallyport']).map(({ name }) => name),
      ['shop_web'],
    );
    assert.deepEqual(readServices({ message: 'no' }, []), []);
    assert.deepEqual([...readNodes('x')], []);
    assert.deepEqual(readSwarmInfo(undefined), { nodeId: '', isManager: false });
  });
});

describe('its address', () => {
  const tasks = readTasks([task()]);
  const containers = new Map([['c'.repeat(64), container()]]);
  const cases: readonly (readonly [string, SwarmService, SwarmReach, string])[] = [
    [
      'is its virtual one over a network we share',
      service({ endpoint: { VirtualIPs: [{ NetworkID: overlay, Addr: '10.0.1.2/24' }], ...published('ingress') } }),
      reach(inOverlay),
      '10.0.1.2 80',
    ],
    [
      'is its name where that resolves to its tasks',
      service({ spec: { EndpointSpec: { Mode: 'dnsrr' } } }),
      reach(inOverlay),
      'shop_web ',
    ],
    ['has the ports its image declares', service(), reach(inOverlay, { tasks, containers }), '10.0.1.2 3000'],
    [
      'is any node where a port is published everywhere',
      service({ endpoint: published('ingress') }),
      reach(host),
      '127.0.0.1 8081→80',
    ],
    [
      'is the host as our container sees it',
      service({ endpoint: published('ingress'), template: { Networks: [] } }),
      reach(inOverlay),
      '172.18.0.1 8081→80',
    ],
    [
      'is the remote engine’s',
      service({ endpoint: published('ingress') }),
      reach({ kind: 'remote', host: 'nas' }),
      'nas 8081→80',
    ],
    [
      'is this node’s where a task runs on it',
      service({ endpoint: published('host') }),
      reach(host, { tasks: readTasks([task({ PortStatus: published('host') })]) }),
      '127.0.0.1 8081→80',
    ],
    [
      'is the other node’s where its task runs',
      service({ endpoint: published('host') }),
      reach(host, { tasks: readTasks([{ ...task({ PortStatus: published('host') }), NodeID: 'node2' }]) }),
      '192.168.1.12 8081→80',
    ],
    [
      'is its task’s own where that is a container beside us',
      service({ template: { Networks: [] } }),
      reach(host, { tasks, containers }),
      '172.17.0.9 3000',
    ],
    ['is none where nothing is shared or published', service(), reach(host), 'none'],
    [
      'is none on a node that is down',
      service({ endpoint: published('host') }),
      reach(host, { tasks: readTasks([{ ...task({ PortStatus: published('host') }), NodeID: 'node9' }]) }),
      'none',
    ],
  ];
  for (const [name, one, at, expected] of cases)
    test(name, () => {
      const choice = chooseSwarmAddress(one, at, {});
      const ports =
        'ports' in choice
          ? choice.ports.map((port) => (port.target === undefined ? port.number : `${port.number}→${port.target}`))
          : [];
      assert.equal('address' in choice ? `${choice.address} ${ports.join(',')}` : 'none', expected);
    });

  test('is over the network a label names, with or without the stack’s name', () => {
    const networks = new Map([[overlay, 'shop_app']]);
    const at = reach({ ...inOverlay, networks: ['shop_app'] }, { networks });
    assert.ok('address' in chooseSwarmAddress(service(), at, { network: 'app' }));
    assert.ok('reason' in chooseSwarmAddress(service(), at, { network: 'other' }));
  });

  test('counts only tasks that run', () => {
    assert.deepEqual(readTasks([task({ State: 'starting' }), task({ State: 'failed' })]), []);
  });
});
