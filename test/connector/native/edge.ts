// A small real edge for tests: TLS, HTTP/2 in reversed roles, registration, and requests sent down a connection.
import { once } from 'node:events';
import http2, { type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { serveRegistration } from '../../../src/protocol/capnp/registration-server.ts';
import { decodeResponseHeaders, type EdgeResponse, headerNames } from '../../../src/protocol/headers.ts';
import { raiseWindow, sessionOptions } from '../../../src/protocol/http2.ts';
import { edgeServerName } from '../../../src/protocol/server-names.ts';
import { createTestAuthority, type TestAuthority } from './certificates.ts';
import { registrationHandlersOf, type TestRegistration } from './registrations.ts';

/** One connector's connection, seen from the edge. */
export interface TestConnection extends TestRegistration {
  readonly session: ClientHttp2Session;
  readonly socket: tls.TLSSocket;
  readonly control: ClientHttp2Stream;
  /** Opens a stream. */
  request(headers: OutgoingHttpHeaders, options?: { endStream?: boolean }): ClientHttp2Stream;
}

/** What a test changes about the edge's behaviour. */
export interface TestEdgeOptions {
  readonly authority?: TestAuthority;
  readonly port?: number;
  readonly serverName?: string;
  readonly remotelyManaged?: boolean;
  /** Answers registrations with this error cause. */
  refuse?: (connection: TestConnection) => string | undefined;
  /** Takes over a connection before anything is said on it. */
  readonly onSocket?: (socket: tls.TLSSocket) => boolean;
}

/** An edge listening on loopback. */
export interface TestEdge {
  readonly address: string;
  readonly port: number;
  readonly authority: TestAuthority;
  readonly caPem: string;
  readonly options: TestEdgeOptions;
  /** Registered and alive. */
  readonly connections: TestConnection[];
  /** Every registration ever tried, refused ones included. */
  readonly attempts: TestConnection[];
  /** Resolves when so many are registered. */
  waitFor(count: number): Promise<void>;
  /** The first connection. */
  first(): TestConnection;
  close(): Promise<void>;
}

/** A complete answer. */
export interface TestAnswer extends EdgeResponse {
  readonly body: Buffer;
  readonly trailers: Record<string, unknown>;
  readonly raw: http2.IncomingHttpHeaders;
}

/** Starts an edge. */
export async function startTestEdge(options: TestEdgeOptions = {}): Promise<TestEdge> {
  const authority = options.authority ?? (await createTestAuthority());
  const { cert, key } = await authority.issue([options.serverName ?? edgeServerName]);
  const connections: TestConnection[] = [];
  const attempts: TestConnection[] = [];
  const waiting = new Set<() => void>();
  const sockets = new Set<tls.TLSSocket>();
  const changed = () => {
    for (const check of waiting) check();
  };
  const server = tls.createServer({ cert, key }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    if (options.onSocket?.(socket) === true) return;
    accept(socket);
  });
  server.on('tlsClientError', () => undefined);

  function accept(socket: tls.TLSSocket): void {
    socket.setNoDelay(true);
    const session = http2.connect('https://edge', { ...sessionOptions, createConnection: () => socket });
    raiseWindow(session);
    session.on('error', () => undefined);
    const control = session.request({ [headerNames.upgrade]: 'control-stream' }, { endStream: false });
    control.on('error', () => undefined);
    const connection: TestConnection = {
      session,
      socket,
      control,
      registration: undefined,
      configurations: [],
      unregistered: false,
      request: (headers, streamOptions) =>
        session.request({ ':method': 'GET', ':authority': 'app.test', ...headers }, streamOptions),
    };
    socket.on('close', () => {
      const at = connections.indexOf(connection);
      if (at !== -1) connections.splice(at, 1);
      changed();
    });
    serveRegistration(
      control,
      registrationHandlersOf(connection, {
        remotelyManaged: options.remotelyManaged ?? false,
        refuse: () => options.refuse?.(connection),
        onAttempt: () => attempts.push(connection),
        onRegistered: () => {
          connections.push(connection);
          changed();
        },
        onChange: changed,
      }),
    );
  }

  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    port,
    authority,
    caPem: authority.caPem,
    options,
    connections,
    attempts,
    waitFor: (count) =>
      new Promise((resolve) => {
        const check = () => {
          if (connections.length < count) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    first() {
      const [connection] = connections;
      if (connection === undefined) throw new Error('no connection is registered');
      return connection;
    },
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

/** Reads a stream's answer to its end; rejects when it is cut. */
export function readAnswer(stream: ClientHttp2Stream): Promise<TestAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let head: http2.IncomingHttpHeaders | undefined;
    let trailers: Record<string, unknown> = {};
    let ended = false;
    stream.on('response', (headers) => {
      head = headers;
    });
    stream.on('trailers', (headers) => {
      trailers = headers;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      ended = true;
    });
    stream.on('error', reject);
    stream.on('close', () => {
      if (!ended || head === undefined || stream.rstCode !== 0)
        reject(new Error(`the answer was cut (code ${stream.rstCode})`));
      else resolve({ ...decodeResponseHeaders(head), body: Buffer.concat(chunks), trailers, raw: head });
    });
  });
}

/** Sends a request without a body, or with one, and reads the answer. */
export function ask(
  connection: TestConnection,
  headers: OutgoingHttpHeaders = {},
  body?: Uint8Array,
): Promise<TestAnswer> {
  const stream = connection.request({ ':path': '/', ...headers }, { endStream: body === undefined });
  const answer = readAnswer(stream);
  if (body !== undefined) stream.end(body);
  return answer;
}

/** The value of a header in a flat list, in any case. */
export function header(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2)
    if (headers[i]?.toLowerCase() === name.toLowerCase()) return headers[i + 1];
  return undefined;
}
