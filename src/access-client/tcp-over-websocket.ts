// The visitor's end of a tcp or ssh entry: bytes in binary websocket frames, as cloudflared's `access` sends them.
import { createServer, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type ClientOptions, createWebSocketStream, WebSocket } from 'ws';
import { AppError } from '../errors.ts';

/** Where the entry is. */
export interface AccessTarget {
  readonly hostname: string;
  /** Dialled instead of `hostname:443`, for an edge that DNS does not name. */
  readonly connectTo?: { readonly host: string; readonly port: number };
  /** Trusted instead of the system's roots. */
  readonly ca?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const handshakeTimeoutMs = 15_000;

/** Opens one connection; rejects with E_EDGE_UNREACHABLE, or E_EDGE_REFUSED when the edge answers with anything but a websocket. */
export function openTunnelStream(target: AccessTarget): Promise<Duplex> {
  const { host, port } = target.connectTo ?? { host: target.hostname, port: 443 };
  const url = `wss://${host.includes(':') ? `[${host}]` : host}:${port}/`;
  const options: ClientOptions & { servername: string } = {
    servername: target.hostname,
    ...(target.ca === undefined ? {} : { ca: target.ca }),
    headers: { ...target.headers, Host: target.hostname },
    handshakeTimeout: handshakeTimeoutMs,
    perMessageDeflate: false,
  };
  const socket = new WebSocket(url, options);
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(createWebSocketStream(socket)));
    socket.once('unexpected-response', (request, response) => {
      request.destroy();
      reject(refused(target.hostname, response.statusCode ?? 0));
    });
    socket.once('error', (cause) => reject(unreachable(target.hostname, cause)));
  });
}

/** Joins a stream such as stdin and stdout to one connection; resolves when either side has ended. */
export async function joinStreams(
  local: { readonly input: NodeJS.ReadableStream; readonly output: NodeJS.WritableStream },
  remote: Duplex,
): Promise<void> {
  const aborting = new AbortController();
  const { signal } = aborting;
  const sending = pipeline(local.input, remote, { signal });
  const receiving = pipeline(remote, local.output, { signal, end: false });
  try {
    await Promise.race([receiving, sending.then(() => receiving)]);
  } finally {
    aborting.abort();
    remote.destroy();
    await Promise.allSettled([sending, receiving]);
  }
}

/** Listens, and gives every accepted connection a websocket of its own; resolves once it listens. */
export function listenForTarget(
  target: AccessTarget,
  listen: { readonly host: string; readonly port: number },
  onError: (error: unknown) => void,
): Promise<Server> {
  const server = createServer((socket) => {
    openTunnelStream(target)
      .then((remote) => joinStreams({ input: socket, output: socket }, remote))
      .catch(onError)
      .finally(() => socket.destroy());
    socket.on('error', onError);
  });
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new AppError({
          code: 'E_LISTEN',
          message: `cannot listen on ${listen.host}:${listen.port}`,
          where: '--url',
          hint: 'choose another address',
          cause,
        }),
      ),
    );
    server.listen(listen.port, listen.host, () => resolve(server));
  });
}

function refused(hostname: string, status: number): AppError {
  const why: Readonly<Record<number, string>> = {
    403: 'the policy of this entry does not let you in',
    502: 'the service behind it is not reachable',
    503: 'the service is stopped',
    530: 'no connector is connected, or the name does not exist',
  };
  return new AppError({
    code: 'E_EDGE_REFUSED',
    message: `the edge answered ${status} instead of opening the connection`,
    where: hostname,
    hint: why[status] ?? 'check that the hostname leads to a tcp or ssh entry',
  });
}

function unreachable(hostname: string, cause: Error): AppError {
  return new AppError({
    code: 'E_EDGE_UNREACHABLE',
    message: `cannot connect: ${cause.message}`,
    where: hostname,
    hint: 'check the name and that the edge runs',
    retryable: true,
    cause,
  });
}
