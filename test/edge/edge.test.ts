// The edge as a whole: opening, stopping, and what it says when it cannot.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { systemClock } from '../../src/clock.ts';
import { createEmbeddedEdge } from '../../src/edge/edge.ts';
import { AppError } from '../../src/errors.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { createFakeDirectory } from './fake-directory.ts';
import { startRig, until } from './rig.ts';
import { answer, respond } from './test-connector.ts';

const loopback = { host: '127.0.0.1', port: 0 };

async function directoryFor(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'edge-'));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

function optionsFor(certificatesDir: string) {
  return { directory: createFakeDirectory(), certificatesDir, logger: createSilentLogger(), clock: systemClock };
}

for (const listener of ['http', 'https', 'tunnel'] as const) {
  test(`a port in use is an error that names embedded_edge.${listener}, and nothing stays open`, async (t) => {
    const taken = createServer();
    taken.listen(0, '127.0.0.1');
    await once(taken, 'listening');
    t.after(() => taken.close());
    const { port } = taken.address() as AddressInfo;
    const free = await freePort();
    const options = { ...optionsFor(await directoryFor(t)), http: { ...loopback, port: free }, https: loopback };
    await assert.rejects(
      createEmbeddedEdge({ ...options, [listener]: { host: '127.0.0.1', port } }),
      (error) =>
        error instanceof AppError &&
        error.code === 'E_LISTEN' &&
        error.where === `embedded_edge.${listener}` &&
        error.message === `cannot listen on 127.0.0.1:${port}: it is already in use` &&
        error.hint?.includes(`embedded_edge.${listener}`) === true,
    );
    const probe = connect(free, '127.0.0.1');
    const [error] = await once(probe, 'error');
    assert.equal(error.code, 'ECONNREFUSED');
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('an address this machine does not have is an error that says so', async (t) => {
  const options = optionsFor(await directoryFor(t));
  await assert.rejects(createEmbeddedEdge({ ...options, http: { host: '192.0.2.1', port: 0 } }), /no such address/);
});

test('only the listeners that were asked for are opened', async (t) => {
  const edge = await createEmbeddedEdge({ ...optionsFor(await directoryFor(t)), tunnel: loopback });
  assert.deepEqual(Object.keys(edge.addresses), ['tunnel']);
  await edge.stop(0);
});

test('the CA survives a restart, private to its owner', async (t) => {
  const certificatesDir = await directoryFor(t);
  const first = await createEmbeddedEdge(optionsFor(certificatesDir));
  await first.stop(0);
  const second = await createEmbeddedEdge(optionsFor(certificatesDir));
  await second.stop(0);
  assert.equal(second.caPem, first.caPem);
  assert.equal(await readFile(join(certificatesDir, 'ca.pem'), 'utf8'), first.caPem);
  assert.equal((await stat(join(certificatesDir, 'ca-key.pem'))).mode & 0o777, 0o600);
});

test('a restart loads nothing that makes certificates', async (t) => {
  const certificatesDir = await directoryFor(t);
  const script = `
    import { createEmbeddedEdge } from './src/edge/edge.ts';
    import { systemClock } from './src/clock.ts';
    import { createSilentLogger } from './src/logger.ts';
    const listen = { host: '127.0.0.1', port: 0 };
    const edge = await createEmbeddedEdge({
      directory: { subscribe: () => () => undefined },
      certificatesDir: process.argv[1],
      http: listen, https: listen, tunnel: listen, logger: createSilentLogger(), clock: systemClock,
    });
    await edge.stop(0);
    // What the library brings along and nothing else does.
    process.stdout.write(typeof Reflect.getMetadata);
  `;
  const run = promisify(execFile);
  const cwd = join(import.meta.dirname, '../..');
  for (const loaded of ['function', 'undefined']) {
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script, certificatesDir], { cwd });
    assert.equal(stdout, loaded);
  }
});

test('a damaged CA is an error that names the file and how to mend it', async (t) => {
  const certificatesDir = await directoryFor(t);
  await writeFile(join(certificatesDir, 'ca-key.pem'), 'not a key');
  await assert.rejects(
    createEmbeddedEdge(optionsFor(certificatesDir)),
    (error) =>
      error instanceof AppError &&
      error.code === 'E_STATE' &&
      error.where === join(certificatesDir, 'ca-key.pem') &&
      error.hint?.includes('delete it') === true,
  );
});

test('stopping lets requests in flight finish and takes no new ones', async (t) => {
  const rig = await startRig(t);
  const streams: ServerHttp2Stream[] = [];
  const connector = await rig.connect({ onStream: ({ stream }) => streams.push(stream) });
  const waiting = rig.fetch();
  await until(() => streams.length === 1);
  const stopping = rig.edge.stop(60_000);
  await assert.rejects(rig.fetch(), /ECONNREFUSED|ECONNRESET/);
  for (const stream of streams) answer(stream, 200, [], 'finished');
  const got = await waiting;
  assert.equal(got.text, 'finished');
  await stopping;
  await connector.closed;
});

test('stopping does not wait for connections a browser keeps open', async (t) => {
  const rig = await startRig(t);
  const streams: ServerHttp2Stream[] = [];
  await rig.connect({ onStream: ({ stream }) => streams.push(stream) });
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const waiting = rig.fetch({ agent });
  await until(() => streams.length === 1);
  const stopping = rig.edge.stop(60_000);
  for (const stream of streams) answer(stream, 200, ['content-length', '8'], 'finished');
  assert.equal((await waiting).text, 'finished');
  await stopping;
});

test('stopping does not wait longer than it was told for requests that never end', async (t) => {
  const rig = await startRig(t);
  await rig.connect({
    onStream: ({ stream }) => {
      respond(stream, 200, []);
      stream.write('endless');
    },
  });
  const response = await rig.open();
  await once(response, 'data');
  const failed = once(response, 'error');
  await rig.edge.stop(50);
  const [error] = await failed;
  assert.match(String(error), /aborted|ECONNRESET/);
});
