// One request on its way through undici: its callbacks on one side, the visitor's exchange on the other.
import type { Dispatcher } from 'undici';
import { OriginError } from '../errors.ts';
import type { RawHeaders } from '../protocol/headers.ts';
import type { Exchange, ExchangeListener } from './exchange.ts';

/** Methods that may be sent again when a kept connection turns out to be closed (RFC 9110 9.2.2, as Go does). */
const repeatable = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** Stale connections met in a row before giving up. */
const maxAttempts = 3;

type Trailers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What a request asks of the origin it belongs to. */
export interface HttpExchangeOwner {
  /** Sends the request (again). */
  send(handler: HttpExchange): void;
  /** The request is over. */
  finished(): void;
}

/** The undici handler of one request; also hears when the visitor leaves or can take more. */
export class HttpExchange implements Dispatcher.DispatchHandler, ExchangeListener {
  readonly exchange: Exchange;
  private readonly owner: HttpExchangeOwner;
  private controller: Dispatcher.DispatchController | undefined;
  private attempts = 1;
  private answering = false;
  private over = false;

  constructor(exchange: Exchange, owner: HttpExchangeOwner) {
    this.exchange = exchange;
    this.owner = owner;
    exchange.listener = this;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.over) controller.abort(visitorLeft());
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: { trailer?: unknown }): void {
    // 1xx is between origin and connector only; cloudflared drops it too.
    if (status < 200 || this.over) return;
    this.exchange.respond(
      status,
      flatHeaders(controller.rawHeaders),
      mayHaveTrailers(headers) ? { trailers: true } : undefined,
    );
    this.answering = true;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.over && !this.exchange.write(chunk)) controller.pause();
  }

  onResponseEnd(controller: Dispatcher.DispatchController, parsed: Trailers): void {
    if (!this.finish()) return;
    // undici parses HTTP/1.1 trailers; those of HTTP/2 it leaves as the object node:http2 gave.
    const raw = controller.rawTrailers;
    this.exchange.end(raw === null || raw === undefined || Array.isArray(raw) ? parsed : raw);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.over) return;
    if (!this.answering && this.attempts < maxAttempts && isRepeatable(this.exchange) && isStaleConnection(error)) {
      this.attempts++;
      this.controller = undefined;
      this.owner.send(this);
      return;
    }
    this.fail(error);
  }

  /** The request cannot go on. */
  fail(error: unknown): void {
    if (!this.finish()) return;
    this.exchange.fail(error instanceof OriginError ? error : originFailed(error, this.answering));
  }

  onDrain(): void {
    this.controller?.resume();
  }

  onClose(): void {
    if (this.finish()) this.controller?.abort(visitorLeft());
  }

  /** True the first time. */
  private finish(): boolean {
    if (this.over) return false;
    this.over = true;
    this.owner.finished();
    return true;
  }
}

function flatHeaders(raw: Dispatcher.DispatchController['rawHeaders']): RawHeaders {
  return Array.isArray(raw) ? raw : [];
}

/** gRPC sends trailers without announcing them. */
function mayHaveTrailers(headers: { trailer?: unknown; 'content-type'?: unknown }): boolean {
  if (headers.trailer !== undefined) return true;
  const type = headers['content-type'];
  return typeof type === 'string' && type.startsWith('application/grpc');
}

function isRepeatable(exchange: Exchange): boolean {
  return !exchange.hasBody && repeatable.has(exchange.method);
}

/** The origin closed a kept connection just as we used it: it never saw the request. */
function isStaleConnection(error: Error & { code?: unknown; socket?: { bytesRead?: number } }): boolean {
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return true;
  return error.code === 'UND_ERR_SOCKET' && (error.socket?.bytesRead ?? 0) > 0;
}

function visitorLeft(): OriginError {
  return new OriginError({ code: 'E_ORIGIN_FAILED', message: 'the visitor left' });
}

function originFailed(cause: unknown, answering: boolean): OriginError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new OriginError({
    code: 'E_ORIGIN_FAILED',
    message: answering ? `the origin broke off its answer: ${reason}` : `the origin gave no usable answer: ${reason}`,
    hint: answering ? undefined : 'is the protocol right (http or https)?',
    cause,
  });
}
