// Asks a public resolver over TLS (RFC 7858): many home routers do not answer for SRV records, or answer wrongly.
import { randomInt } from 'node:crypto';
import tls from 'node:tls';
import { trustedRoots } from '../../origin/trust.ts';
import { decodeSrvAnswer, encodeSrvQuery, type SrvTarget } from './dns-srv.ts';

/** A resolver that speaks DNS over TLS. */
export interface TlsResolver {
  readonly host: string;
  readonly port: number;
  readonly serverName: string;
  /** Whom to trust; undefined: the system's authorities. */
  readonly caPem?: string;
  readonly timeoutMs: number;
}

/** The one cloudflared falls back to. */
export const cloudflareResolver: TlsResolver = {
  host: '1.1.1.1',
  port: 853,
  serverName: 'cloudflare-dns.com',
  timeoutMs: 15_000,
};

/** Its answer for one name. Rejects with whatever went wrong; `signal` gives up. */
export function resolveSrvOverTls(
  name: string,
  resolver: TlsResolver,
  signal?: AbortSignal,
): Promise<readonly SrvTarget[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly SrvTarget[]>();
  const id = randomInt(0x1_0000);
  const socket = tls.connect({
    host: resolver.host,
    port: resolver.port,
    servername: resolver.serverName,
    ca: resolver.caPem ?? [...trustedRoots()],
    timeout: resolver.timeoutMs,
  });
  // No byte may make the wait longer: the deadline is for all of it.
  const timeout = AbortSignal.timeout(resolver.timeoutMs);
  const deadline = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
  const giveUp = () => socket.destroy(new Error('the resolver did not answer in time'));
  deadline.addEventListener('abort', giveUp, { once: true });
  if (deadline.aborted) giveUp();
  let received = Buffer.alloc(0);
  socket.on('timeout', giveUp);
  socket.once('secureConnect', () => {
    const query = encodeSrvQuery(name, id);
    socket.write(Buffer.concat([Buffer.from([query.length >> 8, query.length & 0xff]), query]));
  });
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    // The length before it has 16 bits, and nothing is read behind the message.
    if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
    try {
      resolve(decodeSrvAnswer(received.subarray(2, 2 + received.readUInt16BE(0)), id));
    } catch (error) {
      reject(error);
    }
    socket.destroy();
  });
  socket.on('error', reject);
  socket.on('close', () => {
    deadline.removeEventListener('abort', giveUp);
    reject(new Error('the resolver closed the connection'));
  });
  return promise;
}
