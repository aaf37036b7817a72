// Headers across the tunnel: what survives, what must not, and that no bytes are lost on the way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ProtocolError } from '../../src/errors.ts';
import {
  cleanRequestHeaders,
  decodeResponseHeaders,
  encodeResponseHeaders,
  endToEndHeaders,
  type HeaderBlock,
  headerBlock,
  headerNames,
  parseResponseMeta,
  parseSerializedHeaders,
  type ReceivedHeaders,
  responseMeta,
  serializeHeaders,
} from '../../src/protocol/headers.ts';

/** A block as the other end's node:http2 gives it. */
function received(block: HeaderBlock): ReceivedHeaders {
  const headers: Record<string, string> = {};
  for (let i = 0; i + 1 < block.headers.length; i += 2) headers[block.headers[i] ?? ''] = block.headers[i + 1] ?? '';
  return headers;
}

function throughTunnel(status: number, headers: readonly string[]) {
  return decodeResponseHeaders(received(encodeResponseHeaders({ status, headers, source: 'origin' })));
}

const latin1 = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 40,
});
const value = fc.string({
  unit: fc
    .oneof(fc.integer({ min: 0x20, max: 0x7e }), fc.integer({ min: 0x80, max: 0xff }), fc.constant(9))
    .map((code) => String.fromCharCode(code)),
  maxLength: 60,
});
const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_.!~-]{0,20}$/).map((text) => `X-${text}`);

test('serialised headers come back exactly: any latin1, duplicates, order', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(latin1, latin1)), (pairs) => {
      assert.deepEqual(parseSerializedHeaders(serializeHeaders(pairs)), pairs);
    }),
  );
});

test('the encoding is base64 without padding, as cloudflared writes and reads it', () => {
  const pairs = [
    ['Content-Type', 'text/plain'],
    ['a', ''],
    ['X-Bytes', '\xff\xfe>?'],
  ] as const;
  const serialized =
    'Q29udGVudC1UeXBl:dGV4dC9wbGFpbg;YQ:;WC1CeXRlcw:' +
    Buffer.from('\xff\xfe>?', 'latin1').toString('base64').replaceAll('=', '');
  assert.equal(serializeHeaders(pairs), serialized);
  assert.deepEqual(parseSerializedHeaders(`;${serialized};;`), pairs);
  assert.equal(serializeHeaders([]), '');
  assert.deepEqual(parseSerializedHeaders(''), []);
});

for (const broken of ['YQ', 'YQ:Yg:Yw', 'Y*:Yg', 'YQ:é', 'YQ:Y', 'YQ:Yg;YQ']) {
  test(`broken serialisation "${broken}" is a ProtocolError`, () => {
    assert.throws(() => parseSerializedHeaders(broken), ProtocolError);
  });
}

test('any text parses or is a ProtocolError', () => {
  const alphabet = fc.string({ unit: fc.constantFrom(...'abzAZ09+/=:; ;:é\n') });
  fc.assert(
    fc.property(fc.oneof(alphabet, fc.string()), (text) => {
      try {
        parseSerializedHeaders(text);
        decodeResponseHeaders({
          ':status': 200,
          [headerNames.responseHeaders]: text,
          [headerNames.responseMeta]: text,
        });
      } catch (error) {
        assert.ok(error instanceof ProtocolError);
      }
    }),
  );
});

test('characters beyond latin1 cannot be serialised', () => {
  assert.throws(() => serializeHeaders([['x', '日本']]), ProtocolError);
});

test("an origin's headers reach the visitor whole: case, order, duplicates, latin1", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value)), (pairs) => {
      assert.deepEqual(throughTunnel(200, pairs.flat()).headers, pairs.flat());
    }),
  );
});

test('buffers are taken as latin1 strings are', () => {
  const headers = ['Content-Type', 'text/plain', 'X-Name', 'Gr\xfc\xdfe'];
  const asBuffers = headers.map((part) => Buffer.from(part, 'latin1'));
  assert.deepEqual(
    encodeResponseHeaders({ status: 200, headers: asBuffers, source: 'origin' }),
    encodeResponseHeaders({ status: 200, headers, source: 'origin' }),
  );
});

const connectionCases = [
  { connection: 'keep-alive', kept: ['X-A', '1', 'X-B', '2'] },
  { connection: 'close', kept: ['X-A', '1', 'X-B', '2'] },
  { connection: 'X-A', kept: ['X-B', '2'] },
  { connection: 'keep-alive, x-b ,X-C', kept: ['X-A', '1'] },
];
for (const { connection, kept } of connectionCases) {
  test(`hop-by-hop headers and those named by "connection: ${connection}" end at the edge`, () => {
    const origin = [
      ...['Connection', connection, 'X-A', '1', 'Keep-Alive', 'timeout=5', 'Proxy-Connection', 'close', 'TE', 'gzip'],
      ...['Transfer-Encoding', 'chunked', 'Upgrade', 'h2c', 'Trailer', 'X-T', 'X-B', '2'],
    ];
    assert.deepEqual(throughTunnel(200, origin).headers, kept);
    // A cloudflared does not strip them.
    const pairs = Array.from(
      { length: origin.length / 2 },
      (_, i) => [origin[2 * i] ?? '', origin[2 * i + 1] ?? ''] as const,
    );
    const unstripped = { ':status': 200, [headerNames.responseHeaders]: serializeHeaders(pairs) };
    assert.deepEqual(decodeResponseHeaders(unstripped).headers, kept);
    assert.deepEqual(endToEndHeaders(origin), kept);
  });
}

