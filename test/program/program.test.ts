// The helper itself: a program that cannot start leaves nothing running and nothing on the disk.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { startProgram, until } from './program.ts';

test('a program whose port is taken rejects, frees what it had and removes its folder', async (t) => {
  const { TMPDIR: before } = process.env;
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-test-'));
  process.env.TMPDIR = folder;
  const taken = createServer();
  await once(taken.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    taken.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const { port } = taken.address() as AddressInfo;
  const listening = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length;
  const count = listening();
  const [http, free] = [`127.0.0.1:${port}`, '127.0.0.1:0'];
  const edge = { http, https: free, tunnel: free, api: free };
  await assert.rejects(startProgram({ embedded_edge: edge }), { code: 'E_LISTEN' });
  // A closed handle is counted until its close was reported.
  await until(
    async () => listening(),
    (open) => open === count,
  );
  assert.deepEqual(readdirSync(folder), []);
});
