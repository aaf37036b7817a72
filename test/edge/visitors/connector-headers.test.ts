// A visitor's headers as the connector gets them.
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  type ConnectorRequest,
  connectorRequest,
  type VisitorRequest,
} from '../../../src/edge/visitors/connector-headers.ts';
import { headerBlock } from '../../../src/protocol/headers.ts';

const ray = '0123456789abcdef-sallyport';

function request(rawHeaders: readonly string[], change: Partial<VisitorRequest> = {}): VisitorRequest {
  return {
    method: 'GET',
    scheme: 'https',
    authority: undefined,
    path: '/',
    rawHeaders: ['Host', 'app.test', ...rawHeaders],
    address: '192.0.2.7',
    websocket: false,
    hasBody: undefined,
    ...change,
  };
}

function built(rawHeaders: readonly string[], change: Partial<VisitorRequest> = {}): ConnectorRequest {
  const result = connectorRequest(request(rawHeaders, change), ray);
  assert.ok(!('problem' in result), JSON.stringify(result));
  return result;
}

/** All values of a header. */
function values(result: ConnectorRequest, name: string): string[] {
  return result.headers.filter((_, index) => index % 2 === 1 && result.headers[index - 1] === name);
}

interface Case {
  readonly name: string;
  readonly headers: readonly string[];
  readonly change?: Partial<VisitorRequest>;
  readonly header: string;
  readonly expected: readonly string[];
}

const cases: readonly Case[] = [
  { name: 'the ray is passed on', headers: [], header: 'cf-ray', expected: [ray] },
  { name: 'the scheme of the visitor is told', headers: [], header: 'cf-visitor', expected: ['{"scheme":"https"}'] },
  { name: 'a first proxy begins the list', headers: [], header: 'x-forwarded-for', expected: ['192.0.2.7'] },
  {
    name: 'a list of proxies is continued',
    headers: ['X-Forwarded-For', '10.0.0.1', 'x-forwarded-for', '10.0.0.2, 10.0.0.3'],
    header: 'x-forwarded-for',
    expected: ['10.0.0.1, 10.0.0.2, 10.0.0.3, 192.0.2.7'],
  },
  { name: 'no encoding was asked for', headers: [], header: 'accept-encoding', expected: ['identity'] },
  {
    name: 'an encoding was asked for',
    headers: ['Accept-Encoding', 'br'],
    header: 'accept-encoding',
    expected: ['br'],
  },
  { name: 'the first loop', headers: [], header: 'cdn-loop', expected: ['cloudflare; loops=1'] },
  {
    name: 'the loops are counted over all members',
    headers: ['CDN-Loop', 'other; x=1, cloudflare; loops=2', 'cdn-loop', 'Cloudflare'],
    header: 'cdn-loop',
    expected: ['other; x=1, cloudflare; loops=4'],
  },
  {
    name: 'a count that is none',
    headers: ['CDN-Loop', 'cloudflare; loops=-9'],
    header: 'cdn-loop',
    expected: ['cloudflare; loops=2'],
  },
  { name: 'te goes no further', headers: ['TE', 'gzip'], header: 'te', expected: [] },
  { name: 'te: trailers does', headers: ['TE', 'Trailers'], header: 'te', expected: ['trailers'] },
  { name: 'Connection goes no further', headers: ['Connection', 'keep-alive'], header: 'connection', expected: [] },
  { name: 'nor what it names', headers: ['X-Hop', '1', 'Connection', 'close, x-hop'], header: 'x-hop', expected: [] },
  {
    name: 'what the edge sets cannot be taken off that way',
    headers: ['Connection', 'cf-connecting-ip, x-forwarded-for'],
    header: 'cf-connecting-ip',
    expected: ['192.0.2.7'],
  },
  {
    name: 'credentials for a proxy stay here',
    headers: ['Proxy-Authorization', 'x'],
    header: 'proxy-authorization',
    expected: [],
  },
  {
    name: 'credentials for the origin do not',
    headers: ['Authorization', 'x'],
    header: 'authorization',
    expected: ['x'],
  },
  {
    name: 'cookies stay as they are',
    headers: ['Cookie', 'a=1', 'cookie', 'b=2'],
    header: 'cookie',
    expected: ['a=1', 'b=2'],
  },
  {
    name: 'a length is given once',
    headers: ['Content-Length', '3', 'content-length', '3'],
    header: 'content-length',
    expected: ['3'],
  },
  {
    name: 'a websocket has none',
    headers: ['Content-Length', '3'],
    change: { websocket: true },
    header: 'content-length',
    expected: [],
  },
  {
    name: 'a websocket is announced',
    headers: [],
    change: { websocket: true },
    header: 'cf-cloudflared-proxy-connection-upgrade',
    expected: ['websocket'],
  },
  {
    name: 'the Host of HTTP/2',
    headers: [],
    change: { authority: 'two.test' },
    header: ':authority',
    expected: ['two.test'],
  },
];

