// Output and logs that nobody takes or that find no room: a command ends in good order, the running program goes on.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createHome, type Home } from '../cli/command.ts';
import { until, visit } from '../program/program.ts';
import { freePorts } from './process.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const env = { PATH: process.env.PATH, HOME: '/nonexistent' };

let home: Home;
before(() => {
  home = createHome();
});
after(() => home.remove());

describe('a command', () => {
  test('whose reader has gone ends quietly', async () => {
    const child = spawn(process.execPath, [main, 'settings', 'schema'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stdout.destroy();
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    await once(child, 'close');
    assert.deepEqual([child.exitCode, stderr], [0, '']);
  });

  test('whose output finds no room says so and ends with 1', async () => {
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [main, 'settings', 'schema'], { env, stdio: ['ignore', full, 'pipe'] });
    closeSync(full);
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    await once(child, 'close');
    assert.equal(child.exitCode, 1);
    assert.match(stderr, /^error E_STATE: the output cannot be written \(ENOSPC\) \(stdout\): [^\n]*\n$/);
  });
});

describe('the running program', () => {
  for (const format of ['json', 'pretty'])
    test(`goes on when its log (${format}) finds no room`, async () => {
      const [port = 0] = await freePorts(1);
      const settings = home.settings(
        `web: { listen: "127.0.0.1:${port}" }\nlog: { level: trace, format: ${format} }\n`,
      );
      const full = openSync('/dev/full', 'w');
      const child = spawn(process.execPath, [main, 'run', '--settings', settings], {
        env,
        stdio: ['ignore', 'ignore', full],
      });
      closeSync(full);
      const exited = once(child, 'exit');
      try {
        await until(
          () => visit(port, 'localhost', '/readyz'),
          ({ status }) => status === 200,
        );
      } finally {
        child.kill('SIGTERM');
        await exited;
      }
      assert.equal(child.exitCode, 0);
    });
});
