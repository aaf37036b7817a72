// A real API with a real store behind a proxy that counts calls and, when a test asks for it, spoils answers on the way.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { type CloudflareApi, createCloudflareApi } from '../../src/cloudflare/client.ts';
import type { RestrictedToken } from '../../src/edge/api/grants.ts';
import type { RateLimit } from '../../src/edge/api/rate-limit.ts';
import { createEdgeApi } from '../../src/edge/api/server.ts';
import { type EdgeStore, openEdgeStore } from '../../src/edge/store/store.ts';
import { createSilentLogger } from '../../src/logger.ts';

/** The token the API accepts. */
export const apiToken = 'test-token-that-must-never-be-shown';

/** What happens to a request instead of the usual. */
export type Fault =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  /** The request is never answered. */
  | 'hang'
  /** The connection breaks before the API sees the request. */
  | 'reset'
  /** The API does it, and the answer is lost. */
  | 'lose-answer';

/** One request as the proxy saw it. */
export interface SeenCall {
  readonly method: string;
  /** Below `/client/v4`, without the query. */
  readonly path: string;
  readonly query: string;
}

/** The API, its store, and power over the way between. */
export interface ApiWorld {
  readonly store: EdgeStore;
  readonly account: string;
  readonly baseUrl: string;
  readonly api: CloudflareApi;
  readonly calls: SeenCall[];
  /** Asked for every request. */
  fault: (call: SeenCall) => Fault | undefined;
  /** Called just before a request is forwarded: a moment between plan and apply. */
  before: (call: SeenCall) => void;
}

/** What the API is beyond its defaults. */
export interface ApiWorldChoices {
  /** Tokens that may do less than the one of `api`. */
  readonly restricted?: readonly RestrictedToken[];
  readonly rateLimit?: RateLimit;
}

/** Starts everything on free loopback ports; ends with the test. */
export async function createApiWorld(t: TestContext, choices: ApiWorldChoices = {}): Promise<ApiWorld> {
  const logger = createSilentLogger();
  const store = openEdgeStore(':memory:');
  const registry = { connections: () => [], disconnect: () => undefined };
  const listen = { host: '127.0.0.1', port: 0 };
  const { restricted = [], ...rules } = choices;
  const edgeApi = await createEdgeApi({ store, registry, listen, tokens: { apiToken, restricted }, logger, ...rules });
  const calls: SeenCall[] = [];
  const world = {
    store,
    account: store.account.id,
    calls,
    fault: (): Fault | undefined => undefined,
    before: () => undefined,
  } as Omit<ApiWorld, 'api' | 'baseUrl'>;
  const proxy = createServer((request, response) => {
    void forward(request, response, world, edgeApi.address.port);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
    await edgeApi.stop();
    store.close();
  });
  const baseUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/client/v4`;
  return Object.assign(world, { baseUrl, api: createCloudflareApi({ apiToken, baseUrl, logger }) });
}

async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  world: Omit<ApiWorld, 'api' | 'baseUrl'>,
  port: number,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const call = { method: request.method ?? '', path: url.pathname.replace('/client/v4', ''), query: url.search };
  world.calls.push(call);
  const fault = world.fault(call);
  if (fault === 'hang') return;
  if (fault === 'reset') {
    request.socket.destroy();
    return;
  }
  if (typeof fault === 'object') {
    response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
    response.end(fault.body ?? JSON.stringify({ success: false, errors: [{ code: 1, message: 'injected' }] }));
    return;
  }
  world.before(call);
  const body = await collect(request);
  const answer = await fetch(`http://127.0.0.1:${port}${request.url}`, {
    method: call.method,
    headers: { authorization: request.headers.authorization ?? '', 'content-type': 'application/json' },
    ...(body.length === 0 ? {} : { body }),
  });
  const text = await answer.text();
  if (fault === 'lose-answer') {
    request.socket.destroy();
    return;
  }
  response.writeHead(answer.status, {
    'content-type': 'application/json',
    'cf-ray': answer.headers.get('cf-ray') ?? '',
    ...(answer.headers.has('retry-after') ? { 'retry-after': answer.headers.get('retry-after') ?? '' } : {}),
  });
  response.end(text);
}

async function collect(request: IncomingMessage): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A signal for calls that nothing aborts. */
export function never(): AbortSignal {
  return new AbortController().signal;
}
