// The connections to one HTTP origin: an undici pool over our own dialling.
import { createRequire } from 'node:module';
import type { Pool as UndiciPool } from 'undici';
import { maxHeaderValue } from '../protocol/http2.ts';
import type { DialTarget } from './dial.ts';
import type { Dialler } from './dialler.ts';
import type { HttpTarget } from './http-target.ts';

/** Only the pool: with the rest of undici, its fetch and caches, every start would take 40 ms and 8 MB more. */
const Pool: typeof UndiciPool = createRequire(import.meta.url)('undici/lib/dispatcher/pool.js');

/**
 * undici derives the TLS name from each request's Host header and drops the connection when it changes. A constant
 * name keeps the connection; the real name is the dialler's business.
 */
export const fixedServerName = 'origin';

/** How a pool connects. */
export interface PoolDialling {
  readonly dialler: Dialler;
  /** Whether any request is under way. */
  isBusy(): boolean;
}

/** A pool for the target. Nothing times out: an origin that thinks is the edge's business, as with cloudflared. */
export function createPool(
  target: HttpTarget,
  serverName: string | undefined,
  { dialler, isBusy }: PoolDialling,
): UndiciPool {
  const dialled = withServerName(target.dial, serverName);
  const http2 = dialled.tls?.http2 === true;
  return new Pool(dialled.tls === undefined ? 'http://origin' : 'https://origin', {
    connect: (_options, callback) => {
      // For a request whose visitor left, undici closes the connection and opens another, which nobody would use.
      if (!isBusy()) {
        queueMicrotask(() => callback(new Error('nobody waits for a connection'), null));
        return;
      }
      dialler.dial(dialled, (error, socket) => {
        if (socket === null) callback(error ?? new Error('not connected'), null);
        else callback(null, socket);
      });
    },
    keepAliveTimeout: target.keepAliveTimeoutMs,
    keepAliveMaxTimeout: target.keepAliveTimeoutMs,
    headersTimeout: 0,
    bodyTimeout: 0,
    // More could not be carried to the edge in any case.
    maxHeaderSize: maxHeaderValue,
    ...(http2 ? { allowH2: true } : { pipelining: 1 }),
  });
}

function withServerName(target: DialTarget, serverName: string | undefined): DialTarget {
  if (serverName === undefined || target.tls === undefined) return target;
  return { ...target, tls: { ...target.tls, serverName } };
}