test('what is malformed or reserved never reaches the visitor', () => {
  const serialized = serializeHeaders([
    ['X-Good', 'yes'],
    ['X-Split', 'a\r\nSet-Cookie: stolen=1'],
    ['X-Nul', 'a\0b'],
    ['X Bad', 'name'],
    ['', 'no name'],
    ['X-New\nLine', 'name'],
    [':status', '500'],
    ['Cf-Cloudflared-Response-Meta', '{}'],
    ['CF-Int-Thing', 'x'],
    ['cf-proxy-worker', 'x'],
    ['CF-Cache-Status', 'HIT'],
  ]);
  const response = decodeResponseHeaders({ ':status': 200, [headerNames.responseHeaders]: serialized });
  assert.deepEqual(response.headers, ['X-Good', 'yes', 'CF-Cache-Status', 'HIT']);
});

test('malformed and reserved headers of an origin are not sent', () => {
  const block = encodeResponseHeaders({
    status: 200,
    headers: [
      'X-Good',
      'yes',
      'X Bad',
      'x',
      'X-Cr',
      'a\rb',
      'X-Wide',
      '日本',
      'cf-cloudflared-x',
      'y',
      'Cf-Int-Y',
      'z',
    ],
    source: 'origin',
  });
  assert.deepEqual(received(block)[headerNames.responseHeaders], serializeHeaders([['X-Good', 'yes']]));
});

test('headers outside the serialised set are ignored', () => {
  const response = decodeResponseHeaders({
    ':status': 200,
    'content-type': 'application/x-gzip',
    date: 'now',
    [headerNames.responseHeaders]: serializeHeaders([['Content-Type', 'text/plain']]),
  });
  assert.deepEqual(response.headers, ['Content-Type', 'text/plain']);
});

test('content-length is sent beside the serialised headers, so that HTTP/2 checks it', () => {
  const block = encodeResponseHeaders({ status: 200, headers: ['Content-Length', '12'], source: 'origin' });
  assert.equal(received(block)['content-length'], '12');
  assert.deepEqual(throughTunnel(200, ['Content-Length', '12']).headers, ['Content-Length', '12']);
});

test('one content-length is enough, and two that differ are refused', () => {
  assert.deepEqual(throughTunnel(200, ['Content-Length', '12', 'content-length', '12']).headers, [
    'Content-Length',
    '12',
  ]);
  for (const lengths of [['12', '13'], ['-1'], ['1e3'], ['12, 12'], ['']]) {
    const headers = lengths.flatMap((length) => ['Content-Length', length]);
    assert.throws(() => encodeResponseHeaders({ status: 200, headers, source: 'origin' }), ProtocolError);
    const serialized = serializeHeaders(lengths.map((length) => ['Content-Length', length] as const));
    assert.throws(
      () => decodeResponseHeaders({ ':status': 200, [headerNames.responseHeaders]: serialized }),
      ProtocolError,
    );
  }
});

test('a 204 has no content-length at the HTTP/2 level, which would be an error there', () => {
  const block = encodeResponseHeaders({ status: 204, headers: ['Content-Length', '0'], source: 'origin' });
  assert.equal(received(block)['content-length'], undefined);
});

test("a websocket's 101 crosses as 200 with the upgrade in it", () => {
  const origin = [
    ...['Upgrade', 'WebSocket', 'Connection', 'Upgrade', 'Sec-WebSocket-Accept', 'abc=', 'Content-Length', '0'],
  ];
  const block = encodeResponseHeaders({ status: 101, headers: origin, source: 'origin' });
  assert.equal(received(block)[':status'], '200');
  assert.equal(received(block)['content-length'], undefined);
  const serialized = parseSerializedHeaders(String(received(block)[headerNames.responseHeaders]));
  assert.deepEqual(serialized.slice(0, 2), [
    ['Upgrade', 'WebSocket'],
    ['Connection', 'Upgrade'],
  ]);
  const response = decodeResponseHeaders(received(block));
  assert.equal(response.upgraded, true);
  assert.deepEqual(response.headers, ['Sec-WebSocket-Accept', 'abc=']);
});

