// How many API calls it takes to publish 100 new services at once, counted between the program and the API.

import { freePorts } from '../../e2e/process.ts';
import { startFakeDockerEngine } from '../../fakes/docker-engine.ts';
import { startProgram, until } from '../../program/program.ts';
import { labelledContainers } from '../containers.ts';
import { startCountingProxy } from '../counting-proxy.ts';
import type { Figure } from '../figures.ts';
import type { BenchRow, Missing, RowResult } from '../row.ts';

const services = 100;

/** Calls per connector: with cloudflared the rules go through the API too. */
export const publishing: BenchRow = {
  name: 'publishing',
  title: 'Cloudflare API calls to publish 100 new services',
  async run({ cloudflared }): Promise<RowResult> {
    const native = await countCalls('native', {});
    const missing: Missing[] = [];
    const figures: Figure[] = [native.figure];
    const notes = [native.note];
    if ('path' in cloudflared) {
      const remote = await countCalls('cloudflared', { CLOUDFLARED: cloudflared.path });
      figures.push(remote.figure);
      notes.push(remote.note);
    } else missing.push({ what: 'with cloudflared', reason: cloudflared.reason });
    return { figures, notes, missing };
  },
};

async function countCalls(
  connector: 'native' | 'cloudflared',
  env: Record<string, string>,
): Promise<{ figure: Figure; note: string }> {
  const engine = await startFakeDockerEngine();
  const [apiPort = 0] = await freePorts(1);
  const proxy = await startCountingProxy(() => apiPort);
  const free = '127.0.0.1:0';
  const program = await startProgram(
    {
      connector,
      docker: { endpoints: [engine.endpoint] },
      embedded_edge: { http: free, https: free, tunnel: free, api: `127.0.0.1:${apiPort}` },
      cloudflare: { api_url: `${proxy.url}/client/v4` },
    },
    env,
  );
  try {
    await until(
      async () => program.status(),
      ({ ready }) => ready,
    );
    await engine.watched(1);
    const before = proxy.calls.length;
    for (const container of labelledContainers(services)) engine.put(container);
    engine.emit('container', 'start', 'app-0');
    // The last name alphabetically: its answer is a gateway error, for nobody listens behind it.
    await program.until('app-99.localhost', ({ status }) => status === 502 || status === 504);
    const { services: seen } = program.status();
    const published = seen.filter(({ name }) => name.startsWith('app-')).length;
    const calls = proxy.calls.slice(before);
    return {
      figure: {
        what: `with ${connector}: ${published} services`,
        value: calls.length,
        unit: '',
        target: { atMost: 10 },
      },
      note: `with ${connector}: ${[...Map.groupBy(calls, nameOf)].map(([name, all]) => `${all.length}× ${name}`).join(', ')}`,
    };
  } finally {
    await program.stop();
    await proxy.close();
    await engine.close();
  }
}

/** `POST …/dns_records/batch`, without ids. */
function nameOf(call: string): string {
  return call.replace('/client/v4', '').replace(/\/[0-9a-f-]{32,36}(?=\/|$)/g, '/…');
}
