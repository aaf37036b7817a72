// The Supervisor's client against a Supervisor: old and new names, roles, and answers nobody would want.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createSupervisor } from '../../../addon/homeassistant/supervisor.ts';
import { formatError, SourceError } from '../../../src/errors.ts';
import { type FakeSupervisorOptions, startFakeSupervisor } from '../../fakes/supervisor.ts';
import { addOns } from './manifests.ts';

const signal = AbortSignal.timeout(30_000);

async function start(t: { after(end: () => Promise<void>): void }, options: FakeSupervisorOptions = {}) {
  const supervisor = await startFakeSupervisor(options);
  t.after(() => supervisor.close());
  supervisor.install(...addOns);
  return { supervisor, client: createSupervisor(supervisor) };
}

for (const names of ['old', 'new'] as const) {
  test(`the list, one add-on, Core and the network are read under ${names} names`, async (t) => {
    const { client } = await start(t, { names });
    assert.equal((await client.addOns(signal))?.length, 31);
    const nodeRed = await client.addOn('a0d7b954_nodered', signal);
    assert.deepEqual(nodeRed?.ports, [{ inside: 80, protocol: 'tcp', open: 1880, about: 'Web interface' }]);
    assert.equal(nodeRed?.hostname, 'a0d7b954-nodered');
    assert.equal((await client.addOn('self', signal))?.slug, 'local_sallyport');
    assert.deepEqual(await client.core(signal), {
      version: '2026.9.1',
      port: 8123,
      isTls: false,
      address: '172.30.32.1',
    });
    assert.deepEqual(await client.network(signal), { subnet: '172.30.32.0/23', gateway: '172.30.32.1' });
  });
}

test('a path that answered is asked from then on', async (t) => {
  const { supervisor, client } = await start(t, { names: 'new' });
  await client.addOns(signal);
  await client.addOn('core_mosquitto', signal);
  assert.deepEqual(supervisor.calls, ['/addons', '/v2/apps', '/v2/apps/core_mosquitto/info']);
});

test('an add-on that is not installed is none', async (t) => {
  const { client } = await start(t);
  assert.equal(await client.addOn('core_nothing', signal), undefined);
  assert.equal(await client.addOn('../core', signal), undefined);
});

test('of the options only what is true or false is kept', async (t) => {
  const { supervisor, client } = await start(t);
  supervisor.install({
    slug: 'local_x',
    manifest: { slug: 'x', name: 'X', options: { ssl: true, password: 'hunter2', logins: [{ password: 'hunter3' }] } },
  });
  const found = await client.addOn('local_x', signal);
  assert.deepEqual([...(found?.switches ?? [])], [['ssl', true]]);
});

test('without the role for it there is no list, and everything else is answered', async (t) => {
  const { client } = await start(t, { role: 'default' });
  assert.equal(await client.addOns(signal), undefined);
  assert.equal((await client.core(signal)).port, 8123);
  assert.equal((await client.addOn('core_mosquitto', signal))?.slug, 'core_mosquitto');
});

test('the broker is told when there is one', async (t) => {
  const { supervisor, client } = await start(t);
  assert.deepEqual(await client.mqtt(signal), {
    host: 'core-mosquitto',
    port: 1883,
    isTls: false,
    username: 'addons',
    password: 'pw',
  });
  supervisor.uninstall('core_mosquitto');
  assert.equal(await client.mqtt(signal), undefined);
});

test('what runs here is told', async (t) => {
  const { client } = await start(t);
  assert.deepEqual(await client.versions(signal), { supervisor: '2026.10.0', core: '2026.9.1', os: '18.0' });
});

test("Home Assistant's own API is asked through the Supervisor", async (t) => {
  const { client } = await start(t);
  const answer = await client.coreApi('config', signal);
  assert.equal((answer as { version: string }).version, '2026.9.1');
});

test('a token that is not right is said, and never shown', async (t) => {
  const { supervisor } = await start(t);
  const client = createSupervisor({ url: supervisor.url, token: 'wrong-secret' });
  const error = await client.core(signal).then(
    () => assert.fail('it was answered'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof SourceError);
  assert.match(formatError(error), /answered 401 to GET \/core\/info.*given a new token at every start/);
  assert.doesNotMatch(JSON.stringify([error, formatError(error), String(error.cause)]), /wrong-secret/);
});

const answers: readonly [string, { readonly status: number; readonly body: string }][] = [
  ['no JSON', { status: 200, body: '<html>' }],
  ['another JSON', { status: 200, body: '[1]' }],
  [
    'an error of its own',
    { status: 400, body: '{"result":"error","message":"System is not ready with state: setup"}' },
  ],
  ['a failure', { status: 502, body: '' }],
  ['more than anybody reads', { status: 200, body: `"${'x'.repeat(9 * 1024 * 1024)}"` }],
];
for (const [what, answer] of answers) {
  test(`${what} is a source that cannot be asked`, async (t) => {
    const { supervisor, client } = await start(t);
    supervisor.answerWith(answer);
    for (const asked of [client.addOns, client.core, client.network])
      await assert.rejects(asked(signal), { code: 'E_SOURCE_UNREACHABLE', retryable: true });
  });
}

test('what an add-on says of itself that cannot be is left out', async (t) => {
  const { supervisor, client } = await start(t);
  const data = {
    slug: 'local_x',
    name: 7,
    state: 'dancing',
    hostname: 'a b\n',
    ip_address: 'http://169.254.169.254/',
    network: { '80/tcp': 99_999, '0/tcp': 1, '__proto__/tcp': 2, '443': 8443, '22/sctp': 3 },
    network_description: ['x'],
    host_network: 'yes',
    options: 'none',
    webui: 'x'.repeat(5_000),
  };
  supervisor.answerWith({ status: 200, body: JSON.stringify({ result: 'ok', data }) });
  assert.deepEqual(await client.addOn('local_x', signal), {
    slug: 'local_x',
    name: '',
    state: 'unknown',
    isOnHostNetwork: false,
    hasIngress: false,
    ports: [
      { inside: 443, protocol: 'tcp', open: 8443 },
      { inside: 80, protocol: 'tcp' },
    ],
    switches: new Map(),
  });
});

test('a Supervisor that takes the call and says nothing is given up on', async (t) => {
  const silent = createServer(() => undefined);
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  t.after(() => silent.closeAllConnections());
  t.after(() => silent.close());
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const client = createSupervisor({ url, token: 'x', timeoutMs: 50 });
  await assert.rejects(client.core(signal), { message: 'the Supervisor does not answer in time' });
  const aborting = new AbortController();
  const asked = createSupervisor({ url, token: 'x' }).core(aborting.signal);
  aborting.abort(new Error('enough'));
  await assert.rejects(asked, { message: 'enough' });
});
