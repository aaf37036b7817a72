// One request stream of an edge connection: matched to a rule, served by its origin, answered in cloudflared's form.
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Duplex, Readable } from 'node:stream';
import type { Clock } from '../../clock.ts';
import { AppError, OriginError } from '../../errors.ts';
import { type Match, requestPath } from '../../ingress/match.ts';
import { shownUrl } from '../../ingress/shown-url.ts';
import type { IngressTable } from '../../ingress/table.ts';
import type { Logger } from '../../logger.ts';
import type { Exchange, ExchangeListener, RespondOptions } from '../../origin/exchange.ts';
import type { Origins } from '../../origin/open.ts';
import {
  type CleanRequest,
  cleanRequestHeaders,
  encodeResponseHeaders,
  type RawHeaders,
} from '../../protocol/headers.ts';
import type { Counters } from './counters.ts';
import { readRequest } from './request-head.ts';
import { sendableTrailers } from './trailers.ts';
import { VisitorBody } from './visitor-body.ts';

/** What serving a request needs besides the stream. */
export interface RequestContext {
  readonly table: IngressTable;
  readonly origins: Origins;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Sent to origins as Cf-Warp-Tag-Id. */
  readonly connectorId: string;
}

/** A stream as node:http2 announces it. */
export interface IncomingStream {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly flags: number;
  readonly rawHeaders: readonly string[];
}

/** Methods whose requests rarely have a body: an open stream does not mean that one follows. */
const usuallyWithoutBody = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PROPFIND', 'SEARCH']);

/** How long to wait for such a body before it is announced as chunked (Go's HTTP client waits as long). */
const bodyProbeMs = 200;

/** How long after a complete answer a request that still sends is stopped. */
const stopUploadMs = 100;

/** Serves one HTTP or websocket request. Never throws: whatever goes wrong ends this request and no other. */
export function serveRequest(incoming: IncomingStream, websocket: boolean, context: RequestContext): void {
  const request = new RequestStream(incoming, websocket, context);
  if (!request.hasBody || request.contentLength !== undefined || !usuallyWithoutBody.has(request.method)) {
    request.serve();
    return;
  }
  void request.probeBody().then(() => request.serve());
}

class RequestStream implements Exchange {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly headers: readonly string[];
  readonly contentLength: number | undefined;
  readonly wantsWebsocket: boolean;
  hasBody: boolean;
  closed = false;
  listener: ExchangeListener | undefined;
  private readonly stream: ServerHttp2Stream;
  private readonly context: RequestContext;
  private readonly expectsContinue: boolean;
  private match: Match | undefined;
  private readonly began: number;
  private responded = false;
  /** The answer cannot have a body: HEAD, 204, 205, 304. */
  private bodyless = false;
  private failed = false;
  private trailers: Readonly<Record<string, string | readonly string[] | undefined>> | undefined;

  constructor(incoming: IncomingStream, websocket: boolean, context: RequestContext) {
    const { stream } = incoming;
    const clean: CleanRequest = cleanRequestHeaders(incoming.rawHeaders, { websocket });
    const head = readRequest(clean.headers, context.connectorId);
    const open = (incoming.flags & constants.NGHTTP2_FLAG_END_STREAM) === 0;
    this.stream = stream;
    this.context = context;
    this.method = clean.method;
    this.path = clean.path;
    this.host = clean.authority;
    this.headers = head.headers;
    this.contentLength = head.contentLength;
    this.wantsWebsocket = websocket;
    this.hasBody = open && !websocket && head.contentLength !== 0;
    this.expectsContinue = incoming.headers.expect?.toLowerCase() === '100-continue';
    this.began = context.clock.now();
    context.counters.requests++;
    context.counters.concurrent++;
    stream.on('close', () => this.onClose());
    stream.on('drain', () => this.listener?.onDrain());
    // What an error means is said by the `close` that follows it.
    stream.on('error', () => undefined);
    // A complete answer ends the exchange even while the visitor still uploads or keeps a websocket open.
    if (open && clean.method !== 'HEAD') stream.on('finish', () => void this.onFinish());
  }

  serve(): void {
    if (this.closed) return;
    const { table, origins } = this.context;
    try {
      this.match = table.match(this.host, requestPath(this.path));
      origins.open(this.match.rule).serve(this);
    } catch (error) {
      this.fail(asOriginError(error));
    }
  }

  /** Finds out whether there is a body, since HTTP/1.1 must know before the request starts. */
  async probeBody(): Promise<void> {
    const { stream } = this;
    const settled = new AbortController();
    const stop = () => settled.abort();
    stream.once('readable', stop);
    stream.once('close', stop);
    await this.context.clock.sleep(bodyProbeMs, settled.signal).catch(() => undefined);
    stream.removeListener('readable', stop);
    stream.removeListener('close', stop);
    if (settled.signal.aborted && stream.readableLength === 0) this.hasBody = false;
  }

  body(): Readable {
    return new VisitorBody(this.stream, this.expectsContinue);
  }

