// `npm run bench`: measures every row (or those named by `--only`), prints a table, and with `--json FILE` writes the same as data.
import { writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { type Engine, startEngine } from '../docker/engine.ts';
import { interopBinary } from '../interop/binary.ts';
import { meetsTarget } from './figures.ts';
import { formatRow, formatSummary, tableHead } from './report.ts';
import type { BenchContext, BenchRow, RowReport } from './row.ts';
import { connectors } from './rows/connectors.ts';
import { firstAnswer } from './rows/first-answer.ts';
import { matching } from './rows/matching.ts';
import { memory } from './rows/memory.ts';
import { processStart } from './rows/process-start.ts';
import { publishing } from './rows/publishing.ts';
import { ruleSwaps } from './rows/rule-swaps.ts';
import { unchangedPass } from './rows/unchanged-pass.ts';

const rows: readonly BenchRow[] = [
  firstAnswer,
  ruleSwaps,
  connectors,
  matching,
  unchangedPass,
  publishing,
  processStart,
  memory,
];

process.exitCode = await main().catch((error: unknown) => {
  // A command line that makes no sense; rows report their own failures.
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  return 2;
});

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { json: { type: 'string' }, only: { type: 'string', multiple: true } },
  });
  const wanted = values.only ?? rows.map(({ name }) => name);
  const unknown = wanted.filter((name) => !rows.some((row) => row.name === name));
  if (unknown.length > 0) {
    process.stderr.write(`no row ${unknown.join(', ')}: there is ${rows.map(({ name }) => name).join(', ')}\n`);
    return 2;
  }
  const reports: RowReport[] = [];
  const engines = lazyEngine();
  const machine = describeMachine();
  process.stdout.write(`${machine}\n\n${tableHead}\n`);
  try {
    for (const row of rows.filter(({ name }) => wanted.includes(name))) {
      const report = await measure(row, { cloudflared: interopBinary(), engine: engines.endpoint });
      reports.push(report);
      process.stdout.write(`${formatRow(report)}\n`);
    }
  } finally {
    await engines.stop();
  }
  process.stdout.write(`${formatSummary(reports)}\n`);
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ machine, rows: asData(reports) }, undefined, 2)}\n`);
  return 0;
}

/** What the figures depend on besides the program: a busy machine gives the one with more threads the larger share. */
function describeMachine(): string {
  const load = (loadavg()[0] ?? 0).toFixed(1);
  return `Node ${process.versions.node}, ${availableParallelism()} cores, ${load} processes running on average before`;
}

async function measure(row: BenchRow, context: BenchContext): Promise<RowReport> {
  const { name, title } = row;
  const begun = performance.now();
  try {
    const result = await row.run(context);
    return { name, title, seconds: (performance.now() - begun) / 1000, ...result };
  } catch (error) {
    // One row that fails must not hide the others.
    const missing = [{ what: 'this row', reason: `it failed: ${error instanceof Error ? error.stack : error}` }];
    return { name, title, seconds: (performance.now() - begun) / 1000, figures: [], missing };
  }
}

function asData(reports: readonly RowReport[]): unknown {
  return reports.map((report) => ({
    ...report,
    figures: report.figures.map((figure) => ({ ...figure, met: meetsTarget(figure) })),
  }));
}

/** The engine is started by the first row that wants one, and stopped after the last. */
function lazyEngine(): { endpoint: BenchContext['engine']; stop(): Promise<void> } {
  let engine: Promise<Engine> | undefined;
  return {
    async endpoint() {
      engine ??= startEngine();
      const { TEST_DOCKER: endpoint, TEST_NO_DOCKER: reason = 'there is none' } = (await engine).env;
      return endpoint === undefined ? { reason } : { endpoint };
    },
    stop: async () => (await engine)?.stop(),
  };
}
