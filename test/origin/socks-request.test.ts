// SOCKS 5 as clients speak it, in any pieces, and as they should not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSocksReader, type SocksStep } from '../../src/origin/socks-request.ts';

/** Greeting and request; pushes them piece by piece and gives the last step. */
function converse(bytes: readonly number[], pieceLength: number): SocksStep {
  const reader = createSocksReader();
  let step: SocksStep = { kind: 'more' };
  for (let at = 0; at < bytes.length; at += pieceLength) {
    step = reader.push(Buffer.from(bytes.slice(at, at + pieceLength)));
    while (step.kind === 'answer') {
      assert.deepEqual([...step.bytes], [5, 0]);
      step = reader.push();
    }
    if (step.kind === 'refuse') return step;
  }
  return step;
}

const greeting = [5, 2, 0, 2];
const name = [...Buffer.from('nas.lan')];

const destinations: { kind: string; request: number[]; host: string }[] = [
  { kind: 'an IPv4 address', request: [5, 1, 0, 1, 192, 168, 1, 10, 0, 22], host: '192.168.1.10' },
  { kind: 'a name', request: [5, 1, 0, 3, name.length, ...name, 0, 22], host: 'nas.lan' },
  {
    kind: 'an IPv6 address',
    request: [5, 1, 0, 4, 0xfd, ...Array.from({ length: 14 }, () => 0), 1, 0, 22],
    host: 'fd00:0:0:0:0:0:0:1',
  },
];
for (const { kind, request, host } of destinations) {
  for (const pieceLength of [1, 3, 1000]) {
    test(`${kind} in pieces of ${pieceLength} is a destination`, () => {
      const step = converse([...greeting, ...request], pieceLength);
      assert.deepEqual(step, { kind: 'connect', destination: { host, port: 22 }, rest: Buffer.alloc(0) });
    });
  }
}

test('what follows the request is for the destination', () => {
  const step = converse([...greeting, 5, 1, 0, 1, 1, 2, 3, 4, 0, 80, 71, 69, 84], 1000);
  assert.equal(step.kind === 'connect' && step.rest.toString(), 'GET');
});

const refused: { name: string; bytes: number[]; answer: number[] }[] = [
  { name: 'SOCKS 4', bytes: [4, 1, 0, 80], answer: [5, 255] },
  { name: 'HTTP', bytes: [...Buffer.from('GET / HTTP/1.1')], answer: [5, 255] },
  { name: 'a password wanted', bytes: [5, 1, 2], answer: [5, 255] },
  { name: 'no method', bytes: [5, 0], answer: [5, 255] },
  { name: 'BIND', bytes: [...greeting, 5, 2, 0, 1, 1, 2, 3, 4, 0, 80], answer: [5, 7] },
  { name: 'UDP', bytes: [...greeting, 5, 3, 0, 1, 1, 2, 3, 4, 0, 80], answer: [5, 7] },
  { name: 'an unknown kind of address', bytes: [...greeting, 5, 1, 0, 2, 1, 2, 3, 4, 0, 80], answer: [5, 8] },
  { name: 'an empty name', bytes: [...greeting, 5, 1, 0, 3, 0, 0, 80], answer: [5, 8] },
  { name: 'a name with a line break', bytes: [...greeting, 5, 1, 0, 3, 2, 10, 97, 0, 80], answer: [5, 8] },
];
for (const { name: what, bytes, answer } of refused)
  test(`${what} is refused`, () => {
    const step = converse(bytes, 1000);
    assert.equal(step.kind, 'refuse');
    assert.deepEqual(step.kind === 'refuse' && [...step.bytes.subarray(0, 2)], answer);
  });

test('a greeting that is not complete waits', () => assert.equal(converse([5, 3, 0], 1000).kind, 'more'));
