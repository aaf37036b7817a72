// The session options, on real sessions with the roles reversed: what fits is carried, and a session outlives it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect, performServerHandshake, type ServerHttp2Session } from 'node:http2';
import { type TestContext, test } from 'node:test';
import { decodeResponseHeaders, encodeResponseHeaders, headerBlock } from '../../src/protocol/headers.ts';
import {
  connectionWindow,
  maxHeaderBlock,
  maxHeaderValue,
  raiseWindow,
  sessionOptions,
} from '../../src/protocol/http2.ts';
import { streamPair, until } from './capnp/stream-pair.ts';

/** An edge (HTTP/2 client) and a connector (HTTP/2 server) on one connection. */
async function tunnel(context: TestContext): Promise<{ edge: ClientHttp2Session; connector: ServerHttp2Session }> {
  const pair = await streamPair();
  const connector = performServerHandshake(pair.client, sessionOptions);
  const edge = connect('http://edge', { ...sessionOptions, createConnection: () => pair.server });
  for (const session of [edge, connector]) raiseWindow(session);
  context.after(() => {
    edge.destroy();
    connector.destroy();
    pair.close();
  });
  return { edge, connector };
}

/** Text HPACK cannot shorten: `~` takes 13 bits in its Huffman code. */
const incompressible = (length: number) => '~'.repeat(length);

/** A block of exactly the largest size, in values of the largest length. */
function largestBlock(first: readonly string[]): string[] {
  const headers = [...first];
  for (let index = 0; headerBlock(headers).size < maxHeaderBlock; index++) {
    const room = maxHeaderBlock - headerBlock(headers).size - 32 - `x-${index}`.length;
    headers.push(`x-${index}`, incompressible(Math.min(maxHeaderValue, Math.max(room, 0))));
    if (room < 100) break;
  }
  return headers;
}

test('the largest request and response that fit are carried', async (context) => {
  const { edge, connector } = await tunnel(context);
  const response = largestBlock([':status', '200']);
  connector.on('stream', (stream, headers) => {
    assert.equal(String(headers['x-0']).length, maxHeaderValue);
    stream.respond(response);
    stream.end('done');
  });
  const request = largestBlock([':method', 'GET', ':path', '/', ':scheme', 'https', ':authority', 'a']);
  assert.ok(headerBlock(request).fits && headerBlock(response).fits);
  assert.ok(headerBlock(request).size > maxHeaderBlock - 100);
  const stream = edge.request(request);
  const [headers] = (await once(stream, 'response')) as [Record<string, string>];
  assert.equal(headers['x-0']?.length, maxHeaderValue);
  stream.resume();
  await once(stream, 'close');
  assert.deepEqual([edge.destroyed, connector.destroyed], [false, false]);
});

test('an encoded response is read on the other side as it was', async (context) => {
  const { edge, connector } = await tunnel(context);
  const headers = ['Content-Type', 'text/plain', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Bytes', 'Gr\xfc\xdfe'];
  connector.on('stream', (stream) => {
    stream.respond(encodeResponseHeaders({ status: 404, headers, source: 'origin' }).headers);
    stream.end('no');
  });
  const stream = edge.request({ ':path': '/' });
  const [received] = await once(stream, 'response');
  stream.resume();
  assert.deepEqual(decodeResponseHeaders(received), {
    status: 404,
    source: 'origin',
    flowRateLimited: false,
    upgraded: false,
    headers,
  });
  await once(stream, 'close');
});

test('a hundred headers more than usual do not reset the stream', async (context) => {
  const { edge, connector } = await tunnel(context);
  connector.on('stream', (stream) => {
    stream.respond();
    stream.end();
  });
  const many = Array.from({ length: 900 }, (_, index) => [`x-${index}`, '1']).flat();
  const stream = edge.request([':method', 'GET', ':path', '/', ':scheme', 'https', ':authority', 'a', ...many]);
  const [headers] = await once(stream, 'response');
  assert.equal(headers[':status'], 200);
  stream.resume();
  await once(stream, 'close');
});

test('many visitors leaving at once do not end the session', async (context) => {
  const { edge, connector } = await tunnel(context);
  connector.on('stream', (stream) => stream.on('error', () => undefined).respond());
  for (let round = 0; round < 15; round++) {
    const streams = Array.from({ length: 100 }, () => edge.request({ ':path': '/' }).on('error', () => undefined));
    await Promise.all(streams.map((stream) => once(stream, 'response')));
    for (const stream of streams) stream.close(8);
    await Promise.all(streams.map((stream) => once(stream, 'close')));
  }
  const last = edge.request({ ':path': '/' });
  const [headers] = await once(last, 'response');
  assert.equal(headers[':status'], 200);
  last.on('error', () => undefined).close(8);
  await once(last, 'close');
});

test('both ends tell each other of the large windows', async (context) => {
  const { edge, connector } = await tunnel(context);
  await until(() => edge.remoteSettings?.initialWindowSize === sessionOptions.settings.initialWindowSize);
  assert.equal(connector.state.effectiveLocalWindowSize, connectionWindow);
  assert.equal(edge.state.effectiveLocalWindowSize, connectionWindow);
});

test('a window is raised once a session that still dials is connected, and never on a dead one', async (context) => {
  const { edge } = await tunnel(context);
  edge.destroy();
  raiseWindow(edge);
});
