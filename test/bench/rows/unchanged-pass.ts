// One pass over 1,000 containers that have not changed: how long it takes, and what it asks of engine and API.
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAccess } from '../../../src/app/access.ts';
import { createDiscovery } from '../../../src/app/discovery.ts';
import { startLocalEdge } from '../../../src/app/embedded-edge.ts';
import { buildRoad } from '../../../src/app/road.ts';
import { systemClock } from '../../../src/clock.ts';
import { createCloudflareApi } from '../../../src/cloudflare/client.ts';
import { createSilentLogger } from '../../../src/logger.ts';
import { type Deps, type Pass, reconcile } from '../../../src/reconcile.ts';
import { loadSettings } from '../../../src/settings/load.ts';
import { openStateDir } from '../../../src/state-dir.ts';
import { startChild } from '../child.ts';
import { labelledContainers } from '../containers.ts';
import { type CountingProxy, startCountingProxy } from '../counting-proxy.ts';
import type { EngineOrder, EngineState } from '../engine-process.ts';
import { median, percentile } from '../figures.ts';
import type { BenchRow, RowResult } from '../row.ts';

const containers = 1_000;
const passes = 60;
const never = new AbortController().signal;

/** Milliseconds and calls per pass. */
export const unchangedPass: BenchRow = {
  name: 'unchanged-pass',
  title: 'One pass over 1,000 unchanged containers',
  async run(): Promise<RowResult> {
    const engine = startChild<EngineOrder, EngineState>('engine-process.ts');
    const dir = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
    const { endpoint } = await engine.ask({ put: labelledContainers(containers) });
    const world = await startWorld(dir, endpoint);
    try {
      let pass = await world.pass(undefined);
      // The first passes inspect, publish, and warm up.
      for (let n = 0; n < 10; n++) pass = await world.pass(pass);
      if (pass.entries.length < containers) throw new Error(`only ${pass.entries.length} entries`);
      const remote = world.api.calls.length;
      const before = (await engine.ask({ calls: true })).calls;
      const samples: number[] = [];
      const answers: number[] = [];
      for (let n = 0; n < passes; n++) {
        const begun = performance.now();
        pass = await world.pass(pass);
        samples.push(performance.now() - begun);
      }
      const after = (await engine.ask({ calls: true })).calls;
      for (let n = 0; n < passes; n++) answers.push(await timeList(endpoint));
      return {
        figures: [
          { what: 'pass: median', value: median(samples), unit: 'ms', target: { atMost: 50 } },
          { what: 'pass: p99', value: percentile(samples, 0.99), unit: 'ms' },
          { what: 'of that, the engine answering the list: median', value: median(answers), unit: 'ms' },
          { what: 'engine calls per pass', value: (after - before) / passes, unit: '', target: { atMost: 1 } },
          { what: 'API calls in all passes', value: world.api.calls.length - remote, unit: '', target: { atMost: 0 } },
        ],
        notes: [`${passes} passes, all 1,000 containers published; the imitated engine runs in a process of its own`],
      };
    } finally {
      await world.stop();
      await engine.stop();
      rmSync(dir, { recursive: true, force: true });
    }
  },
};

interface World {
  readonly api: CountingProxy;
  pass(previous: Pass | undefined): Promise<Pass>;
  stop(): Promise<void>;
}

/** The program's own parts, without what decides when a pass runs: the passes are run here, one after the other. */
async function startWorld(dir: string, endpoint: string): Promise<World> {
  const logger = createSilentLogger();
  const free = '127.0.0.1:0';
  const overrides = {
    data_dir: dir,
    docker: { endpoints: [endpoint] },
    embedded_edge: { http: free, https: free, tunnel: free, api: free },
  };
  const { settings } = loadSettings({ env: {}, cwd: dir, overrides });
  const stateDir = openStateDir(dir);
  const edge = await startLocalEdge({ settings, stateDir, logger, clock: systemClock });
  const counting = await startCountingProxy(() => Number(new URL(edge.apiUrl).port));
  const api = createCloudflareApi({ apiToken: edge.apiToken, baseUrl: `${counting.url}/client/v4`, logger });
  const discovery = await createDiscovery({
    settings: () => settings,
    stateDir,
    env: {},
    logger,
    clock: systemClock,
    graceMs: settings.graceMs,
  });
  const owner = 'bench';
  const road = await buildRoad(
    { settings, api, edge, owner, refresh: false, isDryRun: false, env: {}, logger, clock: systemClock },
    never,
  );
  const names = { zones: road.place.zones, tunnelTarget: road.tunnelTarget, owner };
  const deps: Deps = {
    list: (signal) => discovery.list.list(signal),
    route: discovery.route,
    compile: (entries, previous) => discovery.compile(entries, previous, names),
    access: createAccess(() => settings, { api, account: road.place.account, owner, logger }),
    ingress: road.ingress,
    dns: road.dns,
    mode: settings.mode,
    logger,
  };
  return {
    api: counting,
    pass: (previous) => reconcile(deps, { full: previous === undefined, previous }, never),
    async stop() {
      await road.connector?.stop(0);
      await counting.close();
      await edge.stop(0);
    },
  };
}

/** How long the same list takes without anything being made of it. */
function timeList(endpoint: string): Promise<number> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const asking = request({
      socketPath: endpoint.slice('unix://'.length),
      path: '/containers/json?all=1',
      agent: false,
    });
    asking.on('response', (response) => {
      response.resume().on('end', () => resolve(performance.now() - begun));
    });
    asking.on('error', reject);
    asking.end();
  });
}
