// Origins that speak HTTP/1.1 or HTTP/2, over TCP, TLS or a unix socket, through undici's dispatch.
import type { Readable } from 'node:stream';
import type { Pool } from 'undici';
import { createDialler } from './dialler.ts';
import type { Exchange, Origin } from './exchange.ts';
import { HttpExchange, type HttpExchangeOwner } from './http-exchange.ts';
import { createPool, fixedServerName, type PoolDialling } from './http-pool.ts';
import type { HttpTarget } from './http-target.ts';
import { collectBody } from './request-body.ts';
import { openWebsocket } from './websocket.ts';

type Body = Readable | Buffer | null;

/** undici's, with the two fields its types do not know. */
interface DispatchOptions {
  readonly method: string;
  readonly path: string;
  readonly headers: string[];
  readonly body: Body;
  readonly servername: string;
  readonly reset: boolean | null;
}

/** Pools kept when the TLS name follows the Host; the least recently used goes first. */
const maxServerNames = 32;

/** An origin that speaks HTTP. */
export function createHttpOrigin(target: HttpTarget): Origin {
  return new HttpOrigin(target);
}

class HttpOrigin implements Origin, HttpExchangeOwner {
  private readonly target: HttpTarget;
  private readonly pools = new Map<string, Pool>();
  private readonly dialler = createDialler();
  private readonly dialling: PoolDialling = { dialler: this.dialler, isBusy: () => this.active > 0 };
  private active = 0;
  private retired = false;

  constructor(target: HttpTarget) {
    this.target = target;
  }

  serve(exchange: Exchange): void {
    if (exchange.wantsWebsocket) {
      openWebsocket({ exchange, target: this.target, dialler: this.dialler }, requestHeaders(exchange, this.target));
      return;
    }
    this.active++;
    this.send(new HttpExchange(exchange, this));
  }

  send(handler: HttpExchange): void {
    const { exchange } = handler;
    if (!exchange.hasBody) this.dispatch(handler, null);
    else if (this.target.bufferBodies && exchange.contentLength === undefined) {
      collectBody(exchange, (body) => this.dispatch(handler, body));
    } else this.dispatch(handler, exchange.body());
  }

  finished(): void {
    this.active--;
    if (this.retired && this.active === 0) this.closePools();
  }

  retire(): void {
    this.retired = true;
    this.dialler.retire();
    if (this.active === 0) this.closePools();
  }

  /** Never throws: it also runs where nobody could catch it. */
  private dispatch(handler: HttpExchange, body: Body): void {
    const { exchange } = handler;
    const options: DispatchOptions = {
      method: exchange.method,
      path: exchange.path,
      headers: requestHeaders(exchange, this.target),
      body,
      servername: fixedServerName,
      // A connection beyond those worth keeping closes after its answer.
      reset: this.active > this.target.keepAliveConnections ? true : null,
    };
    try {
      this.pool(exchange).dispatch(options as Parameters<Pool['dispatch']>[0], handler);
    } catch (error) {
      handler.fail(error);
    }
  }

  private pool(exchange: Exchange): Pool {
    const name = this.target.serverNameFromHost ? hostWithoutPort(exchange.host) : '';
    let pool = this.pools.get(name);
    if (pool === undefined) {
      pool = createPool(this.target, name === '' ? undefined : name, this.dialling);
      this.pools.set(name, pool);
      if (this.pools.size > maxServerNames) this.closeOldest();
    } else if (this.target.serverNameFromHost) {
      this.pools.delete(name);
      this.pools.set(name, pool);
    }
    return pool;
  }

  private closeOldest(): void {
    for (const [name, pool] of this.pools) {
      this.pools.delete(name);
      closeQuietly(pool);
      return;
    }
  }

  private closePools(): void {
    for (const pool of this.pools.values()) closeQuietly(pool);
    this.pools.clear();
  }
}

/** Waits for the requests it carries, which report their own failures; that it is closed already is none. */
function closeQuietly(pool: Pool): void {
  pool.close().catch(() => undefined);
}

/** The visitor's headers with the Host the rule asks for. */
function requestHeaders(exchange: Exchange, target: HttpTarget): string[] {
  const { hostHeader } = target;
  if (hostHeader === undefined) return ['host', exchange.host, ...exchange.headers];
  return ['host', hostHeader, ...exchange.headers, 'X-Forwarded-Host', exchange.host];
}

function hostWithoutPort(host: string): string {
  const colon = host.lastIndexOf(':');
  return colon === -1 || host.endsWith(']') ? host : host.slice(0, colon);
}
