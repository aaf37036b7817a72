// Our `tunnel` commands and the real cloudflared's on one account: what either makes, the other lists, adopts, runs and deletes.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createEdgeApi, type EdgeApi } from '../../src/edge/api/server.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { formatOriginCert } from '../../src/tunnel/origin-cert.ts';
import { interopBinary } from './binary.ts';
import { type EdgeAccess, type Rig, startRig, until, zone } from './rig.ts';

const binary = interopBinary();
const skip = 'reason' in binary ? binary.reason : false;
const apiToken = 'a-token-for-tests';
const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** What a command left behind. */
interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a `tunnel` command of one of the two. */
type Tool = (...args: string[]) => Promise<Outcome>;

describe('tunnel commands, ours and cloudflared’s', { skip, timeout: 180_000 }, () => {
  let rig: Rig;
  let api: EdgeApi;
  let access: EdgeAccess;
  let folder = '';
  const stops: (() => Promise<void>)[] = [];

  before(async () => {
    rig = await startRig();
    const listen = { host: '127.0.0.1', port: 0 };
    const { registry } = rig.edge;
    const logger = createSilentLogger();
    api = await createEdgeApi({ store: rig.store, registry, listen, tokens: { apiToken }, logger });
    access = await rig.access();
    folder = mkdtempSync(join(tmpdir(), 'tunnel-commands-'));
    const zoneId = rig.store.zones.named(zone)?.id ?? '';
    writeFileSync(join(folder, 'cert.pem'), formatOriginCert({ zoneId, accountId: rig.store.account.id, apiToken }));
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });
  after(async () => {
    await api.stop();
    await rig.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const environment = () => ({
    PATH: process.env.PATH,
    HOME: folder,
    TUNNEL_ORIGIN_CERT: join(folder, 'cert.pem'),
    TUNNEL_API_URL: api.baseUrl,
  });

  function finish(file: string, args: readonly string[]): Promise<Outcome> {
    return new Promise((resolve) => {
      execFile(file, args, { env: environment(), cwd: folder }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
  }

  const cloudflaredPath = () => ('path' in binary ? binary.path : '');
  const theirs: Tool = (...args) => finish(cloudflaredPath(), ['tunnel', '--api-url', api.baseUrl, ...args]);
  const ours: Tool = (...args) => finish(process.execPath, [main, 'tunnel', ...args]);

  /** Runs a tunnel until the test is over. */
  async function runTunnel(file: string, args: readonly string[], tunnelId: string): Promise<void> {
    const dialled = [access.edge, access.edge].join(',');
    const env = {
      ...environment(),
      TUNNEL_EDGE: dialled,
      TUNNEL_CACERT: access.caFile,
      TUNNEL_TRANSPORT_PROTOCOL: 'http2',
    };
    const child = spawn(file, args, { env, cwd: folder, stdio: 'ignore' });
    const ended = once(child, 'exit');
    stops.push(async () => {
      child.kill('SIGKILL');
      await ended;
      await until('it is gone', () => rig.edge.registry.connections(tunnelId).length === 0);
    });
    await until('it is connected', () => rig.edge.registry.connections(tunnelId).length > 0);
  }

  async function idOf(list: Tool, name: string): Promise<string> {
    const { stdout } = await list('list', '--output', 'json', '--name', name);
    const [found] = JSON.parse(stdout);
    return found?.id ?? '';
  }

  const makers: readonly [maker: string, make: Tool, other: Tool, runOther: () => [string, string[]]][] = [
    ['cloudflared', theirs, ours, () => [process.execPath, [main, 'tunnel']]],
    ['sallyport', ours, theirs, () => [cloudflaredPath(), ['tunnel', '--no-autoupdate', '--metrics', '127.0.0.1:0']]],
  ];
  for (const [maker, make, other, runOther] of makers)
    test(`what ${maker} creates and routes, the other lists, runs, cleans up and deletes`, async () => {
      const name = `by-${maker}`;
      assert.equal((await make('create', name)).code, 0);
      const id = await idOf(other, name);
      assert.equal(id, await idOf(make, name));
      assert.ok(existsSync(join(folder, `${id}.json`)));
      assert.equal((await make('route', 'dns', name, `${maker}.${zone}`)).code, 0);
      assert.match((await other('route', 'dns', name, `${maker}.${zone}`)).stderr, /is already configured/);
      assert.equal((await other('token', name)).stdout.trim(), (await make('token', name)).stdout.trim());

      const [file, first] = runOther();
      await runTunnel(file, [...first, '--url', rig.first.httpUrl, 'run', name], id);
      await until('it serves', async () => (await rig.visit({ name: maker })).status === 200);
      assert.match((await make('info', name)).stdout, /[0-9a-f-]{36} .*\dx\w+/);
      assert.match((await make('delete', name)).stderr, /1022/);
      for (const stop of stops.splice(0)) await stop();

      assert.equal((await other('cleanup', name)).code, 0);
      assert.equal((await other('delete', name)).code, 0);
      assert.equal(existsSync(join(folder, `${id}.json`)), false);
      assert.equal((await rig.visit({ name: maker })).status, 530);
    });

  test('one configuration file serves the same under both', async () => {
    assert.equal((await ours('create', 'shared')).code, 0);
    const id = await idOf(theirs, 'shared');
    const config = join(folder, 'cloudflared.yml');
    const rules = [
      `tunnel: ${id}`,
      `credentials-file: ${join(folder, `${id}.json`)}`,
      'originRequest: { httpHostHeader: inner.example }',
      'ingress:',
      `- { hostname: shared.${zone}, path: ^/second, service: "${rig.second.httpUrl}" }`,
      `- { hostname: shared.${zone}, service: "${rig.first.httpUrl}" }`,
      '- { service: "http_status:418" }',
    ];
    writeFileSync(config, `${rules.join('\n')}\n`);
    await theirs('route', 'dns', 'shared', `shared.${zone}`);
    await ours('route', 'dns', 'shared', `not-shared.${zone}`);
    const seen: unknown[] = [];
    for (const [file, args] of [
      [cloudflaredPath(), ['tunnel', '--no-autoupdate', '--metrics', '127.0.0.1:0', '--config', config, 'run']],
      [process.execPath, [main, 'tunnel', '--no-autoupdate', '--config', config, 'run']],
    ] as const) {
      await runTunnel(file, args, id);
      await until('it serves', async () => (await rig.visit({ name: 'shared' })).status === 200);
      const inspected = JSON.parse((await rig.visit({ name: 'shared', path: '/inspect' })).text);
      const second = await rig.visit({ name: 'shared', path: '/second' });
      seen.push([inspected.headers.host, second.text, (await rig.visit({ name: 'not-shared' })).status]);
      for (const stop of stops.splice(0)) await stop();
    }
    assert.deepEqual(seen[0], ['inner.example', 'hello from second', 418]);
    assert.deepEqual(seen[1], seen[0]);
    await ours('delete', 'shared');
  });

  test('a certificate that login makes from an API token is one cloudflared takes', async () => {
    const file = join(folder, 'api-token');
    const cert = join(folder, 'made.pem');
    writeFileSync(file, apiToken, { mode: 0o600 });
    const { code, stderr } = await ours('login', '--origincert', cert, '--api-token-file', file);
    assert.equal(code, 0, stderr);
    const listed = await theirs('--origincert', cert, 'list', '--output', 'json');
    assert.equal(listed.code, 0, listed.stderr);
    assert.ok(JSON.parse(listed.stdout).some((tunnel: { name: string }) => tunnel.name === 'interop'));
    assert.ok(!readFileSync(cert, 'utf8').includes(apiToken));
  });

  test('both print the same list as JSON', async () => {
    const sorted = (text: string) =>
      JSON.parse(text).sort((a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1));
    const [mine, its] = [await ours('list', '--json', '-d'), await theirs('list', '--output', 'json', '-d')];
    assert.deepEqual(sorted(mine.stdout), sorted(its.stdout));
  });
});
