// The last touches to request headers, and which trailers may travel.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRequest } from '../../../src/connector/native/request-head.ts';
import { sendableTrailers } from '../../../src/connector/native/trailers.ts';

const cases = [
  { name: 'nothing special', headers: ['accept', '*/*'], expected: ['accept', '*/*'], length: undefined },
  {
    name: 'a length',
    headers: ['content-length', '12', 'a', 'b'],
    expected: ['content-length', '12', 'a', 'b'],
    length: 12,
  },
  {
    name: 'split cookies',
    headers: ['cookie', 'a=1', 'x', 'y', 'cookie', 'b=2', 'cookie', 'c=3'],
    expected: ['cookie', 'a=1; b=2; c=3', 'x', 'y'],
    length: undefined,
  },
  {
    name: 'a forged connector id',
    headers: ['cf-warp-tag-id', 'forged', 'x', ''],
    expected: ['x', ''],
    length: undefined,
  },
];
for (const c of cases) {
  test(`a request with ${c.name}`, () => {
    const head = readRequest([...c.headers], 'id');
    assert.deepEqual(head, { headers: [...c.expected, 'Cf-Warp-Tag-Id', 'id'], contentLength: c.length });
  });
}

test('trailers that node:http2 would refuse are dropped', () => {
  assert.deepEqual(
    sendableTrailers({
      'X-Sum': '1',
      ':status': '200',
      connection: 'close',
      'bad name': 'x',
      'x-break': 'a\r\nb',
      'x-two': ['a', 'b'],
      gone: undefined,
    }),
    { 'x-sum': ['1'], 'x-two': ['a', 'b'] },
  );
});

test('trailers too large for the session are dropped altogether', () => {
  assert.deepEqual(sendableTrailers({ 'x-a': 'a'.repeat(40_000), 'x-b': 'b'.repeat(40_000) }), {});
});
