// What is kept of an engine's answers for other tools' sake: their labels and their variables, and nothing else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needsDetails, readContainer, readDetails } from '../../../src/sources/docker-container.ts';
import type { DockerEngine } from '../../../src/sources/docker-engine.ts';
import { createSwarmSource } from '../../../src/sources/swarm.ts';

/** As Docker's list shows a container on the default bridge. */
const usual = {
  Id: 'a'.repeat(64),
  Names: ['/app'],
  Image: 'app',
  State: 'running',
  Ports: [{ PrivatePort: 80, Type: 'tcp' }],
  HostConfig: { NetworkMode: 'bridge' },
};
const listed = (labels: Record<string, string>) => readContainer({ ...usual, Labels: labels }, 'sallyport');

test('labels of other tools are kept, and no others', () => {
  const labels = { 'traefik.enable': 'true', swag: 'enable', caddy: 'a', 'org.example.secret': 'x', swagger: 'x' };
  assert.deepEqual(listed(labels)?.labels, { 'traefik.enable': 'true', swag: 'enable', caddy: 'a' });
});

test('variables of other tools are kept, a long one cut where it is seen to be too long, and no others', () => {
  const Env = ['VIRTUAL_HOST=a=b', 'PASSWORD=secret', 'VIRTUAL_PATH', `VIRTUAL_DEST=${'x'.repeat(9_000)}`, 7];
  const environment = readDetails({ Config: { Image: 'app', Env } })?.environment;
  assert.deepEqual(environment, { VIRTUAL_HOST: 'a=b', VIRTUAL_DEST: 'x'.repeat(4_097) });
  assert.equal(readDetails({ Config: { Image: 'app', Env: ['PASSWORD=secret'] } })?.environment, undefined);
});

test('a container is inspected for its variables only where somebody reads them', () => {
  const container = listed({});
  assert.ok(container);
  assert.equal(needsDetails(container), false);
  assert.equal(needsDetails(container, true), true);
});

test('Swarm services are read as containers are, by the names of the service', async () => {
  const labels = {
    'com.docker.stack.namespace': 'shop',
    'dockflare.enable': 'true',
    'dockflare.hostname': 'shop.example.com',
    'dockflare.service': 'http://shop_web:8080',
    swag: 'enable',
  };
  const answers: Readonly<Record<string, unknown>> = {
    '/info': { Swarm: { NodeID: 'n', ControlAvailable: true } },
    '/services': [{ ID: 's', Spec: { Name: 'shop_web', Labels: labels }, ServiceStatus: { RunningTasks: 1 } }],
  };
  const engine: DockerEngine = {
    remoteHost: undefined,
    get: async (path) => answers[path] ?? [],
    open: async () => assert.fail('nothing is watched here'),
  };
  const context = {
    idPrefix: 'docker',
    labels: { prefix: 'sallyport', dialects: ['dockflare'] as const },
    self: { kind: 'host' } as const,
    drivers: new Map<string, string>(),
    containers: [],
  };
  const listed = await createSwarmSource(engine).list(context, new AbortController().signal);
  assert.deepEqual(listed?.services[0]?.hints, {
    enable: true,
    hostname: 'shop.example.com',
    protocol: 'http',
    port: 8080,
  });
  const said = listed?.diagnostics.map(({ code }) => code) ?? [];
  assert.ok(said.includes('W_DIALECT_OFF'), said.join());
});
