// A SOCKS 5 proxy inside the websocket: the client says where to, the rule's policy whether.
import type { Socket } from 'node:net';
import { OriginError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { ChosenOriginOptions } from './bastion.ts';
import { type Destination, ForbiddenDestination, findDestination } from './destination.ts';
import { createDialler, type Dialler } from './dialler.ts';
import type { Exchange, Origin } from './exchange.ts';
import { createSocksReader, type SocksStep, socksReplies, socksReply } from './socks-request.ts';
import { explainTcp, websocketFailed } from './tcp.ts';
import { acceptSession, type WebsocketSession } from './websocket-session.ts';

/** What a SOCKS proxy needs; what it refuses is logged, since the client only gets a number. */
export interface SocksOriginOptions extends ChosenOriginOptions {
  readonly logger: Logger;
}

/** A client that has opened a websocket says within this time where it wants to go. */
const requestTimeoutMs = 15_000;

/** The websocket's code for a client that broke the rules (RFC 6455 7.4.1). */
const policyViolation = 1008;

/** The origin of a socks-proxy rule, or of one with `proxyType: socks`. */
export function createSocksOrigin(options: SocksOriginOptions): Origin {
  const dialler = createDialler();
  return {
    serve(exchange) {
      if (!exchange.wantsWebsocket) {
        explainTcp(exchange);
        return;
      }
      try {
        new SocksConversation(exchange, options, dialler).begin();
      } catch (error) {
        exchange.fail(websocketFailed(error));
      }
    },
    retire: () => dialler.retire(),
  };
}

class SocksConversation {
  private readonly exchange: Exchange;
  private readonly options: SocksOriginOptions;
  private readonly dialler: Dialler;
  private readonly reader = createSocksReader();
  private session: WebsocketSession | undefined;
  private isAsked = false;
  private isRefused = false;
  /** What the client sent before it was answered: one chunk's worth, since it is not read from meanwhile. */
  private early: Buffer[] = [];

  constructor(exchange: Exchange, options: SocksOriginOptions, dialler: Dialler) {
    this.exchange = exchange;
    this.options = options;
    this.dialler = dialler;
  }

  begin(): void {
    const { clock } = this.options;
    const session = acceptSession(this.exchange, clock, (chunk) => this.take(chunk));
    this.session = session;
    clock.sleep(requestTimeoutMs, session.ended).then(
      () => {
        if (!this.isAsked) session.close(policyViolation);
      },
      // The client is gone, and so is the wait.
      () => undefined,
    );
  }

  private take(chunk: Buffer): void {
    if (this.isRefused) return;
    if (this.isAsked) {
      this.early.push(chunk);
      return;
    }
    let step = this.reader.push(chunk);
    while (step.kind === 'answer') {
      this.session?.send(step.bytes);
      step = this.reader.push();
    }
    if (step.kind !== 'more') this.settle(step);
  }

  private settle(step: Exclude<SocksStep, { kind: 'more' | 'answer' }>): void {
    this.isAsked = true;
    if (step.kind === 'refuse') {
      this.hangUp(step.bytes, policyViolation);
      return;
    }
    this.session?.pause();
    if (step.rest.length > 0) this.early.push(step.rest);
    void this.connect(step.destination);
  }

  private async connect(named: Destination): Promise<void> {
    const { policy, dialTo } = this.options;
    try {
      const target = dialTo(await findDestination(named, policy));
      const giveUp = this.dialler.dial(target, (error, socket) => {
        this.session?.ended.removeEventListener('abort', giveUp);
        if (socket === null) this.refuse(error);
        else this.join(socket);
      });
      this.session?.ended.addEventListener('abort', giveUp, { once: true });
      if (this.session?.ended.aborted === true) giveUp();
    } catch (error) {
      this.refuse(error);
    }
  }

  private join(socket: Socket): void {
    this.session?.send(socksReply(socksReplies.granted));
    for (const chunk of this.early) socket.write(chunk);
    this.early = [];
    this.session?.attach(socket);
  }

  private refuse(error: unknown): void {
    if (this.session?.ended.aborted === true) return;
    const { code, where, message } = error instanceof OriginError ? error : websocketFailed(error);
    this.options.logger.warn({ host: this.exchange.host, code, where, reason: message }, 'a SOCKS request failed');
    this.hangUp(socksReply(replyFor(error)), 1000);
  }

  private hangUp(answer: Buffer, code: number): void {
    this.isRefused = true;
    this.early = [];
    this.session?.send(answer);
    this.session?.close(code);
  }
}

function replyFor(error: unknown): number {
  if (error instanceof ForbiddenDestination) return socksReplies.forbidden;
  if (!(error instanceof OriginError)) return socksReplies.failed;
  return (error.cause as { code?: unknown } | undefined)?.code === 'ECONNREFUSED'
    ? socksReplies.refused
    : socksReplies.hostUnreachable;
}
