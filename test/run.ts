// `npm test` and `npm run check`: types, lint and tests, in that order, with one honest summary at the end.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';
import { type Engine, startEngine } from './docker/engine.ts';
import { installPackages } from './packages.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Folders whose tests are thorough rather than quick: every step killed once takes its time. `check` leaves them out. */
const thorough = ['scenario'];

/** Folders whose tests need more than Node: an engine, a foreign binary, a browser. `check` leaves them out. */
const heavy = ['apps', 'docker', 'interop', 'browser', 'e2e'];

interface Skip {
  readonly name: string;
  readonly file: string;
  readonly reason: string;
}

interface Totals {
  passed: number;
  failed: number;
  readonly skipped: Skip[];
}

process.chdir(root);
// Each file is a process of its own: with what was stripped and compiled kept between them they start in half the time.
process.env.NODE_COMPILE_CACHE ??= join(root, 'node_modules', '.cache', 'node-tests');
const [what = 'all', ...patterns] = process.argv.slice(2);
process.exitCode = await main(what, patterns);

async function main(mode: string, only: readonly string[]): Promise<number> {
  if (mode === 'check' || mode === 'all') {
    if (!step('types', 'tsc', ['-p', '.'])) return 1;
    if (!step('lint', 'biome', ['check', '--error-on-warnings', '.'])) return 1;
  }
  const light = testFiles().filter((file) => !heavy.includes(topFolder(file)));
  const quick = light.filter((file) => !thorough.includes(topFolder(file)));
  if (mode === 'check') return report(await runFiles(quick, availableParallelism()));
  if (mode === 'only') return report(await runFiles([...only], 1));
  installPackages();
  const totals = await runFiles(light, availableParallelism());
  const engine = await startEngine();
  try {
    // One at a time: these share the machine's ports, engine and two cores.
    add(
      totals,
      await runFiles(
        testFiles().filter((file) => heavy.includes(topFolder(file))),
        1,
        engine,
      ),
    );
  } finally {
    await engine.stop();
  }
  return report(totals);
}

function testFiles(): string[] {
  return globSync('test/**/*.test.ts', { cwd: root }).sort();
}

function topFolder(file: string): string {
  return file.split('/')[1] ?? '';
}

function step(name: string, tool: string, args: readonly string[]): boolean {
  const started = Date.now();
  const result = spawnSync(join(root, 'node_modules', '.bin', tool), args, { cwd: root, stdio: 'inherit' });
  process.stdout.write(
    `${result.status === 0 ? '✔' : '✖'} ${name} (${Math.round((Date.now() - started) / 100) / 10} s)\n`,
  );
  return result.status === 0;
}

async function runFiles(files: readonly string[], concurrency: number, engine?: Engine): Promise<Totals> {
  const totals: Totals = { passed: 0, failed: 0, skipped: [] };
  if (files.length === 0) return totals;
  if (engine !== undefined) Object.assign(process.env, engine.env);
  const stream = run({ files: files.map((file) => join(root, file)), concurrency, timeout: 120_000 });
  stream.on('test:pass', (event) => {
    if (event.details.type === 'suite') return;
    if (event.skip === undefined) totals.passed++;
    else totals.skipped.push({ name: event.name, file: relative(root, event.file ?? ''), reason: String(event.skip) });
  });
  stream.on('test:fail', (event) => {
    if (event.details.type !== 'suite') totals.failed++;
  });
  for await (const line of stream.compose(new spec())) process.stdout.write(line as string);
  return totals;
}

function add(totals: Totals, more: Totals): void {
  totals.passed += more.passed;
  totals.failed += more.failed;
  totals.skipped.push(...more.skipped);
}

function report(totals: Totals): number {
  if (totals.skipped.length > 0) process.stdout.write('\nSkipped:\n');
  for (const skip of totals.skipped) process.stdout.write(`  ${skip.file}: ${skip.name} – ${skip.reason}\n`);
  process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped.length} skipped\n`);
  return totals.failed === 0 && totals.passed > 0 ? 0 : 1;
}
