// One request on its way through the tunnel: choose a connection, send, stream the answer back, and never let a broken
// answer look whole.
import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2';
import { ProtocolError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { decodeResponseHeaders, type EdgeResponse } from '../../protocol/headers.ts';
import { cancelStream } from '../cancel.ts';
import type { Deadline, Deadlines } from '../deadlines.ts';
import type { Registry } from '../tunnels/registry.ts';
import type { TunnelConnection } from '../tunnels/tunnel-connection.ts';
import { answerProblem } from './answer-problem.ts';
import type { ConnectorRequest } from './connector-headers.ts';
import type { ProblemKind } from './pages.ts';
import { pump } from './pump.ts';
import { createUpload, type Upload } from './upload.ts';
import type { Visitor } from './visitor.ts';
import { cleanTrailers, countDown, isBodyless, visitorHeaders } from './visitor-headers.ts';

/** What exchanges share. */
export interface ExchangeContext {
  readonly registry: Pick<Registry<TunnelConnection>, 'pick'>;
  /** How long an origin may take to its response headers. */
  readonly responseDeadlines: Deadlines;
  /** How long a visitor may leave what was sent to him unread. */
  readonly stallDeadlines: Deadlines;
  /** How long a closed websocket's other side may take to follow. */
  readonly lingerDeadlines: Deadlines;
  /** Largest request body (bytes). */
  readonly maxBodyBytes: number;
  readonly logger: Logger;
}

/** On how many connections a request is tried. */
const maxAttempts = 3;

/** Methods that may be sent twice when nobody knows whether the first one arrived (RFC 9110 9.2.2), bodies aside. */
const repeatable: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** What one exchange is about. */
export interface ExchangeOptions {
  readonly built: ConnectorRequest;
  readonly tunnelId: string;
  readonly ray: string;
  readonly context: ExchangeContext;
}

/** The life of one forwarded request, over one connection or, when that fails early, several. */
export class Exchange {
  readonly #visitor: Visitor;
  readonly #built: ConnectorRequest;
  readonly #tunnelId: string;
  readonly #ray: string;
  readonly #context: ExchangeContext;
  readonly #upload: Upload | undefined;
  readonly #deadline: Deadline;
  #tried: TunnelConnection[] | undefined;
  #stream: ClientHttp2Stream | undefined;
  #joined = false;
  #responding = false;
  #over = false;

  constructor(visitor: Visitor, options: ExchangeOptions) {
    this.#visitor = visitor;
    this.#built = options.built;
    this.#tunnelId = options.tunnelId;
    this.#ray = options.ray;
    this.#context = options.context;
    this.#deadline = options.context.responseDeadlines.start(() => this.#expire());
    this.#upload = options.built.hasBody
      ? createUpload(visitor.body, { onProgress: (total) => this.#progress(total) })
      : undefined;
  }

  start(): void {
    this.#visitor.onClose(() => this.#end());
    this.#attempt();
  }

  #attempt(): void {
    const connection = this.#context.registry.pick(this.#tunnelId, this.#tried);
    if (connection === undefined) {
      this.#fail(this.#tried === undefined ? 'no-connector' : 'connection-lost');
      return;
    }
    const stream = this.#open(connection);
    if (stream === undefined) return;
    this.#stream = stream;
    stream.on('error', () => undefined);
    stream.once('close', () => this.#closed(connection, stream));
    stream.once('response', (headers, flags) => this.#respond(stream, headers, flags));
    this.#upload?.attach(stream);
  }

  #open(connection: TunnelConnection): ClientHttp2Stream | undefined {
    try {
      return connection.request(this.#built.headers, !this.#built.hasBody && !this.#visitor.request.websocket);
    } catch (error) {
      // The headers were checked, so this is a header node:http2 objects to and we did not know of.
      this.#context.logger.warn({ err: error, ray: this.#ray }, 'request could not be sent to the connector');
      this.#fail('bad-request');
      return undefined;
    }
  }

  /** The stream is gone; before the response headers that may call for another connection. */
  #closed(connection: TunnelConnection, stream: ClientHttp2Stream): void {
    if (this.#over || this.#stream !== stream) return;
    this.#upload?.detach();
    if (this.#responding) {
      this.#abort();
      return;
    }
    const tried = [...(this.#tried ?? []), connection];
    this.#tried = tried;
    if (tried.length < maxAttempts && this.#mayRepeat(stream)) this.#attempt();
    else this.#fail('connection-lost');
  }

  #mayRepeat(stream: ClientHttp2Stream): boolean {
    // RFC 9113 8.7: refused, or never given a number, means that the connector has not seen it.
    const unseen = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM || stream.id === undefined;
    if (this.#upload !== undefined) return unseen && this.#upload.replayable;
    return unseen || repeatable.has(this.#visitor.request.method);
  }

  #progress(total: number): void {
    this.#deadline.refresh();
    if (total > this.#context.maxBodyBytes) this.#fail('too-large');
  }

  #expire(): void {
    const upload = this.#upload;
    const visitorIsLate = upload !== undefined && !upload.blocked && !this.#visitor.bodyComplete;
    this.#fail(visitorIsLate ? 'upload-stalled' : 'timeout');
  }

  #respond(stream: ClientHttp2Stream, headers: IncomingHttpHeaders, flags: number): void {
    if (this.#over || this.#stream !== stream) return;
    let response: EdgeResponse;
    try {
      response = decodeResponseHeaders(headers);
    } catch (error) {
      this.#context.logger.warn({ err: error, ray: this.#ray }, 'answer of the connector could not be read');
      this.#fail('bad-answer');
      return;
    }
    if (response.status < 200 || response.status > 599) {
      this.#fail('bad-answer');
      return;
    }
    if (response.source === 'cloudflared' && response.status === 502 && response.headers.length === 0) {
      this.#fail('origin-down');
      return;
    }
    this.#deadline.cancel();
    this.#upload?.settle();
    this.#responding = true;
    this.#deliver(stream, response, (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0);
  }

  #deliver(stream: ClientHttp2Stream, response: EdgeResponse, endStream: boolean): void {
    const headers = visitorHeaders(response.headers, this.#ray);
    try {
      if (response.upgraded && this.#visitor.request.websocket) this.#join(stream, headers);
      else this.#relay(stream, { status: response.status, headers, endStream });
    } catch (error) {
      this.#context.logger.warn({ err: error, ray: this.#ray }, 'answer of the connector could not be passed on');
      this.#fail('bad-answer');
    }
  }

  #join(stream: ClientHttp2Stream, headers: string[]): void {
    const visitor = this.#visitor.upgrade(headers);
    // From here on both ends close each other: a tunnel knows no half-closed websocket.
    this.#over = true;
    this.#joined = true;
    visitor.on('error', () => undefined);
    visitor.pipe(stream);
    visitor.once('end', () => this.#endJoined());
    pump(stream, visitor, this.#context.stallDeadlines, { onStall: () => visitor.destroy() });
    stream.once('end', () => visitor.end());
    stream.once('close', () => {
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) visitor.destroy();
      else visitor.end();
    });
  }

  #relay(stream: ClientHttp2Stream, head: { status: number; headers: string[]; endStream: boolean }): void {
    const visitor = this.#visitor;
    const { method } = visitor.request;
    const endStream = head.endStream || isBodyless(method, head.status);
    const left = countDown(head.headers);
    if (head.endStream && left.bytes > 0 && left.bytes !== Number.POSITIVE_INFINITY && !isBodyless(method, head.status))
      throw new ProtocolError('the connector announced a body and sent none');
    const trailers = this.#collectTrailers(stream, endStream);
    visitor.respond(head.status, head.headers, { endStream, trailers: !endStream });
    if (endStream) {
      this.#over = true;
      this.#dismiss(stream);
      return;
    }
    stream.once('end', () => {
      if (this.#over) return;
      if (isWhole(stream) && (left.bytes === 0 || left.bytes === Number.POSITIVE_INFINITY))
        this.#finish(stream, trailers);
      else this.#abort();
    });
    pump(stream, visitor.sink, this.#context.stallDeadlines, {
      onStall: () => this.#abort(),
      onChunk: (bytes) => {
        left.bytes -= bytes;
        // More than was announced would be read as the next answer on this connection.
        if (left.bytes < 0) this.#abort();
      },
    });
  }

  #collectTrailers(stream: ClientHttp2Stream, endStream: boolean): string[] {
    const trailers: string[] = [];
    if (endStream) return trailers;
    stream.once('trailers', (_headers: IncomingHttpHeaders, _flags: number, raw?: string[]) => {
      trailers.push(...cleanTrailers(raw ?? []));
    });
    return trailers;
  }

  #finish(stream: ClientHttp2Stream, trailers: readonly string[]): void {
    this.#over = true;
    this.#visitor.finish(trailers);
    this.#dismiss(stream);
  }

  #abort(): void {
    this.#over = true;
    this.#upload?.detach();
    this.#visitor.abort();
    this.#cancel();
  }

  #cancel(): void {
    if (this.#stream !== undefined) cancelStream(this.#stream);
  }

  /** The answer is complete; an upload that is still running has nobody left to read it. */
  #dismiss(stream: ClientHttp2Stream): void {
    this.#upload?.detach();
    if (stream.writableEnded) stream.resume();
    else cancelStream(stream);
  }

  /** The visitor is gone, or has been served. */
  #end(): void {
    this.#deadline.cancel();
    this.#over = true;
    this.#upload?.detach();
    if (this.#joined) this.#endJoined();
    else this.#cancel();
  }

  /** The last frames of a websocket are still on their way to the connector; only its end is waited for, and not for long. */
  #endJoined(): void {
    const stream = this.#stream;
    if (stream === undefined || stream.closed) return;
    stream.end();
    stream.resume();
    const deadline = this.#context.lingerDeadlines.start(() => this.#cancel());
    stream.once('close', () => deadline.cancel());
  }

  #fail(kind: ProblemKind): void {
    if (this.#over) return;
    this.#over = true;
    this.#deadline.cancel();
    this.#upload?.detach();
    this.#cancel();
    if (this.#visitor.responded) this.#visitor.abort();
    else answerProblem(this.#visitor, kind, { ray: this.#ray, authority: this.#built.authority });
  }
}

/** A reset or a lost session ends a stream much like its last byte does; only these tell them apart. */
function isWhole(stream: ClientHttp2Stream): boolean {
  return stream.rstCode === constants.NGHTTP2_NO_ERROR && !stream.destroyed;
}
