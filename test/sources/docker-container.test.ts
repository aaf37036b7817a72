// The engine's list to services: identity, state, image, and containers that are not what they claim.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Service } from '../../src/model.ts';
import {
  type ContainerDetails,
  imageRepository,
  needsDetails,
  readContainer,
  readDetails,
} from '../../src/sources/docker-container.ts';
import { type DescribeContext, describeContainers } from '../../src/sources/docker-services.ts';

interface Raw {
  readonly [field: string]: unknown;
}

let count = 0;
function raw(name: string, fields: Raw = {}): Raw {
  count++;
  return {
    Id: count.toString(16).padStart(64, '0'),
    Names: [`/${name}`],
    Image: 'example/app:1',
    Created: 1000 + count,
    State: 'running',
    Status: 'Up 3 seconds',
    Ports: [{ PrivatePort: 80, Type: 'tcp' }],
    Labels: {},
    HostConfig: { NetworkMode: 'bridge' },
    NetworkSettings: { Networks: { bridge: { IPAddress: '172.17.0.2', NetworkID: 'n1', Gateway: '172.17.0.1' } } },
    ...fields,
  };
}

function compose(project: string, service: string, more: Raw = {}): Raw {
  return { Labels: { 'com.docker.compose.project': project, 'com.docker.compose.service': service, ...more } };
}

function describeAll(list: readonly Raw[], context: Partial<DescribeContext> = {}) {
  const containers = list.flatMap((one) => readContainer(one, 'sallyport') ?? []);
  return describeContainers(containers, {
    idPrefix: 'docker',
    labels: { prefix: 'sallyport' },
    self: { kind: 'host' },
    drivers: new Map(),
    details: new Map(),
    ...context,
  });
}

function only(list: readonly Raw[], context: Partial<DescribeContext> = {}): Service {
  const { services } = describeAll(list, context);
  assert.equal(services.length, 1);
  return services[0] as Service;
}

describe('who a container is', () => {
  test('a container by itself is its name', () => {
    const service = only([raw('grafana')]);
    assert.deepEqual([service.id, service.name, service.source], ['docker/grafana', 'grafana', 'docker']);
  });

  test("a Compose service is its project and service, whatever the container's name", () => {
    const service = only([raw('xyz', compose('immich', 'immich-server'))]);
    assert.deepEqual([service.id, service.name], ['docker/immich/immich-server', 'immich-server']);
  });

  test('another endpoint goes into the id', () => {
    assert.equal(only([raw('grafana')], { idPrefix: 'docker/nas' }).id, 'docker/nas/grafana');
  });

  test('replicas are one service, the running one with the lowest number', () => {
    const replica = (number: number, state: string, address: string) =>
      raw(`app-web-${number}`, {
        ...compose('app', 'web', { 'com.docker.compose.container-number': String(number) }),
        State: state,
        NetworkSettings: { Networks: { net: { IPAddress: address } } },
      });
    const service = only([
      replica(3, 'running', '10.0.0.3'),
      replica(1, 'exited', ''),
      replica(2, 'running', '10.0.0.2'),
    ]);
    assert.equal(service.address, '10.0.0.2');
    assert.equal(service.state, 'running');
  });

  test('labels that claim another Compose service do not take its place', () => {
    const genuine = raw('app-web-1', compose('app', 'web'));
    const claimant = raw('stranger', {
      ...compose('app', 'web', { 'com.docker.compose.container-number': '0', 'sallyport.enable': 'true' }),
      Created: 1,
      NetworkSettings: { Networks: { net: { IPAddress: '10.6.6.6' } } },
    });
    const { services, diagnostics } = describeAll([claimant, genuine]);
    assert.deepEqual(
      services.map(({ id, address }) => [id, address]),
      [
        ['docker/app/web', '172.17.0.2'],
        ['docker/stranger', '10.6.6.6'],
      ],
    );
    assert.deepEqual(
      diagnostics.map(({ code, serviceId }) => [code, serviceId]),
      [['E_CONFLICT', 'docker/stranger']],
    );
  });

  test('a Compose identity with a slash or worse in it is none', () => {
    for (const project of ['a/b', '..', '', 'x'.repeat(200), 'a b'])
      assert.equal(only([raw('real', compose(project, 'web'))]).id, 'docker/real');
  });

  test("a one-off run carries its service's labels and is not listed", () => {
    const oneOff = raw('app-web-run-1', compose('app', 'web', { 'com.docker.compose.oneoff': 'True' }));
    assert.deepEqual(describeAll([oneOff]).services, []);
  });

  test('what holds the network of a Podman pod is not listed, whatever it publishes', () => {
    const infra = raw('5b1c-infra', {
      Image: 'localhost/podman-pause:4.3.1-0',
      Labels: { 'sallyport.enable': 'true' },
    });
    assert.deepEqual(describeAll([infra]).services, []);
  });

  test('we do not list ourselves', () => {
    const own = raw('sallyport');
    const self = { kind: 'container', id: String(own.Id), networks: ['bridge'] } as const;
    assert.deepEqual(
      describeAll([own, raw('app')], { self }).services.map(({ id }) => id),
      ['docker/app'],
    );
  });
});

