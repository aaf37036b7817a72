// The whole program with an engine on a real socket: what an allowed tool's labels ask for is served, anything else is only suggested.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { type FakeDockerEngine, startFakeDockerEngine } from '../../fakes/docker-engine.ts';
import { type Program, startProgram } from '../../program/program.ts';

describe('a machine whose labels are for Traefik, DockFlare and nginx-proxy', () => {
  let engine: FakeDockerEngine;
  let origin: Server;
  let program: Program;
  const serviceNamed = (name: string) => program.status().services.find((one) => one.name === name);
  const findings = (name: string) =>
    (serviceNamed(name)?.diagnostics ?? [])
      .map(({ code, message, hint }) => `${code} ${message}: ${hint ?? ''}`)
      .join('\n');

  before(async () => {
    origin = createServer((request, response) => response.end(`at ${request.headers.host} ${request.url}`));
    await once(origin.listen(0, '127.0.0.1'), 'listening');
    const { port } = origin.address() as AddressInfo;
    engine = await startFakeDockerEngine();
    const place = { networks: { bridge: '127.0.0.1' }, ports: [{ port }, { port: 9 }] };
    const rule = (text: string) => ({
      'traefik.http.routers.app.rule': text,
      'traefik.http.services.app.loadbalancer.server.port': String(port),
    });
    engine.put({ name: 'whoami', ...place, labels: rule('Host(`who.localhost`) && PathPrefix(`/me`)') });
    engine.put({
      name: 'guarded',
      ...place,
      labels: { ...rule('Host(`guarded.localhost`)'), 'traefik.http.routers.app.middlewares': 'sso@file' },
    });
    engine.put({
      name: 'closed',
      ...place,
      labels: { ...rule('Host(`closed.localhost`)'), 'sallyport.enable': 'false' },
    });
    engine.put({
      name: 'flare',
      ...place,
      labels: {
        'dockflare.enable': 'true',
        'dockflare.hostname': 'flare.localhost',
        'dockflare.service': `http://flare:${port}`,
      },
    });
    engine.put({
      name: 'nginx',
      ...place,
      env: ['VIRTUAL_HOST=nginx.localhost', `VIRTUAL_PORT=${port}`, 'DATABASE_PASSWORD=secret'],
    });
    program = await startProgram({
      docker: { endpoints: [engine.endpoint] },
      labels: { dialects: ['traefik', 'nginx-proxy'] },
    });
  });

  after(async () => {
    await program?.stop();
    await engine?.close();
    origin?.close();
  });

  test('an allowed rule is served under its host and its path, and nowhere else', async () => {
    const answer = await program.until('who.localhost', ({ status }) => status === 200, '/me/too');
    assert.equal(answer.body, 'at who.localhost /me/too');
    assert.equal((await program.get('who.localhost', '/you')).status, 404);
  });

  test('allowed variables are served, and nothing else of the environment is known', async () => {
    await program.until('nginx.localhost', ({ status }) => status === 200);
    assert.doesNotMatch(JSON.stringify(program.status()), /secret|DATABASE/);
  });

  test('what a tool guards is not public here, not even on this machine, and says so', async () => {
    assert.notEqual((await program.get('guarded.localhost')).status, 200);
    assert.match(
      findings('guarded'),
      /E_NO_POLICY guarded is not published: Traefik's middleware "sso@file" may guard it, and here no policy would: name a policy/,
    );
    assert.match(
      findings('guarded'),
      /W_NOT_CARRIED_OVER .*traefik\.http\.routers\.app\.middlewares: not carried over/,
    );
  });

  test('a tool that is not allowed is suggested, and nothing of it is served', async () => {
    assert.notEqual((await program.get('flare.localhost')).status, 200);
    assert.match(
      findings('flare'),
      /W_DIALECT_OFF .*dockflare labels ask for flare\.localhost.*add dockflare to labels\.dialects/,
    );
  });

  test('our own enable=false wins over an allowed tool', async () => {
    assert.notEqual((await program.get('closed.localhost')).status, 200);
    assert.doesNotMatch(findings('closed'), /W_/);
  });
});
