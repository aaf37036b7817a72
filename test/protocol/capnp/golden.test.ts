// What a real cloudflared sent is understood, and what we send is what it would have sent, byte for byte.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFrameReader, decodeFrame } from '../../../src/protocol/capnp/framing.ts';
import { decodeMessage } from '../../../src/protocol/capnp/message.ts';
import {
  readLocalConfiguration,
  readRegisterRequest,
  readRegisterResponse,
  registrationInterface,
  writeLocalConfiguration,
  writeNothing,
  writeRegisterRequest,
  writeRegisterResponse,
} from '../../../src/protocol/capnp/registration-codec.ts';
import {
  bootstrapCapability,
  decodeRpc,
  encodeAbort,
  encodeBootstrap,
  encodeBootstrapResult,
  encodeCall,
  encodeFinish,
  encodeResults,
  type RpcMessage,
} from '../../../src/protocol/capnp/rpc.ts';
import { bytesToUuid } from '../../../src/protocol/credentials.ts';
import { connectorFrame, edgeFrame, wireVectors } from '../fixtures/wire-vectors.ts';

function decode<K extends RpcMessage['kind']>(frame: Uint8Array, kind: K): Extract<RpcMessage, { kind: K }> {
  const message = decodeRpc(decodeFrame(frame));
  assert.equal(message.kind, kind);
  return message as Extract<RpcMessage, { kind: K }>;
}

function assertBytes(actual: Uint8Array, expected: Buffer): void {
  assert.equal(Buffer.from(actual).toString('hex'), expected.toString('hex'));
}

test('the bootstrap is read and written as cloudflared does', () => {
  assert.equal(decode(connectorFrame('bootstrap'), 'bootstrap').questionId, 0);
  assertBytes(encodeBootstrap(0), connectorFrame('bootstrap'));
});

test('the registration is a call on the promised bootstrap answer, with every field', () => {
  const frame = connectorFrame('register');
  const call = decode(frame, 'call');
  assert.deepEqual(call.target, { promisedAnswer: 0, steps: 0 });
  assert.equal(call.interfaceId, registrationInterface);
  assert.deepEqual([call.questionId, call.methodId, call.resultsToCaller], [1, 0, true]);
  const request = readRegisterRequest(call.params);
  assert.equal(request.auth.accountTag, 'acct0123456789abcdef');
  assert.equal(request.auth.tunnelSecret.length, 32);
  assert.equal(bytesToUuid(request.tunnelId), '11111111-2222-4333-8444-555555555555');
  assert.equal(request.connIndex, 0);
  assert.equal(request.options.client.version, '2023.7.3');
  assert.equal(request.options.client.arch, 'linux_amd64');
  assert.equal(request.options.client.clientId.length, 16);
  assert.deepEqual(request.options.client.features, [
    'allow_remote_config',
    'serialized_headers',
    'support_datagram_v2',
    'support_quic_eof',
    'management_logs',
  ]);
  assert.equal(Buffer.from(request.options.originLocalIp).toString('hex'), '00000000000000000000ffff7f000001');
  assert.deepEqual(
    [request.options.replaceExisting, request.options.compressionQuality, request.options.numPreviousAttempts],
    [false, 0, 0],
  );
  const { params: _, ...envelope } = call;
  assertBytes(
    encodeCall({
      ...envelope,
      target: { promisedAnswer: 0 },
      params: (payload) => writeRegisterRequest(payload, request),
    }),
    frame,
  );
});

test('the configuration report is a call on capability 0 carrying JSON', () => {
  const frame = connectorFrame('report configuration');
  const call = decode(frame, 'call');
  assert.deepEqual(call.target, { importedCap: 0 });
  const config = readLocalConfiguration(call.params);
  const parsed = JSON.parse(Buffer.from(config).toString()) as { ingress: unknown[] };
  assert.equal(parsed.ingress.length, 5);
  assertBytes(
    encodeCall({
      questionId: 1,
      interfaceId: registrationInterface,
      methodId: 2,
      target: { importedCap: 0 },
      params: (payload) => writeLocalConfiguration(payload, config),
    }),
    frame,
  );
});

test('unregistering is written as cloudflared does', () => {
  assertBytes(
    encodeCall({
      questionId: 1,
      interfaceId: registrationInterface,
      methodId: 1,
      target: { importedCap: 0 },
      params: writeNothing,
    }),
    connectorFrame('unregister'),
  );
});

for (const [name, questionId] of [
  ['finish bootstrap', 0],
  ['finish register', 1],
  ['finish report', 1],
  ['finish unregister', 1],
] as const) {
  test(`"${name}" keeps the result's capabilities`, () => {
    const frame = connectorFrame(name);
    assert.deepEqual(decode(frame, 'finish'), { kind: 'finish', questionId, releaseResultCaps: false });
    assertBytes(encodeFinish(questionId, false), frame);
  });
}