describe('how it is', () => {
  const cases: readonly (readonly [string, string, Service['state']])[] = [
    ['running', 'Up 3 seconds', 'running'],
    ['running', 'Up 3 seconds (health: starting)', 'running'],
    ['running', 'Up 3 seconds (healthy)', 'running'],
    ['running', 'Up 3 seconds (unhealthy)', 'unhealthy'],
    ['paused', 'Up 3 seconds (Paused)', 'stopped'],
    ['restarting', 'Restarting (1) 3 seconds ago', 'stopped'],
    ['created', 'Created', 'stopped'],
    ['exited', 'Exited (0) 3 seconds ago', 'stopped'],
    ['dead', 'Dead', 'stopped'],
    ['removing', 'Removal In Progress', 'stopped'],
  ];
  for (const [state, status, expected] of cases) {
    test(`${state}, ${status}: ${expected}`, () => {
      const service = only([raw('app', { State: state, Status: status })]);
      assert.equal(service.state, expected);
      assert.equal(service.address !== undefined, expected !== 'stopped');
    });
  }

  test('a container without an address says why, once somebody wants it published', () => {
    const lonely = { NetworkSettings: { Networks: {} } };
    assert.deepEqual(describeAll([raw('a', lonely)]).diagnostics, []);
    const [diagnostic] = describeAll([raw('b', { ...lonely, Labels: { 'sallyport.enable': 'true' } })]).diagnostics;
    assert.deepEqual([diagnostic?.code, diagnostic?.serviceId], ['E_NO_ADDRESS', 'docker/b']);
    assert.match(diagnostic?.message ?? '', /container b cannot be reached: it is on no network/);
  });
});

describe('a network shared with another container', () => {
  const vpn = raw('vpn', {
    Ports: [
      { PrivatePort: 8080, PublicPort: 18080, Type: 'tcp', IP: '0.0.0.0' },
      { PrivatePort: 1, Type: 'tcp' },
    ],
  });
  const app = raw('app', {
    HostConfig: { NetworkMode: `container:${String(vpn.Id)}` },
    NetworkSettings: { Networks: {} },
    Ports: [],
    Labels: { 'sallyport.enable': 'true' },
  });
  const details = new Map<string, ContainerDetails>([
    [String(app.Id), { image: 'example/app:1', exposed: [{ number: 8080, protocol: 'tcp' }] }],
  ]);

  test('has the address of that container and the ports of its own image', () => {
    const service = describeAll([vpn, app], { details }).services.find(({ name }) => name === 'app');
    assert.deepEqual([service?.address, service?.ports], ['172.17.0.2', [{ number: 8080, protocol: 'tcp' }]]);
  });

  test('has only its own of the published ports', () => {
    const self = { kind: 'remote', host: 'nas' } as const;
    const service = describeAll([vpn, app], { details, self }).services.find(({ name }) => name === 'app');
    assert.deepEqual(service?.ports, [{ number: 18080, protocol: 'tcp', target: 8080 }]);
  });

  test('has no address when that container stopped', () => {
    const { services, diagnostics } = describeAll([{ ...vpn, State: 'exited' }, app], { details });
    assert.equal(services.find(({ name }) => name === 'app')?.address, undefined);
    assert.match(diagnostics[0]?.message ?? '', /whose network it shares is not running/);
  });
});

