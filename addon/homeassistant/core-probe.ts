// Asks Home Assistant's web port as a proxy and as nobody in particular. I/O only; nothing here counts as a failed login.
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';

/** Where Home Assistant answers. */
export interface CoreAddress {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
}

/** Our own address as the other side sees it; undefined when it takes no connection. It hears nothing of it. */
export function addressSeen({ host, port }: CoreAddress, signal: AbortSignal): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = connect({ host, port, signal });
  socket.once('connect', () => resolve(socket.localAddress));
  socket.on('error', () => resolve(undefined));
  return promise.finally(() => socket.destroy());
}

/**
 * The status of one GET, with a forwarding header or without; undefined when there was no answer. A page that needs no login is asked
 * for: Home Assistant's ban counts refused logins, and answers a proxy it does not trust before it comes to that.
 */
export function statusOf(at: CoreAddress, asProxy: boolean, signal: AbortSignal): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const headers = { 'user-agent': 'sallyport-doctor', ...(asProxy ? { 'x-forwarded-for': '203.0.113.1' } : {}) };
  // Its certificate is made for another name than its address.
  const tls = at.isTls ? { rejectUnauthorized: false } : {};
  const { host, port } = at;
  const options = { host, port, path: '/manifest.json', headers, agent: false, signal, ...tls };
  const sent = (at.isTls ? httpsRequest : httpRequest)(options);
  sent.once('response', (response) => {
    resolve(response.statusCode);
    response.destroy();
  });
  sent.on('error', () => resolve(undefined));
  sent.end();
  return promise;
}
