// Resident memory of the idle program with 50 services.
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from '../child.ts';
import { labelledContainers } from '../containers.ts';
import type { EngineOrder, EngineState } from '../engine-process.ts';
import { residentMB } from '../proc.ts';
import { makePlace, startProgramProcess } from '../program-process.ts';
import type { BenchRow, RowResult } from '../row.ts';

const idleMs = 5_000;

/** Megabytes, and those of an idle Node for comparison. */
export const memory: BenchRow = {
  name: 'memory',
  title: 'Resident memory, idle with 50 services',
  async run(): Promise<RowResult> {
    const engine = startChild<EngineOrder, EngineState>('engine-process.ts');
    const { endpoint } = await engine.ask({ put: labelledContainers(50) });
    const place = await makePlace(endpoint);
    // The first start compiles; every later one reads what it kept.
    await (await startProgramProcess(place, 50)).stop();
    const program = await startProgramProcess(place, 50);
    const bare = startChild<'port', number>('origin-process.ts');
    try {
      await bare.ask('port');
      await sleep(idleMs);
      return {
        figures: [
          {
            what: 'edge, API, connector, page, 50 services',
            value: residentMB(program.pid),
            unit: 'MB',
            target: { atMost: 120 },
          },
          { what: 'for comparison: Node with one HTTP server', value: residentMB(bare.pid), unit: 'MB' },
        ],
        notes: [`${idleMs / 1000} s after everything is up; embedded edge and connector are both in the process`],
      };
    } finally {
      await program.stop();
      await bare.stop();
      await engine.stop();
      place.remove();
    }
  },
};
