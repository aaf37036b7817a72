// The native connector against cloudflared: one edge, one origin, the same load on each in turn.
import type { Child } from '../child.ts';
import { type Figure, median, pairedRatio, type Target, type Unit } from '../figures.ts';
import { failuresOf, type LoadOrder, type LoadResult, startLoadProcess } from '../load.ts';
import { cpuMs, residentMB } from '../proc.ts';
import { type RoadConnector, startRoad } from '../road.ts';
import type { BenchRow, RowResult } from '../row.ts';

const rounds = 5;
const largeBytes = 10 * 1024 * 1024;

/** The kinds of load, and what of each has a target. */
const kinds = [
  { name: '1 KB, 32 clients', order: { path: '/small', connections: 32, durationMs: 2_500 }, unit: 'requests/s' },
  { name: '10 MB downloads, 4 clients', order: { path: '/large', connections: 4, durationMs: 1_500 }, unit: 'MB/s' },
  {
    name: '10 MB uploads, 4 clients',
    order: { path: '/', connections: 4, durationMs: 1_500, uploadBytes: largeBytes },
    unit: 'MB/s',
  },
] as const;

/** Requests per second, bytes per second, p99 and CPU time per request, as ratios. */
export const connectors: BenchRow = {
  name: 'connectors',
  title: 'Native connector against cloudflared, same edge, same load',
  async run({ cloudflared }): Promise<RowResult> {
    const road = await startRoad();
    const load = startLoadProcess();
    const running: RoadConnector[] = [];
    try {
      running.push(await road.startNative());
      if ('path' in cloudflared) running.push(await road.startCloudflared(cloudflared.path));
      const trials = await measureAll(running, road.port, load);
      const missing =
        'path' in cloudflared ? [] : [{ what: 'the comparison with cloudflared', reason: cloudflared.reason }];
      return { figures: figuresOf(trials, running), notes: notesOf(trials, running), missing };
    } finally {
      await load.stop();
      for (const connector of running) await connector.stop();
      await road.close();
    }
  },
};

interface Trial {
  readonly connector: RoadConnector;
  readonly kind: (typeof kinds)[number];
  readonly result: LoadResult;
  readonly cpuMs: number;
}

/** A B A B, the first round thrown away: it is where both warm up. */
async function measureAll(
  running: readonly RoadConnector[],
  port: number,
  load: Child<LoadOrder, LoadResult>,
): Promise<Trial[]> {
  const trials: Trial[] = [];
  for (const kind of kinds) {
    for (let round = 0; round <= rounds; round++) {
      for (const connector of running) {
        const before = cpuMs(connector.pid);
        const result = await load.ask({ ...kind.order, host: connector.host, port });
        if (round > 0) trials.push({ connector, kind, result, cpuMs: cpuMs(connector.pid) - before });
      }
    }
  }
  return trials;
}

const measures: readonly {
  readonly what: string;
  readonly of: (trial: Trial) => number;
  readonly unit: (kind: Trial['kind']) => Unit;
  readonly target: (kind: Trial['kind']) => Target | undefined;
}[] = [
  {
    what: 'rate',
    of: ({ kind, result }) => (kind.unit === 'MB/s' ? result.bytes / 1e6 : result.requests) / result.seconds,
    unit: (kind) => kind.unit,
    target: (kind) => ({ atLeast: kind.unit === 'MB/s' ? 1.0 : 1.3 }),
  },
  {
    what: 'p99',
    of: ({ result }) => result.p99,
    unit: () => 'ms',
    target: (kind) => (kind.unit === 'MB/s' ? undefined : { atMost: 1.0 }),
  },
  {
    what: 'CPU',
    of: (trial) => trial.cpuMs / trial.result.requests,
    unit: () => 'ms CPU/request',
    target: () => ({ atMost: 1.0 }),
  },
];

function figuresOf(trials: readonly Trial[], running: readonly RoadConnector[]): Figure[] {
  return kinds.flatMap((kind) =>
    measures.flatMap((measure) => {
      const samples = running.map((connector) =>
        trials.filter((trial) => trial.kind === kind && trial.connector === connector).map(measure.of),
      );
      const absolute = running.map(
        ({ name }, at): Figure => ({
          what: `${kind.name}: ${measure.what}, ${name}`,
          value: median(samples[at] ?? []),
          unit: measure.unit(kind),
        }),
      );
      const [native = [], other] = samples;
      if (other === undefined) return absolute;
      const target = measure.target(kind);
      const ratio: Figure = {
        what: `${kind.name}: ${measure.what}, native / cloudflared`,
        value: pairedRatio(native, other),
        unit: '×',
        ...(target === undefined ? {} : { target }),
      };
      return [...absolute, ratio];
    }),
  );
}

function notesOf(trials: readonly Trial[], running: readonly RoadConnector[]): string[] {
  const failures = trials.flatMap(({ connector, kind, result }) => {
    const words = failuresOf(result);
    return words === undefined ? [] : [`failed, ${connector.name}, ${kind.name}: ${words}`];
  });
  const memory = running.map(({ name, pid }) => `${name} ${residentMB(pid).toFixed(0)} MB`).join(', ');
  return [
    `${rounds} rounds each in turn; load, origin and connectors in processes of their own; ratios are medians of pairs`,
    `resident memory after the load: ${memory}`,
    ...failures,
  ];
}
