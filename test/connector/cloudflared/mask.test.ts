// Secrets must not reach the log.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMask } from '../../../src/connector/cloudflared/mask.ts';

const mask = createMask(['c2VjcmV0c2VjcmV0', 'short']);
const cases = [
  ['a known secret anywhere', 'using xc2VjcmV0c2VjcmV0x now', 'using x[secret]x now'],
  ['something too short to be one stays', 'a short text', 'a short text'],
  ['a tunnel token', 'token eyJhIjoiYWJjIiwidCI6IjExMTExMSIsInMiOiJhIn0= x', 'token [secret] x'],
  ['a JSON web token', 'got eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIx.abc-_', 'got [secret]'],
  ['a query parameter', 'GET /logs?access_token=abcd&x=1', 'GET /logs?access_token=[secret]&x=1'],
  ['a JSON field', '{"TunnelSecret":"abc","a":1}', '{"TunnelSecret":"[secret]","a":1}'],
  ['a header', 'Authorization: Basic dXNlcjpwYXNz', 'Authorization: [secret]'],
  ['a bearer', 'sent Bearer abc.def', 'sent Bearer [secret]'],
  ['an ordinary line', 'Registered tunnel connection', 'Registered tunnel connection'],
] as const;
for (const [name, text, masked] of cases) {
  test(`${name}: ${text}`, () => assert.equal(mask(text), masked));
}
