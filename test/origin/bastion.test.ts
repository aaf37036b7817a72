// A jump host: where clients may go, and where never without a rule that says so.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { IpRule, OriginRequest } from '../../src/model.ts';
import { ask, readAnswer, type TestConnection } from '../connector/native/edge.ts';
import { createRecordingLogger, startRawOrigin, startRig, until } from '../connector/native/rig.ts';
import { handshake, open } from './websocket-client.ts';

const loopback: readonly IpRule[] = [{ prefix: '127.0.0.0/8', allow: true }];

function startBastion(t: TestContext, originRequest: OriginRequest, service = 'bastion') {
  const { logger, lines } = createRecordingLogger();
  return startRig(t, [{ hostname: 'app.test', service, originRequest }], { logger }).then((rig) => ({ ...rig, lines }));
}

async function status(connection: TestConnection, destination: string | undefined): Promise<number> {
  const jump = destination === undefined ? {} : { 'cf-access-jump-destination': destination };
  return (await readAnswer(connection.request({ ...handshake, ...jump }, { endStream: false }))).status;
}

for (const [service, originRequest] of [
  ['bastion', {}],
  ['http://ignored', { bastionMode: true }],
] as const) {
  test(`a client of ${service} reaches the destination it names, by address and by name`, async (t) => {
    const port = await startRawOrigin(t, (socket) => socket.end('hello'));
    const { connection } = await startBastion(t, { ...originRequest, ipRules: loopback }, service);
    for (const destination of [`127.0.0.1:${port}`, `localhost:${port}`, `tcp://127.0.0.1:${port}/path`]) {
      const client = await open(connection, { 'cf-access-jump-destination': destination });
      await until(() => client.closeCode !== undefined);
      assert.equal(client.data.toString(), 'hello');
      client.stream.destroy();
    }
  });
}

test('without ipRules this machine itself is out of reach, under any of its names', async (t) => {
  let met = 0;
  const port = await startRawOrigin(t, () => met++);
  const { connection, lines } = await startBastion(t, {});
  for (const host of ['127.0.0.1', 'localhost', '127.1.2.3', '0.0.0.0', '[::1]', '[::ffff:127.0.0.1]', '[::]'])
    assert.equal(await status(connection, `${host}:${port}`), 502, host);
  assert.equal(met, 0);
  assert.ok(lines.some(({ fields }) => String(fields.hint).includes('ipRules')));
});

test('ipRules decide, the first that fits, and what none names is refused', async (t) => {
  const port = await startRawOrigin(t, (socket) => socket.end());
  const ipRules = [
    { prefix: '127.0.0.2/32', allow: false },
    { prefix: '127.0.0.0/8', ports: [port], allow: true },
  ];
  const { connection } = await startBastion(t, { ipRules });
  assert.equal(await status(connection, `127.0.0.2:${port}`), 502);
  assert.equal(await status(connection, '127.0.0.1:1'), 502);
  assert.equal(await status(connection, `10.0.0.1:${port}`), 502);
  (await open(connection, { 'cf-access-jump-destination': `127.0.0.1:${port}` })).stream.destroy();
});

for (const destination of [
  undefined,
  '',
  '127.0.0.1',
  '127.0.0.1:',
  '127.0.0.1:0',
  '127.0.0.1:99999',
  ':22',
  'a b:22',
  `${'x'.repeat(300)}:22`,
])
  test(`${JSON.stringify(destination)?.slice(0, 40)} leads nowhere`, async (t) => {
    const { connection } = await startBastion(t, { ipRules: loopback });
    assert.equal(await status(connection, destination), 502);
  });

test('rules nobody can read serve nobody', async (t) => {
  const { connection } = await startBastion(t, { ipRules: [{ prefix: 'everything', allow: true }] });
  assert.equal(await status(connection, '192.0.2.1:22'), 502);
});

test('a browser gets an explanation', async (t) => {
  const { connection } = await startBastion(t, {});
  assert.equal((await ask(connection, { 'cf-access-jump-destination': '192.0.2.1:22' })).status, 426);
});
