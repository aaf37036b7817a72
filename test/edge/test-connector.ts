// A connector small enough to misbehave on purpose: it registers like cloudflared and hands every other stream to the test.
import { randomUUID } from 'node:crypto';
import {
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect, type TLSSocket } from 'node:tls';
import type { EdgeTunnel } from '../../src/edge/model.ts';
import type { RegisterConnectionResponse, RegistrationClient } from '../../src/protocol/capnp/registration.ts';
import { createRegistrationClient } from '../../src/protocol/capnp/registration-client.ts';
import { uuidToBytes } from '../../src/protocol/credentials.ts';
import { encodeResponseHeaders } from '../../src/protocol/headers.ts';
import { raiseWindow, sessionOptions } from '../../src/protocol/http2.ts';
import { edgeServerName } from '../../src/protocol/server-names.ts';
import { type StreamKind, streamKind } from '../../src/protocol/streams.ts';

/** One stream the edge opened, other than the control stream. */
export interface EdgeStream {
  readonly kind: StreamKind;
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
}

/** How to connect and what to do with requests. */
export interface TestConnectorOptions {
  readonly port: number;
  readonly caPem: string;
  readonly tunnel: Pick<EdgeTunnel, 'id' | 'accountTag' | 'secret'>;
  readonly onStream?: (incoming: EdgeStream) => void;
  readonly clientId?: string;
  readonly connIndex?: number;
  readonly replaceExisting?: boolean;
  /** What it says it can do; default as cloudflared. */
  readonly features?: readonly string[];
}

/** One connection of a connector. */
export interface TestConnector {
  readonly clientId: string;
  readonly session: ServerHttp2Session;
  readonly socket: TLSSocket;
  readonly client: RegistrationClient;
  readonly response: RegisterConnectionResponse;
  /** How many request streams this connection was given. */
  readonly served: () => number;
  /** Resolves when the socket is closed. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

/** Dials the tunnel port and tries to register; resolves with the edge's answer, whatever it is. */
export async function connectTest(options: TestConnectorOptions): Promise<TestConnector> {
  const clientId = options.clientId ?? randomUUID();
  const features = options.features ?? ['allow_remote_config', 'serialized_headers'];
  let served = 0;
  const { session, socket, closed, control } = await dial(options, (incoming) => {
    served++;
    (options.onStream ?? hello)(incoming);
  });
  const client = createRegistrationClient(await control, { timeoutMs: 5_000 });
  const response = await client.registerConnection({
    auth: { accountTag: options.tunnel.accountTag, tunnelSecret: options.tunnel.secret },
    tunnelId: uuidToBytes(options.tunnel.id),
    connIndex: options.connIndex ?? 0,
    options: {
      client: { clientId: uuidToBytes(clientId), features, version: 'test', arch: 'test' },
      originLocalIp: new Uint8Array([127, 0, 0, 1]),
      replaceExisting: options.replaceExisting ?? false,
      compressionQuality: 0,
      numPreviousAttempts: 0,
    },
  });
  const close = async () => {
    socket.destroy();
    await closed;
  };
  return { clientId, session, socket, client, response, served: () => served, closed, close };
}

interface Dialled {
  readonly session: ServerHttp2Session;
  readonly socket: TLSSocket;
  readonly closed: Promise<void>;
  readonly control: Promise<ServerHttp2Stream>;
}

function dial(options: TestConnectorOptions, onStream: (incoming: EdgeStream) => void): Promise<Dialled> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port: options.port,
      servername: edgeServerName,
      ca: options.caPem,
      // As cloudflared does.
      ecdhCurve: 'P-256',
    });
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      socket.setNoDelay(true);
      const session = performServerHandshake(socket, sessionOptions);
      raiseWindow(session);
      session.on('error', () => undefined);
      const closed = new Promise<void>((done) => socket.once('close', () => done()));
      const control = new Promise<ServerHttp2Stream>((found) => {
        session.on('stream', (stream, headers, _flags, rawHeaders) => {
          stream.on('error', () => undefined);
          const kind = streamKind(headers);
          if (kind === 'control-stream') {
            stream.respond({ ':status': 200 });
            found(stream);
          } else onStream({ kind, stream, headers, rawHeaders: rawHeaders ?? [] });
        });
      });
      resolve({ session, socket, closed, control });
    });
  });
}

function hello(incoming: EdgeStream): void {
  answer(incoming.stream, 200, ['content-type', 'text/plain'], 'hello');
}

/** Answers as a connector does for an origin. */
export function answer(
  stream: ServerHttp2Stream,
  status: number,
  headers: readonly string[],
  body?: string | Buffer,
): void {
  respond(stream, status, headers, body === undefined);
  if (body !== undefined) stream.end(body);
}

/** Sends only the head. */
export function respond(
  stream: ServerHttp2Stream,
  status: number,
  headers: readonly string[],
  endStream = false,
): void {
  stream.respond(encodeResponseHeaders({ status, headers, source: 'origin' }).headers, { endStream });
}
