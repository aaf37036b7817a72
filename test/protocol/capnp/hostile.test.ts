// Peers that break the protocol, or hold on to what they are given: the stream ends with a ProtocolError, nothing else does.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../../src/clock.ts';
import { EdgeError, ProtocolError } from '../../../src/errors.ts';
import { buildMessage } from '../../../src/protocol/capnp/builder.ts';
import { createFrameReader } from '../../../src/protocol/capnp/framing.ts';
import { readRoot } from '../../../src/protocol/capnp/message.ts';
import type { RegisterConnectionRequest, RegistrationHandlers } from '../../../src/protocol/capnp/registration.ts';
import { createRegistrationClient } from '../../../src/protocol/capnp/registration-client.ts';
import {
  registrationInterface,
  writeLocalConfiguration,
  writeNothing,
} from '../../../src/protocol/capnp/registration-codec.ts';
import { serveRegistration } from '../../../src/protocol/capnp/registration-server.ts';
import {
  decodeRpc,
  encodeAbort,
  encodeBootstrap,
  encodeBootstrapResult,
  encodeCall,
  encodeException,
  encodeFinish,
  encodeRelease,
  encodeResults,
  type RpcMessage,
} from '../../../src/protocol/capnp/rpc.ts';
import { connectorFrame } from '../fixtures/wire-vectors.ts';
import { type StreamPair, streamPair, until } from './stream-pair.ts';

const never = new Promise<never>(() => undefined);
const silent: RegistrationHandlers = {
  registerConnection: () => never,
  unregisterConnection: () => never,
  updateLocalConfiguration: () => never,
};
const prompt: RegistrationHandlers = {
  registerConnection: async () => ({ error: { cause: 'no', retryAfterNs: 0n, shouldRetry: false } }),
  unregisterConnection: async () => undefined,
  updateLocalConfiguration: async () => undefined,
};

async function pairFor(context: TestContext): Promise<StreamPair> {
  const pair = await streamPair();
  context.after(() => pair.close());
  return pair;
}

function unregister(questionId: number, target: Parameters<typeof encodeCall>[0]['target']): Uint8Array {
  return encodeCall({ questionId, target, interfaceId: registrationInterface, methodId: 1, params: writeNothing });
}

function disembargo(): Uint8Array {
  return buildMessage({ dataWords: 1, pointers: 1 }, (root) => {
    root.u16(0, 13);
    root.struct(0, 1, 1).u32(0, 77);
  });
}

function times(count: number, make: (index: number) => Uint8Array): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

const bootstrap = encodeBootstrap(0);
const imported = { importedCap: 0 };
/** A registration whose tunnel id lost a byte. */
const shortTunnelId = Buffer.from(
  connectorFrame('register').toString('hex').replace('2900000082', '290000007a'),
  'hex',
);

const attacks: readonly { name: string; frames: readonly Uint8Array[]; handlers?: RegistrationHandlers }[] = [
  { name: 'bytes that are no frame', frames: [Buffer.from('GET / HTTP/1.1\r\n\r\n')] },
  { name: 'a frame without a root', frames: [new Uint8Array(8)] },
  { name: 'a message larger than a stranger may send', frames: [Uint8Array.of(0, 0, 0, 0, 1, 0x20, 0, 0)] },
  { name: 'bootstraps that are never finished', frames: times(65, encodeBootstrap) },
  {
    name: 'calls that never end',
    frames: [bootstrap, ...times(17, (id) => unregister(id + 1, imported))],
    handlers: silent,
  },
  { name: 'a question asked twice', frames: [bootstrap, bootstrap] },
  { name: 'a call under an id that is open', frames: [bootstrap, unregister(0, imported)] },
  {
    name: 'an id used again before its return',
    frames: [bootstrap, unregister(1, imported), encodeFinish(1, true), unregister(1, imported)],
    handlers: silent,
  },
  { name: 'a finish for nothing', frames: [encodeFinish(3, false)] },
  {
    name: 'a finish twice',
    frames: [bootstrap, unregister(1, imported), encodeFinish(1, true), encodeFinish(1, true)],
    handlers: silent,
  },
  { name: 'a release of nothing', frames: [encodeRelease(0, 1)] },
  { name: 'a release more often than given', frames: [bootstrap, encodeRelease(0, 2)] },
  { name: 'a release of what was never given', frames: [bootstrap, encodeRelease(1, 1)] },
  { name: 'a call before the bootstrap', frames: [unregister(1, imported)] },
  { name: 'a call on an unknown capability', frames: [bootstrap, unregister(1, { importedCap: 5 })] },
  { name: 'a call on an unknown promise', frames: [bootstrap, unregister(1, { promisedAnswer: 9 })] },
  { name: 'a return', frames: [encodeResults(0, writeNothing)] },
  { name: 'a registration with a tunnel id of 15 bytes', frames: [bootstrap, shortTunnelId] },
];