describe('what only inspecting tells', () => {
  const needy: readonly (readonly [string, Raw, boolean])[] = [
    ['an ordinary container', {}, false],
    ['the host network', { HostConfig: { NetworkMode: 'host' } }, true],
    ["another's network", { HostConfig: { NetworkMode: 'container:x' } }, true],
    ['an image without a name', { Image: 'sha256:0123456789ab' }, true],
    ['no port in the list, as on an internal network', { Ports: [] }, true],
    ['a stopped one on the host network', { HostConfig: { NetworkMode: 'host' }, State: 'exited' }, false],
  ];
  for (const [name, fields, expected] of needy) {
    test(`${name}: ${expected}`, () => {
      const container = readContainer(raw('app', fields), 'sallyport');
      assert.ok(container !== undefined);
      assert.equal(needsDetails(container), expected);
    });
  }

  test('an image whose tag has moved on keeps the name it was started with', () => {
    const container = raw('app', { Image: `sha256:${'0'.repeat(64)}` });
    const details = new Map([[String(container.Id), { image: 'grafana/grafana:10', exposed: [] }]]);
    assert.equal(only([container], { details }).image, 'grafana/grafana');
    assert.equal(only([container]).image, undefined);
  });

  test('exposed ports come from the configuration, nonsense among them is left out', () => {
    const details = readDetails({
      Config: { Image: 'x', ExposedPorts: { '80/tcp': {}, '53/udp': {}, '70000/tcp': {}, 'x/tcp': {}, '9/sctp': {} } },
    });
    assert.deepEqual(details?.exposed, [
      { number: 80, protocol: 'tcp' },
      { number: 53, protocol: 'udp' },
    ]);
    assert.equal(readDetails({ message: 'no such container' }), undefined);
  });
});

describe('an image reference without tag, digest and Docker Hub', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['grafana/grafana', 'grafana/grafana'],
    ['grafana/grafana:10.1', 'grafana/grafana'],
    ['docker.io/grafana/grafana:latest', 'grafana/grafana'],
    ['index.docker.io/library/nginx', 'nginx'],
    ['library/nginx:1', 'nginx'],
    ['nginx', 'nginx'],
    ['ghcr.io/immich-app/immich-server:release@sha256:abcdef', 'ghcr.io/immich-app/immich-server'],
    ['registry.lan:5000/a/b', 'registry.lan:5000/a/b'],
    ['registry.lan:5000/a/b:1', 'registry.lan:5000/a/b'],
    ['sha256:0123456789abcdef', undefined],
    ['0123456789ab', undefined],
    ['', undefined],
    ['a b', undefined],
  ];
  for (const [reference, expected] of cases)
    test(`${reference} is ${expected}`, () => assert.equal(imageRepository(reference), expected));
});

describe('an engine that says anything', () => {
  test('never throws, and never lists a service without a proper id', () => {
    const field = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.constant(null),
      fc.array(fc.jsonValue()),
      fc.dictionary(fc.string(), fc.jsonValue()),
    );
    const container = fc.record(
      {
        Id: fc.oneof(field, fc.constant('a'.repeat(64))),
        Names: fc.oneof(field, fc.array(fc.string())),
        Image: field,
        State: fc.oneof(field, fc.constant('running')),
        Status: field,
        Ports: fc.oneof(
          field,
          fc.array(
            fc.record({ PrivatePort: fc.oneof(field, fc.integer()), PublicPort: field, Type: field, IP: field }),
          ),
        ),
        Labels: fc.oneof(field, fc.dictionary(fc.string(), field)),
        HostConfig: field,
        NetworkSettings: fc.oneof(field, fc.record({ Networks: fc.dictionary(fc.string(), field) })),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(container, { maxLength: 5 }), (list) => {
        for (const { id } of describeAll(list as readonly Raw[]).services)
          assert.match(id, /^docker\/[A-Za-z0-9][A-Za-z0-9._/-]*$/);
      }),
      { numRuns: 150 },
    );
  });

  test('a link is no name', () => {
    assert.equal(readContainer(raw('x', { Names: ['/other/db', '/db'] }), 'sallyport')?.name, 'db');
  });
});
