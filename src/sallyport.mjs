#!/usr/bin/env node
// The `sallyport` command: finds a Node new enough to run TypeScript as it is, and runs main.ts with it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setUp } from './set-up.mjs';

// Not in every Node that may run this file.
const { enableCompileCache } = nodeModule;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const main = join(root, 'src', 'main.ts');

setUp();
if (Number(process.versions.node.split('.')[0]) >= 24) {
  process.argv[1] = main;
  // Types are stripped and code is compiled once, not at every start: that is a tenth of the start, and 15 MB.
  enableCompileCache?.(join(root, 'node_modules', '.cache', 'node'));
  await import('./main.ts');
} else {
  const pinned = join(root, 'node_modules', '.bin', 'node');
  if (!existsSync(pinned)) {
    process.stderr.write('error E_NODE: Node 24 or newer is needed on this platform: install it and try again\n');
    process.exit(1);
  }
  // Short-lived garbage may take 8 MB, not 32: as fast, and 18 MB less (docs/performance.md).
  const child = spawn(pinned, ['--max-semi-space-size=4', main, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal ?? 'SIGTERM'] ?? 15)));
}