for (const { name, frames, handlers = prompt } of attacks) {
  test(`the edge ends the stream on ${name}`, async (context) => {
    const pair = await pairFor(context);
    const server = serveRegistration(pair.server, handlers);
    const reader = createFrameReader();
    const received: RpcMessage[] = [];
    pair.client.on('data', (chunk: Buffer) =>
      received.push(...reader.push(chunk).map((message) => decodeRpc(message))),
    );
    pair.client.on('end', () => pair.client.end());
    for (const frame of frames) pair.client.write(frame);
    await server.closed;
    assert.ok(server.error instanceof ProtocolError, String(server.error));
    await until(() => pair.client.closed);
    assert.equal(received.at(-1)?.kind, 'abort');
  });
}

test('a stream that ends within a message is an error', async (context) => {
  const pair = await pairFor(context);
  const server = serveRegistration(pair.server, prompt);
  pair.client.end(bootstrap.subarray(0, 20));
  await server.closed;
  assert.ok(server.error instanceof ProtocolError);
});

test('a peer that does not read is closed all the same', async (context) => {
  const pair = await pairFor(context);
  const clock = { now: () => 0, sleep: () => Promise.resolve() };
  const server = serveRegistration(pair.server, prompt, { clock });
  pair.client.pause();
  pair.client.write(encodeFinish(1, false));
  await server.closed;
  assert.ok(server.error instanceof ProtocolError);
});

test('a flood of messages is not read faster than the answers are', async (context) => {
  const pair = await pairFor(context);
  serveRegistration(pair.server, prompt);
  pair.client.pause();
  const flood = Buffer.concat(times(1_000, disembargo));
  let written = 0;
  const more = () => {
    while (written < 64_000_000 && pair.client.write(flood)) written += flood.length;
  };
  pair.client.on('drain', more);
  more();
  await until(() => pair.server.isPaused());
  assert.ok(pair.server.writableLength < 1_000_000);
  // Once the peer reads, everything is answered.
  pair.client.off('drain', more);
  pair.client.resume();
  await until(() => !pair.server.isPaused() && pair.server.writableLength === 0);
});

test('what is not served is refused by sending it back', async (context) => {
  const pair = await pairFor(context);
  const server = serveRegistration(pair.server, prompt);
  pair.client.write(disembargo());
  const reader = createFrameReader();
  const received: Parameters<typeof readRoot>[0][] = [];
  pair.client.on('data', (chunk: Buffer) => received.push(...reader.push(chunk)));
  await until(() => received.length === 1);
  const echo = readRoot(received[0] ?? []);
  assert.deepEqual([echo.u16(0), echo.struct(0).u16(0), echo.struct(0).struct(0).u32(0)], [0, 13, 77]);
  server.close();
});

const foreign = [
  { name: 'another interface', call: { interfaceId: 0x839445a59fb01686n, methodId: 0 } },
  { name: 'another method', call: { interfaceId: registrationInterface, methodId: 3 } },
];
for (const { name, call } of foreign) {
  test(`a call of ${name} is an exception, not the end`, async (context) => {
    const pair = await pairFor(context);
    const server = serveRegistration(pair.server, prompt);
    const reader = createFrameReader();
    const received: RpcMessage[] = [];
    pair.client.on('data', (chunk: Buffer) =>
      received.push(...reader.push(chunk).map((message) => decodeRpc(message))),
    );
    pair.client.write(bootstrap);
    pair.client.write(encodeCall({ questionId: 1, target: imported, params: writeNothing, ...call }));
    // The answer to a call is no capability, so nothing can be called on it.
    pair.client.write(unregister(2, { promisedAnswer: 1 }));
    await until(() => received.length === 3);
    const results = received
      .slice(1)
      .map((message) => (message.kind === 'return' ? message.result.kind : message.kind));
    assert.deepEqual(results, ['exception', 'exception']);
    assert.equal(server.error, undefined);
  });
}

const request: RegisterConnectionRequest = {
  auth: { accountTag: 'a', tunnelSecret: new Uint8Array(1) },
  tunnelId: new Uint8Array(16),
  connIndex: 0,
  options: {
    client: { clientId: new Uint8Array(16), features: [], version: '', arch: '' },
    originLocalIp: new Uint8Array(4),
    replaceExisting: false,
    compressionQuality: 0,
    numPreviousAttempts: 0,
  },
};

