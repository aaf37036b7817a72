// An embedded edge with an origin behind it and a tunnel for each connector, for measuring one against the other.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import { createCloudflaredConnector } from '../../src/connector/cloudflared/connector.ts';
import { createEmbeddedEdge } from '../../src/edge/edge.ts';
import { contentOfTunnel } from '../../src/edge/store/names.ts';
import { openEdgeStore } from '../../src/edge/store/store.ts';
import { createSilentLogger } from '../../src/logger.ts';
import type { IngressRule, TunnelCredentials } from '../../src/model.ts';
import { formatToken } from '../../src/protocol/credentials.ts';
import { until } from '../program/program.ts';
import { startChild } from './child.ts';
import type { NativeOrder } from './native-process.ts';

const zone = 'bench.test';
/** Both connectors' default. */
const connections = 4;

/** A connector with all its connections up. */
export interface RoadConnector {
  readonly name: string;
  /** The name that leads through it. */
  readonly host: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** The edge, waiting for connectors. */
export interface Road {
  readonly port: number;
  startNative(): Promise<RoadConnector>;
  startCloudflared(binary: string): Promise<RoadConnector>;
  close(): Promise<void>;
}

/** Starts edge and origin; the edge runs in this process, which does nothing else meanwhile. */
export async function startRoad(): Promise<Road> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
  const origin = startChild<'port', number>('origin-process.ts');
  const service = `http://127.0.0.1:${await origin.ask('port')}`;
  const store = openEdgeStore(':memory:');
  const free = { host: '127.0.0.1', port: 0 };
  const logger = createSilentLogger();
  const edge = await createEmbeddedEdge({
    directory: store,
    http: free,
    tunnel: free,
    certificatesDir: directory,
    logger,
    clock: systemClock,
  });
  const caFile = join(directory, 'ca.pem');
  await writeFile(caFile, edge.caPem);
  const dialled = `127.0.0.1:${edge.addresses.tunnel?.port}`;

  function prepare(name: string) {
    const tunnel = store.tunnels.create({ name });
    const host = `${name}.${zone}`;
    store.records.create(store.ensureZone(zone), {
      type: 'CNAME',
      name: host,
      content: contentOfTunnel(tunnel.id),
      proxied: true,
    });
    const rules: readonly IngressRule[] = [{ hostname: host, service }, { service: 'http_status:404' }];
    const credentials: TunnelCredentials = {
      accountTag: store.account.id,
      tunnelId: tunnel.id,
      tunnelSecret: tunnel.secret,
    };
    const allUp = () =>
      until(
        async () => edge.registry.connections(tunnel.id).length,
        (count) => count === connections,
      );
    return { host, rules, credentials, allUp };
  }

  return {
    port: edge.addresses.http?.port ?? 0,
    async startNative() {
      const { host, rules, credentials, allUp } = prepare('native');
      const child = startChild<NativeOrder, boolean>('native-process.ts');
      await child.ask({ token: formatToken(credentials), edge: dialled, caPem: edge.caPem, connections, rules });
      await allUp();
      return { name: 'native', host, pid: child.pid, stop: child.stop };
    },
    async startCloudflared(binary) {
      const { host, rules, credentials, allUp } = prepare('cloudflared');
      const connector = createCloudflaredConnector({
        binary,
        credentials,
        edges: [dialled],
        caFile,
        stateDir: join(directory, 'cloudflared'),
        haConnections: connections,
        rules,
        gracePeriodMs: 1_000,
        logger,
        clock: systemClock,
      });
      await connector.start(new AbortController().signal);
      await allUp();
      return { name: connector.version, host, pid: connector.pid ?? 0, stop: () => connector.stop(0) };
    },
    async close() {
      await edge.stop(0);
      store.close();
      await origin.stop();
      await rm(directory, { recursive: true });
    },
  };
}
