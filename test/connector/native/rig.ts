// An edge, a connector and the origins of one test, closed together.
import { once } from 'node:events';
import http, { type RequestListener } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { systemClock } from '../../../src/clock.ts';
import {
  createNativeConnector,
  type NativeConnector,
  type NativeConnectorOptions,
} from '../../../src/connector/native/connector.ts';
import { staticEdges } from '../../../src/connector/native/edge-addresses.ts';
import { createSilentLogger, type Logger } from '../../../src/logger.ts';
import type { IngressRule } from '../../../src/model.ts';
import { startTestEdge, type TestConnection, type TestEdge } from './edge.ts';

/** Credentials the test edge does not look at. */
export const credentials = {
  accountTag: 'account',
  tunnelId: '6ff42ae2-765d-4adf-8112-31c55c1551ef',
  tunnelSecret: new Uint8Array(32),
};

/** Waits that keep a test short. */
export const quickTimings = { backoffFirstMs: 20, backoffMaxMs: 200, rpcTimeoutMs: 2_000, pingIntervalMs: 5_000 };

/** A connector of one connection to an edge. */
export interface Rig {
  readonly edge: TestEdge;
  readonly connector: NativeConnector;
  readonly connection: TestConnection;
}

/** Starts an edge and a connector with these rules before a catch-all of 404. */
export async function startRig(
  t: TestContext,
  rules: readonly IngressRule[],
  options: Partial<NativeConnectorOptions> = {},
): Promise<Rig> {
  const edge = await startTestEdge();
  t.after(() => edge.close());
  const connector = createTestConnector(edge, {
    rules: [...rules, { service: 'http_status:404' }],
    haConnections: 1,
    ...options,
  });
  t.after(() => connector.stop(0));
  await connector.start(AbortSignal.timeout(10_000));
  return { edge, connector, connection: edge.first() };
}

/** A connector for the edge, not started. */
export function createTestConnector(edge: TestEdge, options: Partial<NativeConnectorOptions> = {}): NativeConnector {
  return createNativeConnector({
    credentials,
    edges: staticEdges([edge.address, edge.address, edge.address, edge.address]),
    caPem: edge.caPem,
    logger: createSilentLogger(),
    clock: systemClock,
    version: 'test',
    timings: quickTimings,
    ...options,
  });
}

/** An HTTP origin on loopback; gives its service URL. */
export async function startOrigin(t: TestContext, listener: RequestListener): Promise<string> {
  const server = http.createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Resolves when `condition` holds; looks again in every turn of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** A TCP server on loopback that does what it wants with each connection; gives its port. */
export async function startRawOrigin(t: TestContext, onSocket: (socket: net.Socket) => void): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** An origin that reads one request's head and answers with these bytes, then ends. */
export async function startCannedOrigin(t: TestContext, answer: string, end = true): Promise<string> {
  const port = await startRawOrigin(t, (socket) => {
    let head = '';
    socket.on('data', (chunk) => {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      head = '';
      socket.write(answer, 'latin1');
      if (end) socket.end();
    });
  });
  return `http://127.0.0.1:${port}`;
}

/** A logger that keeps what it is told. */
export function createRecordingLogger(): {
  logger: Logger;
  lines: { level: string; fields: Record<string, unknown>; message: string }[];
} {
  const lines: { level: string; fields: Record<string, unknown>; message: string }[] = [];
  const at = (level: string) => (fields: unknown, message?: string) => {
    lines.push(
      typeof fields === 'string'
        ? { level, fields: {}, message: fields }
        : { level, fields: fields as Record<string, unknown>, message: message ?? '' },
    );
  };
  const logger = {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  } as unknown as Logger;
  return { logger, lines };
}
