// One connector's connection from TLS to close: the edge is the HTTP/2 client on it and opens every stream.
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../clock.ts';
import { headerNames } from '../../protocol/headers.ts';
import { raiseWindow, sessionOptions } from '../../protocol/http2.ts';
import type { RegisteredConnection } from '../model.ts';
import type { Connection } from './registry.ts';

/** How patient the edge is with a connection (ms). */
export interface ConnectionTimeouts {
  /** Between two pings on a connection. */
  readonly pingEvery: number;
  /** For the answer to a ping; after it the peer counts as dead. */
  readonly pingAnswer: number;
  /** For the answer of a connection whose place another one claims; below the 5 s the claimant waits. */
  readonly claimAnswer: number;
  /** For the requests of a connection that drains; a websocket can last forever. */
  readonly drain: number;
}

/** Receives what happens to a connection, each once. */
export interface ConnectionEvents {
  /** It serves nothing any more and is about to close. */
  onLeave(connection: TunnelConnection, reason: string): void;
  /** It is closed. */
  onClosed(connection: TunnelConnection): void;
}

/** Visitors may repeat a header; node:http2 would refuse to pass that on. */
const clientOptions = { ...sessionOptions, strictSingleValueFields: false };

/** After a polite close, how long the peer has to agree (ms). */
const closePatience = 1_000;

/** A connection to a connector; registered once `info` is set. */
export class TunnelConnection implements Connection {
  readonly remoteAddress: string;
  readonly control: ClientHttp2Stream;
  readonly #socket: TLSSocket;
  readonly #session: ClientHttp2Session;
  readonly #clock: Clock;
  readonly #timeouts: ConnectionTimeouts;
  readonly #events: ConnectionEvents;
  readonly #ended = new AbortController();
  #info: Omit<RegisteredConnection, 'draining'> | undefined;
  /** Set by the configuration push. */
  awaitsRules = false;
  #inFlight = 0;
  #draining = false;
  #retired = false;
  #reason = 'the connector closed the connection';

  /** Takes over a socket whose handshake is done; must be called in the same tick, or Node loses the first bytes. */
  constructor(socket: TLSSocket, options: { clock: Clock; timeouts: ConnectionTimeouts; events: ConnectionEvents }) {
    this.#socket = socket;
    this.#clock = options.clock;
    this.#timeouts = options.timeouts;
    this.#events = options.events;
    this.remoteAddress = plainAddress(socket.remoteAddress);
    socket.setNoDelay(true);
    this.#session = connect('https://connector', { ...clientOptions, createConnection: () => socket });
    // Garbage, resets and floods arrive here; the session closes right after.
    this.#session.on('error', (error: Error) => this.#because(error.message));
    this.#session.on('goaway', () => this.drain('the connector said goodbye'));
    this.#session.once('connect', () => raiseWindow(this.#session));
    this.#session.once('close', () => this.#finish());
    this.control = this.#openControl();
  }

