// The house walk: from a container's start event to a served request, through the real edge, tunnel and connector; only the engine is imitated.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { type FakeDockerEngine, startFakeDockerEngine } from './fakes/docker-engine.ts';
import { type Program, startProgram } from './program/program.ts';

describe('the walk', () => {
  let engine: FakeDockerEngine;
  let program: Program;
  const origins: Server[] = [];

  before(async () => {
    engine = await startFakeDockerEngine();
    program = await startProgram({ docker: { endpoints: [engine.endpoint] }, grace: '2s' });
  });
  after(async () => {
    await program?.stop();
    await engine?.close();
    for (const origin of origins) origin.close();
  });

  /** A web server on a loopback address of its own, as a container's would be. */
  async function startOrigin(address: string, says: string): Promise<number> {
    const origin = createServer((request, response) => response.end(`${says} ${request.headers.host}${request.url}`));
    origins.push(origin);
    await new Promise<void>((resolve) => origin.listen(0, address, resolve));
    return (origin.address() as AddressInfo).port;
  }

  function container(name: string, address: string, port: number) {
    return {
      name,
      image: 'grafana/grafana:11',
      labels: { 'sallyport.enable': 'true', 'sallyport.port': String(port) },
      networks: { bridge: address },
      ports: [{ port }],
    };
  }

  test('the hello page is there without any container', async () => {
    const answer = await program.until('hello.localhost', ({ status }) => status === 200);
    assert.match(answer.body, /<html/i);
  });

  test('a start event makes the container reachable under its name, with the headers Cloudflare would add', async () => {
    const port = await startOrigin('127.0.0.2', 'one');
    engine.put(container('grafana', '127.0.0.2', port));
    engine.emit('container', 'start', 'grafana');
    const answer = await program.until('grafana.localhost', ({ status }) => status === 200, '/a?b=c');
    assert.equal(answer.body, 'one grafana.localhost/a?b=c');
    const [service] = program.status().services.filter(({ name }) => name === 'grafana');
    assert.equal(service?.plugin, 'grafana');
    assert.deepEqual(service?.hostnames, ['grafana.localhost']);
  });

  test('a stopped container answers 503, and a stranger on its address never answers under its name', async () => {
    const strangerPort = await startOrigin('127.0.0.3', 'stranger');
    engine.put({ ...container('grafana', '', strangerPort), state: 'exited', networks: {} });
    engine.emit('container', 'die', 'grafana');
    await program.until('grafana.localhost', ({ status }) => status === 503);
    engine.put(container('stranger', '127.0.0.2', 1));
    engine.emit('container', 'start', 'stranger');
    // Nothing listens there yet, so its own name is closed as well.
    await program.until('stranger.localhost', ({ status }) => status === 503);
    const findings = program.status().services.find(({ name }) => name === 'stranger')?.diagnostics ?? [];
    assert.deepEqual(
      findings.map(({ code }) => code),
      ['W_STARTING'],
    );
    assert.equal((await program.get('grafana.localhost')).status, 503);
  });

  test('a removed container loses its name after the grace period', async () => {
    engine.remove('grafana');
    engine.emit('container', 'destroy', 'grafana');
    const answer = await program.until('grafana.localhost', ({ status }) => status === 530);
    assert.match(answer.body, /1016/);
    assert.ok(!program.status().services.some(({ name }) => name === 'grafana'));
  });

  test('a lost engine keeps what it last said, and what starts meanwhile is found when it is back', async () => {
    const port = await startOrigin('127.0.0.4', 'late');
    engine.drop();
    engine.put(container('late', '127.0.0.4', port));
    const answer = await program.until('late.localhost', ({ status }) => status === 200);
    assert.match(answer.body, /^late /);
  });
});
