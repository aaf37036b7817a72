// An embedded edge with a tunnel, a wildcard record and two origins, and a visitor to send through it.
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { systemClock } from '../../src/clock.ts';
import { createEmbeddedEdge, type EmbeddedEdge } from '../../src/edge/edge.ts';
import { contentOfTunnel } from '../../src/edge/store/names.ts';
import { type EdgeStore, openEdgeStore } from '../../src/edge/store/store.ts';
import { createSilentLogger } from '../../src/logger.ts';
import type { IngressRule, TunnelCredentials } from '../../src/model.ts';
import { startOrigin, type TestOrigin } from './origin.ts';
import { type Relay, startRelay } from './relay.ts';

/** The zone every name of the rig is in. */
export const zone = 'interop.test';

/** All that a connector is given. */
export interface EdgeAccess {
  readonly credentials: TunnelCredentials;
  /** `host:port` of the tunnel port, or rather of the relay before it. */
  readonly edge: string;
  readonly caPem: string;
  readonly caFile: string;
  /** A folder of its own. */
  readonly stateDir: string;
}

/** A visitor's request. */
export interface Visit {
  /** Below the zone; default `app`. */
  readonly name?: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Readable | (() => Iterable<Buffer>);
}

/** A visitor's answer, whole. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: number;
  readonly hash: string;
  /** At most the first 64 KiB. */
  readonly text: string;
}

/** Everything around a connector. */
export interface Rig {
  readonly store: EdgeStore;
  readonly edge: EmbeddedEdge;
  readonly tunnelId: string;
  readonly first: TestOrigin;
  readonly second: TestOrigin;
  /** What every connector dials. */
  readonly relay: Relay;
  /** The rules every connector starts with. */
  readonly rules: readonly IngressRule[];
  access(): Promise<EdgeAccess>;
  /** Stores the rules as the API would; the edge pushes them. Gives their version. */
  push(rules: readonly IngressRule[]): number;
  /** Ends the edge without notice and starts another on the same ports. */
  restartEdge(): Promise<void>;
  visit(visit?: Visit): Promise<Answer>;
  /** The answer once its head is there. */
  open(visit?: Visit): Promise<IncomingMessage>;
  close(): Promise<void>;
}

/** Waits until the condition holds, asking every few milliseconds; fails after two minutes. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let asked = 0; asked < 6000; asked++) {
    if (await condition()) return;
    await systemClock.sleep(20);
  }
  throw new Error(`it never came to pass that ${what}`);
}

/** Starts it all on free ports of 127.0.0.1. */
export async function startRig(): Promise<Rig> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-interop-'));
  const [first, second] = await Promise.all([startOrigin('first'), startOrigin('second')]);
  const store = openEdgeStore(':memory:');
  const tunnel = store.tunnels.create({ name: 'interop' });
  store.records.create(store.ensureZone(zone), {
    type: 'CNAME',
    name: `*.${zone}`,
    content: contentOfTunnel(tunnel.id),
    proxied: true,
  });
  const caFile = join(directory, 'ca.pem');
  let ports = { http: 0, https: 0, tunnel: 0 };
  let edge = await startEdge();
  ports = portsOf(edge);
  await writeFile(caFile, edge.caPem);
  const relay = await startRelay(() => ports.tunnel);
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  let connectors = 0;

  function startEdge(): Promise<EmbeddedEdge> {
    return createEmbeddedEdge({
      directory: store,
      http: { host: '127.0.0.1', port: ports.http },
      https: { host: '127.0.0.1', port: ports.https },
      tunnel: { host: '127.0.0.1', port: ports.tunnel },
      certificatesDir: directory,
      logger: createSilentLogger(),
      clock: systemClock,
    });
  }

  const open = (visit: Visit = {}) => send({ host: '127.0.0.1', port: ports.http, agent }, visit);

  return {
    store,
    get edge() {
      return edge;
    },
    tunnelId: tunnel.id,
    first,
    second,
    relay,
    rules: rulesFor(first, second),
    async access() {
      const stateDir = join(directory, `connector-${connectors++}`);
      const credentials = { accountTag: store.account.id, tunnelId: tunnel.id, tunnelSecret: tunnel.secret };
      return { credentials, edge: `127.0.0.1:${relay.port}`, caPem: edge.caPem, caFile, stateDir };
    },
    push: (rules) => store.configurations.put(tunnel.id, { ingress: rules }).version,
    async restartEdge() {
      await edge.stop(0);
      edge = await startEdge();
    },
    visit: async (visit) => readAll(await open(visit)),
    open,
    async close() {
      agent.destroy();
      await relay.close();
      await edge.stop(0);
      await Promise.all([first.close(), second.close()]);
      store.close();
      await rm(directory, { recursive: true });
    },
  };
}

function portsOf(edge: EmbeddedEdge): { http: number; https: number; tunnel: number } {
  const { http, https, tunnel } = edge.addresses;
  return { http: http?.port ?? 0, https: https?.port ?? 0, tunnel: tunnel?.port ?? 0 };
}

/** One rule per kind of service. */
function rulesFor(first: TestOrigin, second: TestOrigin): readonly IngressRule[] {
  return [
    { hostname: `app.${zone}`, path: '^/second(/|$)', service: second.httpUrl },
    { hostname: `app.${zone}`, service: first.httpUrl },
    { hostname: `teapot.${zone}`, service: 'http_status:418' },
    { hostname: `hello.${zone}`, service: 'hello_world' },
    { hostname: `ssh.${zone}`, service: `ssh://127.0.0.1:${first.tcpPort}` },
    { hostname: `tcp.${zone}`, service: `tcp://127.0.0.1:${first.tcpPort}` },
    // Port 1 is nobody's.
    { hostname: `down.${zone}`, service: 'http://127.0.0.1:1' },
    { hostname: `*.wild.${zone}`, service: second.httpUrl },
    { hostname: `named.${zone}`, service: first.httpUrl, originRequest: { httpHostHeader: 'inner.example' } },
    { service: 'http_status:404' },
  ];
}

function send(target: RequestOptions, visit: Visit): Promise<IncomingMessage> {
  const { name = 'app', path = '/', method = 'GET', headers = {}, body } = visit;
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...target, path, method, headers: { host: `${name}.${zone}`, ...headers } });
    outgoing.on('error', reject);
    outgoing.on('response', resolve);
    if (body === undefined || typeof body === 'string') outgoing.end(body);
    else pipeline(typeof body === 'function' ? body() : body, outgoing).catch(reject);
  });
}

/** Reads to the end; rejects when the body was cut short. */
export async function readAll(response: IncomingMessage): Promise<Answer> {
  const hash = createHash('sha256');
  const kept: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    const block = chunk as Buffer;
    hash.update(block);
    if (bytes < 65_536) kept.push(block);
    bytes += block.length;
  }
  const text = Buffer.concat(kept).subarray(0, 65_536).toString();
  return { status: response.statusCode ?? 0, headers: response.headers, bytes, hash: hash.digest('hex'), text };
}
