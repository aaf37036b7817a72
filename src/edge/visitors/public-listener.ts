// The ports visitors use: HTTP, and HTTPS with HTTP/1.1 and HTTP/2.

import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { performServerHandshake, type ServerHttp2Session } from 'node:http2';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../clock.ts';
import type { Logger } from '../../logger.ts';
import type { ListenAddress } from '../../model.ts';
import { type Certificates, sniCallback } from '../certificates/certificates.ts';
import type { Deadlines } from '../deadlines.ts';
import { listen } from '../listen.ts';
import { plainAddress } from '../tunnels/tunnel-connection.ts';
import type { Visitor } from './visitor.ts';
import { http1Visitor, http1Websocket } from './visitor-http1.ts';
import { http2Visitor } from './visitor-http2.ts';

/** How patient the listener is with visitors (ms). */
export interface VisitorTimeouts {
  /** For the TLS handshake. */
  readonly handshake: number;
  /** For the request headers. */
  readonly headers: number;
  /** Between two requests on a connection. */
  readonly idle: number;
}

/** What a public listener needs. */
export interface PublicListenerOptions {
  readonly address: ListenAddress;
  /** Serves HTTPS when given, else HTTP. */
  readonly certificates?: Certificates;
  readonly timeouts: VisitorTimeouts;
  /** Limits how long an answered visitor may go on sending. */
  readonly linger: Deadlines;
  readonly logger: Logger;
  readonly clock: Clock;
  onRequest(visitor: Visitor): void;
}

/** A running public port. */
export interface PublicListener {
  readonly address: ListenAddress;
  /** Renews what visitors see who send no server name. */
  refreshCertificate(): Promise<void>;
  /** Accepts no more requests; resolves when the present ones are served and their connections closed. */
  drain(): Promise<void>;
  /** Ends every connection there is. */
  destroy(): void;
}

/** Bytes of all request headers; a tunnel carries 128 KiB including what the edge adds. */
const maxHeaderBytes = 96 * 1024;
const maxConnections = 10_000;
const drainStepMs = 50;

/** What one visitor's HTTP/2 connection may use. */
const visitorSession = {
  settings: {
    maxConcurrentStreams: 128,
    initialWindowSize: 1024 * 1024,
    maxHeaderListSize: maxHeaderBytes,
    enableConnectProtocol: true,
  },
  maxHeaderListPairs: 512,
  maxSendHeaderBlockLength: 512 * 1024,
  maxSessionMemory: 32,
  // Origins may repeat a header; node:http2 would refuse to pass that on.
  strictSingleValueFields: false,
};

/** The connection's receive window, shared by one visitor's uploads (bytes). */
const visitorWindow = 4 * 1024 * 1024;

/** Listens for visitors; rejects with E_LISTEN. */
export async function createPublicListener(options: PublicListenerOptions): Promise<PublicListener> {
  const { certificates, linger, logger } = options;
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  const server =
    certificates === undefined ? createServer(http1Options(options)) : createHttpsServer(certificates, options);
  server.maxConnections = maxConnections;
  // The default drops headers beyond 2,000 without a word; the byte limit and connector-headers.ts refuse instead.
  server.maxHeadersCount = 0;

  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (draining) response.shouldKeepAlive = false;
    options.onRequest(http1Visitor(request, response, linger));
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Until the websocket is joined nobody else listens, and a reset would end the process.
    socket.on('error', (error) => logger.debug({ err: error }, 'websocket of a visitor failed'));
    options.onRequest(http1Websocket(request, socket, head, linger));
  });
  if (certificates !== undefined) splitByAlpn(server, (socket) => startSession(socket));

  function startSession(socket: TLSSocket): void {
    if (socket.destroyed) return;
    const session = performServerHandshake(socket, visitorSession);
    sessions.add(session);
    const address = plainAddress(socket.remoteAddress);
    session.on('error', (error) =>
      logger.debug({ err: error, remote: address }, 'HTTP/2 connection of a visitor failed'),
    );
    session.once('close', () => sessions.delete(session));
    session.setTimeout(options.timeouts.idle, () => session.close());
    session.setLocalWindowSize(visitorWindow);
    session.on('stream', (stream, headers, flags, rawHeaders) => {
      options.onRequest(http2Visitor({ stream, headers, flags, rawHeaders: rawHeaders ?? [], address }));
    });
  }

  let draining = false;
  const refreshCertificate = async () => {
    if (certificates !== undefined && 'setSecureContext' in server)
      (server as ReturnType<typeof createSecureServer>).setSecureContext(await certificates.visitor(undefined));
  };
  await refreshCertificate();
  const setting = certificates === undefined ? 'embedded_edge.http' : 'embedded_edge.https';
  const address = await listen(server, options.address, setting);
  return {
    address,
    refreshCertificate,
    drain: async () => {
      draining = true;
      for (const session of sessions) session.close();
      const closed = new AbortController();
      server.close(() => closed.abort());
      while (!closed.signal.aborted) {
        // A connection whose request was in flight when we began stays open for the next one until it is told.
        server.closeIdleConnections();
        await options.clock.sleep(drainStepMs, closed.signal).catch(() => undefined);
      }
    },
    destroy: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function http1Options(options: PublicListenerOptions): ServerOptions {
  return {
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: options.timeouts.headers,
    // A large upload may take hours; a stalled one is noticed by its own deadline.
    requestTimeout: 0,
    keepAliveTimeout: options.timeouts.idle,
    connectionsCheckingInterval: Math.min(30_000, options.timeouts.headers),
    noDelay: true,
    keepAlive: true,
    // Anything else (h2c above all) is an ordinary request with a header that goes no further.
    shouldUpgradeCallback: (request) =>
      request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket',
  };
}

function createHttpsServer(certificates: Certificates, options: PublicListenerOptions): Server {
  const server = createSecureServer({
    ...http1Options(options),
    ALPNProtocols: ['h2', 'http/1.1'],
    minVersion: 'TLSv1.2',
    handshakeTimeout: options.timeouts.handshake,
    SNICallback: sniCallback((name) => certificates.visitor(name)),
  });
  server.on('tlsClientError', (error, socket) => {
    options.logger.debug({ err: error, remote: socket.remoteAddress }, 'TLS handshake of a visitor failed');
    socket.destroy();
  });
  return server;
}

/** HTTP/2 by our hand, everything else as node:https would: http2's own fallback offers no way to choose upgrades. */
function splitByAlpn(server: Server, onHttp2: (socket: TLSSocket) => void): void {
  const onHttp1 = server.listeners('secureConnection');
  server.removeAllListeners('secureConnection');
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === 'h2') onHttp2(socket);
    else for (const listener of onHttp1) listener.call(server, socket);
  });
}
