// Visitors who speak HTTP/2, each request one stream.
import { randomBytes } from 'node:crypto';
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { cancelStream } from '../cancel.ts';
import type { Visitor } from './visitor.ts';

/** A stream as the session's `stream` event delivers it. */
export interface IncomingStream {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly flags: number;
  readonly rawHeaders: readonly string[];
  /** The visitor's IP address. */
  readonly address: string;
}

/** One request; RFC 8441's extended CONNECT for websockets becomes an ordinary websocket request. */
export function http2Visitor(incoming: IncomingStream): Visitor {
  const { stream, headers, rawHeaders } = incoming;
  const websocket = headers[':method'] === 'CONNECT' && headers[':protocol'] === 'websocket';
  const endStream = (incoming.flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
  let trailers: readonly string[] = [];
  // Without a listener an error on one visitor's stream would end the process; `close` follows and says the same.
  stream.on('error', () => undefined);
  // HTTP/1's parser does this by itself.
  if (headers.expect === '100-continue' && !stream.destroyed) stream.additionalHeaders({ ':status': 100 });
  return {
    request: {
      method: headers[':method'] ?? 'GET',
      scheme: 'https',
      authority: headers[':authority'],
      path: headers[':path'] ?? '',
      rawHeaders: websocket ? [...rawHeaders, ...websocketHeaders()] : rawHeaders,
      address: incoming.address,
      websocket,
      hasBody: !endStream,
    },
    body: stream,
    sink: stream,
    get bodyComplete() {
      return endStream || stream.readableEnded;
    },
    get responded() {
      return stream.headersSent;
    },
    respond: (status, flat, options) => {
      if (stream.destroyed || stream.closed) return;
      const response = [':status', String(status), ...flat];
      stream.respond(response, {
        endStream: options.endStream,
        waitForTrailers: options.trailers && !options.endStream,
      });
      if (options.trailers) stream.once('wantTrailers', () => stream.sendTrailers(trailerObject(trailers)));
      if (options.endStream) dropRest(stream, endStream);
    },
    finish: (flat) => {
      trailers = flat ?? [];
      stream.end();
      dropRest(stream, endStream);
    },
    abort: () => cancelStream(stream),
    onClose: (listener) => stream.once('close', listener),
    upgrade: (flat) => acceptWebsocket(stream, flat),
  };
}

/** RFC 9113 8.1: the answer is complete; what is left of the request is not wanted. */
function dropRest(stream: ServerHttp2Stream, endStream: boolean): void {
  if (endStream || stream.readableEnded) return;
  stream.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR));
}

/** HTTP/2 has no handshake key; the connector needs one for the origin, whose proof nobody here checks. */
function websocketHeaders(): string[] {
  return ['sec-websocket-key', randomBytes(16).toString('base64'), 'sec-websocket-version', '13'];
}

function acceptWebsocket(stream: ServerHttp2Stream, flat: readonly string[]): Duplex {
  const headers = [':status', '200'];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    if ((flat[i] ?? '').toLowerCase() !== 'sec-websocket-accept') headers.push(flat[i] ?? '', flat[i + 1] ?? '');
  }
  stream.respond(headers);
  return stream;
}

function trailerObject(flat: readonly string[]): Record<string, string[]> {
  const object: Record<string, string[]> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = flat[i] ?? '';
    object[name] = [...(object[name] ?? []), flat[i + 1] ?? ''];
  }
  return object;
}
