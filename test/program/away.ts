// Programs on an edge that is not their own, as on Cloudflare's, with everything a test of them needs.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before } from 'node:test';
import { type OtherEdge, startOtherEdge } from './other-edge.ts';
import { type Answer, type Program, startProgram } from './program.ts';

const { signal } = new AbortController();

/** The edge, an origin behind programs, and a folder. */
export interface Away {
  readonly edge: OtherEdge;
  readonly port: number;
  readonly folder: string;
  /** A service of the settings at the origin, or at another port. */
  service(name: string, port?: number): Record<string, unknown>;
  /** A program with these `cloudflare:` settings and more; stopped after the test. */
  start(
    cloudflare: Record<string, unknown>,
    more?: Record<string, unknown>,
    env?: Record<string, string>,
  ): Promise<Program>;
  stop(program: Program): Promise<void>;
  withApi(): { readonly api_url: string; readonly api_token: string };
  /** Waits until `<name>.example.test` answers so. */
  served(name: string, status?: number): Promise<Answer>;
  newTunnel(name: string, configSrc: 'local' | 'cloudflare'): Promise<{ readonly id: string; readonly token: string }>;
}

/** For use in a `describe`: everything is started before its tests and ended after them. */
export function useAway(): Away {
  let edge: OtherEdge;
  let origin: Server;
  let folder = '';
  const running = new Set<Program>();

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'away-'));
    edge = await startOtherEdge();
    origin = createServer((request, response) => response.end(`origin says ${request.headers.host}`));
    await once(origin.listen(0, '127.0.0.1'), 'listening');
  });
  afterEach(async () => {
    edge.open();
    for (const program of running) await stop(program);
  });
  after(async () => {
    origin?.close();
    await edge?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function stop(program: Program): Promise<void> {
    running.delete(program);
    await program.stop();
  }

  const port = () => (origin.address() as AddressInfo).port;
  return {
    get edge() {
      return edge;
    },
    get port() {
      return port();
    },
    get folder() {
      return folder;
    },
    stop,
    service: (name, at = port()) => ({ name, address: '127.0.0.1', port: at, protocol: 'http', access: 'public' }),
    async start(cloudflare, more = {}, env = {}) {
      const settings = { edge: 'cloudflare', connector: 'native', domain: 'example.test' };
      const program = await startProgram(
        { ...settings, cloudflare: { ...edge.cloudflare, ...cloudflare }, ...more },
        env,
      );
      running.add(program);
      return program;
    },
    withApi: () => ({ api_url: edge.apiUrl, api_token: edge.apiToken }),
    served: (name, status = 200) => edge.program.until(`${name}.example.test`, (answer) => answer.status === status),
    async newTunnel(name, configSrc) {
      const request = { name, tunnelSecret: Buffer.alloc(32, 5).toString('base64'), configSrc };
      const { id } = await edge.api.tunnels.create(edge.account, request, signal);
      return { id, token: await edge.api.tunnels.token(edge.account, id, signal) };
    },
  };
}
