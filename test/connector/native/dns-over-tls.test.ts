// The public resolver: asked over TLS, and believed only when it answers the question.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { resolveSrvOverTls, type TlsResolver } from '../../../src/connector/native/dns-over-tls.ts';
import { decodeSrvAnswer, encodeSrvQuery } from '../../../src/connector/native/dns-srv.ts';
import { createTestAuthority } from './certificates.ts';

const name = '_v2-origintunneld._tcp.argotunnel.com';

/** An answer with a CNAME and two targets whose names point back into the question, as real servers compress them. */
function answerTo(query: Buffer): Buffer {
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(0x8180, 2);
  header.writeUInt16BE(3, 6);
  const domain = query.indexOf('argotunnel') - 1;
  const record = (type: number, data: Buffer) =>
    Buffer.concat([Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 1, 44, 0, data.length]), data]);
  const target = (priority: number, region: string) =>
    Buffer.concat([
      Buffer.from([0, priority, 0, 1, 0x1e, 0xa4, region.length]),
      Buffer.from(region),
      Buffer.from([0xc0, domain]),
    ]);
  return Buffer.concat([
    header,
    query.subarray(12),
    record(5, Buffer.from([1, 97, 0])),
    record(33, target(1, 'region1')),
    record(33, target(2, 'region2')),
  ]);
}

async function startResolver(t: TestContext, answer: (query: Buffer) => Buffer | undefined): Promise<TlsResolver> {
  const authority = await createTestAuthority();
  const { cert, key } = await authority.issue(['resolver.test']);
  const sockets = new Set<tls.TLSSocket>();
  const server = tls.createServer({ cert, key }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      const bytes = answer(chunk.subarray(2));
      // In two pieces, as a network may deliver it.
      if (bytes === undefined) return;
      socket.write(bytes.subarray(0, 5));
      setImmediate(() => socket.write(bytes.subarray(5)));
    });
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { host: '127.0.0.1', port, serverName: 'resolver.test', caPem: authority.caPem, timeoutMs: 5_000 };
}

function framed(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]);
}

test('its answer is read, compressed names and other records included', async (t) => {
  const resolver = await startResolver(t, (query) => framed(answerTo(query)));
  assert.deepEqual(await resolveSrvOverTls(name, resolver), [
    { name: 'region1.argotunnel.com', port: 7844, priority: 1 },
    { name: 'region2.argotunnel.com', port: 7844, priority: 2 },
  ]);
});

test('a resolver without the right certificate is not believed', async (t) => {
  const resolver = await startResolver(t, (query) => framed(answerTo(query)));
  await assert.rejects(resolveSrvOverTls(name, { ...resolver, serverName: 'other.test' }));
});

test('one that never answers is left when the caller gives up', async (t) => {
  const resolver = await startResolver(t, () => undefined);
  const giveUp = new AbortController();
  const asking = resolveSrvOverTls(name, resolver, giveUp.signal);
  setImmediate(() => giveUp.abort());
  await assert.rejects(asking);
});

const query = encodeSrvQuery(name, 7);
const bad: [string, Buffer][] = [
  ['nothing', Buffer.alloc(0)],
  ['a question', query],
  ['an answer to another question', answerTo(encodeSrvQuery(name, 8))],
  ['a refusal', Buffer.from([0, 7, 0x81, 0x85, 0, 0, 0, 0, 0, 0, 0, 0])],
  ['a name that leads to itself', Buffer.from([0, 7, 0x81, 0x80, 0, 0, 0, 1, 0, 0, 0, 0, 0xc0, 12])],
  ['a name that leads outside', Buffer.from([0, 7, 0x81, 0x80, 0, 0, 0, 1, 0, 0, 0, 0, 0xff, 0xff])],
  ['many records and no bytes', Buffer.from([0, 7, 0x81, 0x80, 0, 0, 0xff, 0xff, 0, 0, 0, 0])],
];
for (const [what, message] of bad)
  test(`${what} is refused`, () => {
    assert.throws(() => decodeSrvAnswer(message, 7), RangeError);
  });

test('an answer cut anywhere is refused or has fewer targets, and never more than there were', () => {
  const whole = answerTo(query);
  assert.equal(decodeSrvAnswer(whole, 7).length, 2);
  for (let length = 0; length < whole.length; length++) {
    try {
      assert.ok(decodeSrvAnswer(whole.subarray(0, length), 7).length < 2, String(length));
    } catch (error) {
      assert.ok(error instanceof RangeError, String(error));
    }
  }
});

test('no such name is no target', () => {
  assert.deepEqual(decodeSrvAnswer(Buffer.from([0, 7, 0x81, 0x80, 0, 0, 0, 0, 0, 0, 0, 0]), 7), []);
});