  /** The connection as registered; reading it earlier is a bug. */
  get info(): Omit<RegisteredConnection, 'draining'> {
    if (this.#info === undefined) throw new Error('the connection is not registered');
    return this.#info;
  }

  get registered(): boolean {
    return this.#info !== undefined;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get draining(): boolean {
    return this.#draining;
  }

  get closed(): boolean {
    return this.#ended.signal.aborted;
  }

  /** From now on the connection may be given requests; watches for a dead peer. */
  register(info: Omit<RegisteredConnection, 'draining'>): void {
    this.#info = info;
    void this.#watch();
  }

  /** Opens a stream; flat headers that were checked before. Failures arrive as the stream's `error` and `close`. */
  request(headers: readonly string[], endStream: boolean): ClientHttp2Stream {
    const stream = this.#session.request(headers, { endStream });
    this.#inFlight++;
    stream.once('close', () => this.#release());
    return stream;
  }

  /** Takes no new requests, lets the present ones finish, then closes. */
  drain(reason: string): void {
    if (this.#draining) return;
    this.#leave(reason);
    if (this.#inFlight === 0) this.#closePolitely();
    else void this.#destroyAfter(this.#timeouts.drain);
  }

  /** Ends the connection; requests it is serving get a moment to finish. */
  close(reason: string): void {
    this.#leave(reason);
    this.#closePolitely();
  }

  /** Ends the connection now; requests it is serving fail. */
  destroy(reason: string): void {
    this.#because(reason);
    // Told first: whoever asks next must not find a connection that is as good as gone.
    this.#finish();
    // With a code: a bare destroy() lets half-received bodies end as if they were whole.
    if (!this.#session.destroyed) this.#session.destroy(new Error(reason), constants.NGHTTP2_CANCEL);
  }

  /** True when somebody claims its place but the peer still answers; otherwise the place is free. */
  holds(): Promise<boolean> {
    return this.probe(this.#timeouts.claimAnswer);
  }

  /** True when the peer answers a ping in time; a connection that does not is destroyed. */
  async probe(patienceMs: number): Promise<boolean> {
    if (this.closed) return false;
    const answered = new AbortController();
    const giveUp = () => answered.abort();
    this.#ended.signal.addEventListener('abort', giveUp, { once: true });
    const before = this.#socket.bytesRead;
    // An error in the callback means that the session ends, which aborts #ended by itself.
    if (!this.#session.destroyed) this.#session.ping((error) => (error === null ? answered.abort() : undefined));
    const silent = await this.#clock.sleep(patienceMs, answered.signal).then(
      // On a slow line the answer queues behind a download; arriving bytes prove life as well.
      () => this.#socket.bytesRead === before,
      () => false,
    );
    this.#ended.signal.removeEventListener('abort', giveUp);
    if (silent) this.destroy('the connector does not answer pings');
    return !this.closed && !silent;
  }

  #openControl(): ClientHttp2Stream {
    const headers = [':method', 'GET', ':path', '/', headerNames.upgrade, 'control-stream'];
    return this.#session.request(headers, { endStream: false });
  }

  #release(): void {
    this.#inFlight--;
    if (this.#draining && this.#inFlight === 0) this.#closePolitely();
  }

  /** Runs once, when the session is closed or about to be. */
  #finish(): void {
    if (this.closed) return;
    this.#retire();
    this.#ended.abort();
    this.#events.onClosed(this);
    // Whatever state the session is in, the socket must not outlive it; a goodbye gets one turn to go out.
    setImmediate(() => this.#socket.destroy());
  }

  #retire(): void {
    this.#draining = true;
    if (this.#retired) return;
    this.#retired = true;
    this.#events.onLeave(this, this.#reason);
  }

  #leave(reason: string): void {
    this.#because(reason);
    this.#draining = true;
  }

  #because(reason: string): void {
    if (!this.#draining && !this.closed) this.#reason = reason;
  }

  #closePolitely(): void {
    if (this.closed) return;
    // Before the peer can see it: once it is told that all is done, nobody may still find it here.
    this.#retire();
    // What was written on the control stream, an answer to unregister above all, goes out before the goodbye.
    this.control.end(() => this.#session.close());
    void this.#destroyAfter(closePatience);
  }

  async #destroyAfter(ms: number): Promise<void> {
    await this.#clock.sleep(ms, this.#ended.signal).then(
      () => this.destroy('it did not close in time'),
      () => undefined,
    );
  }

  /** cloudflared neither pings nor times out over HTTP/2: noticing a dead peer is the edge's task. */
  async #watch(): Promise<void> {
    while (!this.closed) {
      const slept = await this.#clock.sleep(this.#timeouts.pingEvery, this.#ended.signal).then(
        () => true,
        () => false,
      );
      if (slept) await this.probe(this.#timeouts.pingAnswer);
    }
  }
}

/** An IPv4 address that arrived on an IPv6 socket, written as IPv4. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}
