// Home Assistant's web server, as far as proxies are concerned: 400 to those it was not told to trust, and what it keeps of refused logins.
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { contains } from '../../../addon/homeassistant/proxy-trust.ts';

/** What it runs with, in its own words. */
export interface HttpSettings {
  readonly use_x_forwarded_for?: boolean;
  readonly trusted_proxies?: readonly string[];
}

/** A Core in a test's hands. */
export interface FakeCore {
  readonly port: number;
  /** Lines that say a proxy is not trusted, as they would be in its log. */
  readonly refusals: readonly string[];
  /** Every request so far. */
  readonly requests: readonly string[];
  settings: HttpSettings;
  close(): Promise<void>;
}

/** Starts one that trusts nobody, on a free port unless it is to be a certain one. */
export async function startFakeCore(onPort = 0): Promise<FakeCore> {
  const refusals: string[] = [];
  const requests: string[] = [];
  const core = { refusals, requests, settings: {} as HttpSettings };
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const refusal = refusalOf(request, core.settings);
    if (refusal !== undefined) {
      refusals.push(refusal);
      response.writeHead(400, { 'content-type': 'text/plain' }).end('400: Bad Request');
      return;
    }
    const remote = request.headers['x-forwarded-for'] ?? request.socket.remoteAddress;
    response.writeHead(200, { 'content-type': 'text/html' }).end(`Home Assistant for ${remote}`);
  });
  await once(server.listen(onPort, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return Object.assign(core, {
    port,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  });
}

/** As its forwarding middleware decides, which comes before the one that counts logins. */
function refusalOf(request: IncomingMessage, settings: HttpSettings): string | undefined {
  if (request.headers['x-forwarded-for'] === undefined) return undefined;
  const from = request.socket.remoteAddress ?? '';
  if (settings.use_x_forwarded_for !== true) return `A request from a reverse proxy was received from ${from}`;
  const isTrusted = (settings.trusted_proxies ?? []).some((network) => contains(network, from));
  return isTrusted ? undefined : `Received X-Forwarded-For header from an untrusted proxy ${from}`;
}
