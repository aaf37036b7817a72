// A real cloudflared beside the native connector, given only edge address, CA and credentials: it serves the same rules, and follows them without a restart.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type FakeDockerEngine, startFakeDockerEngine } from '../fakes/docker-engine.ts';
import { interopBinary } from '../interop/binary.ts';
import { type Program, startProgram, until } from '../program/program.ts';

const binary = interopBinary();

describe('a cloudflared beside the native connector', { skip: 'reason' in binary ? binary.reason : false }, () => {
  let engine: FakeDockerEngine;
  let origin: Server;
  let program: Program;
  let child: ChildProcess;
  /** Requests that came to the origin through cloudflared, which adds its own id. */
  const through = new Map<string, number>();

  before(async () => {
    engine = await startFakeDockerEngine();
    origin = createServer((request, response) => {
      const id = String(request.headers['cf-warp-tag-id']);
      through.set(id, (through.get(id) ?? 0) + 1);
      response.end(`hello ${request.headers.host}`);
    });
    await once(origin.listen(0, '127.0.0.1'), 'listening');
    program = await startProgram({ connector: 'native', docker: { endpoints: [engine.endpoint] } });
    await program.until('hello.localhost', ({ status }) => status === 200);
    const [credentials = ''] = globSync(join(program.dataDir, '*-*-*-*-*.json'));
    const { TunnelID } = JSON.parse(readFileSync(credentials, 'utf8'));
    const edge = `127.0.0.1:${program.tunnelPort}`;
    const args = [
      'tunnel',
      '--no-autoupdate',
      '--edge',
      edge,
      '--edge',
      edge,
      '--cacert',
      join(program.dataDir, 'certificates', 'ca.pem'),
    ];
    child = spawn(
      'path' in binary ? binary.path : '',
      [...args, '--metrics', '127.0.0.1:0', 'run', '--protocol', 'http2', '--credentials-file', credentials, TunnelID],
      {
        stdio: 'ignore',
        env: { PATH: process.env.PATH, HOME: program.dataDir },
      },
    );
    await until(
      () => program.connectors(),
      (connectors) => connectors === 2,
    );
  });
  after(async () => {
    child?.kill('SIGKILL');
    await program?.stop();
    await engine?.close();
    origin?.close();
  });

  const get = (name: string) => program.get(`${name}.localhost`);

  function put(name: string, state = 'running'): void {
    const { port } = origin.address() as AddressInfo;
    engine.put({
      name,
      state,
      image: 'example/web',
      labels: { 'sallyport.enable': 'true', 'sallyport.port': String(port) },
      networks: state === 'running' ? { bridge: '127.0.0.1' } : {},
      ports: [{ port }],
    });
    engine.emit('container', state === 'running' ? 'start' : 'die', name);
  }

  test('both serve what a label publishes', async () => {
    put('one');
    await program.until('one.localhost', ({ status }) => status === 200);
    // Requests are spread over connections: once each connector has the rule, all of a round succeed.
    await until(
      () => Promise.all(Array.from({ length: 12 }, () => get('one'))),
      (answers) => answers.every(({ status }) => status === 200),
    );
    assert.equal(through.size, 2, 'both connectors carried requests');
  });

  test('and both stop serving what stops, without a restart of either', async () => {
    put('one', 'exited');
    await program.until('one.localhost', ({ status }) => status === 503);
    await until(
      () => Promise.all(Array.from({ length: 12 }, () => get('one'))),
      (answers) => answers.every(({ status }) => status === 503),
    );
    assert.equal(child.exitCode, null);
  });
});
