// `connector: cloudflared` in the whole program: a real cloudflared carries the traffic, and rule changes reach it without a restart.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { type FakeDockerEngine, startFakeDockerEngine } from '../fakes/docker-engine.ts';
import { interopBinary } from '../interop/binary.ts';
import { type Program, startProgram } from '../program/program.ts';

const binary = interopBinary();

describe('the program with a supervised cloudflared', { skip: 'reason' in binary ? binary.reason : false }, () => {
  let engine: FakeDockerEngine;
  let origin: Server;
  let program: Program;

  before(async () => {
    engine = await startFakeDockerEngine();
    origin = createServer((request, response) => response.end(`hello ${request.headers.host}`));
    await once(origin.listen(0, '127.0.0.1'), 'listening');
    const env = { PATH: process.env.PATH ?? '', CLOUDFLARED: 'path' in binary ? binary.path : '' };
    program = await startProgram({ connector: 'cloudflared', docker: { endpoints: [engine.endpoint] } }, env);
  });
  after(async () => {
    await program?.stop();
    await engine?.close();
    origin?.close();
  });

  const port = () => (origin.address() as AddressInfo).port;
  const container = (name: string) => ({
    name,
    image: 'example/web',
    labels: { 'sallyport.enable': 'true', 'sallyport.port': String(port()) },
    networks: { bridge: '127.0.0.1' },
    ports: [{ port: port() }],
  });

  test('it serves the built-in page, and says which connector carries it', async () => {
    await program.until('hello.localhost', ({ status }) => status === 200);
    assert.equal(program.status().connector?.name, 'cloudflared');
  });

  test('containers that come and go change its rules, not its connections', async () => {
    const before = program.status().connector?.connections[0];
    for (const name of ['one', 'two', 'three']) {
      engine.put(container(name));
      engine.emit('container', 'start', name);
      assert.equal(
        (await program.until(`${name}.localhost`, ({ status }) => status === 200)).body,
        `hello ${name}.localhost`,
      );
    }
    engine.put({ ...container('one'), state: 'exited', networks: {} });
    engine.emit('container', 'die', 'one');
    await program.until('one.localhost', ({ status }) => status === 503);
    assert.equal((await program.get('two.localhost')).status, 200);
    assert.deepEqual(program.status().connector?.connections[0], before);
  });
});
