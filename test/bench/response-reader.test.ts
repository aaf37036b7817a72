// The load’s reading of answers.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ResponseReader, type SeenAnswer } from './response-reader.ts';

const sized = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
const chunked =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n2\r\n!!\r\n0\r\nX-End: 1\r\n\r\n';
const empty = 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';

const all: SeenAnswer[] = [
  { status: 200, bodyBytes: 5, isLast: false },
  { status: 200, bodyBytes: 7, isLast: false },
  { status: 502, bodyBytes: 0, isLast: true },
];

describe('reading answers', () => {
  const bytes = Buffer.from(sized + chunked + empty);
  for (const size of [1, 2, 3, 7, 50, bytes.length]) {
    test(`they are seen whole when they arrive ${size} bytes at a time`, () => {
      const reader = new ResponseReader();
      const seen: SeenAnswer[] = [];
      for (let at = 0; at < bytes.length; at += size) seen.push(...reader.push(bytes.subarray(at, at + size)));
      assert.deepEqual(seen, all);
    });
  }
  test('an answer whose body is cut short is not counted', () => {
    assert.deepEqual(new ResponseReader().push(Buffer.from(sized.slice(0, -1))), []);
    assert.deepEqual(new ResponseReader().push(Buffer.from(chunked.slice(0, -1))), []);
  });
  for (const [name, text] of [
    ['no HTTP', 'SSH-2.0-x\r\n\r\n'],
    ['no length', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['a broken chunk size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
    ['an endless head', `HTTP/1.1 200 OK\r\n${'x'.repeat(70_000)}`],
  ] as const)
    test(`${name} is refused`, () => assert.throws(() => new ResponseReader().push(Buffer.from(text))));
});
