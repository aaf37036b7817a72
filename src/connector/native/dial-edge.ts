// Opens the TLS connection to one edge address, verified against the edge's fixed name.
import tls, { type SecureContext } from 'node:tls';
import { EdgeError } from '../../errors.ts';
import type { EdgeAddress } from '../../model.ts';
import { edgeServerName } from '../../protocol/server-names.ts';

/**
 * Connects; exactly one of the callback's arguments is set. A callback, since node:http2 must get the socket in the same
 * turn or may lose what the edge has sent by then. Returns the way to give up.
 */
export function dialEdge(
  address: EdgeAddress,
  options: { readonly trust: SecureContext; readonly timeoutMs: number },
  done: (error: EdgeError | null, socket: tls.TLSSocket | null) => void,
): () => void {
  const where = formatEdge(address);
  const socket = tls.connect({
    host: address.host,
    port: address.port,
    servername: edgeServerName,
    secureContext: options.trust,
    // No ALPN, like cloudflared: the roles are reversed, so neither name would be true.
    minVersion: 'TLSv1.2',
    timeout: options.timeoutMs,
  });
  let settled = false;

  function settle(error: EdgeError | null): void {
    if (settled) return;
    settled = true;
    socket.setTimeout(0);
    socket.removeAllListeners('timeout');
    if (error === null) done(null, socket);
    else {
      socket.destroy();
      done(error, null);
    }
  }
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 30_000);
  socket.once('secureConnect', () => settle(null));
  socket.once('timeout', () => settle(unreachable(where, 'the edge did not answer in time', undefined)));
  socket.on('error', (cause) => settle(dialError(where, cause)));
  socket.once('close', () => settle(unreachable(where, 'the edge closed the connection', undefined)));
  return () => settle(unreachable(where, 'given up', undefined));
}

/** `host:port`, brackets around IPv6. */
export function formatEdge(address: EdgeAddress): string {
  return address.family === 6 ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Failures of verification a user mends with another CA or clock; anything else is the network. */
const certificateProblem = /CERT|ALTNAME|SIGNATURE|UNABLE_TO/;

function dialError(where: string, cause: Error & { code?: string }): EdgeError {
  if (!certificateProblem.test(cause.code ?? '')) return unreachable(where, cause.message, cause);
  return new EdgeError({
    code: 'E_EDGE_UNREACHABLE',
    message: `the edge's certificate is not trusted: ${cause.message}`,
    where,
    retryable: true,
    hint:
      `the certificate must name ${edgeServerName} and come from a trusted authority; --edge-ca FILE names another ` +
      "(Cloudflare's own edge is signed by its Origin CA, whose root certificates Cloudflare publishes)",
    cause,
  });
}

function unreachable(where: string, reason: string, cause: unknown): EdgeError {
  return new EdgeError({
    code: 'E_EDGE_UNREACHABLE',
    message: `the edge cannot be reached: ${reason}`,
    where,
    retryable: true,
    hint: 'is the address right, and does a firewall let TCP out to it?',
    cause,
  });
}
