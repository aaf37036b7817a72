// The port connectors dial: TLS, then the roles turn round and the edge becomes the HTTP/2 client.

import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { Clock } from '../../clock.ts';
import type { Logger } from '../../logger.ts';
import type { ListenAddress } from '../../model.ts';
import { type Certificates, sniCallback, tunnelServerNames } from '../certificates/certificates.ts';
import { listen } from '../listen.ts';
import { type RegistrationContext, register } from './registration.ts';
import type { Registry } from './registry.ts';
import { type ConnectionTimeouts, TunnelConnection } from './tunnel-connection.ts';

/** How patient the listener is (ms). */
export interface TunnelTimeouts extends ConnectionTimeouts {
  /** For the TLS handshake. */
  readonly handshake: number;
  /** From the handshake to the registration. */
  readonly registration: number;
}

/** What the listener needs. */
export interface TunnelListenerOptions {
  readonly address: ListenAddress;
  readonly certificates: Certificates;
  readonly registry: Registry<TunnelConnection>;
  readonly registration: RegistrationContext;
  readonly timeouts: TunnelTimeouts;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** A running tunnel port. */
export interface TunnelListener {
  readonly address: ListenAddress;
  /** Renews what clients see who send no server name. */
  refreshCertificate(): Promise<void>;
  /** Accepts no more connectors. */
  close(): void;
  /** Ends every connection there is. */
  destroy(): void;
}

/** Connections that have not proved anything yet; more are turned away, so that they cost no memory. */
const maxStrangers = 256;
/** Fewer from one host, so that no single one can lock everybody else out. */
const maxStrangersPerHost = 64;

/** Listens for connectors; rejects with E_LISTEN. */
export async function createTunnelListener(options: TunnelListenerOptions): Promise<TunnelListener> {
  const { certificates, clock, logger, registry, timeouts } = options;
  const strangers = new Map<string, Socket>();
  const connections = new Set<TunnelConnection>();

  const server = createServer({
    handshakeTimeout: timeouts.handshake,
    minVersion: 'TLSv1.2',
    noDelay: true,
    keepAlive: true,
    SNICallback: sniCallback(() => certificates.tunnel()),
  });

  server.on('connection', (socket: Socket) => {
    // Until TLS takes over nobody else listens, and a reset would end the process.
    socket.on('error', (error) => logger.debug({ err: error }, 'socket on the tunnel port failed'));
    if (strangers.size >= maxStrangers || countFrom(socket.remoteAddress) >= maxStrangersPerHost) {
      socket.destroy();
      return;
    }
    const key = peer(socket);
    strangers.set(key, socket);
    socket.once('close', () => strangers.delete(key));
  });

  function countFrom(host: string | undefined): number {
    let count = 0;
    for (const stranger of strangers.values()) if (stranger.remoteAddress === host) count++;
    return count;
  }

  server.on('tlsClientError', (error, socket) => {
    logger.debug({ err: error, remote: socket.remoteAddress }, 'TLS handshake on the tunnel port failed');
    socket.destroy();
  });

  server.on('secureConnection', (socket) => {
    if (socket.destroyed || !isTunnelName(socket.servername)) {
      socket.destroy();
      return;
    }
    const connection = new TunnelConnection(socket, {
      clock,
      timeouts,
      events: { onLeave, onClosed: (closed) => connections.delete(closed) },
    });
    connections.add(connection);
    void serve(connection, socket);
  });

  async function serve(connection: TunnelConnection, socket: TLSSocket): Promise<void> {
    const key = peer(socket);
    const registered = new AbortController();
    socket.once('close', () => registered.abort());
    clock.sleep(timeouts.registration, registered.signal).then(
      () => connection.destroy('it did not register in time'),
      () => undefined,
    );
    await register(connection, {
      ...options.registration,
      onRegistered: (accepted) => {
        registered.abort();
        strangers.delete(key);
        const { tunnelId, clientId, connIndex, originIp, version } = accepted.info;
        const fields = { tunnel: tunnelId, connector: clientId, connIndex, originIp, version };
        if (countOf(accepted) === 1) logger.info(fields, 'connector registered');
        else logger.debug(fields, 'connector registered another connection');
        options.registration.onRegistered(accepted);
      },
    });
    // Without its control stream a connector can neither say goodbye nor be told anything.
    connection.drain('its control stream ended');
  }

  function onLeave(connection: TunnelConnection, reason: string): void {
    if (!connection.registered) {
      logger.debug({ remote: connection.remoteAddress, reason }, 'connection without a registration closed');
      return;
    }
    registry.remove(connection);
    const { tunnelId, clientId, connIndex } = connection.info;
    const fields = { tunnel: tunnelId, connector: clientId, connIndex, reason };
    if (countOf(connection) === 0) logger.info(fields, 'connector disconnected');
    else logger.debug(fields, 'connector lost one of its connections');
  }

  /** How many connections the connector behind this one has. */
  function countOf({ info }: TunnelConnection): number {
    return registry.list(info.tunnelId).filter((other) => other.info.clientId === info.clientId).length;
  }

  const refreshCertificate = async () => server.setSecureContext(await certificates.tunnel());
  await refreshCertificate();
  const address = await listen(server, options.address, 'embedded_edge.tunnel');
  return {
    address,
    refreshCertificate,
    close: () => server.close(),
    destroy: () => {
      for (const socket of strangers.values()) socket.destroy();
      for (const connection of connections) connection.destroy('the edge stops');
    },
  };
}

/**
 * Clients may name no server; other names than ours are strangers'. Not a formality: as an HTTP/2 client node builds a URL
 * from this name when the peer answers 421 or sends an ORIGIN frame, and a name that makes no URL ends the process.
 */
function isTunnelName(name: unknown): boolean {
  return typeof name !== 'string' || name === '' || tunnelServerNames.includes(name);
}

/** The same for a socket and the TLS socket around it. */
function peer(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