  respond(status: number, headers: RawHeaders, options?: RespondOptions): void {
    const { stream } = this;
    if (stream.closed || this.responded) return;
    const block = encodeResponseHeaders({ status, headers, source: 'origin' });
    if (!block.fits)
      throw new OriginError({
        code: 'E_ORIGIN_FAILED',
        message: `the origin's answer has ${block.size} bytes of headers, more than the tunnel carries`,
        hint: 'look for a very large cookie or policy header',
      });
    const sent = status === 101 ? 200 : status;
    this.bodyless = this.method === 'HEAD' || sent === 204 || sent === 205 || sent === 304;
    const trailers = options?.trailers === true && !this.bodyless;
    if (trailers) stream.once('wantTrailers', () => this.sendTrailers());
    // A length without its bytes would be taken for a truncated body.
    stream.respond(sent === 205 ? withoutContentLength(block.headers) : block.headers, respondOptions(trailers));
    this.responded = true;
    this.count(sent);
  }

  write(chunk: Uint8Array): boolean {
    if (this.bodyless || this.closed || !this.stream.writable) return true;
    return this.stream.write(chunk);
  }

  end(trailers?: Readonly<Record<string, string | readonly string[] | undefined>>): void {
    if (this.closed) return;
    this.trailers = trailers;
    if (!this.bodyless) this.stream.end();
  }

  fail(error: OriginError): void {
    if (this.failed || this.closed || this.stream.closed) return;
    this.failed = true;
    this.context.counters.errors++;
    const rule = this.context.counters.of(this.match?.rule.rule);
    if (rule !== undefined) rule.errors++;
    this.logFailure(error);
    if (!this.responded) this.answerBadGateway();
    // `close(code)` first ends the writable side, and a body without Content-Length would look complete.
    else this.stream.destroy(error);
  }

  accept(headers: RawHeaders): Duplex {
    this.respond(101, headers);
    return this.stream;
  }

  private answerBadGateway(): void {
    const { headers } = encodeResponseHeaders({ status: 502, headers: [], source: 'cloudflared' });
    this.responded = true;
    this.bodyless = true;
    this.count(502);
    this.stream.respond(headers, { ...respondOptions(false), endStream: true });
  }

  private count(status: number): void {
    const { counters, clock } = this.context;
    counters.answered(status);
    counters.of(this.match?.rule.rule)?.answered(status, clock.now() - this.began);
  }

  private sendTrailers(): void {
    if (this.stream.closed) return;
    try {
      this.stream.sendTrailers(sendableTrailers(this.trailers ?? {}));
    } catch {
      // node:http2 has rules of its own, such as one value for `date`. The body is whole and ends without trailers.
      this.stream.sendTrailers({});
    }
  }

  /** RFC 9113 8.1: the edge may stop sending. Later, since a reset right behind it makes node:http2 lose the end of an answer. */
  private async onFinish(): Promise<void> {
    const { stream } = this;
    if (!this.responded || stream.readableEnded || stream.closed) return;
    const closed = new AbortController();
    stream.once('close', () => closed.abort());
    await this.context.clock.sleep(stopUploadMs, closed.signal).catch(() => undefined);
    if (!stream.closed) stream.close(constants.NGHTTP2_NO_ERROR);
  }

  private onClose(): void {
    this.closed = true;
    this.context.counters.concurrent--;
    this.listener?.onClose();
  }

  /** The one place a request's failure is logged. */
  private logFailure(error: OriginError): void {
    const { logger } = this.context;
    const fields = {
      rule: this.match?.index,
      host: this.host,
      service: this.match && shownUrl(this.match.rule.target.service),
      code: error.code,
      where: error.where,
      hint: error.hint,
      reason: error.message,
    };
    logger.warn(fields, 'request failed');
  }
}

/** Without the date node:http2 would add: the origin's own travels among the serialised headers. */
function respondOptions(waitForTrailers: boolean): { waitForTrailers: boolean; sendDate: boolean } {
  return { waitForTrailers, sendDate: false };
}

function withoutContentLength(headers: readonly string[]): string[] {
  const at = headers.indexOf('content-length');
  return at === -1 ? [...headers] : [...headers.slice(0, at), ...headers.slice(at + 2)];
}

function asOriginError(error: unknown): OriginError {
  if (error instanceof OriginError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new OriginError({
    code: error instanceof AppError ? error.code : 'E_ORIGIN_FAILED',
    message: `the request could not be served: ${message}`,
    cause: error,
  });
}

/**
 * Raw TCP to an address the edge names: whoever controls the edge could reach everything this machine can. Nothing here
 * asks for it, so it is always refused.
 */
export function refuseTcp(stream: ServerHttp2Stream, context: RequestContext): void {
  // What an error means is said by the `close` that follows it.
  stream.on('error', () => undefined);
  context.counters.requests++;
  context.counters.answered(502);
  context.logger.warn({ reason: 'private network routing is off' }, 'the edge asked for a raw TCP stream');
  if (stream.closed) return;
  const { headers } = encodeResponseHeaders({ status: 502, headers: [], source: 'cloudflared' });
  stream.respond(headers, { ...respondOptions(false), endStream: true });
}
