// Another machine's edge, API included, in the place of Cloudflare's: for programs that are given its addresses.
import { readFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type CloudflareApi, createCloudflareApi } from '../../src/cloudflare/client.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { type Program, startProgram } from './program.ts';

/** It. */
export interface OtherEdge {
  readonly program: Program;
  readonly api: CloudflareApi;
  readonly account: string;
  readonly zoneId: string;
  /** What `cloudflare:` needs to use it; without `api_token`. */
  readonly cloudflare: { readonly edge: string[]; readonly edge_ca: string };
  readonly apiToken: string;
  /** Goes through a door that can be shut. */
  readonly apiUrl: string;
  /** While it is shut, the API answers 503, or this, to every path, or to these. */
  shut(status?: number, paths?: RegExp): void;
  open(): void;
  stop(): Promise<void>;
}

/** Starts it with the zone `example.test`. */
export async function startOtherEdge(): Promise<OtherEdge> {
  const program = await startProgram({ domain: 'example.test' });
  const apiToken = readFileSync(join(program.dataDir, 'edge-api-token'), 'utf8').trim();
  const door = createDoor(program.apiPort);
  await new Promise<void>((resolve) => door.server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${program.apiPort}/client/v4`;
  const api = createCloudflareApi({ apiToken, baseUrl, logger: createSilentLogger() });
  const [zone] = await api.zones.list(new AbortController().signal);
  return {
    program,
    api,
    account: zone?.account?.id ?? '',
    zoneId: zone?.id ?? '',
    cloudflare: {
      edge: [`127.0.0.1:${program.tunnelPort}`],
      edge_ca: join(program.dataDir, 'certificates', 'ca.pem'),
    },
    apiToken,
    apiUrl: `http://127.0.0.1:${(door.server.address() as AddressInfo).port}/client/v4`,
    shut: (status = 503, paths = /^/) => door.set({ status, paths }),
    open: () => door.set(undefined),
    async stop() {
      door.server.closeAllConnections();
      await new Promise((resolve) => door.server.close(resolve));
      await program.stop();
    },
  };
}

interface Shut {
  readonly status: number;
  readonly paths: RegExp;
}

function createDoor(port: number): { readonly server: Server; set(shut: Shut | undefined): void } {
  let shut: Shut | undefined;
  const server = createServer((asked, answer) => {
    if (shut?.paths.test(asked.url ?? '') === true) {
      answer.writeHead(shut.status, { 'content-type': 'application/json' });
      answer.end(JSON.stringify({ success: false, errors: [{ code: 1, message: 'shut' }], result: null }));
      return;
    }
    const { method, url, headers } = asked;
    const passed = request({ host: '127.0.0.1', port, method, path: url, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    asked.pipe(passed);
  });
  return {
    server,
    set(next) {
      shut = next;
    },
  };
}
