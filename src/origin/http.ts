// Origins that speak HTTP/1.1 or HTTP/2, over TCP, TLS or a unix socket, through undici's dispatch.
import type { Pool } from 'undici';
import { OriginError } from '../errors.ts';
import type { Exchange, Origin } from './exchange.ts';
import { HttpExchange, type HttpExchangeOwner } from './http-exchange.ts';
import { createPool, fixedServerName } from './http-pool.ts';
import type { HttpTarget } from './http-target.ts';
import { collectBody } from './request-body.ts';
import { openWebsocket } from './websocket.ts';

/** Pools kept when the TLS name follows the Host; the least recently used goes first. */
const maxServerNames = 32;

/** An origin that speaks HTTP. */
export function createHttpOrigin(target: HttpTarget): Origin {
  return new HttpOrigin(target);
}

class HttpOrigin implements Origin, HttpExchangeOwner {
  private readonly target: HttpTarget;
  private readonly pools = new Map<string, Pool>();
  private active = 0;
  private retired = false;

  constructor(target: HttpTarget) {
    this.target = target;
  }

  serve(exchange: Exchange): void {
    if (exchange.wantsWebsocket) {
      openWebsocket(exchange, this.target, requestHeaders(exchange, this.target));
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
    if (this.active === 0) this.closePools();
  }

  private dispatch(handler: HttpExchange, body: Parameters<Pool['dispatch']>[0]['body']): void {
    const { exchange } = handler;
    const headers = requestHeaders(exchange, this.target);
    this.pool(exchange).dispatch(
      {
        method: exchange.method,
        path: exchange.path,
        headers,
        body: body ?? null,
        servername: fixedServerName,
        // A connection beyond those worth keeping closes after its answer.
        ...(this.active > this.target.keepAliveConnections ? { reset: true } : {}),
      } as Parameters<Pool['dispatch']>[0],
      handler,
    );
  }

  private pool(exchange: Exchange): Pool {
    const name = this.target.serverNameFromHost ? hostWithoutPort(exchange.host) : '';
    let pool = this.pools.get(name);
    if (pool === undefined) {
      pool = createPool(this.target, name === '' ? undefined : name);
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

/** Waits for the requests it carries; they report their own failures. */
function closeQuietly(pool: Pool): void {
  pool.close().catch((cause: unknown) => {
    throw new OriginError({ code: 'E_ORIGIN_FAILED', message: 'a connection pool could not be closed', cause });
  });
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
