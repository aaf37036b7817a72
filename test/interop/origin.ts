// What stands behind the tunnel: an HTTP server with one page per behaviour, and a TCP server that greets and echoes.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { WebSocketServer } from 'ws';

/** A running origin. */
export interface TestOrigin {
  readonly name: string;
  /** `http://127.0.0.1:PORT`. */
  readonly httpUrl: string;
  readonly tcpPort: number;
  /** Requests waiting at `/held`. */
  readonly held: number;
  /** Lets every request waiting at `/held` and `/events` go on. */
  release(): void;
  close(): Promise<void>;
}

/** What the TCP server says first. */
export const greeting = 'SSH-2.0-interop\r\n';

/** What `/inspect` tells of the request it got. */
export interface Inspection {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly bodyBytes: number;
  readonly bodyHash: string;
}

/** The bytes `/bytes?count=N` answers with: the same for everyone who knows N. */
export function* patternBytes(count: number): Generator<Buffer> {
  const block = Buffer.from(Array.from({ length: 65_536 }, (_, at) => (at * 31 + (at >> 8)) & 0xff));
  for (let left = count; left > 0; left -= block.length) yield block.subarray(0, Math.min(left, block.length));
}

/** Their SHA-256, in hex. */
export function patternHash(count: number): string {
  const hash = createHash('sha256');
  for (const block of patternBytes(count)) hash.update(block);
  return hash.digest('hex');
}

/** Starts one on free ports of 127.0.0.1. */
export async function startOrigin(name: string): Promise<TestOrigin> {
  const waiting = new Set<() => void>();
  const http = createServer((request, response) => {
    answer(name, request, response, waiting).catch(() => response.destroy());
  });
  const sockets = new WebSocketServer({
    server: http,
    path: '/ws',
    maxPayload: 64 * 1024 * 1024,
    handleProtocols: (offered) => (offered.has('interop') ? 'interop' : false),
  });
  sockets.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  const open = new Set<Socket>();
  const tcp = createTcpServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.write(greeting);
    socket.pipe(socket);
  });
  await Promise.all([http, tcp].map((server) => once(server.listen(0, '127.0.0.1'), 'listening')));
  return {
    name,
    httpUrl: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    tcpPort: (tcp.address() as AddressInfo).port,
    get held() {
      return waiting.size;
    },
    release: () => {
      for (const go of [...waiting]) go();
    },
    async close() {
      for (const client of sockets.clients) client.terminate();
      for (const socket of open) socket.destroy();
      const closed = [once(http, 'close'), once(tcp, 'close')];
      http.close();
      http.closeAllConnections();
      tcp.close();
      await Promise.all(closed);
    },
  };
}

/** Resolves when the test says so, or the visitor has gone. */
function released(waiting: Set<() => void>, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      waiting.delete(go);
      resolve();
    };
    waiting.add(go);
    response.once('close', go);
  });
}

async function answer(
  name: string,
  request: IncomingMessage,
  response: ServerResponse,
  waiting: Set<() => void>,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://origin');
  switch (url.pathname) {
    case '/inspect':
      response.setHeader('content-type', 'application/json').end(JSON.stringify(await inspect(request)));
      return;
    case '/bytes': {
      const count = Number(url.searchParams.get('count'));
      response.setHeader('content-type', 'application/octet-stream');
      if (url.searchParams.has('sized')) response.setHeader('content-length', count);
      await pipeline(patternBytes(count), response);
      return;
    }
    case '/cookies':
      response.setHeader('set-cookie', ['a=1; Path=/', 'b=2; HttpOnly']).end('cookies');
      return;
    case '/missing':
      response.writeHead(404, { 'x-origin': name }).end('no such page');
      return;
    case '/moved':
      response.writeHead(302, { location: 'https://elsewhere.example/' }).end();
      return;
    case '/broken':
      // Promises more than it gives.
      response.writeHead(200, { 'content-length': 1000 });
      response.write('only this');
      await new Promise((resolve) => setImmediate(resolve));
      response.destroy();
      return;
    case '/events':
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write('data: first\n\n');
      await released(waiting, response);
      response.end('data: second\n\n');
      return;
    case '/held':
      await released(waiting, response);
      response.end(`held by ${name}`);
      return;
    default:
      response.setHeader('x-origin', name).end(`hello from ${name}`);
  }
}

async function inspect(request: IncomingMessage): Promise<Inspection> {
  const hash = createHash('sha256');
  let bodyBytes = 0;
  for await (const chunk of request) {
    bodyBytes += (chunk as Buffer).length;
    hash.update(chunk as Buffer);
  }
  const { method = '', url = '', headers } = request;
  return { method, url, headers, bodyBytes, bodyHash: hash.digest('hex') };
}
