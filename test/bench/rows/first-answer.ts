// From a container's start to the first 200 through the edge, with an imitated engine that lists 200 others and with a real one.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { makeWebImage } from '../../docker/containers.ts';
import { startChild } from '../child.ts';
import { labelledContainers, otherContainers } from '../containers.ts';
import type { EngineOrder, EngineState } from '../engine-process.ts';
import { type Figure, median, percentile } from '../figures.ts';
import { firstOk } from '../poll.ts';
import { makePlace, type ProgramPlace, startProgramProcess } from '../program-process.ts';
import type { BenchRow, RowResult } from '../row.ts';

const exec = promisify(execFile);
const imitatedStarts = 100;
const realStarts = 20;
const realOthers = 20;
const image = 'sallyport-bench/web:1';

/** Median and p99 over many starts. */
export const firstAnswer: BenchRow = {
  name: 'first-answer',
  title: 'Container start to first 200 through the edge',
  async run({ engine }): Promise<RowResult> {
    const imitated = await withImitatedEngine();
    const real = await engine();
    const notes = [
      `imitated engine: 200 others running, 50 of them published; timed from the start event, the origin answers already; ${imitatedStarts} starts`,
    ];
    const figures = figuresOf('imitated engine', imitated);
    if ('reason' in real) return { figures, notes, missing: [{ what: 'a real engine', reason: real.reason }] };
    process.env.TEST_DOCKER = real.endpoint;
    return {
      figures: [...figures, ...figuresOf('real engine', await withRealEngine(real.endpoint))],
      notes: [
        ...notes,
        `real engine: ${realOthers} others created, not running; timed from State.StartedAt, the container's own boot included; ${realStarts} starts`,
      ],
    };
  },
};

function figuresOf(name: string, samples: readonly number[]): Figure[] {
  return [
    { what: `${name}: median`, value: median(samples), unit: 'ms', target: { atMost: 150 } },
    { what: `${name}: p99`, value: percentile(samples, 0.99), unit: 'ms', target: { atMost: 500 } },
  ];
}

async function withImitatedEngine(): Promise<number[]> {
  const engine = startChild<EngineOrder, EngineState>('engine-process.ts');
  const origin = startChild<'port', number>('origin-process.ts');
  const port = await origin.ask('port');
  const { endpoint } = await engine.ask({ put: [...labelledContainers(50), ...otherContainers(150)] });
  const place = await makePlace(endpoint);
  const program = await startProgramProcess(place, 50);
  try {
    const samples: number[] = [];
    for (let n = 0; n < imitatedStarts; n++) {
      const name = `late-${n}`;
      const labels = { 'sallyport.enable': 'true', 'sallyport.port': String(port) };
      const container = { name, labels, networks: { bridge: '127.0.0.1' }, ports: [{ port }] };
      const first = firstOk(place.httpPort, `${name}.localhost`);
      const begun = performance.now();
      await engine.ask({ start: container });
      samples.push((await first) - begun);
      await betweenStarts(n);
    }
    return samples;
  } finally {
    await program.stop();
    await origin.stop();
    await engine.stop();
    place.remove();
  }
}

async function withRealEngine(endpoint: string): Promise<number[]> {
  const docker = async (...args: string[]) => (await exec('docker', ['-H', endpoint, ...args])).stdout.trim();
  const ids: string[] = [];
  makeWebImage(image, 80, 'bench');
  const place = await makePlace(endpoint);
  try {
    for (let n = 0; n < realOthers; n++) ids.push(await docker('create', image));
    const program = await startProgramProcess(place, 0);
    try {
      return await startContainers(place, docker, ids);
    } finally {
      await program.stop();
    }
  } finally {
    if (ids.length > 0) await docker('rm', '-f', ...ids);
    await docker('rmi', '-f', image);
    place.remove();
  }
}

async function startContainers(
  place: ProgramPlace,
  docker: (...args: string[]) => Promise<string>,
  ids: string[],
): Promise<number[]> {
  const samples: number[] = [];
  for (let n = 0; n < realStarts; n++) {
    const name = `bench-${process.pid}-${n}`;
    const first = firstOk(place.httpPort, `${name}.localhost`);
    const started = docker('run', '-d', '--name', name, '--label', 'sallyport.enable=true', image);
    const [answered, id] = await Promise.all([first, started]);
    ids.push(id);
    const startedAt = Date.parse(await docker('inspect', '-f', '{{.State.StartedAt}}', id));
    samples.push(performance.timeOrigin + answered - startedAt);
    await betweenStarts(n);
  }
  return samples;
}

/** Long enough for the program to be idle again, and not always the same. */
function betweenStarts(n: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 110 + (n % 7) * 13));
}
