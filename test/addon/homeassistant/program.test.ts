// The whole program on Home Assistant: nothing published by itself; Core exposed, its 400 told before anybody meets it, mended, served.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createHomeAssistantPlatform } from '../../../addon/homeassistant/platform.ts';
import { createChoiceStore } from '../../../src/choices.ts';
import type { ServiceId } from '../../../src/model.ts';
import { usePlatform } from '../../../src/platform.ts';
import type { ServiceStatus } from '../../../src/status.ts';
import { startFakeDockerEngine } from '../../fakes/docker-engine.ts';
import { type FakeSupervisor, type FakeSupervisorOptions, startFakeSupervisor } from '../../fakes/supervisor.ts';
import { type Program, startProgram, until } from '../../program/program.ts';
import { type FakeCore, startFakeCore } from './core.ts';

const main = fileURLToPath(new URL('../../../addon/homeassistant/main.ts', import.meta.url));

interface Test {
  after(end: () => unknown): void;
}

interface House {
  readonly core: FakeCore;
  readonly supervisor: FakeSupervisor;
  readonly program: Program;
  /** The add-on's command line, with the settings of the running program. */
  readonly cli: (...args: string[]) => Promise<{ readonly code: number; readonly out: string; readonly err: string }>;
}

async function start(
  t: Test,
  options: (core: FakeCore) => FakeSupervisorOptions = () => ({}),
  settings: Record<string, unknown> = {},
  addOnOptions: object = {},
): Promise<House> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-homeassistant-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const optionsFile = join(folder, 'options.json');
  writeFileSync(optionsFile, JSON.stringify(addOnOptions));
  const core = await startFakeCore();
  t.after(() => core.close());
  const supervisor = await startFakeSupervisor({
    core: { port: core.port, ip_address: '127.0.0.1' },
    ...options(core),
  });
  t.after(() => supervisor.close());
  // What answers is the fake Core under another name; its port on the host is another one than its own.
  supervisor.install({
    slug: 'local_web',
    hostname: '127.0.0.1',
    manifest: {
      slug: 'web',
      name: 'Web',
      ports: { [`${core.port}/tcp`]: 1234 },
      webui: `http://[HOST]:[PORT:${core.port}]`,
    },
  });
  const { url, token } = supervisor;
  t.after(usePlatform(createHomeAssistantPlatform({ url, token, optionsFile })));
  const program = await startProgram(settings);
  t.after(() => program.stop());
  await until(
    async () => program.status(),
    ({ ready }) => ready,
  );
  const env = {
    PATH: process.env.PATH,
    SUPERVISOR_URL: url,
    SUPERVISOR_TOKEN: token,
    SUPERVISOR_OPTIONS: optionsFile,
    SALLYPORT_DATA_DIR: program.dataDir,
    SALLYPORT_WEB__LISTEN: `127.0.0.1:${program.webPort}`,
    SALLYPORT_EMBEDDED_EDGE__HTTP: `127.0.0.1:${program.httpPort}`,
    SALLYPORT_EMBEDDED_EDGE__HTTPS: `127.0.0.1:${program.httpsPort}`,
    SALLYPORT_EMBEDDED_EDGE__TUNNEL: `127.0.0.1:${program.tunnelPort}`,
    SALLYPORT_EMBEDDED_EDGE__API: `127.0.0.1:${program.apiPort}`,
    DOCKER_HOST: `unix://${join(folder, 'no-docker.sock')}`,
  };
  return { core, supervisor, program, cli: (...args) => run(args, folder, env) };
}

function run(args: readonly string[], cwd: string, env: Record<string, string | undefined>) {
  const { promise, resolve } = Promise.withResolvers<{ code: number; out: string; err: string }>();
  execFile(process.execPath, [main, ...args], { cwd, env, timeout: 60_000 }, (error, out, err) => {
    resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err });
  });
  return promise;
}

function serviceOf(program: Program, id: string): ServiceStatus | undefined {
  return program.status().services.find((service) => service.id === id);
}

function expose({ program }: House, id: ServiceId): Promise<unknown> {
  createChoiceStore(program.dataDir).update((choices) => ({
    ...choices,
    services: { ...choices.services, [id]: { enable: true } },
  }));
  return program.pass('exposed');
}

