// What kind of stream the edge opened. Pure; first match wins, values compared exactly, as cloudflared does.
import type { IncomingHttpHeaders } from 'node:http2';
import { headerNames } from './headers.ts';

/** Every kind of stream an edge opens to a connector. */
export type StreamKind = 'update-configuration' | 'websocket' | 'tcp' | 'control-stream' | 'http';

/** The kind of a stream by its request headers; an unknown upgrade value is plain HTTP. */
export function streamKind(headers: IncomingHttpHeaders): StreamKind {
  const upgrade = headers[headerNames.upgrade];
  if (upgrade === undefined && headers[headerNames.proxySource] === undefined) return 'http';
  if (upgrade === 'update-configuration') return 'update-configuration';
  if (upgrade === 'websocket') return 'websocket';
  if ((headers[headerNames.proxySource] ?? '') !== '') return 'tcp';
  if (upgrade === 'control-stream') return 'control-stream';
  return 'http';
}