for (const { name, headers, change, header, expected } of cases) {
  test(`connector headers: ${name}`, () => {
    assert.deepEqual(values(built(headers, change), header), expected);
  });
}

const refused: readonly (readonly [name: string, request: VisitorRequest, problem: string])[] = [
  ['a second Host', request(['host', 'evil.test']), 'bad-request'],
  ['no Host', request([], { rawHeaders: [] }), 'bad-request'],
  ['a name that is no token', request(['x y', '1']), 'bad-request'],
  ['a null character', request(['x', 'a\0:path']), 'bad-request'],
  ['a line break', request(['x', 'a\r\nb: c']), 'bad-request'],
  ['a character beyond latin1', request(['x', '\u0100']), 'bad-request'],
  ['CONNECT', request([], { method: 'CONNECT' }), 'bad-request'],
  ['a method that is no token', request([], { method: 'GET\0' }), 'bad-request'],
  ['a path that does not begin with a slash', request([], { path: 'x' }), 'bad-request'],
  ['a space in the path', request([], { path: '/a b' }), 'bad-request'],
  ['lengths that differ', request(['content-length', '1', 'content-length', '2']), 'bad-request'],
  ['a negative length', request(['content-length', '-1']), 'bad-request'],
  ['a length and chunks', request(['content-length', '1', 'transfer-encoding', 'chunked']), 'bad-request'],
  ['an unknown encoding of the body', request(['transfer-encoding', 'gzip, chunked']), 'bad-request'],
  ['a path of more than 16 KiB', request([], { path: `/${'x'.repeat(16_384)}` }), 'path-too-long'],
  ['more than 400 headers', request(Array.from({ length: 802 }, () => 'x')), 'headers-too-large'],
  ['a value of more than 64 KiB', request(['x', 'x'.repeat(65_537)]), 'headers-too-large'],
  ['eight loops', request(['cdn-loop', 'cloudflare; loops=8']), 'loop'],
  ['many members', request(['cdn-loop', 'cloudflare,'.repeat(9)]), 'loop'],
];

for (const [name, hostile, problem] of refused) {
  test(`a request is refused for ${name}`, () => {
    assert.deepEqual(connectorRequest(hostile, ray), { problem });
  });
}

test('whatever a visitor sends, what comes out can be sent and nothing internal is his', () => {
  const name = fc.oneof(
    fc.constantFrom(
      'cf-ray',
      'Cf-Cloudflared-Proxy-Src',
      'CF-INT-x',
      'cf-proxy-x',
      'connection',
      'te',
      'cdn-loop',
      'host',
    ),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.string({ unit: 'binary' }))), fc.string(), (headers, path) => {
      const result = connectorRequest(request(headers.flat(), { path: `/${path}` }), ray);
      if ('problem' in result) return;
      assert.ok(headerBlock(result.headers).fits);
      assert.deepEqual(values(result, 'cf-ray'), [ray]);
      assert.deepEqual(values(result, 'cf-cloudflared-proxy-src'), []);
      for (const part of result.headers) assert.ok(!/[\0\r\n]/.test(part));
    }),
  );
});
