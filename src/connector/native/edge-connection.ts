// One connection to the edge: we dial, the edge is the HTTP/2 client. It registers on the control stream, then serves.
import http2, { type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { SecureContext, TLSSocket } from 'node:tls';
import type { Clock } from '../../clock.ts';
import { AppError, EdgeError } from '../../errors.ts';
import type { EdgeAddress } from '../../model.ts';
import type { ConnectionDetails, RegistrationClient } from '../../protocol/capnp/registration.ts';
import { createRegistrationClient } from '../../protocol/capnp/registration-client.ts';
import { raiseWindow, sessionOptions } from '../../protocol/http2.ts';
import { streamKind } from '../../protocol/streams.ts';
import { dialEdge, formatEdge } from './dial-edge.ts';
import { refusalError } from './refusal.ts';
import { type ConnectorIdentity, registrationRequest } from './registration-request.ts';

/** What to connect to, and as whom. */
export interface EdgeConnectionOptions {
  readonly address: EdgeAddress;
  readonly trust: SecureContext;
  readonly identity: ConnectorIdentity;
  readonly index: number;
  readonly attempts: number;
  readonly clock: Clock;
  readonly timings: EdgeTimings;
  /** Called when TLS is up and registration begins. */
  onRegistering(): void;
  /** Every stream but the control stream. Must not throw. */
  onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, rawHeaders: readonly string[]): void;
}

/** Milliseconds. */
export interface EdgeTimings {
  /** For TCP and TLS, in steps without a byte. */
  readonly dialTimeoutMs: number;
  /** For one call on the control stream, and for the edge to open that stream. */
  readonly rpcTimeoutMs: number;
  /** Between two pings, and the longest wait for an answer. */
  readonly pingIntervalMs: number;
}

/** cloudflared's 15 s to dial and 5 s for calls; a dead peer is noticed within half a minute. */
export const defaultEdgeTimings: EdgeTimings = { dialTimeoutMs: 15_000, rpcTimeoutMs: 5_000, pingIntervalMs: 15_000 };

/** A registered connection. */
export interface EdgeConnection {
  readonly details: ConnectionDetails;
  /** Resolves when the edge takes no more part: it said so, or is gone. Streams may still be finishing. */
  readonly ended: Promise<EdgeError>;
  /** Resolves when the socket is closed. */
  readonly closed: Promise<void>;
  /** Reports the rules of a locally managed tunnel. */
  reportConfiguration(configuration: Uint8Array): Promise<void>;
  /** Asks the edge to send nothing new and to close when it is done. */
  unregister(timeoutMs: number): Promise<void>;
  destroy(): void;
}

/** Dials and registers. Rejects with an EdgeError; nothing is left open then. `signal` gives up. */
export function openEdgeConnection(options: EdgeConnectionOptions, signal: AbortSignal): Promise<EdgeConnection> {
  return new Promise((resolve, reject) => {
    const dialling = { trust: options.trust, timeoutMs: options.timings.dialTimeoutMs };
    const giveUp = dialEdge(options.address, dialling, (error, socket) => {
      signal.removeEventListener('abort', giveUp);
      if (socket === null) {
        reject(error);
        return;
      }
      const connection = new Connection(socket, options);
      connection.register(signal).then(
        () => resolve(connection),
        (cause: unknown) => {
          connection.destroy();
          reject(cause);
        },
      );
    });
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
  });
}

class Connection implements EdgeConnection {
  readonly ended: Promise<EdgeError>;
  readonly closed: Promise<void>;
  private readonly socket: TLSSocket;
  private readonly session: ServerHttp2Session;
  private readonly options: EdgeConnectionOptions;
  private readonly control = Promise.withResolvers<ServerHttp2Stream>();
  private readonly over = new AbortController();
  private controlTaken = false;
  private leaving = false;
  private client: RegistrationClient | undefined;
  private registered: ConnectionDetails | undefined;
  private end: (error: EdgeError) => void = () => undefined;

  constructor(socket: TLSSocket, options: EdgeConnectionOptions) {
    this.socket = socket;
    this.options = options;
    this.session = http2.performServerHandshake(socket, sessionOptions);
    const ended = Promise.withResolvers<EdgeError>();
    this.end = ended.resolve;
    this.ended = ended.promise;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    // Whoever waits for the control stream also waits for the end.
    this.control.promise.catch(() => undefined);
    this.listen();
  }

  get details(): ConnectionDetails {
    if (this.registered === undefined) throw new Error('the connection is not registered');
    return this.registered;
  }

  async register(signal: AbortSignal): Promise<void> {
    const { options } = this;
    options.onRegistering();
    const aborted = Promise.withResolvers<never>();
    const onAbort = () => aborted.reject(this.lost('given up', undefined));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    const lost = this.ended.then((error) => Promise.reject(error));
    try {
      await Promise.race([this.callRegister(), aborted.promise, lost]);
    } finally {
      signal.removeEventListener('abort', onAbort);
      // Only one of the three is looked at.
      aborted.promise.catch(() => undefined);
      lost.catch(() => undefined);
    }
    void this.watchPeer();
  }

  async reportConfiguration(configuration: Uint8Array): Promise<void> {
    await this.client?.updateLocalConfiguration(configuration);
  }

