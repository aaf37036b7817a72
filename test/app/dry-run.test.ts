// `run` in dry-run: nothing remote is made, not even the tunnel, and the program says why it is not connected until it may.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { type App, createApp } from '../../src/app.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { loadSettings } from '../../src/settings/load.ts';
import { until } from '../program/program.ts';

let dataDir: string;
before(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'sallyport-dry-run-'));
});
after(() => rmSync(dataDir, { recursive: true, force: true }));

/** Starts the program on the folder's settings file with this in it. */
async function start(lines: string): Promise<App> {
  write(lines);
  const free = '127.0.0.1:0';
  const overrides = {
    data_dir: dataDir,
    docker: { endpoints: [] },
    embedded_edge: { http: free, https: free, tunnel: free, api: free },
    web: { listen: free },
  };
  const inputs = { file: join(dataDir, 'sallyport.yml'), env: {}, cwd: dataDir, overrides };
  const loaded = loadSettings(inputs);
  const app = createApp({ loaded, inputs, logger: createSilentLogger(), env: {} });
  app.onFatal((error) => assert.fail(String(error)));
  await app.start();
  return app;
}

const write = (lines: string) => writeFileSync(join(dataDir, 'sallyport.yml'), `${lines}\n`);

/** What the edge's API keeps. */
function world(): { readonly tunnels: number; readonly records: number } {
  const database = new DatabaseSync(join(dataDir, 'edge.sqlite'), { readOnly: true });
  const count = (table: string) => Number(database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n);
  try {
    return { tunnels: count('tunnel'), records: count('record') };
  } finally {
    database.close();
  }
}

async function readyz(app: App): Promise<{ readonly status: number; readonly lastError?: string }> {
  const answer = await fetch(`http://127.0.0.1:${app.addresses().web?.port}/readyz`);
  return { status: answer.status, ...((await answer.json()) as { lastError?: string }) };
}

const untilReady = (app: App) =>
  until(
    () => readyz(app),
    (answer) => answer.status === 200,
  );

describe('`run` in dry-run', () => {
  test('makes neither tunnel nor record, and says why it is not ready', async () => {
    const app = await start('mode: dry-run');
    try {
      const pass = await app.pass('test');
      assert.match(pass.plans.find(({ target }) => target === 'dns')?.held[0]?.reason ?? '', /dry-run/);
      const { status, lastError } = await readyz(app);
      assert.equal(status, 503);
      assert.match(lastError ?? '', /dry-run: the tunnel does not exist/);
    } finally {
      await app.stop();
    }
    assert.deepEqual(world(), { tunnels: 0, records: 0 });
  });

  test('does it all once the mode allows', async () => {
    const app = await start('mode: dry-run');
    try {
      await app.pass('test');
      write('mode: sync');
      const { lastError } = await untilReady(app);
      assert.equal(lastError, undefined);
    } finally {
      await app.stop();
    }
    assert.equal(world().tunnels, 1);
    assert.equal(world().records, 1);
  });
});
