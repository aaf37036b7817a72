// From starting the process to a page that answers, a first pass that is done, and a connector that is connected.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { visit } from '../../program/program.ts';
import { startChild } from '../child.ts';
import { labelledContainers } from '../containers.ts';
import type { EngineOrder, EngineState } from '../engine-process.ts';
import { type Figure, median } from '../figures.ts';
import { makePlace, type ProgramPlace, spawnProgram, statusOf } from '../program-process.ts';
import type { BenchRow, RowResult } from '../row.ts';

const starts = 7;
const pauseMs = 5;
const patienceMs = 30_000;

/** Milliseconds to each of the three, with data from an earlier run and without. */
export const processStart: BenchRow = {
  name: 'process-start',
  title: 'Process start to UI answering and first pass done, 50 services',
  async run(): Promise<RowResult> {
    const engine = startChild<EngineOrder, EngineState>('engine-process.ts');
    try {
      const { endpoint } = await engine.ask({ put: labelledContainers(50) });
      const place = await makePlace(endpoint);
      const first: Start[] = [await timeStart(place)];
      const later: Start[] = [];
      const empty: number[] = [];
      for (let n = 0; n < starts; n++) {
        empty.push(await timeEmpty());
        later.push(await timeStart(place));
        const fresh = await makePlace(endpoint);
        first.push(await timeStart(fresh));
        fresh.remove();
      }
      place.remove();
      return {
        figures: [...figuresOf('again', later), ...figuresOf('first ever', first), emptyFigure(empty)],
        notes: [
          `medians of ${starts} starts in turn; "first ever" also compiles, and makes the edge's CA, its certificates and the tunnel`,
        ],
      };
    } finally {
      await engine.stop();
    }
  },
};

interface Start {
  readonly answers: number;
  readonly passed: number;
  readonly ready: number;
}

function figuresOf(name: string, samples: readonly Start[]): Figure[] {
  const figure = (what: string, key: keyof Start, more: Partial<Figure> = {}): Figure => ({
    what: `${name}: ${what}`,
    value: median(samples.map((sample) => sample[key])),
    unit: 'ms',
    ...more,
  });
  return [
    figure('the page answers', 'answers'),
    figure('and the first pass is done', 'passed', { target: { atMost: 1_000 } }),
    figure('and the connector is connected', 'ready'),
  ];
}

function emptyFigure(samples: readonly number[]): Figure {
  return { what: 'Node running an empty program, start to exit', value: median(samples), unit: 'ms' };
}

async function timeStart(place: ProgramPlace): Promise<Start> {
  const begun = performance.now();
  const program = spawnProgram(place);
  try {
    const answers = await when(async () => (await visit(place.webPort, 'localhost', '/healthz')).status === 200);
    const passed = await when(async () => (await statusOf(place)).revision > 0);
    const ready = await when(async () => (await statusOf(place)).ready);
    return { answers: answers - begun, passed: passed - begun, ready: ready - begun };
  } finally {
    await program.stop();
  }
}

/** The time at which it first holds. */
async function when(holds: () => Promise<boolean>): Promise<number> {
  const end = performance.now() + patienceMs;
  while (performance.now() < end) {
    if (await holds().catch(() => false)) return performance.now();
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  throw new Error('the program did not start');
}

async function timeEmpty(): Promise<number> {
  const begun = performance.now();
  await once(spawn(process.execPath, ['--eval', '0'], { stdio: 'ignore' }), 'exit');
  return performance.now() - begun;
}
