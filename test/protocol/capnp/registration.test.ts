// Both ends of a control stream, against each other and against what cloudflared sent, over real sockets.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { AppError, EdgeError } from '../../../src/errors.ts';
import type {
  RegisterConnectionRequest,
  RegisterConnectionResponse,
  RegistrationHandlers,
} from '../../../src/protocol/capnp/registration.ts';
import { createRegistrationClient } from '../../../src/protocol/capnp/registration-client.ts';
import { serveRegistration } from '../../../src/protocol/capnp/registration-server.ts';
import { connectorFrame, edgeFrame } from '../fixtures/wire-vectors.ts';
import { inPieces, type StreamPair, streamPair, until } from './stream-pair.ts';

const request: RegisterConnectionRequest = {
  auth: { accountTag: 'account', tunnelSecret: new Uint8Array(32).fill(1) },
  tunnelId: new Uint8Array(16).fill(2),
  connIndex: 3,
  options: {
    client: {
      clientId: new Uint8Array(16).fill(4),
      features: ['allow_remote_config', 'serialized_headers'],
      version: 'sallyport 0.1.0',
      arch: 'linux_amd64',
    },
    originLocalIp: Uint8Array.of(127, 0, 0, 1),
    replaceExisting: false,
    compressionQuality: 0,
    numPreviousAttempts: 5,
  },
};

const accepted: RegisterConnectionResponse = {
  details: { uuid: new Uint8Array(16).fill(9), locationName: 'here', tunnelIsRemotelyManaged: true },
};

/** Handlers that write down what they were asked. */
function recording(response: RegisterConnectionResponse = accepted) {
  const seen: unknown[] = [];
  const handlers: RegistrationHandlers = {
    registerConnection: async (registration) => {
      seen.push(registration);
      return response;
    },
    unregisterConnection: async () => {
      seen.push('unregister');
    },
    updateLocalConfiguration: async (config) => {
      seen.push(Buffer.from(config).toString());
    },
  };
  return { seen, handlers };
}

async function pairFor(context: TestContext): Promise<StreamPair> {
  const pair = await streamPair();
  context.after(() => pair.close());
  return pair;
}

test('a connector registers, reports its configuration, unregisters and goes', async (context) => {
  const pair = await pairFor(context);
  const { seen, handlers } = recording();
  const server = serveRegistration(pair.server, handlers);
  const client = createRegistrationClient(pair.client, { timeoutMs: 5_000 });
  assert.deepEqual(await client.registerConnection(request), accepted);
  await client.updateLocalConfiguration(Buffer.from('{"ingress":[]}'));
  await client.unregisterConnection(5_000);
  client.close();
  await Promise.all([client.closed, server.closed]);
  assert.deepEqual(seen, [request, '{"ingress":[]}', 'unregister']);
  assert.deepEqual([client.error, server.error], [undefined, undefined]);
});

test('it works however the bytes are cut', async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(sizes, sizes, async (atClient, atServer) => {
      const pair = await streamPair();
      const { seen, handlers } = recording();
      const server = serveRegistration(inPieces(pair.server, atServer), handlers);
      const client = createRegistrationClient(inPieces(pair.client, atClient), { timeoutMs: 5_000 });
      assert.deepEqual(await client.registerConnection(request), accepted);
      await Promise.all(['a', 'b', 'c'].map((config) => client.updateLocalConfiguration(Buffer.from(config))));
      await client.unregisterConnection(5_000);
      client.close();
      await Promise.all([client.closed, server.closed]);
      pair.close();
      assert.deepEqual(seen, [request, 'a', 'b', 'c', 'unregister']);
      assert.deepEqual([client.error, server.error], [undefined, undefined]);
    }),
    { numRuns: 25 },
  );
});

test("cloudflared's bytes get the answers it got from an edge it was happy with", async (context) => {
  const pair = await pairFor(context);
  const details = {
    uuid: edgeFrame('registered').subarray(120, 136),
    locationName: 'qlab01',
    tunnelIsRemotelyManaged: false,
  };
  const { seen, handlers } = recording({ details });
  const server = serveRegistration(pair.server, handlers);
  const received: Buffer[] = [];
  pair.client.on('data', (chunk: Buffer) => received.push(chunk));
  const answers = ['bootstrap', 'registered', 'reported', 'unregistered'].map(edgeFrame);
  const receivedSoFar = (count: number) =>
    until(() => Buffer.concat(received).length >= Buffer.concat(answers.slice(0, count)).length);

  pair.client.write(Buffer.concat([connectorFrame('bootstrap'), connectorFrame('register')]));
  await receivedSoFar(2);
  pair.client.write(Buffer.concat(['finish bootstrap', 'finish register', 'report configuration'].map(connectorFrame)));
  await receivedSoFar(3);
  pair.client.write(Buffer.concat(['finish report', 'unregister'].map(connectorFrame)));
  await receivedSoFar(4);
  pair.client.end(Buffer.concat(['finish unregister', 'abort'].map(connectorFrame)));
  await server.closed;
  assert.equal(Buffer.concat(received).toString('hex'), Buffer.concat(answers).toString('hex'));
  assert.equal(seen.length, 3);
  assert.equal(server.error, undefined);
});

