// TCP inside a websocket (tcp, ssh, rdp, smb, bastion): dialled first, then the websocket is agreed to and joined.
import type { Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import { OriginError } from '../errors.ts';
import type { DialTarget } from './dial.ts';
import { createDialler, type Dialler } from './dialler.ts';
import type { Exchange, Origin } from './exchange.ts';
import { acceptSession } from './websocket-session.ts';

/** An origin that speaks anything over TCP. */
export function createTcpOrigin(target: DialTarget, clock: Clock): Origin {
  const dialler = createDialler();
  return {
    serve(exchange) {
      if (exchange.wantsWebsocket) joinTcp(exchange, target, dialler, clock);
      else explainTcp(exchange);
    },
    retire: () => dialler.retire(),
  };
}

/** Dials, then joins the visitor's websocket to the connection; or fails the exchange. */
export function joinTcp(exchange: Exchange, target: DialTarget, dialler: Dialler, clock: Clock): void {
  const giveUp = dialler.dial(target, (error, socket) => {
    if (socket === null) {
      if (error !== null) exchange.fail(error);
    } else if (exchange.closed) socket.destroy();
    else accept(exchange, socket, clock);
  });
  exchange.listener = { onDrain: () => undefined, onClose: giveUp };
}

/** A browser or a health check came where only a TCP client makes sense. */
export function explainTcp(exchange: Exchange): void {
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

/** In callbacks nobody else would catch it: what goes wrong ends this request. */
export function websocketFailed(cause: unknown): OriginError {
  if (cause instanceof OriginError) return cause;
  return new OriginError({ code: 'E_ORIGIN_FAILED', message: 'the websocket could not be opened', cause });
}

function accept(exchange: Exchange, socket: Socket, clock: Clock): void {
  try {
    acceptSession(exchange, clock, () => undefined).attach(socket);
  } catch (error) {
    socket.destroy();
    exchange.fail(websocketFailed(error));
  }
}
