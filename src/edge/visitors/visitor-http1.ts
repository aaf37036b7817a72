// Visitors who speak HTTP/1.1 (or 1.0), in the clear or over TLS.
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Deadlines } from '../deadlines.ts';
import { plainAddress } from '../tunnels/tunnel-connection.ts';
import type { Visitor } from './visitor.ts';

const nothing = Buffer.alloc(0);

/** An ordinary request. `linger` limits how long an answered visitor may go on sending a body nobody wants. */
export function http1Visitor(request: IncomingMessage, response: ServerResponse, linger: Deadlines): Visitor {
  return visitorOf({ request, response, linger, websocket: false });
}

/** A websocket request as the server's `upgrade` event delivers it. */
export function http1Websocket(request: IncomingMessage, socket: Duplex, head: Buffer, linger: Deadlines): Visitor {
  const response = new ServerResponse(request);
  // A refusal is an ordinary response on this socket, after which it closes.
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Socket);
  response.once('finish', () => socket.end());
  return {
    ...visitorOf({ request, response, linger, websocket: true }),
    bodyComplete: true,
    onClose: (listener) => socket.once('close', listener),
    abort: () => socket.destroy(),
    upgrade: (headers) => {
      response.detachSocket(socket as Socket);
      socket.write(switchingProtocols(headers), 'latin1');
      if (head.length > 0) socket.unshift(head);
      return socket;
    },
    get responded() {
      return response.headersSent;
    },
  };
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly linger: Deadlines;
  readonly websocket: boolean;
}

function visitorOf(exchange: Exchange): Visitor {
  const { request, response, websocket } = exchange;
  const socket = request.socket;
  // A visitor who leaves while being written to: `close` says the same, but without a listener the process would end.
  response.on('error', () => undefined);
  const target = originForm(request.url ?? '/');
  return {
    request: {
      method: request.method ?? 'GET',
      scheme: (socket as TLSSocket).encrypted === true ? 'https' : 'http',
      authority: target.authority,
      path: target.path,
      rawHeaders: request.rawHeaders,
      address: plainAddress(socket.remoteAddress),
      websocket,
      hasBody: undefined,
    },
    body: request,
    sink: response,
    get bodyComplete() {
      return request.complete;
    },
    get responded() {
      return response.headersSent;
    },
    respond: (status, headers, options) => {
      response.writeHead(status, headers);
      if (options.endStream) finish(exchange);
      // Without a length more may come much later (event streams): the head must not wait for it.
      // An empty write instead of flushHeaders(), which would send latin1 header values as UTF-8.
      else if (!hasLength(headers)) response.write(nothing);
    },
    finish: (trailers) => {
      if (trailers !== undefined && trailers.length > 0) response.addTrailers(pairs(trailers));
      finish(exchange);
    },
    abort: () => abort(response, socket),
    onClose: (listener) => response.once('close', listener),
    upgrade: () => {
      throw new Error('this request asked for no upgrade');
    },
  };
}

/** RFC 9112 3.2.2: a proxy's form of the target names the host itself, and overrules the Host header. */
function originForm(url: string): { readonly path: string; readonly authority: string | undefined } {
  const match = url.charCodeAt(0) === 0x2f ? null : /^https?:\/\/([^/?#@]+)([/?].*)?$/i.exec(url);
  if (match === null) return { path: url, authority: undefined };
  const rest = match[2] ?? '/';
  return { path: rest.startsWith('?') ? `/${rest}` : rest, authority: match[1] };
}

function finish({ request, response, linger }: Exchange): void {
  response.end();
  if (request.complete) return;
  // The answer came before the whole body: read on for a moment so that the visitor sees it, then hang up.
  const deadline = linger.start(() => request.socket.destroy());
  request.once('close', () => deadline.cancel());
  request.resume();
}

function abort(response: ServerResponse, socket: Socket): void {
  // A body that ends with the connection (HTTP/1.0) would look whole after an orderly close.
  const looksWhole = !response.chunkedEncoding && (socket as TLSSocket).encrypted !== true;
  // After its own end() a socket can no longer be reset: node fails with EINVAL and keeps the handle.
  if (looksWhole && !socket.writableEnded) socket.resetAndDestroy();
  else socket.destroy();
}

function hasLength(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (name.length === 14 && name.toLowerCase() === 'content-length') return true;
  }
  return false;
}

function switchingProtocols(headers: readonly string[]): string {
  let text = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n';
  for (let i = 0; i + 1 < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return `${text}\r\n`;
}

function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) list.push([flat[i] ?? '', flat[i + 1] ?? '']);
  return list;
}
