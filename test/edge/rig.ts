// An embedded edge on free ports, with what tests of it need: a directory, connectors, visitors, and everything closed at the end.
import { mkdtemp, rm } from 'node:fs/promises';
import {
  Agent as HttpAgent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
  request as requestHttp,
} from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import { createEmbeddedEdge, type EmbeddedEdge, type EmbeddedEdgeOptions } from '../../src/edge/edge.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { createFakeDirectory, type FakeDirectory } from './fake-directory.ts';
import { connectTest, type TestConnector, type TestConnectorOptions } from './test-connector.ts';

/** A running edge and its helpers. */
export interface Rig {
  readonly edge: EmbeddedEdge;
  readonly directory: FakeDirectory;
  readonly ports: { readonly http: number; readonly https: number; readonly tunnel: number };
  /** A tunnel `app` with the record `app.test`. */
  readonly tunnel: ReturnType<FakeDirectory['addTunnel']>;
  connect(options?: Partial<TestConnectorOptions>): Promise<TestConnector>;
  /** A whole answer. */
  fetch(options?: FetchOptions): Promise<Answer>;
  /** An answer whose body the test reads itself. */
  open(options?: FetchOptions): Promise<IncomingMessage>;
}

/** A visitor's request over HTTP/1.1. */
export interface FetchOptions extends RequestOptions {
  readonly secure?: boolean;
  readonly host?: string;
  readonly body?: string | Buffer;
}

/** A visitor's answer. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: NodeJS.Dict<string>;
  readonly body: Buffer;
  readonly text: string;
}

const loopback = { host: '127.0.0.1', port: 0 };

/** Starts an edge for one test; it stops with the test. */
export async function startRig(t: TestContext, options: Partial<EmbeddedEdgeOptions> = {}): Promise<Rig> {
  const certificatesDir = await mkdtemp(join(tmpdir(), 'edge-'));
  const directory = createFakeDirectory();
  const tunnel = directory.addTunnel('app');
  directory.addRoute('app.test', tunnel.id);
  const edge = await createEmbeddedEdge({
    directory,
    http: loopback,
    https: loopback,
    tunnel: loopback,
    certificatesDir,
    logger: createSilentLogger(),
    clock: systemClock,
    ...options,
  });
  const connectors: TestConnector[] = [];
  t.after(async () => {
    await edge.stop(0);
    for (const connector of connectors) await connector.close();
    await rm(certificatesDir, { recursive: true });
  });
  const ports = {
    http: edge.addresses.http?.port ?? 0,
    https: edge.addresses.https?.port ?? 0,
    tunnel: edge.addresses.tunnel?.port ?? 0,
  };
  return {
    edge,
    directory,
    ports,
    tunnel,
    connect: async (extra) => {
      const connector = await connectTest({ port: ports.tunnel, caPem: edge.caPem, tunnel, ...extra });
      connectors.push(connector);
      return connector;
    },
    fetch: async (fetchOptions) => readAnswer(await open(edge, ports, fetchOptions ?? {})),
    open: (fetchOptions) => open(edge, ports, fetchOptions ?? {}),
  };
}

function open(edge: EmbeddedEdge, ports: Rig['ports'], options: FetchOptions): Promise<IncomingMessage> {
  const { secure, host = 'app.test', body, headers, ...rest } = options;
  const send = secure === true ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const request = send({
      host: '127.0.0.1',
      port: secure === true ? ports.https : ports.http,
      agent: secure === true ? new HttpsAgent() : new HttpAgent(),
      headers: { host, ...(headers as Record<string, string> | undefined) },
      ...(secure === true ? { ca: edge.caPem, servername: host } : {}),
      ...rest,
    });
    request.on('error', reject);
    request.on('response', resolve);
    request.end(body);
  });
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const { statusCode = 0, headers, trailers } = response;
  return { status: statusCode, headers, trailers, body, text: body.toString() };
}

/** Waits until `check` holds; the test's own timeout ends a wait that never does. */
export async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setTimeout(resolve, 2));
}
