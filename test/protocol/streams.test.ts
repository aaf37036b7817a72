// The table of stream kinds, in cloudflared's order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { streamKind } from '../../src/protocol/streams.ts';

const upgrade = 'cf-cloudflared-proxy-connection-upgrade';
const source = 'cf-cloudflared-proxy-src';

for (const { headers, kind } of [
  { headers: {}, kind: 'http' },
  { headers: { [upgrade]: 'update-configuration' }, kind: 'update-configuration' },
  { headers: { [upgrade]: 'update-configuration', [source]: '192.0.2.1' }, kind: 'update-configuration' },
  { headers: { [upgrade]: 'websocket' }, kind: 'websocket' },
  { headers: { [upgrade]: 'websocket', [source]: '192.0.2.1' }, kind: 'websocket' },
  { headers: { [source]: '192.0.2.1' }, kind: 'tcp' },
  { headers: { [source]: '' }, kind: 'http' },
  { headers: { [upgrade]: 'control-stream', [source]: '192.0.2.1' }, kind: 'tcp' },
  { headers: { [upgrade]: 'control-stream', [source]: '' }, kind: 'control-stream' },
  { headers: { [upgrade]: 'control-stream' }, kind: 'control-stream' },
  { headers: { [upgrade]: 'WebSocket' }, kind: 'http' },
  { headers: { [upgrade]: 'bogus' }, kind: 'http' },
  { headers: { upgrade: 'websocket' }, kind: 'http' },
]) {
  test(`${JSON.stringify(headers)} is ${kind}`, () => assert.equal(streamKind(headers), kind));
}
