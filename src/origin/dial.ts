// Opens one connection to an origin: TCP or unix socket, and TLS on top of it when the service wants it.
import net from 'node:net';
import tls, { type SecureContext } from 'node:tls';
import { OriginError } from '../errors.ts';

/** Where an origin is, and how it is reached. Timeouts are milliseconds. */
export interface DialTarget {
  readonly address: { readonly host: string; readonly port: number } | { readonly socketPath: string };
  readonly connectTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly happyEyeballs: boolean;
  readonly tls?: DialTls;
}

/** How an origin's certificate is asked for and judged. */
export interface DialTls {
  readonly context: SecureContext;
  /** Sent as SNI and verified; without one the dialled host is verified. */
  readonly serverName: string | undefined;
  readonly verify: boolean;
  readonly timeoutMs: number;
  readonly http2: boolean;
}

/** Exactly one of the arguments is set. */
export type DialDone = (error: OriginError | null, socket: net.Socket | null) => void;

/** A connection that is being opened. */
export interface Dialling {
  giveUp(): void;
  /** Waits at most this much longer. */
  hurry(ms: number): void;
}

/** Connects; calls back once, later. */
export function dial(target: DialTarget, done: DialDone): Dialling {
  try {
    return open(target, done);
  } catch (cause) {
    // A host or path that node:net refuses even to try.
    queueMicrotask(() => done(unreachable(describeAddress(target), asError(cause)), null));
    return { giveUp: () => undefined, hurry: () => undefined };
  }
}

function open(target: DialTarget, done: DialDone): Dialling {
  const where = describeAddress(target);
  const socket = net.connect({
    ...('socketPath' in target.address ? { path: target.address.socketPath } : target.address),
    autoSelectFamily: target.happyEyeballs,
    noDelay: true,
    keepAlive: target.keepAliveMs > 0,
    keepAliveInitialDelay: target.keepAliveMs,
  });
  let current = socket;
  let settled = false;

  function settle(error: OriginError | null, connected: net.Socket | null): void {
    if (settled) return;
    settled = true;
    current.setTimeout(0);
    current.removeListener('timeout', onTimeout);
    if (error !== null) {
      socket.destroy();
      current.destroy();
    }
    done(error, connected);
  }
  function onError(cause: Error): void {
    settle(unreachable(where, cause), null);
  }
  function onTimeout(): void {
    settle(timedOut(where), null);
  }
  function onClose(): void {
    settle(unreachable(where, new Error('the connection was closed')), null);
  }
  /** A timer that nothing restarts before the connection is up: no byte flows until then, and few in a handshake. */
  function watch(watched: net.Socket, timeoutMs: number): void {
    watched.setTimeout(timeoutMs, onTimeout);
    watched.on('error', onError);
    watched.on('close', onClose);
  }

  watch(socket, target.connectTimeoutMs);
  socket.once('connect', () => {
    if (settled) return;
    if (target.tls === undefined) {
      settle(null, socket);
      return;
    }
    socket.setTimeout(0);
    try {
      const secure = tls.connect(tlsOptions(socket, target, target.tls));
      current = secure;
      watch(secure, target.tls.timeoutMs);
      secure.once('secureConnect', () => settle(null, secure));
    } catch (cause) {
      onError(asError(cause));
    }
  });
  return {
    giveUp: () => settle(unreachable(where, new Error('given up')), null),
    hurry(ms) {
      if (settled) return;
      socket.setTimeout(ms, onTimeout);
      if (current !== socket) current.setTimeout(ms, onTimeout);
    },
  };
}

function tlsOptions(socket: net.Socket, target: DialTarget, options: DialTls): tls.ConnectionOptions {
  const host = 'host' in target.address ? target.address.host : 'localhost';
  const name = options.serverName ?? host;
  return {
    socket,
    // Verified when there is no SNI; an address may not be sent as SNI.
    host: name,
    ...(net.isIP(name) === 0 ? { servername: name } : {}),
    secureContext: options.context,
    rejectUnauthorized: options.verify,
    ALPNProtocols: options.http2 ? ['h2', 'http/1.1'] : ['http/1.1'],
  };
}

function describeAddress(target: DialTarget): string {
  if ('socketPath' in target.address) return target.address.socketPath;
  const { host, port } = target.address;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function unreachable(where: string, cause: Error): OriginError {
  return new OriginError({
    code: 'E_ORIGIN_UNREACHABLE',
    message: `the origin cannot be reached: ${cause.message}`,
    where,
    retryable: true,
    hint: 'is the service running, and is its address and protocol right?',
    cause,
  });
}

function timedOut(where: string): OriginError {
  return new OriginError({
    code: 'E_ORIGIN_UNREACHABLE',
    message: 'the origin did not accept a connection in time',
    where,
    retryable: true,
    hint: 'is the service running and reachable from here? originRequest.connectTimeout and tlsTimeout set the time',
  });
}

function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
