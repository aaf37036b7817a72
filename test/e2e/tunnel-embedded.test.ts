// `tunnel …` and `quick` beside a running `sallyport run`: no login, no account, the embedded edge of the same settings.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { createHome, type Home, type Outcome } from '../cli/command.ts';
import { until, visit } from '../program/program.ts';
import { freePorts, type RunningProcess, startProcess } from './process.ts';
import { type Running, startSallyport } from './running.ts';

describe('beside the embedded edge', { timeout: 120_000 }, () => {
  let home: Home;
  let edge: RunningProcess;
  let origin: Server;
  let originUrl = '';
  let settings = '';
  let httpPort = 0;
  let running: Running[] = [];

  before(async () => {
    home = createHome();
    const [http = 0, https = 0, tunnel = 0, api = 0, web = 0] = await freePorts(5);
    httpPort = http;
    origin = createServer((request, response) => response.end(`origin says ${request.headers.host}`));
    await once(origin.listen(0, '127.0.0.1'), 'listening');
    const port = (origin.address() as AddressInfo).port;
    originUrl = `http://127.0.0.1:${port}`;
    settings = home.settings(
      [
        `embedded_edge: { http: 127.0.0.1:${http}, https: 127.0.0.1:${https}, tunnel: 127.0.0.1:${tunnel}, api: 127.0.0.1:${api} }`,
        `web: { listen: 127.0.0.1:${web} }`,
        'services:',
        `  - { name: diary, address: 127.0.0.1, port: ${port}, protocol: http }`,
        `  - { name: safe, address: 127.0.0.1, port: ${port}, protocol: http, access: family }`,
        'access: { policies: { family: { allow: { emails: [a@example.com] } } } }',
      ].join('\n'),
    );
    edge = await startProcess(settings, web);
  });
  afterEach(async () => {
    await Promise.all(running.map((one) => one.kill()));
    running = [];
  });
  after(async () => {
    await edge.stop();
    origin.close();
    home.remove();
  });

  function start(...args: string[]): Running {
    const one = startSallyport(['--settings', settings, ...args], { HOME: join(home.dir, 'nobody') });
    running.push(one);
    return one;
  }

  async function run(...args: string[]): Promise<Outcome> {
    const one = start(...args);
    return { exit: (await one.ended()) ?? -1, stdout: one.stdout(), stderr: one.stderr() };
  }

  const get = (hostname: string) => visit(httpPort, hostname, '/');

  test('a tunnel is created, routed, run and deleted without a login', async () => {
    const created = await run('tunnel', 'create', 'mine', '-o', 'json');
    assert.equal(created.exit, 0, created.stderr);
    const { id } = JSON.parse(created.stdout);
    const file = join(home.dataDir, `${id}.json`);
    assert.equal(JSON.parse(readFileSync(file, 'utf8')).TunnelID, id);
    assert.equal(
      (await run('tunnel', 'route', 'dns', 'mine', 'mine')).stderr,
      `Added CNAME mine.localhost which will route to this tunnel tunnelID=${id}\n`,
    );

    const one = start('tunnel', 'run', '--url', originUrl, 'mine');
    await one.says(/connected to the edge/);
    const answer = await until(
      () => get('mine.localhost'),
      ({ status }) => status === 200,
    );
    assert.equal(answer.body, 'origin says mine.localhost');
    assert.match((await run('tunnel', 'list')).stdout, new RegExp(`${id} +mine .* 4x`));
    one.child.kill('SIGTERM');
    assert.equal(await one.ended(), 0, one.stderr());

    assert.equal((await run('tunnel', 'delete', 'mine')).exit, 0);
    assert.equal(existsSync(file), false);
    assert.equal((await get('mine.localhost')).status, 530);
  });

  test('quick opens a URL under a random name, until Ctrl-C', async () => {
    const one = start('quick', originUrl);
    await one.says(/Anybody with this address reaches/);
    const url = new URL(one.stdout().trim());
    assert.equal(url.port, String(httpPort));
    assert.equal(
      (
        await until(
          () => get(url.hostname),
          ({ status }) => status === 200,
        )
      ).body,
      `origin says ${url.hostname}`,
    );
    one.child.kill('SIGINT');
    assert.equal(await one.ended(), 0, one.stderr());
    await until(
      () => get(url.hostname),
      ({ status }) => status !== 200,
    );
  });

  test('quick finds a service by its name, and ends by itself', async () => {
    const one = start('quick', '--json', '--for', '1s', 'diary');
    await one.says(/Anybody with this address reaches diary, until (\S+ )?\d\d:\d\d:\d\d or Ctrl-C/);
    const { hostname, endsAt } = JSON.parse(one.stdout());
    assert.match(endsAt, /^\d{4}-\d\d-\d\dT/);
    assert.equal(await one.ended(), 0, one.stderr());
    assert.match(one.stderr(), /The time is over: http:\/\/\S+ leads nowhere any more/);
    assert.notEqual((await get(hostname)).status, 200);
  });

  test('quick does not open what a policy guards, nor what nobody knows', async () => {
    const guarded = await run('quick', 'safe');
    assert.equal(guarded.exit, 1);
    assert.match(guarded.stderr, /^error E_NO_POLICY: "safe" is guarded by the policy "family"/m);
    const unknown = await run('quick', 'nobody');
    assert.equal(unknown.exit, 1);
    assert.match(unknown.stderr, /^error E_INPUT_INVALID: there is no service "nobody": there are .*diary/m);
    const bad = await run('quick', '--for', 'ever', originUrl);
    assert.equal(bad.exit, 2);
  });

  test('without a running edge quick says what to start', async () => {
    const result = await run('quick', '--quick-service', 'http://127.0.0.1:1', originUrl);
    assert.equal(result.exit, 1);
    assert.match(result.stderr, /^error E_API_UNREACHABLE: the quick-tunnel service cannot be reached/m);
  });
});
