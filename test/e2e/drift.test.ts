// A rule changed at the API behind a real cloudflared: it is served as it was changed until a person decides, by the commands a person types.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Outcome, sallyport } from '../cli/command.ts';
import { type FakeDockerEngine, startFakeDockerEngine } from '../fakes/docker-engine.ts';
import { interopBinary } from '../interop/binary.ts';
import { type Program, startProgram } from '../program/program.ts';

const binary = interopBinary();

interface Rule {
  readonly hostname?: string;
  readonly service: string;
  readonly originRequest?: object;
}

describe('drift behind a real cloudflared', { skip: 'reason' in binary ? binary.reason : false }, () => {
  let engine: FakeDockerEngine;
  let program: Program;
  let settings: string;
  const origins: Server[] = [];

  before(async () => {
    engine = await startFakeDockerEngine();
    for (const name of ['container', 'nas']) {
      const origin = createServer((_request, response) => response.end(name));
      await once(origin.listen(0, '127.0.0.1'), 'listening');
      origins.push(origin);
    }
    putContainer('running');
    const env = { PATH: process.env.PATH ?? '', CLOUDFLARED: 'path' in binary ? binary.path : '' };
    program = await startProgram({ connector: 'cloudflared', docker: { endpoints: [engine.endpoint] } }, env);
    // What the program was started with, for the commands: they find it by its data directory and its ports.
    settings = join(program.dataDir, 'sallyport.yml');
    const at = (port: number) => `"127.0.0.1:${port}"`;
    writeFileSync(
      settings,
      `data_dir: ${program.dataDir}\nconnector: cloudflared\ndocker: { endpoints: ["${engine.endpoint}"] }\n` +
        `embedded_edge: { api: ${at(program.apiPort)} }\nweb: { listen: ${at(program.webPort)} }\n`,
    );
    await program.until('wiki.localhost', ({ body }) => body === 'container');
    await program.pass();
  });
  after(async () => {
    await program?.stop();
    await engine?.close();
    for (const origin of origins) origin.close();
  });

  const port = (at: number) => (origins[at]?.address() as AddressInfo | undefined)?.port ?? 0;

  function putContainer(state: string): void {
    engine.put({
      name: 'wiki',
      image: 'example/web',
      state,
      labels: { 'sallyport.enable': 'true', 'sallyport.port': String(port(0)) },
      networks: state === 'running' ? { bridge: '127.0.0.1' } : {},
      ports: [{ port: port(0) }],
    });
  }

  const run = (...args: readonly string[]): Promise<Outcome> => sallyport('--settings', settings, ...args);
  const listed = async () =>
    (
      JSON.parse((await run('--json', 'drift')).stdout) as {
        drift: { hostname: string; kind: string; choice?: string }[];
      }
    ).drift;

  /** As the dashboard does it: the whole configuration is read, changed and written. */
  async function dashboard(change: (rules: readonly Rule[]) => readonly Rule[]): Promise<void> {
    const authorization = `Bearer ${readFileSync(join(program.dataDir, 'edge-api-token'), 'utf8').trim()}`;
    const ask = async (path: string, body?: object) => {
      const answer = await fetch(`http://127.0.0.1:${program.apiPort}/client/v4${path}`, {
        headers: { authorization, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { method: 'PUT', body: JSON.stringify(body) }),
      });
      assert.equal(answer.status, 200);
      return ((await answer.json()) as { result: unknown }).result;
    };
    const [account] = (await ask('/accounts')) as { id: string }[];
    const [tunnel] = (await ask(`/accounts/${account?.id}/cfd_tunnel?is_deleted=false`)) as { id: string }[];
    const path = `/accounts/${account?.id}/cfd_tunnel/${tunnel?.id}/configurations`;
    const { config } = (await ask(path)) as { config: { ingress: readonly Rule[] } };
    await ask(path, { config: { ...config, ingress: change(config.ingress) } });
  }

  const toNas = () =>
    dashboard((rules) =>
      rules.map((rule) =>
        rule.hostname === 'wiki.localhost' ? { ...rule, service: `http://127.0.0.1:${port(1)}` } : rule,
      ),
    );
  const serves = (body: string) => program.until('wiki.localhost', (answer) => answer.body === body);

  test('a rule changed by hand is served and shown, not overwritten', async () => {
    await toNas();
    await serves('nas');
    await program.pass();
    assert.equal((await program.get('wiki.localhost')).body, 'nas');
    const wiki = program.status().services.find(({ name }) => name === 'wiki');
    assert.ok(
      wiki?.diagnostics.some(
        ({ code, hint }) => code === 'W_DRIFT' && hint?.includes('sallyport drift keep wiki.localhost'),
      ),
      JSON.stringify(program.status()),
    );
    assert.deepEqual(
      (await listed()).map(({ hostname, kind, choice }) => [hostname, kind, choice]),
      [['wiki.localhost', 'changed', undefined]],
    );
    const plan = await run('plan', '--detailed-exitcode');
    assert.equal(plan.exit, 3);
    assert.match(plan.stdout, /Held back:.*wiki\.localhost.*changed by hand/s);
  });

  test('`drift take` goes on serving it, and nothing waits any more', async () => {
    const { stdout, exit } = await run('drift', 'take', 'wiki.localhost');
    assert.equal(exit, 0);
    assert.match(stdout, /wiki\.localhost is served as it was written by hand\.\nDone by the running instance/);
    assert.equal((await program.get('wiki.localhost')).body, 'nas');
    assert.equal((await run('plan', '--detailed-exitcode')).exit, 0);
  });

  test('`drift keep` writes ours again, and cloudflared has it', async () => {
    assert.equal((await run('drift', 'keep', 'wiki')).exit, 0);
    await serves('container');
    assert.deepEqual(await listed(), []);
    assert.match((await run('drift')).stdout, /^No rule of ours was changed by hand/);
    const { stderr, exit } = await run('drift', 'keep', 'wiki.localhost');
    assert.equal(exit, 1);
    assert.match(stderr, /^error E_INPUT_INVALID: no rule for wiki\.localhost was changed by hand/);
  });

  test('`drift ignore` leaves it alone, but not while its container is stopped', async () => {
    await toNas();
    assert.equal((await run('drift', 'ignore', 'wiki.localhost')).exit, 0);
    await serves('nas');
    await program.pass();
    assert.equal((await program.get('wiki.localhost')).body, 'nas');
    putContainer('exited');
    engine.emit('container', 'die', 'wiki');
    await program.until('wiki.localhost', ({ status }) => status === 503);
    putContainer('running');
    engine.emit('container', 'start', 'wiki');
    await serves('nas');
    assert.match((await run('drift')).stdout, /wiki\.localhost .* ignored/);
  });

  test('`drift keep --all` decides about everything that waits', async () => {
    await run('drift', 'keep', 'wiki.localhost');
    await serves('container');
    await dashboard((rules) => rules.filter((rule) => rule.hostname !== 'wiki.localhost'));
    await program.pass();
    assert.deepEqual(
      (await listed()).map(({ kind }) => kind),
      ['deleted'],
    );
    assert.equal((await run('drift', 'keep', '--all')).exit, 0);
    await serves('container');
    assert.equal((await run('drift', 'keep', '--all')).stdout, 'Nothing waits for a decision.\n');
  });

  test('a wrong command line ends with 2', async () => {
    for (const args of [['keep'], ['take', 'a', '--all'], ['keep', '--all', '--path', 'x'], ['frobnicate']])
      assert.equal((await run('drift', ...args)).exit, 2, args.join(' '));
  });
});
