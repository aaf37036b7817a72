// Edge and connector as two programs, as Cloudflare and a homelab are: each is killed in the middle of traffic, and no answer is ever cut short without saying so.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Relay, startRelay } from '../interop/relay.ts';
import { until, visit } from '../program/program.ts';
import { freePorts, type RunningProcess, startProcess } from './process.ts';

const body = randomBytes(512 * 1024);
const digest = createHash('sha256').update(body).digest('hex');

describe('two programs, one the edge of the other', () => {
  let dir: string;
  let origin: Server;
  let relay: Relay;
  let edge: RunningProcess;
  let home: RunningProcess;
  let ports: { http: number; https: number; tunnel: number; api: number; edgeWeb: number; homeWeb: number };
  const settings = { edge: '', home: '' };

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'sallyport-e2e-'));
    const [http = 0, https = 0, tunnel = 0, api = 0, edgeWeb = 0, homeWeb = 0] = await freePorts(6);
    ports = { http, https, tunnel, api, edgeWeb, homeWeb };
    origin = createServer(serveBody);
    await once(origin.listen(0, '127.0.0.1'), 'listening');
    relay = await startRelay(() => tunnel);
    settings.edge = write('edge.yml', edgeSettings());
    edge = await startProcess(settings.edge, edgeWeb);
    settings.home = write('home.yml', homeSettings());
    home = await startProcess(settings.home, homeWeb);
    await answers();
  });
  after(async () => {
    await home?.kill();
    await edge?.kill();
    await relay?.close();
    origin?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  function write(name: string, text: string): string {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  }

  function edgeSettings(): string {
    const at = (port: number) => `"127.0.0.1:${port}"`;
    return `domain: test.example
data_dir: ${join(dir, 'edge')}
docker: { endpoints: [] }
cloudflare: { tunnel: { name: edge } }
embedded_edge: { http: ${at(ports.http)}, https: ${at(ports.https)}, tunnel: ${at(ports.tunnel)}, api: ${at(ports.api)} }
web: { listen: ${at(ports.edgeWeb)} }
log: { level: warn }
`;
  }

  /** A homelab whose Cloudflare is the other program. */
  function homeSettings(): string {
    return `domain: test.example
data_dir: ${join(dir, 'home')}
edge: cloudflare
connector: native
docker: { endpoints: [] }
cloudflare:
  api_token_file: ${join(dir, 'edge', 'edge-api-token')}
  api_url: http://127.0.0.1:${ports.api}/client/v4
  edge: ["127.0.0.1:${relay.port}"]
  edge_ca: ${join(dir, 'edge', 'certificates', 'ca.pem')}
  tunnel: { name: home }
access: { default: public }
services:
  - { name: app, address: 127.0.0.1, port: ${(origin.address() as AddressInfo).port} }
web: { listen: "127.0.0.1:${ports.homeWeb}" }
log: { level: warn }
`;
  }

  const answers = () =>
    until(
      () => visit(ports.http, 'app.test.example', '/sized'),
      ({ status }) => status === 200,
      40_000,
    );

  test('a homelab that knows only API, edge address and CA publishes through the other program', async () => {
    const status = JSON.parse((await visit(ports.homeWeb, 'localhost', '/api/status')).body);
    assert.equal(status.edge, 'cloudflare');
    assert.equal(status.connector.connections.length, 4);
  });

  const accidents: { readonly name: string; readonly happens: () => Promise<unknown> }[] = [
    { name: 'one of four connections is cut', happens: async () => relay.cut(1) },
    { name: 'all connections are cut', happens: async () => relay.cut(8) },
    {
      name: 'the connector is killed',
      happens: async () => {
        await home.kill();
        home = await startProcess(settings.home, ports.homeWeb);
      },
    },
    {
      name: 'the edge is killed',
      happens: async () => {
        await edge.kill();
        edge = await startProcess(settings.edge, ports.edgeWeb);
      },
    },
  ];
  for (const accident of accidents) {
    test(`when ${accident.name}, traffic recovers by itself, and no cut answer looks whole`, async () => {
      const traffic = startTraffic(ports.http);
      try {
        await until(
          async () => traffic.outcomes.whole,
          (whole) => whole >= 10,
        );
        await accident.happens();
        await answers();
        const before = traffic.outcomes.whole;
        await until(
          async () => traffic.outcomes.whole,
          (whole) => whole >= before + 20,
          40_000,
        );
      } finally {
        await traffic.stop();
      }
      assert.deepEqual(traffic.outcomes.lies, [], JSON.stringify(traffic.outcomes));
    });
  }

  test('SIGTERM lets the answer in flight finish and ends with 0', async () => {
    const slow = download(ports.http, '/slow');
    await until(
      () => visit(ports.homeWeb, 'localhost', '/metrics'),
      ({ body: text }) => /concurrent_requests_per_tunnel [1-9]/.test(text) && finishSlow !== undefined,
    );
    const stopping = home.stop();
    await until(
      () => visit(ports.http, 'app.test.example', '/sized'),
      ({ status }) => status === 530,
    );
    finishSlow?.();
    assert.equal(await slow, 'whole');
    assert.equal(await stopping, 0);
    home = await startProcess(settings.home, ports.homeWeb);
    await answers();
  });

  test('no secret of either program is in its output', () => {
    const secrets = [
      readFileSync(join(dir, 'edge', 'edge-api-token'), 'utf8').trim(),
      readFileSync(join(dir, 'edge', 'web-token'), 'utf8').trim(),
    ];
    for (const secret of secrets) assert.ok(!edge.output().includes(secret) && !home.output().includes(secret));
  });
});

