// Reading cloudflared's log lines; the texts were written by releases 2023.7.3 (console) and 2026.8.2 (JSON).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseLogLine } from '../../../src/connector/cloudflared/log-line.ts';

const cases = [
  {
    name: 'a console line with plain fields',
    line: '2026-11-21T20:46:30Z INF Registered tunnel connection connIndex=0 connection=6e1c event=0 ip=127.0.0.1 location=lcl01 protocol=http2',
    level: 'info',
    message: 'Registered tunnel connection',
    fields: { connIndex: 0, connection: '6e1c', event: 0, ip: '127.0.0.1', location: 'lcl01', protocol: 'http2' },
  },
  {
    name: 'a console line with a quoted field',
    line: '2026-11-21T20:46:30Z ERR Serve tunnel error error="DialContext error: dial tcp 127.0.0.1:1: connect: connection refused" connIndex=0 event=0 ip=127.0.0.1',
    level: 'error',
    message: 'Serve tunnel error',
    fields: {
      error: 'DialContext error: dial tcp 127.0.0.1:1: connect: connection refused',
      connIndex: 0,
      event: 0,
      ip: '127.0.0.1',
    },
  },
  {
    name: 'quotes and equal signs inside a quoted field',
    line: '2026-11-21T20:46:30Z ERR update check failed error="Get \\"https://update.argotunnel.com?arch=amd64&os=linux\\": no such host"',
    level: 'error',
    message: 'update check failed',
    fields: { error: 'Get "https://update.argotunnel.com?arch=amd64&os=linux": no such host' },
  },
  {
    name: 'a message that holds something like a field',
    line: '2026-11-21T20:46:30Z INF Settings: map[config:c.yml p:http2] a=b',
    level: 'info',
    message: 'Settings: map[config:c.yml p:http2]',
    fields: { a: 'b' },
  },
  {
    name: 'a message with quotes at its end',
    line: '2026-11-21T20:46:30Z WRN it says "x=1 y"',
    level: 'warn',
    message: 'it says "x=1 y"',
    fields: {},
  },
  {
    name: 'a message without fields, with an offset and fractions of a second',
    line: '2026-11-21T21:46:30.123+01:00 DBG Tunnel server stopped',
    level: 'debug',
    message: 'Tunnel server stopped',
    fields: {},
  },
  {
    name: 'Go’s own escapes are left alone',
    line: String.raw`2026-11-21T20:46:30Z WRN odd error="a\x1bb"`,
    level: 'warn',
    message: 'odd',
    fields: { error: String.raw`a\x1bb` },
  },
  {
    name: 'a JSON line',
    line: '{"connIndex":0,"error":"connection refused","event":0,"ip":"127.0.0.1","level":"error","message":"Serve tunnel error","time":"2026-11-21T20:46:43Z"}',
    level: 'error',
    message: 'Serve tunnel error',
    fields: { connIndex: 0, error: 'connection refused', event: 0, ip: '127.0.0.1' },
  },
  {
    name: 'a JSON line with nested values',
    line: '{"level":"warn","message":"m","a":{"b":[1]},"c":null,"d":true}',
    level: 'warn',
    message: 'm',
    fields: { a: '{"b":[1]}', c: null, d: true },
  },
  {
    name: 'a JSON line of an unknown level',
    line: '{"level":"loud","message":"m"}',
    level: 'info',
    message: 'm',
    fields: {},
  },
  {
    name: 'an object that is no log line is plain text',
    line: '{"message":5}',
    level: 'warn',
    message: '{"message":5}',
    fields: {},
  },
  {
    name: 'a usage error is plain text',
    line: "Tunnel credentials file '/x.json' doesn't exist or is not a file",
    level: 'warn',
    message: "Tunnel credentials file '/x.json' doesn't exist or is not a file",
    fields: {},
  },
  { name: 'half a JSON line is plain text', line: '{"level":"in', level: 'warn', message: '{"level":"in', fields: {} },
];
for (const { name, line, level, message, fields } of cases) {
  test(name, () => assert.deepEqual(parseLogLine(line), { level, message, fields }));
}

test('no text makes it throw', () => {
  const odd = fc.string({ unit: fc.constantFrom('"', '\\', '=', ' ', 'a', '{', '}', ':', '1') });
  fc.assert(
    fc.property(odd, (text) => {
      assert.equal(typeof parseLogLine(text).message, 'string');
      assert.equal(typeof parseLogLine(`2026-11-21T20:46:30Z INF ${text}`).message, 'string');
    }),
  );
});

test('a field called __proto__ is only a field', () => {
  const line = parseLogLine('{"level":"info","message":"m","__proto__":{"polluted":true}}');
  assert.equal('polluted' in line.fields, false);
  assert.equal('polluted' in {}, false);
});