test('the goodbye is an abort with its reason', () => {
  const frame = connectorFrame('abort');
  assert.equal(decode(frame, 'abort').reason, 'rpc: shutdown');
  assertBytes(encodeAbort('rpc: shutdown'), frame);
});

test('the bootstrap answer carries our capability in its table', () => {
  const frame = edgeFrame('bootstrap');
  const message = decode(frame, 'return');
  assert.ok(message.result.kind === 'results');
  assert.equal(bootstrapCapability(message.result.payload), 0);
  assertBytes(encodeBootstrapResult(0, 0), frame);
});

test('connection details are read and written as go-capnp does', () => {
  const frame = edgeFrame('registered');
  const message = decode(frame, 'return');
  assert.ok(message.result.kind === 'results');
  const response = readRegisterResponse(message.result.payload.struct(0));
  assert.ok('details' in response);
  assert.equal(response.details.locationName, 'qlab01');
  assert.equal(response.details.tunnelIsRemotelyManaged, false);
  assertBytes(
    encodeResults(1, (payload) => writeRegisterResponse(payload, response)),
    frame,
  );
});

test('empty results are written as go-capnp does', () => {
  assertBytes(encodeResults(1, writeNothing), edgeFrame('unregistered'));
});

test('several frames back to back are cut apart', () => {
  const kinds = (hex: string) =>
    createFrameReader()
      .push(Buffer.from(hex, 'hex'))
      .map((message) => decodeRpc(message).kind);
  const { edge, connector } = wireVectors.updateConfiguration;
  assert.deepEqual(kinds(edge), ['bootstrap', 'call', 'finish', 'finish', 'abort']);
  assert.deepEqual(kinds(connector), ['return', 'return']);
});

test('lists of structs are read: the metadata of a QUIC request', () => {
  const request = decodeMessage(Buffer.from(wireVectors.connect.request, 'hex'));
  assert.equal(request.text(0), 'http://app.example.com/cl?x=1');
  const metadata = request.structs(1).map((entry) => [entry.text(0), entry.text(1)]);
  assert.deepEqual(metadata.slice(0, 2), [
    ['HttpMethod', 'GET'],
    ['HttpHost', 'app.example.com'],
  ]);
  assert.equal(metadata.length, 5);
  const refused = decodeMessage(Buffer.from(wireVectors.connect.refused, 'hex'));
  assert.match(refused.text(0), /^Unable to reach the origin service/);
  assert.deepEqual(refused.structs(1), []);
});

for (const [index, hex] of wireVectors.segmented.register.entries()) {
  test(`a registration spread over segments reads the same (${index})`, () => {
    const request = readRegisterRequest(decodeMessage(Buffer.from(hex, 'hex')));
    assert.deepEqual(
      { ...request, tunnelId: bytesToUuid(request.tunnelId), auth: { ...request.auth, tunnelSecret: undefined } },
      {
        auth: { accountTag: 'acct', tunnelSecret: undefined },
        tunnelId: '11111111-2222-4333-8444-555555555555',
        connIndex: 3,
        options: {
          client: {
            clientId: Uint8Array.from({ length: 16 }, (_, byte) => byte),
            features: ['alpha', 'beta', 'gamma'],
            version: '2026.8.2',
            arch: 'linux_arm64',
          },
          originLocalIp: Uint8Array.of(127, 0, 0, 1),
          replaceExisting: true,
          compressionQuality: 7,
          numPreviousAttempts: 255,
        },
      },
    );
    assert.deepEqual(
      request.auth.tunnelSecret,
      Uint8Array.from({ length: 10 }, (_, byte) => byte),
    );
  });
}

test('a registration error spread over segments is read', () => {
  const response = readRegisterResponse(decodeMessage(Buffer.from(wireVectors.segmented.registrationError, 'hex')));
  assert.deepEqual(response, { error: { cause: 'EDUPCONN', retryAfterNs: 300_000_000_000n, shouldRetry: true } });
});

test('a registration error survives writing and reading', () => {
  const error = { cause: 'no such tunnel', retryAfterNs: -5n, shouldRetry: false };
  const message = decode(
    encodeResults(7, (payload) => writeRegisterResponse(payload, { error })),
    'return',
  );
  assert.equal(message.answerId, 7);
  assert.ok(message.result.kind === 'results');
  assert.deepEqual(readRegisterResponse(message.result.payload.struct(0)), { error });
});

test('lists of structs are read across segments', () => {
  const request = decodeMessage(Buffer.from(wireVectors.segmented.connect, 'hex'));
  assert.equal(request.u16(0), 1);
  assert.deepEqual(
    request.structs(1).map((entry) => [entry.text(0), entry.text(1)]),
    [
      ['HttpMethod', 'GET'],
      ['HttpHost', 'a'],
      ['empty', ''],
    ],
  );
});
