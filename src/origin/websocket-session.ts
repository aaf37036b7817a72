// A websocket that carries TCP: the connector ends it, binary frames are the TCP bytes, of one connection joined to it when it is open.
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../clock.ts';
import type { Exchange } from './exchange.ts';
import {
  acceptKey,
  closeFrame,
  createFrameDecoder,
  type FrameDecoder,
  frameHeader,
  opcodes,
} from './websocket-frames.ts';

/** cloudflared's: keeps proxies on the way from taking a quiet session for a dead one. */
const pingIntervalMs = 54_000;

/** How long a client may take to answer a close. */
const closeTimeoutMs = 5_000;

/** A visitor's websocket. */
export interface WebsocketSession {
  /** Aborts when the visitor is gone. */
  readonly ended: AbortSignal;
  /** Joins the connection: what follows goes there and comes from there; both end together. */
  attach(socket: Socket): void;
  /** Takes nothing more from the visitor until `attach`. */
  pause(): void;
  /** Says something before there is a connection. */
  send(bytes: Buffer): void;
  /** Says goodbye once; the client's own close, or a deadline, then ends the stream. */
  close(code: number): void;
}

/** Agrees to a visitor's websocket and begins to read it. Throws, nothing sent, when it cannot be agreed to. */
export function acceptSession(exchange: Exchange, clock: Clock, early: (chunk: Buffer) => void): WebsocketSession {
  const key = headerValue(exchange.headers, 'sec-websocket-key');
  const answer = ['Connection', 'Upgrade', 'Upgrade', 'websocket'];
  if (key !== undefined) answer.push('Sec-WebSocket-Accept', acceptKey(key));
  const visitor = exchange.accept(answer);
  exchange.listener = undefined;
  const session = new Session(visitor, clock, early);
  session.start();
  return session;
}

class Session implements WebsocketSession {
  private readonly visitor: Duplex;
  private socket: Socket | undefined;
  private readonly early: (chunk: Buffer) => void;
  private readonly clock: Clock;
  private readonly decoder: FrameDecoder;
  private readonly over = new AbortController();
  private closing = false;

  constructor(visitor: Duplex, clock: Clock, early: (chunk: Buffer) => void) {
    this.visitor = visitor;
    this.clock = clock;
    this.early = early;
    this.decoder = createFrameDecoder({
      onData: (chunk) => this.toOrigin(chunk),
      // A client that pings and does not read gets no answers: they would pile up here.
      onPing: (payload) => !this.visitor.writableNeedDrain && this.sendFrame(opcodes.pong, payload),
      onClose: (code) => this.clientClosed(code),
    });
  }

  get ended(): AbortSignal {
    return this.over.signal;
  }

  start(): void {
    const { visitor } = this;
    visitor.on('data', (chunk: Buffer) => this.fromVisitor(chunk));
    visitor.on('drain', () => this.socket?.resume());
    visitor.on('end', () => {
      visitor.end();
      this.socket?.destroySoon();
    });
    visitor.on('close', () => this.finish());
    // What an error means is said by the `close` that follows it.
    visitor.on('error', () => undefined);
    void this.keepAwake();
  }

  attach(socket: Socket): void {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      if (!this.sendFrame(opcodes.binary, chunk)) socket.pause();
    });
    socket.on('drain', () => this.visitor.resume());
    socket.on('end', () => this.close(1000));
    socket.on('close', () => {
      // Reset, not ended: 1011 tells the client that this was no orderly goodbye.
      if (!socket.readableEnded) this.close(1011);
    });
    // What an error means is said by the `close` that follows it.
    socket.on('error', () => undefined);
    if (this.over.signal.aborted || this.closing) socket.destroySoon();
    this.visitor.resume();
  }

  pause(): void {
    this.visitor.pause();
  }

  send(bytes: Buffer): void {
    this.sendFrame(opcodes.binary, bytes);
  }

  private fromVisitor(chunk: Buffer): void {
    try {
      this.decoder.push(chunk);
    } catch {
      // The visitor broke the protocol (RFC 6455 7.4.1: 1002); nobody else is concerned.
      this.close(1002);
      this.visitor.removeAllListeners('data');
      this.visitor.resume();
      this.socket?.destroySoon();
    }
  }

  private toOrigin(chunk: Buffer): void {
    const { socket } = this;
    if (socket === undefined) this.early(chunk);
    else if (socket.writable && !socket.write(chunk)) this.visitor.pause();
  }

  private clientClosed(code: number | undefined): void {
    this.close(code === undefined || code < 1000 || code > 4999 ? 1000 : code);
    this.visitor.end();
    this.socket?.destroySoon();
  }

  close(code: number): void {
    if (this.closing) return;
    this.closing = true;
    // Paused, the client's own goodbye would not be heard.
    if (this.socket === undefined) this.visitor.resume();
    if (!this.visitor.writable) return;
    this.visitor.write(closeFrame(code));
    this.clock.sleep(closeTimeoutMs, this.over.signal).then(
      () => this.visitor.end(),
      () => undefined,
    );
  }

  private sendFrame(opcode: number, payload: Buffer): boolean {
    const { visitor } = this;
    if (this.closing || !visitor.writable) return true;
    visitor.cork();
    visitor.write(frameHeader(opcode, payload.length));
    const more = visitor.write(payload);
    visitor.uncork();
    return more;
  }

  private async keepAwake(): Promise<void> {
    try {
      for (;;) {
        await this.clock.sleep(pingIntervalMs, this.over.signal);
        this.sendFrame(opcodes.ping, Buffer.alloc(0));
      }
    } catch {
      // The session ended; so does its pinging.
    }
  }

  private finish(): void {
    this.over.abort();
    this.socket?.destroySoon();
  }
}

function headerValue(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < headers.length; i += 2) if (headers[i]?.toLowerCase() === name) return headers[i + 1];
  return undefined;
}
