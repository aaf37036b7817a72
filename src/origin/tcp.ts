// TCP inside a websocket (tcp, ssh, rdp, smb): the connector ends the websocket, binary frames are the TCP bytes.
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../clock.ts';
import { OriginError } from '../errors.ts';
import type { DialTarget } from './dial.ts';
import { createDialler, type Dialler } from './dialler.ts';
import type { Exchange, Origin } from './exchange.ts';
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

/** An origin that speaks anything over TCP. */
export function createTcpOrigin(target: DialTarget, clock: Clock): Origin {
  const dialler = createDialler();
  return {
    serve: (exchange) => serveTcp(exchange, target, dialler, clock),
    retire: () => dialler.retire(),
  };
}

function serveTcp(exchange: Exchange, target: DialTarget, dialler: Dialler, clock: Clock): void {
  if (!exchange.wantsWebsocket) {
    explain(exchange);
    return;
  }
  const giveUp = dialler.dial(target, (error, socket) => {
    if (socket === null) {
      if (error !== null) exchange.fail(error);
    } else if (exchange.closed) socket.destroy();
    else accept(exchange, socket, clock);
  });
  exchange.listener = { onDrain: () => undefined, onClose: giveUp };
}

/** A browser or a health check came where only a TCP client makes sense. */
function explain(exchange: Exchange): void {
  const text = Buffer.from(
    'This hostname carries TCP inside a websocket. Connect with `access tcp` or `access ssh`.\n',
  );
  exchange.respond(426, [
    'Content-Type',
    'text/plain; charset=utf-8',
    'Content-Length',
    String(text.length),
    'Upgrade',
    'websocket',
  ]);
  exchange.write(text);
  exchange.end();
}

function accept(exchange: Exchange, socket: Socket, clock: Clock): void {
  try {
    const key = headerValue(exchange.headers, 'sec-websocket-key');
    const answer = ['Connection', 'Upgrade', 'Upgrade', 'websocket'];
    if (key !== undefined) answer.push('Sec-WebSocket-Accept', acceptKey(key));
    const visitor = exchange.accept(answer);
    exchange.listener = undefined;
    new TcpSession(visitor, socket, clock).start();
  } catch (error) {
    socket.destroy();
    exchange.fail(
      error instanceof OriginError
        ? error
        : new OriginError({ code: 'E_ORIGIN_FAILED', message: 'the websocket could not be opened', cause: error }),
    );
  }
}

function headerValue(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < headers.length; i += 2) if (headers[i]?.toLowerCase() === name) return headers[i + 1];
  return undefined;
}

/** One websocket and its TCP connection. */
class TcpSession {
  private readonly visitor: Duplex;
  private readonly socket: Socket;
  private readonly clock: Clock;
  private readonly decoder: FrameDecoder;
  private readonly ended = new AbortController();
  private closing = false;

  constructor(visitor: Duplex, socket: Socket, clock: Clock) {
    this.visitor = visitor;
    this.socket = socket;
    this.clock = clock;
    this.decoder = createFrameDecoder({
      onData: (chunk) => this.toOrigin(chunk),
      // A client that pings and does not read gets no answers: they would pile up here.
      onPing: (payload) => !this.visitor.writableNeedDrain && this.sendFrame(opcodes.pong, payload),
      onClose: (code) => this.clientClosed(code),
    });
  }

  start(): void {
    const { visitor, socket } = this;
    visitor.on('data', (chunk: Buffer) => this.fromVisitor(chunk));
    visitor.on('drain', () => socket.resume());
    visitor.on('end', () => {
      visitor.end();
      socket.destroySoon();
    });
    visitor.on('close', () => this.finish());
    socket.on('data', (chunk: Buffer) => {
      if (!this.sendFrame(opcodes.binary, chunk)) socket.pause();
    });
    socket.on('drain', () => visitor.resume());
    socket.on('end', () => this.close(1000));
    socket.on('close', () => {
      // Reset, not ended: 1011 tells the client that this was no orderly goodbye.
      if (!socket.readableEnded) this.close(1011);
    });
    // What an error means is said by the `close` that follows it.
    visitor.on('error', () => undefined);
    socket.on('error', () => undefined);
    void this.keepAwake();
  }

  private fromVisitor(chunk: Buffer): void {
    try {
      this.decoder.push(chunk);
    } catch {
      // The visitor broke the protocol (RFC 6455 7.4.1: 1002); nobody else is concerned.
      this.close(1002);
      this.visitor.removeAllListeners('data');
      this.visitor.resume();
      this.socket.destroySoon();
    }
  }

  private toOrigin(chunk: Buffer): void {
    if (this.socket.writable && !this.socket.write(chunk)) this.visitor.pause();
  }

  private clientClosed(code: number | undefined): void {
    this.close(code === undefined || code < 1000 || code > 4999 ? 1000 : code);
    this.visitor.end();
    this.socket.destroySoon();
  }

  /** Says goodbye once; the client's own close, or a deadline, then ends the stream. */
  private close(code: number): void {
    if (this.closing) return;
    this.closing = true;
    if (!this.visitor.writable) return;
    this.visitor.write(closeFrame(code));
    this.clock.sleep(closeTimeoutMs, this.ended.signal).then(
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
        await this.clock.sleep(pingIntervalMs, this.ended.signal);
        this.sendFrame(opcodes.ping, Buffer.alloc(0));
      }
    } catch {
      // The session ended; so does its pinging.
    }
  }

  private finish(): void {
    this.ended.abort();
    this.socket.destroySoon();
  }
}
