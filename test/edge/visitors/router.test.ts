// Host header → tunnel, or the reason why not.
import assert from 'node:assert/strict';
import test from 'node:test';
import { hostnameOf, routeRequest } from '../../../src/edge/visitors/router.ts';
import { createFakeDirectory } from '../fake-directory.ts';

const hostnames: readonly (readonly [authority: string, hostname: string | undefined])[] = [
  ['app.test', 'app.test'],
  ['APP.Test:8080', 'app.test'],
  ['app.test.', 'app.test'],
  ['app.test.:443', 'app.test'],
  ['_dmarc.app.test', '_dmarc.app.test'],
  ['xn--bcher-kva.test', 'xn--bcher-kva.test'],
  ['127.0.0.1:80', '127.0.0.1'],
  ['[::1]:80', '[::1]'],
  ['[::1]', '[::1]'],
  ['localhost', 'localhost'],
  ['', undefined],
  [':80', undefined],
  ['.', undefined],
  ['a b', undefined],
  ['app.test/evil', undefined],
  ['user@app.test', undefined],
  ['app.test:port', undefined],
  ['app.test:123456', undefined],
  ['-app.test', undefined],
  ['app.test\0', undefined],
  ['b\u00fccher.test', undefined],
  ['a'.repeat(300), undefined],
];

for (const [authority, hostname] of hostnames) {
  test(`the hostname of ${JSON.stringify(authority.slice(0, 40))} is ${hostname}`, () => {
    assert.equal(hostnameOf(authority), hostname);
  });
}

test('a request goes to the tunnel of its record, or its problem is named', () => {
  const directory = createFakeDirectory();
  const tunnel = directory.addTunnel('app');
  directory.addRoute('app.test', tunnel.id);
  directory.addRoute('ghost.test', 'no such tunnel');
  directory.addRoute('management.argotunnel.com', tunnel.id);
  assert.deepEqual(routeRequest('App.test:8080', directory), { tunnelId: tunnel.id });
  assert.deepEqual(routeRequest('x.test', directory), { problem: 'no-record' });
  assert.deepEqual(routeRequest('ghost.test', directory), { problem: 'no-tunnel' });
  for (const host of ['management.argotunnel.com', 'MANAGEMENT.argotunnel.COM:443', 'management.argotunnel.com.'])
    assert.deepEqual(routeRequest(host, directory), { problem: 'reserved-host' });
  assert.deepEqual(routeRequest('no host', directory), { problem: 'bad-request' });
});
