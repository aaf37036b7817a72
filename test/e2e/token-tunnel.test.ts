// A tunnel that cloudflared made, run by its token: by our connector and by a supervised cloudflared, with an API token and without.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { formatOriginCert } from '../../src/tunnel/origin-cert.ts';
import { interopBinary } from '../interop/binary.ts';
import { type OtherEdge, startOtherEdge } from '../program/other-edge.ts';
import { startProgram } from '../program/program.ts';

const binary = interopBinary();
const { signal } = new AbortController();

describe('a tunnel made by cloudflared, by its token', { skip: 'reason' in binary ? binary.reason : false }, () => {
  let edge: OtherEdge;
  let origin: Server;
  let folder = '';
  const path = 'path' in binary ? binary.path : '';

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'token-tunnel-'));
    edge = await startOtherEdge();
    const { account: accountId, zoneId, apiToken } = edge;
    writeFileSync(join(folder, 'cert.pem'), formatOriginCert({ zoneId, accountId, apiToken }));
    origin = createServer((request, response) => response.end(`origin says ${request.headers.host}`));
    await once(origin.listen(0, '127.0.0.1'), 'listening');
  });
  after(async () => {
    origin?.close();
    await edge?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function cloudflared(...args: string[]): Promise<string> {
    const env = { PATH: process.env.PATH ?? '', HOME: folder, TUNNEL_ORIGIN_CERT: join(folder, 'cert.pem') };
    const { stdout } = await promisify(execFile)(path, ['tunnel', '--api-url', edge.apiUrl, ...args], { env });
    return stdout.trim();
  }

  for (const connector of ['native', 'cloudflared']) {
    for (const hasApi of [true, false]) {
      test(`${connector}, ${hasApi ? 'rules written with an API token' : 'rules of the dashboard'}`, async (t) => {
        const name = `${connector}-${hasApi}`;
        const hostname = `${name}.example.test`;
        const service = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
        await cloudflared('create', name);
        const token = await cloudflared('token', name);
        const id = (await edge.api.tunnels.byName(edge.account, name, signal))?.id ?? '';
        if (!hasApi) {
          await cloudflared('route', 'dns', name, hostname);
          const ingress = [{ hostname, service }, { service: 'http_status:404' }];
          await edge.api.configurations.put({ account: edge.account, tunnelId: id }, { ingress }, signal);
        }
        const program = await startProgram(
          {
            edge: 'cloudflare',
            connector,
            domain: 'example.test',
            services: hasApi ? [{ name, service, access: 'public' }] : [],
            cloudflare: {
              ...edge.cloudflare,
              tunnel: { token },
              ...(hasApi ? { api_token: edge.apiToken, api_url: edge.apiUrl } : {}),
            },
          },
          { PATH: process.env.PATH ?? '', CLOUDFLARED: path },
        );
        t.after(() => program.stop());
        const answer = await edge.program.until(hostname, ({ status }) => status === 200);
        assert.equal(answer.body, `origin says ${hostname}`);
        assert.equal(program.status().connector?.name, connector);
      });
    }
  }
});
