// An origin that is no server at all: it records what it is sent, byte for byte, and answers with the bytes it was told.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** The origin. */
export interface CannedOrigin {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** Request heads as they came, newest last, one character per byte. */
  readonly heads: string[];
  /** Open connections. */
  readonly open: number;
  /** Decides what to send for a path, query included; every other path gets an empty 200. */
  answer(path: string, bytes: string, how?: CannedAnswer): void;
  close(): Promise<void>;
}

/** How an answer ends. */
export interface CannedAnswer {
  /** Closes the connection behind the answer. */
  readonly close?: boolean;
}

const emptyAnswer = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

/** Starts one on a free port of 127.0.0.1. */
export async function startCannedOrigin(): Promise<CannedOrigin> {
  const answers = new Map<string, { bytes: string; close: boolean }>();
  const heads: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      const end = received.indexOf('\r\n\r\n');
      if (end === -1) return;
      const head = received.slice(0, end);
      received = '';
      heads.push(head);
      const { bytes, close } = answers.get(head.split(' ')[1] ?? '') ?? { bytes: emptyAnswer, close: false };
      if (bytes !== '') socket.write(bytes, 'latin1');
      if (close) socket.end();
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heads,
    get open() {
      return sockets.size;
    },
    answer: (path, bytes, { close = false } = {}) => void answers.set(path, { bytes, close }),
    async close() {
      for (const socket of sockets) socket.destroy();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}
