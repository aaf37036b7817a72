// `tunnel run --metrics ADDRESS`: /ready, /healthcheck and /metrics, as cloudflared answers them.

import { createServer, type RequestListener } from 'node:http';
import type { NativeConnector } from '../connector/native/connector.ts';
import { listen } from '../edge/listen.ts';
import type { ListenAddress } from '../model.ts';
import type { Status } from '../status.ts';
import { version } from '../version.ts';
import { createMetrics } from '../web/metrics.ts';

/** A server that runs. */
export interface MetricsServer {
  readonly address: ListenAddress;
  stop(): Promise<void>;
}

/** Serves a connector's numbers. Rejects with AppError E_LISTEN. */
export async function serveMetrics(address: ListenAddress, connector: NativeConnector): Promise<MetricsServer> {
  const server = createServer(answers(connector));
  const actual = await listen(server, address, '--metrics');
  return {
    address: actual,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answers(connector: NativeConnector): RequestListener {
  const metrics = createMetrics({
    status: () => statusOf(connector),
    traffic: () => connector.metrics(),
    configurationVersion: () => connector.table.version,
  });
  return (request, response) => {
    const path = (request.url ?? '/').split('?')[0];
    const say = (status: number, type: string, body: string) =>
      response.writeHead(status, { 'content-type': type }).end(body);
    if (request.method !== 'GET' && request.method !== 'HEAD') say(405, 'text/plain', 'only GET\n');
    else if (path === '/ready') say(connector.ready ? 200 : 503, 'application/json', readiness(connector));
    else if (path === '/healthcheck') say(200, 'text/plain', 'OK\n');
    else if (path === '/metrics') {
      metrics().then(
        (text) => say(200, 'text/plain; version=0.0.4; charset=utf-8', text),
        () => say(500, 'text/plain', 'the metrics cannot be read\n'),
      );
    } else say(404, 'text/plain', 'there are /ready, /healthcheck and /metrics\n');
  };
}

function readiness(connector: NativeConnector): string {
  const readyConnections = connector.connections().filter(({ state }) => state === 'connected').length;
  const status = readyConnections > 0 ? 200 : 503;
  return JSON.stringify({ status, readyConnections, connectorId: connector.connectorId });
}

/** There are no passes and no services here: only the connector. */
function statusOf(connector: NativeConnector): Status {
  return {
    version,
    edge: 'given',
    connector: { name: connector.name, connections: connector.connections() },
    ready: connector.ready,
    revision: 0,
    finishedAt: undefined,
    complete: true,
    lastError: undefined,
    services: [],
    held: [],
    suggestions: [],
    diagnostics: [],
  };
}