test('a refusal of a websocket, or an offer of another protocol, is no upgrade', () => {
  assert.equal(throughTunnel(403, ['Upgrade', 'websocket']).upgraded, false);
  const offer = { ':status': 200, [headerNames.responseHeaders]: serializeHeaders([['Upgrade', 'h2,h2c']]) };
  assert.equal(decodeResponseHeaders(offer).upgraded, false);
});

for (const status of [0, 100, 103, 199, 600, 999, Number.NaN, 200.5]) {
  test(`status ${status} cannot be sent`, () => {
    assert.throws(() => encodeResponseHeaders({ status, headers: [], source: 'origin' }), ProtocolError);
  });
}

for (const { meta, text } of [
  { meta: { source: 'origin', flowRateLimited: false }, text: '{"src":"origin"}' },
  { meta: { source: 'cloudflared', flowRateLimited: false }, text: '{"src":"cloudflared"}' },
  { meta: { source: 'cloudflared', flowRateLimited: true }, text: '{"src":"cloudflared","flow_rate_limited":true}' },
] as const) {
  test(`the meta header ${text}`, () => {
    assert.equal(responseMeta(meta), text);
    assert.deepEqual(parseResponseMeta(text), meta);
  });
}

for (const text of ['', 'origin', '[', 'null', '1']) {
  test(`the meta header "${text}" is a ProtocolError`, () => {
    assert.throws(() => parseResponseMeta(text), ProtocolError);
  });
}

test('an answer of the connector itself carries no serialised headers, as cloudflared sends it', () => {
  const block = encodeResponseHeaders({ status: 502, headers: [], source: 'cloudflared' });
  assert.deepEqual(block.headers, [':status', '502', headerNames.responseMeta, '{"src":"cloudflared"}']);
  const response = decodeResponseHeaders(received(block));
  assert.deepEqual([response.status, response.source, response.headers], [502, 'cloudflared', []]);
});

const browserRequest = [
  ...[':method', 'POST', ':scheme', 'https', ':authority', 'app.example.com', ':path', '/a?b=%20c'],
  ...['user-agent', 'curl', 'cookie', 'a=1', 'cookie', 'b=2', 'content-length', '5', 'x-bytes', 'Gr\xfc\xdfe'],
  ...['cf-connecting-ip', '192.0.2.1', 'te', 'trailers', 'expect', '100-continue', 'host', 'other.example.com'],
  ...['cf-cloudflared-proxy-connection-upgrade', 'bogus', 'Cf-Int-Secret', '1', 'cf-proxy-x', '1', 'keep-alive', '5'],
];

test('a request reaches the origin without internal and hop-by-hop headers', () => {
  assert.deepEqual(cleanRequestHeaders(browserRequest, { websocket: false }), {
    method: 'POST',
    scheme: 'https',
    authority: 'app.example.com',
    path: '/a?b=%20c',
    headers: [
      ...['user-agent', 'curl', 'cookie', 'a=1', 'cookie', 'b=2', 'content-length', '5', 'x-bytes', 'Gr\xfc\xdfe'],
      ...['cf-connecting-ip', '192.0.2.1', 'te', 'trailers'],
    ],
  });
});

test('host stands in for a missing :authority, and what is missing gets a default', () => {
  assert.deepEqual(cleanRequestHeaders(['Host', 'a.example.com'], { websocket: false }), {
    method: 'GET',
    scheme: 'http',
    authority: 'a.example.com',
    path: '/',
    headers: [],
  });
});

test('a websocket request gets its handshake back and has no body', () => {
  const raw = [
    ...[':method', 'GET', ':authority', 'a', ':path', '/ws', 'sec-websocket-key', 'k', 'Sec-WebSocket-Version', '8'],
    ...['content-length', '0', 'upgrade', 'x', 'connection', 'sec-websocket-key', 'origin', 'https://a'],
  ];
  const { headers } = cleanRequestHeaders(raw, { websocket: true });
  assert.deepEqual(headers, [
    ...['origin', 'https://a'],
    ...['connection', 'Upgrade', 'upgrade', 'websocket', 'sec-websocket-version', '13'],
  ]);
});

test('a block counts names, values and 32 for each header', () => {
  assert.equal(headerBlock(['ab', 'cde', 'f', '']).size, 2 + 3 + 1 + 64);
});

for (const { what, headers, fits } of [
  { what: 'a value of 64 KiB', headers: ['x', 'v'.repeat(65_536)], fits: true },
  { what: 'a value above 64 KiB', headers: ['x', 'v'.repeat(65_537)], fits: false },
  { what: 'a block of 128 KiB', headers: ['x', 'v'.repeat(65_503), 'y', 'v'.repeat(65_503)], fits: true },
  { what: 'a block above 128 KiB', headers: ['x', 'v'.repeat(65_504), 'y', 'v'.repeat(65_503)], fits: false },
]) {
  test(`${what} ${fits ? 'fits' : 'does not fit'}`, () => assert.equal(headerBlock(headers).fits, fits));
}
