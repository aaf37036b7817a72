// A running API on a free port with an empty store and a registry the test fills.
import type { RestrictedToken } from '../../../src/edge/api/grants.ts';
import { createEdgeApi, type EdgeApi, type EdgeApiOptions } from '../../../src/edge/api/server.ts';
import type { ConnectionRegistry, RegisteredConnection } from '../../../src/edge/model.ts';
import { type EdgeStore, type EdgeStoreOptions, openEdgeStore } from '../../../src/edge/store/store.ts';
import type { Zone } from '../../../src/edge/store/zones.ts';
import { createSilentLogger } from '../../../src/logger.ts';

/** The token the fixture's API accepts. */
export const apiToken = 'a-token-for-tests';

/** A ConnectionRegistry holding what a test puts in. */
export interface FakeRegistry extends ConnectionRegistry {
  readonly held: RegisteredConnection[];
}

/** One type for every `result`: an object or a list of them; the tests assert what is really there. */
export interface Result extends Iterable<Result> {
  readonly [field: string]: unknown;
  readonly [index: number]: Result;
  readonly id: string;
  readonly name: string;
  readonly token: string;
  readonly posts: readonly Result[];
  readonly patches: readonly Result[];
  readonly conns: readonly unknown[];
  map<T>(view: (item: Result) => T): T[];
}

/** An answer, with its body read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly success: boolean;
    readonly errors: readonly { readonly code: number; readonly message: string }[];
    readonly messages: readonly unknown[];
    readonly result: Result;
    readonly result_info?: Record<string, number>;
  };
}

/** The API, its parts, and a way to call it. */
export interface ApiFixture {
  readonly api: EdgeApi;
  readonly store: EdgeStore;
  readonly registry: FakeRegistry;
  readonly zone: Zone;
  /** `/accounts/<id>`. */
  readonly account: string;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  stop(): Promise<void>;
}

/** What a test may choose of the API itself. */
export type ApiChoices = Partial<Pick<EdgeApiOptions, 'logger' | 'rateLimit' | 'listing' | 'quickTunnels'>>;

/** Starts it. */
export async function startApi(
  options: EdgeStoreOptions & ApiChoices & { readonly restricted?: readonly RestrictedToken[] } = {},
): Promise<ApiFixture> {
  const store = openEdgeStore(':memory:', options);
  const registry = createFakeRegistry();
  const api = await createEdgeApi({
    store,
    registry,
    listen: { host: '127.0.0.1', port: 0 },
    tokens: { apiToken, ...(options.restricted === undefined ? {} : { restricted: options.restricted }) },
    ...options,
    logger: options.logger ?? createSilentLogger(),
  });
  return {
    api,
    store,
    registry,
    zone: store.ensureZone('example.com'),
    account: `/accounts/${store.account.id}`,
    call: (method, path, body, headers) => call(`${api.baseUrl}${path}`, method, body, headers),
    stop: async () => {
      await api.stop();
      store.close();
    },
  };
}

/** A connection as the data plane would have registered it. */
export function connection(tunnelId: string, fields: Partial<RegisteredConnection> = {}): RegisteredConnection {
  return {
    id: crypto.randomUUID(),
    tunnelId,
    clientId: 'c0000000-0000-4000-8000-000000000001',
    connIndex: 0,
    version: '2026.8.2',
    arch: 'linux_amd64',
    features: ['serialized_headers'],
    originIp: '192.0.2.10',
    location: 'home01',
    openedAt: new Date(Date.UTC(2026, 0, 1)),
    draining: false,
    ...fields,
  };
}

function createFakeRegistry(): FakeRegistry {
  const held: RegisteredConnection[] = [];
  return {
    held,
    connections: (tunnelId) => held.filter((one) => one.tunnelId === tunnelId),
    disconnect: (tunnelId, clientId) => {
      const stays = held.filter(
        (one) => one.tunnelId !== tunnelId || (clientId !== undefined && one.clientId !== clientId),
      );
      held.splice(0, held.length, ...stays);
    },
  };
}

async function call(
  url: string,
  method: string,
  body: unknown,
  headers: Record<string, string> = { authorization: `Bearer ${apiToken}` },
): Promise<Answer> {
  const sent = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(sent === undefined ? {} : { body: sent }),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
}