  async unregister(timeoutMs: number): Promise<void> {
    this.leaving = true;
    await this.client?.unregisterConnection(timeoutMs);
    // Like cloudflared: an open control stream would keep the edge from closing the connection.
    this.client?.close();
  }

  destroy(): void {
    this.end(this.lost('closed by us', undefined));
    this.over.abort();
    this.client?.close();
    // With a code: a bare destroy() resets streams without one, and half an answer would look complete.
    if (!this.session.destroyed)
      this.session.destroy(new Error('closed by us'), http2.constants.NGHTTP2_INTERNAL_ERROR);
    // The session only knows a proxy of the socket, whose destroy() throws.
    this.socket.destroy();
  }

  private listen(): void {
    const { session, socket } = this;
    session.on('stream', (stream, headers, flags, rawHeaders) => this.onStream(stream, headers, flags, rawHeaders));
    session.on('goaway', () => this.end(this.lost('the edge said goodbye', undefined)));
    session.on('error', (cause) => this.end(this.lost(cause.message, cause)));
    session.on('close', () => {
      this.end(this.lost('the edge closed the connection', undefined));
      // A session that closed in good order leaves the socket to the peer, who may never close it.
      socket.destroy();
    });
    socket.on('error', (cause) => this.end(this.lost(cause.message, cause)));
    socket.on('close', () => {
      this.over.abort();
      this.end(this.lost('the edge closed the connection', undefined));
    });
    raiseWindow(session);
  }

  private onStream(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    flags: number,
    rawHeaders: readonly string[],
  ): void {
    if (streamKind(headers) !== 'control-stream') {
      this.options.onStream(stream, headers, flags, rawHeaders);
      return;
    }
    // What an error means is said by the `close` that follows it.
    stream.on('error', () => undefined);
    if (this.controlTaken) {
      stream.close(http2.constants.NGHTTP2_PROTOCOL_ERROR);
      return;
    }
    this.controlTaken = true;
    this.control.resolve(stream);
  }

  private async callRegister(): Promise<void> {
    const { options, socket } = this;
    const stream = await this.controlStream();
    if (stream.closed) throw this.lost('the edge ended the control stream', undefined);
    stream.respond({ ':status': 200 }, { endStream: false });
    const client = createRegistrationClient(stream, { timeoutMs: options.timings.rpcTimeoutMs });
    this.client = client;
    void client.closed.then(() => this.controlEnded(client.error));
    const { index, attempts } = options;
    const request = registrationRequest(options.identity, { index, attempts, localAddress: socket.localAddress });
    const answer = await client.registerConnection(request).catch((cause: unknown) => {
      throw this.lost('the edge gave no usable answer to the registration', cause);
    });
    if ('error' in answer) throw refusalError(answer.error, formatEdge(options.address));
    this.registered = answer.details;
  }

  private controlEnded(error: Error | undefined): void {
    if (error !== undefined) {
      this.end(this.lost('the edge broke the protocol on the control stream', error));
      this.destroy();
      return;
    }
    this.end(this.lost('the edge ended the control stream', undefined));
    // Requests in flight finish; the edge must register us anew before it sends others. When we leave, it may send on.
    if (!this.leaving && !this.session.destroyed) this.session.close();
  }

  private async controlStream(): Promise<ServerHttp2Stream> {
    const { clock, timings } = this.options;
    const waited = new AbortController();
    const timeout = clock.sleep(timings.rpcTimeoutMs, AbortSignal.any([waited.signal, this.over.signal])).then(() => {
      throw this.lost('it opened no control stream', undefined);
    });
    try {
      return await Promise.race([this.control.promise, timeout]);
    } finally {
      waited.abort();
      timeout.catch(() => undefined);
    }
  }

  /** cloudflared leaves this to the edge; a laptop that slept, or a NAT that forgot us, needs it here too. */
  private async watchPeer(): Promise<void> {
    const { clock, timings } = this.options;
    const { signal } = this.over;
    try {
      for (;;) {
        await clock.sleep(timings.pingIntervalMs, signal);
        const answered = this.ping();
        await clock.sleep(timings.pingIntervalMs, AbortSignal.any([signal, answered])).catch(() => undefined);
        if (answered.aborted || signal.aborted) continue;
        this.end(this.lost('the edge stopped answering', undefined));
        this.destroy();
      }
    } catch (error) {
      // The connection is over and the wait was cut short; anything else is a bug.
      if (!signal.aborted) throw error;
    }
  }

  /** A signal that aborts when the answer is there. */
  private ping(): AbortSignal {
    const answered = new AbortController();
    if (this.session.destroyed) return answered.signal;
    this.session.ping((error) => {
      if (error === null) answered.abort();
    });
    return answered.signal;
  }

  private lost(reason: string, cause: unknown): EdgeError {
    if (cause instanceof EdgeError) return cause;
    const detail = cause instanceof AppError ? `${reason}: ${cause.message}` : reason;
    return new EdgeError({
      code: 'E_EDGE_UNREACHABLE',
      message: `the connection to the edge was lost: ${detail}`,
      where: formatEdge(this.options.address),
      retryable: true,
      cause,
    });
  }
}
