// Containers the Supervisor runs, on an engine we see too: one service each, and everybody else's stay.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutSupervised } from '../../../addon/homeassistant/docker-overlap.ts';
import type { Service, ServiceId } from '../../../src/model.ts';

const supervised = {
  slugs: new Set(['core_mosquitto', 'a0d7b954_nodered', 'local_sallyport']),
  addresses: new Set(['172.30.33.4']),
};

function container(id: string, address?: string): Service {
  const at = address === undefined ? {} : { address };
  return { id: id as ServiceId, name: 'x', source: 'docker', ports: [], hints: {}, state: 'running', ...at };
}

const table: readonly [string, string, boolean][] = [
  ['docker/homeassistant', 'Core', true],
  ['docker/hassio_dns', 'its DNS', true],
  ['docker/hassio_supervisor', 'the Supervisor', true],
  ['docker/addon_core_mosquitto', 'an add-on by its old name', true],
  ['docker/app_a0d7b954_nodered', 'an add-on by its new name', true],
  ['docker/local/app_core_mosquitto', 'an add-on on a named engine', true],
  ['docker/app_local_mine', 'an add-on that was installed since', true],
  ['docker/app_web', 'a container of somebody else', false],
  ['docker/addon_x', 'another one', false],
  ['docker/home/homepage', 'a Compose service', false],
  ['docker/my-homeassistant', 'a Home Assistant by hand', false],
];
for (const [id, what, isDropped] of table) {
  test(`${what} (${id}) ${isDropped ? 'is left out' : 'stays'}`, () => {
    const diagnostics = [{ severity: 'info' as const, code: 'X', message: 'x', serviceId: id as ServiceId }];
    const left = withoutSupervised({ services: [container(id)], diagnostics }, supervised);
    assert.equal(left.services.length, isDropped ? 0 : 1);
    assert.equal(left.diagnostics.length, isDropped ? 0 : 1);
  });

  test(`before the Supervisor answered ${what} ${isDropped ? 'is left out' : 'stays'} too`, () => {
    const left = withoutSupervised({ services: [container(id)], diagnostics: [] }, undefined);
    assert.equal(left.services.length, isDropped ? 0 : 1);
  });
}

test('labels that claim another name do not make a second service of an add-on', () => {
  const claimed = container('docker/shop/web', '172.30.33.4');
  assert.deepEqual(withoutSupervised({ services: [claimed], diagnostics: [] }, supervised).services, []);
});
