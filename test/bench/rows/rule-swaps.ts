// Rules replaced under load, over and over: no request may fail, whichever connector carries them.
import { systemClock } from '../../../src/clock.ts';
import { createCloudflaredConnector } from '../../../src/connector/cloudflared/connector.ts';
import { createNativeConnector } from '../../../src/connector/native/connector.ts';
import { staticEdges } from '../../../src/connector/native/edge-addresses.ts';
import type { Connector } from '../../../src/contracts.ts';
import { createSilentLogger } from '../../../src/logger.ts';
import { type EdgeAccess, type Rig, startRig, zone } from '../../interop/rig.ts';
import type { Figure } from '../figures.ts';
import { failuresOf, startLoadProcess } from '../load.ts';
import type { BenchRow, RowResult } from '../row.ts';

const logger = createSilentLogger();
const never = new AbortController().signal;

interface Way {
  readonly what: string;
  readonly swaps: number;
  /** Between two swaps, so that every rule set serves some requests. */
  readonly pauseMs: number;
  create(access: EdgeAccess, rig: Rig): Connector;
}

/** Failed requests, by way of swapping. */
export const ruleSwaps: BenchRow = {
  name: 'rule-swaps',
  title: 'Rule swaps under load',
  async run({ cloudflared }): Promise<RowResult> {
    const ways = [native, ...('path' in cloudflared ? ofCloudflared(cloudflared.path) : [])];
    const figures: Figure[] = [];
    const notes: string[] = [];
    for (const way of ways) {
      const result = await swapUnderLoad(way);
      figures.push(...result.figures);
      notes.push(...result.notes);
    }
    const reason = 'reason' in cloudflared ? cloudflared.reason : undefined;
    return {
      figures,
      notes,
      missing: reason === undefined ? [] : [{ what: 'cloudflared by push and by handover', reason }],
    };
  },
};

const native: Way = {
  what: 'native, 1,000 swaps',
  swaps: 1_000,
  pauseMs: 5,
  create: (access, rig) =>
    createNativeConnector({
      credentials: access.credentials,
      edges: staticEdges([access.edge, access.edge]),
      caPem: access.caPem,
      haConnections: 2,
      rules: rig.rules,
      logger,
      clock: systemClock,
      version: 'bench',
    }),
};

function ofCloudflared(binary: string): readonly Way[] {
  const options = (access: EdgeAccess, rig: Rig) => ({
    binary,
    credentials: access.credentials,
    edges: [access.edge],
    caFile: access.caFile,
    stateDir: access.stateDir,
    haConnections: 2,
    rules: rig.rules,
    gracePeriodMs: 5_000,
    logger,
    clock: systemClock,
  });
  return [
    {
      what: 'cloudflared by push, 200 swaps',
      swaps: 200,
      pauseMs: 5,
      create: (access, rig) =>
        createCloudflaredConnector({ ...options(access, rig), pushRules: async (rules) => rig.push(rules) }),
    },
    {
      what: 'cloudflared by handover, 20 swaps',
      swaps: 20,
      pauseMs: 50,
      create: (access, rig) => createCloudflaredConnector({ ...options(access, rig), onRules: 'handover' }),
    },
  ];
}

async function swapUnderLoad(way: Way): Promise<{ figures: Figure[]; notes: string[] }> {
  const rig = await startRig();
  const load = startLoadProcess();
  const connector = way.create(await rig.access(), rig);
  try {
    await connector.start(never);
    await swap(connector, rig, 0);
    const order = { port: rig.edge.addresses.http?.port ?? 0, host: `app.${zone}`, path: '/', connections: 6 };
    // The load runs until the swaps are done: a second load is asked for while they go on, and so forth.
    let isOver = false;
    const loads = (async () => {
      const results = [];
      while (!isOver) results.push(await load.ask({ ...order, durationMs: 1_000 }));
      return results;
    })();
    const begun = performance.now();
    for (let n = 1; n <= way.swaps; n++) {
      await swap(connector, rig, n);
      await systemClock.sleep(way.pauseMs);
    }
    const seconds = (performance.now() - begun) / 1000;
    isOver = true;
    const results = await loads;
    const failed = results.flatMap(({ failures }) => Object.values(failures)).reduce((sum, n) => sum + n, 0);
    const requests = results.reduce((sum, result) => sum + result.requests, 0);
    return {
      figures: [{ what: `${way.what}: failed requests`, value: failed, unit: '', target: { atMost: 0 } }],
      notes: [
        `${way.what}: ${requests} requests by 6 clients, ${((seconds * 1000) / way.swaps - way.pauseMs).toFixed(1)} ms per swap`,
        ...results.flatMap((result) => failuresOf(result) ?? []),
      ],
    };
  } finally {
    await connector.stop(0);
    await load.stop();
    await rig.close();
  }
}

function swap(connector: Connector, rig: Rig, n: number): Promise<void> {
  const origin = n % 2 === 0 ? rig.first : rig.second;
  return connector.updateIngress([
    { hostname: `app.${zone}`, service: origin.httpUrl },
    { service: 'http_status:404' },
  ]);
}