test('Core is exposed, diagnosed before a visitor comes, mended and served', async (t) => {
  const house = await start(t);
  const { core, supervisor, program, cli } = house;
  const core400 = () =>
    serviceOf(program, 'homeassistant/core')?.diagnostics.filter(({ code }) => code === 'E_APP') ?? [];

  // Found, suggested and left alone.
  assert.deepEqual(
    program.status().suggestions.map(({ name, hostnames }) => `${name} ${hostnames}`),
    ['homeassistant homeassistant.localhost', 'web web.localhost'],
  );
  assert.equal((await program.get('homeassistant.localhost')).status, 530);
  assert.deepEqual(core.requests, []);

  // Exposed by the command of the add-on: who does it is told, and so is the page.
  const exposed = await cli('services', 'expose', 'homeassistant');
  assert.match(exposed.out, /^homeassistant\/core is published: homeassistant\.localhost$/m);
  assert.match(
    exposed.err,
    /E_APP: Home Assistant answers 400 .* does not trust 127\.0\.0\.1.*trusted_proxies: \[127\.0\.0\.1\]/,
  );
  await until(
    async () => core400(),
    (findings) => findings.length === 1,
  );
  assert.equal(core400()[0]?.severity, 'error');

  // What a visitor would have met.
  const refused = await program.until('homeassistant.localhost', ({ status }) => status === 400);
  assert.equal(refused.body, '400: Bad Request');
  const sick = await cli('doctor', 'homeassistant');
  assert.equal(sick.code, 1, sick.err);
  assert.match(sick.out, /First to mend: homeassistant: Home Assistant answers 400/);
  assert.match(sick.out, /http: \{ use_x_forwarded_for: true, trusted_proxies: \[127\.0\.0\.1\] \}/);

  // Mended: Home Assistant restarts with it, and nobody has to tell us.
  const { length: tried } = core.refusals;
  await program.pass('once more');
  assert.equal(core.refusals.length, tried, 'a pass is no reason to try again');
  core.settings = { use_x_forwarded_for: true, trusted_proxies: ['127.0.0.1'] };
  supervisor.dropSockets();
  await until(
    async () => core400(),
    (findings) => findings.length === 0,
  );
  const served = await program.get('homeassistant.localhost');
  assert.equal(served.status, 200);
  assert.match(served.body, /^Home Assistant for /);
});

test('a Home Assistant that says whom it trusts is never tried', async (t) => {
  const house = await start(t, (core) => ({
    httpConfig: () => ({ stable: core.settings, pending: null, active_config_type: 'stable', default: {} }),
  }));
  const { core, supervisor, program } = house;
  await expose(house, 'homeassistant/core');
  const hints = () => serviceOf(program, 'homeassistant/core')?.diagnostics.map(({ hint }) => hint ?? '') ?? [];
  await until(
    async () => hints(),
    (found) => found.some((hint) => /Settings, System, Network/.test(hint)),
  );
  assert.deepEqual(core.requests, []);
  core.settings = { use_x_forwarded_for: true, trusted_proxies: ['127.0.0.0/8'] };
  supervisor.dropSockets();
  await until(
    async () => hints(),
    (found) => found.length === 0,
  );
  assert.deepEqual(core.requests, []);
  assert.equal((await program.until('homeassistant.localhost', ({ status }) => status === 200)).status, 200);
});

test('an add-on of the options is served at its own port, and closed when it stops', async (t) => {
  const addOnOptions = { services: [{ name: 'web', hostname: 'pages' }] };
  const { core, supervisor, program } = await start(t, () => ({}), {}, addOnOptions);
  core.settings = { use_x_forwarded_for: true, trusted_proxies: ['127.0.0.1'] };
  const served = await program.until('pages.localhost', ({ status }) => status === 200);
  assert.match(served.body, /^Home Assistant/);
  assert.deepEqual(serviceOf(program, 'homeassistant/local_web')?.rules, [`http://127.0.0.1:${core.port}`]);
  supervisor.setState('local_web', 'stopped');
  await program.until('pages.localhost', ({ status }) => status === 503);
  supervisor.setState('local_web', 'started');
  await program.until('pages.localhost', ({ status }) => status === 200);
});

test('with the Docker socket an add-on is one service, and containers of one’s own are found too', async (t) => {
  const engine = await startFakeDockerEngine();
  t.after(() => engine.close());
  const labels = { 'sallyport.enable': 'true' };
  for (const name of ['addon_local_web', 'app_core_ssh', 'hassio_dns', 'homeassistant', 'grafana', 'app_mine'])
    engine.put({ name, labels, networks: { bridge: `172.17.0.${name.length}` } });
  const { supervisor, program } = await start(t, () => ({}), { docker: { endpoints: [engine.endpoint] } });
  supervisor.install({ slug: 'core_ssh', manifest: { slug: 'ssh', name: 'SSH' } });
  supervisor.emit({ event: 'addon', slug: 'core_ssh', state: 'started' });
  const found = await until(
    async () => program.status().services.map(({ id }) => id),
    (ids) => ids.includes('homeassistant/core_ssh') && ids.includes('docker/grafana'),
  );
  assert.deepEqual(found.filter((id) => id.startsWith('docker/')).toSorted(), ['docker/app_mine', 'docker/grafana']);
});

test('the command line works without a Supervisor, as anywhere', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-homeassistant-'));
  const env = {
    PATH: process.env.PATH,
    SALLYPORT_DATA_DIR: folder,
    DOCKER_HOST: `unix://${join(folder, 'none.sock')}`,
  };
  const { code, out } = await run(['--json', 'services'], folder, env);
  rmSync(folder, { recursive: true, force: true });
  assert.equal(code, 0);
  assert.deepEqual(
    JSON.parse(out).services.map(({ id }: { id: string }) => id),
    ['builtin/hello'],
  );
});

test('a mistake in the options ends the start with what is wrong', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-homeassistant-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'options.json'), '{ "domian": "x" }');
  const env = { PATH: process.env.PATH, SUPERVISOR_TOKEN: 'x', SUPERVISOR_OPTIONS: join(folder, 'options.json') };
  const { code, err } = await run(['services'], folder, env);
  assert.equal(code, 1);
  assert.match(
    err,
    /^error E_SETTINGS_INVALID: \/: unknown key "domian" \(.*options\.json\): did you mean "domain"\?$/m,
  );
});