/** Sends the rest of a `/slow` that has begun. */
let finishSlow: (() => void) | undefined;

/** `/sized` says its length, `/chunked` does not, `/slow` waits for `finishSlow` in the middle. */
function serveBody({ url }: { url?: string | undefined }, response: import('node:http').ServerResponse): void {
  response.setHeader('x-digest', digest);
  if (url === '/sized') response.setHeader('content-length', body.length);
  if (url !== '/slow') {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, 1000));
  finishSlow = () => response.end(body.subarray(1000));
}

type Outcome = 'whole' | 'error status' | 'broken off' | 'lie';

interface Outcomes {
  whole: number;
  failed: number;
  readonly lies: string[];
}

/** Four visitors who ask without pause. */
function startTraffic(port: number): { readonly outcomes: Outcomes; stop(): Promise<void> } {
  const outcomes: Outcomes = { whole: 0, failed: 0, lies: [] };
  let stopping = false;
  const visitor = async (path: string) => {
    while (!stopping) {
      const outcome = await download(port, path);
      if (outcome === 'whole') outcomes.whole++;
      else if (outcome === 'lie') outcomes.lies.push(path);
      else {
        outcomes.failed++;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  };
  const visitors = ['/sized', '/chunked', '/sized', '/chunked'].map(visitor);
  return {
    outcomes,
    async stop() {
      stopping = true;
      await Promise.all(visitors);
    },
  };
}

/** A lie is an answer that ends as if complete and is not. */
function download(port: number, path: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const asking = request(
      { host: '127.0.0.1', port, path, headers: { host: 'app.test.example' }, agent: false },
      (response) => {
        const hash = createHash('sha256');
        response.on('data', (chunk: Buffer) => hash.update(chunk));
        response.on('error', () => resolve('broken off'));
        response.on('end', () => {
          if (!response.complete) resolve('broken off');
          else if (response.statusCode !== 200) resolve('error status');
          else resolve(hash.digest('hex') === response.headers['x-digest'] ? 'whole' : 'lie');
        });
      },
    );
    asking.on('error', () => resolve('broken off'));
    asking.end();
  });
}
