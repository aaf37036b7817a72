// One visitor's request through the tunnel: choose a connection, send, stream the answer back, and never let a
// broken answer look whole.
import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2';
import type { Logger } from '../logger.ts';
import { isHeaderName, isHeaderValue } from '../protocol/header-kinds.ts';
import { decodeResponseHeaders, type EdgeResponse, endToEndHeaders } from '../protocol/headers.ts';
import { cancelStream } from './cancel.ts';
import { type ConnectorRequest, connectorRequest } from './connector-headers.ts';
import type { Deadline, Deadlines } from './deadlines.ts';
import type { EdgeDirectory } from './model.ts';
import { type ProblemKind, renderProblem } from './pages.ts';
import { pump } from './pump.ts';
import { nextRay } from './ray.ts';
import type { Registry } from './registry.ts';
import { hostnameOf, routeRequest } from './router.ts';
import type { TunnelConnection } from './tunnel-connection.ts';
import { createUpload, type Upload } from './upload.ts';
import type { Visitor } from './visitor.ts';

/** What forwarding needs. */
export interface ForwardContext {
  readonly directory: Pick<EdgeDirectory, 'route' | 'tunnel'>;
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

/** Serves one request; whatever happens is told to the visitor, nothing is thrown. */
export function forward(visitor: Visitor, context: ForwardContext): void {
  const ray = nextRay();
  const built = connectorRequest(visitor.request, ray);
  if ('problem' in built) {
    answerProblem(visitor, built.problem, { ray, authority: visitor.request.authority });
    return;
  }
  const routing = routeRequest(built.authority, context.directory);
  const identity = { ray, authority: built.authority };
  if ('problem' in routing) answerProblem(visitor, routing.problem, identity);
  else if ((built.contentLength ?? 0) > context.maxBodyBytes) answerProblem(visitor, 'too-large', identity);
  else new Exchange(visitor, { built, tunnelId: routing.tunnelId, ray, context }).start();
}

interface Identity {
  readonly ray: string;
  readonly authority: string | undefined;
}

function answerProblem(visitor: Visitor, kind: ProblemKind, identity: Identity): void {
  const accept = headerValue(visitor.request.rawHeaders, 'accept');
  const hostname = hostnameOf(identity.authority ?? '') ?? '';
  const page = renderProblem(kind, { hostname, ray: identity.ray, accept });
  const bodyless = visitor.request.method === 'HEAD';
  visitor.respond(page.status, page.headers, { endStream: bodyless, trailers: false });
  if (bodyless) return;
  visitor.sink.write(page.body);
  visitor.finish();
}

function headerValue(raw: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if ((raw[i] ?? '').toLowerCase() === name) return raw[i + 1];
  }
  return undefined;
}

interface ExchangeOptions {
  readonly built: ConnectorRequest;
  readonly tunnelId: string;
  readonly ray: string;
  readonly context: ForwardContext;
}

/** The life of one forwarded request, over one connection or, when that fails early, several. */
class Exchange {
  readonly #visitor: Visitor;
  readonly #built: ConnectorRequest;
  readonly #tunnelId: string;
  readonly #ray: string;
  readonly #context: ForwardContext;
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
    pump(stream, visitor, this.#context.stallDeadlines, { onStall: () => visitor.destroy() });
    stream.once('end', () => visitor.end());
    stream.once('close', () => {
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) visitor.destroy();
      else visitor.end();
    });
  }

  #relay(stream: ClientHttp2Stream, head: { status: number; headers: string[]; endStream: boolean }): void {
    const visitor = this.#visitor;
    const endStream = head.endStream || isBodyless(visitor.request.method, head.status);
    const trailers = this.#collectTrailers(stream, endStream);
    visitor.respond(head.status, head.headers, { endStream, trailers: !endStream });
    if (endStream) {
      this.#over = true;
      this.#dismiss(stream);
      return;
    }
    const left = countDown(head.headers);
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

/** RFC 9110 6.5.1: a trailer that frames or routes a message would be read as one of its headers by some. */
function cleanTrailers(raw: readonly string[]): string[] {
  const headers = endToEndHeaders(raw);
  return headers.filter((_, index) => {
    const at = index - (index % 2);
    const name = (headers[at] ?? '').toLowerCase();
    return name !== 'content-length' && name !== 'host' && isHeaderName(name) && isHeaderValue(headers[at + 1] ?? '');
  });
}

/** The bytes a body has by its content-length; infinite when it has none. */
function countDown(headers: readonly string[]): { bytes: number } {
  const length = headerValue(headers, 'content-length');
  return { bytes: length === undefined ? Number.POSITIVE_INFINITY : Number(length) };
}

/** RFC 9110 6.4.1; node:http2 knows 205 as well. */
function isBodyless(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 205 || status === 304;
}

/** Said by the edge, or (`alt-svc`) about ports of the origin that are not ours. */
const edgeOnly: ReadonlySet<string> = new Set(['server', 'cf-ray', 'alt-svc']);

/** The origin's headers, ours in place of what it says about itself. */
function visitorHeaders(headers: readonly string[], ray: string): string[] {
  const result: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (name.length > 7 || !edgeOnly.has(name.toLowerCase())) result.push(name, headers[i + 1] ?? '');
  }
  result.push('server', 'sallyport', 'cf-ray', ray);
  return result;
}
