// A SOCKS proxy inside a websocket: what the rules allow is connected, everything else gets its number and an end.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, type TestContext, test } from 'node:test';
import type { IngressRule, OriginRequest } from '../../src/model.ts';
import { ask } from '../connector/native/edge.ts';
import { startRawOrigin, startRig, until } from '../connector/native/rig.ts';
import { type Client, open } from './websocket-client.ts';

const ipRules = [{ prefix: '127.0.0.1/32', allow: true }];

async function startClient(t: TestContext, originRequest: OriginRequest, service = 'socks-proxy'): Promise<Client> {
  const rules: IngressRule[] = [{ hostname: 'app.test', service, originRequest }];
  const client = await open((await startRig(t, rules)).connection);
  t.after(() => client.stream.destroy());
  return client;
}

/** Greeting and request for 127.0.0.1 in one frame, as impatient clients send them. */
function requestFor(port: number, after = ''): Buffer {
  return Buffer.concat([Buffer.from([5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255]), Buffer.from(after)]);
}

/** The reply's code, behind the answer to the greeting. */
async function reply(client: Client): Promise<number | undefined> {
  await until(() => client.data.length >= 12);
  assert.deepEqual([...client.data.subarray(0, 3)], [5, 0, 5]);
  return client.data[3];
}

for (const [service, more] of [
  ['socks-proxy', {}],
  ['tcp://ignored.test:1', { proxyType: 'socks' }],
] as const) {
  test(`through ${service} bytes flow both ways and arrive whole`, async (t) => {
    const port = await startRawOrigin(t, (socket) => socket.pipe(socket));
    const client = await startClient(t, { ipRules, ...more }, service);
    client.send(2, requestFor(port, 'early'));
    assert.equal(await reply(client), 0);
    const bytes = randomBytes(1_000_000);
    client.send(2, bytes);
    await until(() => client.data.length === 12 + 5 + bytes.length);
    assert.equal(client.data.subarray(12, 17).toString(), 'early');
    assert.ok(client.data.subarray(17).equals(bytes));
  });
}

describe('refused', () => {
  const cases: { name: string; originRequest: OriginRequest; service?: string; code: number }[] = [
    { name: 'by a socks-proxy without ipRules', originRequest: {}, code: 2 },
    { name: 'by ipRules', originRequest: { ipRules: [{ prefix: '10.0.0.0/8', allow: true }] }, code: 2 },
    {
      name: 'this machine, by proxyType socks without ipRules',
      originRequest: { proxyType: 'socks' },
      service: 'tcp://localhost:1',
      code: 2,
    },
  ];
  for (const { name, originRequest, service, code } of cases) {
    test(name, async (t) => {
      let met = 0;
      const port = await startRawOrigin(t, () => met++);
      const client = await startClient(t, originRequest, service);
      client.send(2, requestFor(port));
      assert.equal(await reply(client), code);
      await until(() => client.closeCode !== undefined);
      client.send(8, Buffer.from([3, 232]));
      await once(client.stream, 'close');
      assert.equal(met, 0);
    });
  }

  test('a port nobody listens on', async (t) => {
    const client = await startClient(t, { ipRules });
    client.send(2, requestFor(1));
    assert.equal(await reply(client), 5);
  });

  test('whoever speaks something else', async (t) => {
    const client = await startClient(t, { ipRules });
    client.send(2, Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    await until(() => client.closeCode === 1008);
    // What still comes is read and dropped.
    client.send(2, randomBytes(2_000_000));
    client.send(8, Buffer.from([3, 240]));
    await once(client.stream, 'close');
  });
});

test('a browser gets an explanation', async (t) => {
  const { connection } = await startRig(t, [{ hostname: 'app.test', service: 'socks-proxy' }]);
  assert.equal((await ask(connection)).status, 426);
});