const edges: readonly { name: string; frames: readonly Uint8Array[] }[] = [
  { name: 'bytes that are no frame', frames: [Buffer.alloc(64, 0xff)] },
  { name: 'an answer to no question', frames: [encodeBootstrapResult(0, 0), encodeResults(9, writeNothing)] },
  { name: 'an answer twice', frames: [encodeBootstrapResult(0, 0), encodeBootstrapResult(0, 0)] },
  { name: 'a bootstrap without capability', frames: [encodeResults(0, writeNothing)] },
  { name: 'a refused bootstrap', frames: [encodeException(0, 'no')] },
  {
    name: 'a registration answer without its ids',
    frames: [
      encodeBootstrapResult(0, 0),
      encodeResults(1, (payload) => payload.struct(0, 0, 1).struct(0, 1, 1).u16(0, 1)),
    ],
  },
  {
    name: 'a registration answer of an unknown kind',
    frames: [
      encodeBootstrapResult(0, 0),
      encodeResults(1, (payload) => payload.struct(0, 0, 1).struct(0, 1, 1).u16(0, 2)),
    ],
  },
  {
    name: 'nonsense instead of results',
    frames: [encodeBootstrapResult(0, 0), encodeResults(1, (payload) => payload.data(0, new Uint8Array(9)))],
  },
];

for (const { name, frames } of edges) {
  test(`the connector ends the stream on ${name}`, async (context) => {
    const pair = await pairFor(context);
    pair.server.on('end', () => pair.server.end());
    const client = createRegistrationClient(pair.client, { timeoutMs: 60_000 });
    const registration = client.registerConnection(request);
    pair.server.resume();
    for (const frame of frames) pair.server.write(frame);
    await assert.rejects(registration, ProtocolError);
    await client.closed;
    assert.ok(client.error instanceof ProtocolError);
  });
}

test('an edge that says goodbye is quoted, briefly', async (context) => {
  const pair = await pairFor(context);
  const client = createRegistrationClient(pair.client, { timeoutMs: 60_000 });
  const registration = client.registerConnection(request);
  pair.server.resume();
  pair.server.end(encodeAbort('x'.repeat(30_000)));
  await assert.rejects(
    registration,
    (error) => error instanceof EdgeError && /goodbye|ended/.test(error.message) && error.message.length < 2_000,
  );
});

test('an edge that never answers is given up on in time', async (context) => {
  const pair = await pairFor(context);
  const waits: number[] = [];
  const clock = {
    ...systemClock,
    sleep: (ms: number) => {
      waits.push(ms);
      return Promise.resolve();
    },
  };
  const client = createRegistrationClient(pair.client, { timeoutMs: 4_321, clock });
  await assert.rejects(client.registerConnection(request), (error) => {
    assert.ok(error instanceof EdgeError);
    assert.deepEqual([error.code, error.retryable], ['E_EDGE_UNREACHABLE', true]);
    return true;
  });
  assert.deepEqual(waits, [4_321]);
});

test('an answer that comes too late is taken quietly', async (context) => {
  const pair = await pairFor(context);
  let give: (() => void) | undefined;
  const clock = { now: () => 0, sleep: () => new Promise<void>((resolve) => (give = resolve)) };
  const client = createRegistrationClient(pair.client, { timeoutMs: 1, clock });
  const first = client.registerConnection(request);
  give?.();
  await assert.rejects(first, EdgeError);
  serveRegistration(pair.server, prompt);
  assert.ok('error' in (await client.registerConnection(request)));
  assert.equal(client.error, undefined);
});

test('calls from the edge are refused, as many as come', async (context) => {
  const pair = await pairFor(context);
  const client = createRegistrationClient(pair.client, { timeoutMs: 60_000 });
  const reader = createFrameReader();
  const received: RpcMessage[] = [];
  pair.server.on('data', (chunk: Buffer) => received.push(...reader.push(chunk).map((message) => decodeRpc(message))));
  const call = (id: number) =>
    encodeCall({
      questionId: id,
      target: imported,
      interfaceId: 1n,
      methodId: 1,
      params: (payload) => writeLocalConfiguration(payload, new Uint8Array(9)),
    });
  for (const frame of [...times(300, call), ...times(300, encodeBootstrap), encodeFinish(4, true), encodeRelease(0, 4)])
    pair.server.write(frame);
  await until(() => received.length === 600);
  assert.ok(received.every((message) => message.kind === 'return' && message.result.kind === 'exception'));
  assert.equal(client.error, undefined);
});