test("the client's first bytes are cloudflared's: bootstrap and registration in one go", async (context) => {
  const pair = await pairFor(context);
  const { seen, handlers } = recording();
  // The server decodes the captured registration; the client then has to send the same.
  const reference = await pairFor(context);
  serveRegistration(reference.server, handlers);
  reference.client.write(Buffer.concat([connectorFrame('bootstrap'), connectorFrame('register')]));
  await until(() => seen.length === 1);

  const expected = Buffer.concat([connectorFrame('bootstrap'), connectorFrame('register')]);
  const received: Buffer[] = [];
  pair.server.on('data', (chunk: Buffer) => received.push(chunk));
  const client = createRegistrationClient(pair.client, { timeoutMs: 5_000 });
  const registration = client.registerConnection(seen[0] as RegisterConnectionRequest);
  await until(() => Buffer.concat(received).length >= expected.length);
  assert.equal(Buffer.concat(received).toString('hex'), expected.toString('hex'));

  received.length = 0;
  pair.server.write(Buffer.concat([edgeFrame('bootstrap'), edgeFrame('registered')]));
  assert.ok('details' in (await registration));
  const report = client.updateLocalConfiguration(Buffer.from('{}'));
  const finishes = Buffer.concat([connectorFrame('finish bootstrap'), connectorFrame('finish register')]);
  await until(() => Buffer.concat(received).length > finishes.length);
  assert.equal(Buffer.concat(received).subarray(0, finishes.length).toString('hex'), finishes.toString('hex'));
  pair.server.write(edgeFrame('reported'));
  await report;
});

test("a refused registration arrives as the edge's error", async (context) => {
  const pair = await pairFor(context);
  const refusal = { error: { cause: 'Unauthorized: wrong secret', retryAfterNs: 1_000_000_000n, shouldRetry: true } };
  serveRegistration(pair.server, recording(refusal).handlers);
  const client = createRegistrationClient(pair.client, { timeoutMs: 5_000 });
  assert.deepEqual(await client.registerConnection(request), refusal);
});

for (const { name, error, message } of [
  {
    name: 'an expected failure',
    error: new AppError({ code: 'E_TUNNEL', message: 'no such tunnel' }),
    message: 'no such tunnel',
  },
  { name: 'a bug, which stays inside', error: new Error('secret detail'), message: 'internal error' },
]) {
  test(`a handler's rejection becomes an exception and the stream lives on: ${name}`, async (context) => {
    const pair = await pairFor(context);
    const { handlers } = recording();
    const server = serveRegistration(pair.server, { ...handlers, unregisterConnection: () => Promise.reject(error) });
    const client = createRegistrationClient(pair.client, { timeoutMs: 5_000 });
    await client.registerConnection(request);
    await assert.rejects(client.unregisterConnection(5_000), (rejection) => {
      assert.ok(rejection instanceof EdgeError);
      assert.deepEqual([rejection.code, rejection.message], ['E_EDGE_REFUSED', message]);
      return true;
    });
    await client.updateLocalConfiguration(Buffer.from('still here'));
    assert.equal(server.error, undefined);
  });
}

test('question ids are used again: thousands of calls leave nothing behind', async (context) => {
  const pair = await pairFor(context);
  const { seen, handlers } = recording();
  serveRegistration(pair.server, handlers);
  const client = createRegistrationClient(pair.client, { timeoutMs: 5_000 });
  await client.registerConnection(request);
  for (let call = 0; call < 500; call++) await client.updateLocalConfiguration(Buffer.from(String(call)));
  assert.equal(seen.length, 501);
});

test('a large configuration goes through once registered', async (context) => {
  const pair = await pairFor(context);
  const { seen, handlers } = recording();
  serveRegistration(pair.server, handlers);
  const client = createRegistrationClient(pair.client, { timeoutMs: 5_000 });
  await client.registerConnection(request);
  const config = 'x'.repeat(5_000_000);
  await client.updateLocalConfiguration(Buffer.from(config));
  assert.equal(seen[1], config);
});

test('calls fail at once when the edge goes, and later ones too', async (context) => {
  const pair = await pairFor(context);
  const client = createRegistrationClient(pair.client, { timeoutMs: 60_000 });
  const pending = client.registerConnection(request);
  pair.server.destroy();
  await assert.rejects(pending, EdgeError);
  await assert.rejects(client.unregisterConnection(60_000), EdgeError);
  await client.closed;
});

test('a close by the edge ends the client too', async (context) => {
  const pair = await pairFor(context);
  const server = serveRegistration(pair.server, recording().handlers);
  const client = createRegistrationClient(pair.client, { timeoutMs: 5_000 });
  await client.registerConnection(request);
  server.close();
  await Promise.all([client.closed, server.closed]);
  assert.deepEqual([client.error, server.error], [undefined, undefined]);
});

test('a stream that is already gone is closed from the start', async (context) => {
  const pair = await pairFor(context);
  pair.client.destroy();
  await until(() => pair.client.closed);
  const client = createRegistrationClient(pair.client, { timeoutMs: 5_000 });
  await client.closed;
  await assert.rejects(client.registerConnection(request), EdgeError);
});
