// A websocket to an HTTP origin: the handshake through node:http, then raw bytes both ways; frames are never looked at.
import http from 'node:http';
import type { Socket } from 'node:net';
import { OriginError } from '../errors.ts';
import { maxHeaderValue } from '../protocol/http2.ts';
import type { Dialler } from './dialler.ts';
import type { Exchange } from './exchange.ts';
import type { HttpTarget } from './http-target.ts';
import { splice } from './splice.ts';

/** A websocket that is asked for. */
export interface WebsocketRequest {
  readonly exchange: Exchange;
  readonly target: HttpTarget;
  readonly dialler: Dialler;
}

/** Asks the origin to upgrade; `headers` are flat and hold Host and the handshake. A refusal is passed on as it is. */
export function openWebsocket({ exchange, target, dialler }: WebsocketRequest, headers: string[]): void {
  const plain =
    target.dial.tls === undefined ? target.dial : { ...target.dial, tls: { ...target.dial.tls, http2: false } };
  const giveUp = dialler.dial(plain, (error, socket) => {
    if (socket === null) {
      if (error !== null) exchange.fail(error);
    } else if (exchange.closed) socket.destroy();
    else guarded(exchange, socket, () => handshake(exchange, socket, headers));
  });
  exchange.listener = { onDrain: () => undefined, onClose: giveUp };
}

function handshake(exchange: Exchange, socket: Socket, headers: string[]): void {
  const request = http.request({
    createConnection: () => socket,
    method: exchange.method,
    path: exchange.path,
    headers,
    maxHeaderSize: maxHeaderValue,
  });
  exchange.listener = { onDrain: () => undefined, onClose: () => request.destroy() };
  request.on('upgrade', (response, _socket, head) => {
    exchange.listener = undefined;
    upgrade(exchange, socket, response, head);
  });
  request.on('response', (response) => passRefusal(exchange, response));
  request.on('error', (cause) => exchange.fail(handshakeFailed(cause)));
  request.end();
}

function upgrade(exchange: Exchange, socket: Socket, response: http.IncomingMessage, head: Buffer): void {
  if (exchange.closed) {
    socket.destroy();
    return;
  }
  guarded(exchange, socket, () => {
    const visitor = exchange.accept(response.rawHeaders);
    if (head.length > 0) visitor.write(head);
    splice(visitor, socket);
  });
}

/** In callbacks nobody else would catch it: what goes wrong ends this request. */
function guarded(exchange: Exchange, socket: Socket, step: () => void): void {
  try {
    step();
  } catch (error) {
    socket.destroy();
    exchange.fail(error instanceof OriginError ? error : handshakeFailed(error));
  }
}

/** The origin answered with something else than an upgrade: status, headers and body as they are. */
function passRefusal(exchange: Exchange, response: http.IncomingMessage): void {
  exchange.listener = { onDrain: () => response.resume(), onClose: () => response.destroy() };
  guarded(exchange, response.socket, () => exchange.respond(response.statusCode ?? 502, response.rawHeaders));
  response.on('data', (chunk: Buffer) => {
    if (!exchange.write(chunk)) response.pause();
  });
  response.on('end', () => exchange.end());
  response.on('error', (cause) => exchange.fail(handshakeFailed(cause)));
}

function handshakeFailed(cause: unknown): OriginError {
  return new OriginError({
    code: 'E_ORIGIN_FAILED',
    message: `the origin gave no usable answer to a websocket handshake: ${cause instanceof Error ? cause.message : String(cause)}`,
    cause,
  });
}
