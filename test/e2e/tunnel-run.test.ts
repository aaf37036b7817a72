// `tunnel run` in a process of its own, on a real edge: what it is told, what it serves, how it ends.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { createEdgeApi, type EdgeApi } from '../../src/edge/api/server.ts';
import { renderCloudflaredConfig } from '../../src/ingress/cloudflared-file.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { formatCredentialsFile, formatToken } from '../../src/protocol/credentials.ts';
import { formatOriginCert } from '../../src/tunnel/origin-cert.ts';
import { createHome, type Home, type Outcome } from '../cli/command.ts';
import { type EdgeAccess, type Rig, readAll, startRig, until } from '../interop/rig.ts';
import { type Running, startSallyport } from './running.ts';

const apiToken = 'a-token-for-tests';

describe('tunnel run', { timeout: 120_000 }, () => {
  let rig: Rig;
  let api: EdgeApi;
  let access: EdgeAccess;
  let home: Home;
  let running: Running[] = [];

  before(async () => {
    rig = await startRig();
    const listen = { host: '127.0.0.1', port: 0 };
    const { registry } = rig.edge;
    const logger = createSilentLogger();
    api = await createEdgeApi({ store: rig.store, registry, listen, tokens: { apiToken }, logger });
    access = await rig.access();
  });
  after(async () => {
    await api.stop();
    await rig.close();
  });
  beforeEach(() => {
    home = createHome();
  });
  afterEach(async () => {
    await Promise.all(running.map((one) => one.kill()));
    running = [];
    home.remove();
    await until('nobody is connected', () => rig.edge.registry.connections(rig.tunnelId).length === 0);
  });

  /** Runs one with this edge; `env` is all it knows. */
  function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
    const shared = ['--settings', home.settings(), '--edge', access.edge, '--edge-ca', access.caFile];
    const one = startSallyport([...shared, 'tunnel', ...args], { HOME: home.dir, ...env });
    running.push(one);
    return one;
  }

  async function outcome(one: Running): Promise<Outcome> {
    const exit = (await one.ended()) ?? -1;
    return { stdout: one.stdout(), stderr: one.stderr(), exit };
  }

  async function connected(one: Running, count = 4): Promise<void> {
    await one.says(/connected to the edge/);
    await until('it is connected', () => rig.edge.registry.connections(rig.tunnelId).length === count);
  }

  async function stopped(one: Running): Promise<void> {
    one.child.kill('SIGTERM');
    assert.equal(await one.ended(), 0, one.stderr());
    assert.equal(one.stdout(), '');
  }

  const credentials = () => formatCredentialsFile(access.credentials);
  const token = () => formatToken(access.credentials);

  /** A configuration file with the rig's rules. */
  function config(lines = ''): string {
    const text = renderCloudflaredConfig({
      tunnel: rig.tunnelId,
      credentialsFile: home.write('tunnel.json', credentials()),
      ingress: rig.rules,
    });
    return home.write('cloudflared.yml', text + lines);
  }

  test('a configuration file is all it needs: rules, options, catch-all', async () => {
    const one = start(['--config', config(), 'run']);
    await connected(one);
    assert.equal((await rig.visit()).status, 200);
    assert.equal((await rig.visit({ name: 'teapot' })).status, 418);
    assert.equal((await rig.visit({ name: 'nothing' })).status, 404);
    const named = JSON.parse((await rig.visit({ name: 'named', path: '/inspect' })).text);
    assert.equal(named.headers.host, 'inner.example');
    await stopped(one);
  });

  test('a request under way at SIGTERM is finished', async () => {
    const one = start(['run', '--config', config()]);
    await connected(one);
    const answer = await rig.open({ path: '/events' });
    one.child.kill('SIGTERM');
    await one.says(/stopping/);
    rig.first.release();
    assert.match((await readAll(answer)).text, /second/);
    assert.equal(await one.ended(), 0, one.stderr());
  });

  test('a token given as an argument is gone from the argument list', {
    skip: !existsSync('/proc/self/cmdline'),
  }, async () => {
    const one = start(['--url', rig.first.httpUrl, 'run', '--token', token()]);
    await connected(one);
    assert.ok(!readFileSync(`/proc/${one.child.pid}/cmdline`, 'utf8').includes(token()));
    await stopped(one);
  });

  test('a token file, one connection, a pid file', async () => {
    const pidfile = join(home.dir, 'pid');
    const file = home.write('token', `${token()}\n`);
    const one = start(['--ha-connections', '1', '--pidfile', pidfile, 'run', '--token-file', file]);
    await connected(one, 1);
    await until('the pid file is there', () => existsSync(pidfile));
    assert.equal(readFileSync(pidfile, 'utf8'), String(one.child.pid));
    await stopped(one);
    assert.equal(existsSync(pidfile), false);
  });

  test('credentials may come from the environment, the tunnel from the argument', async () => {
    const one = start(['--hello-world', 'run', rig.tunnelId], { TUNNEL_CRED_CONTENTS: credentials() });
    await connected(one);
    await stopped(one);
  });

  test('credentials are found where cloudflared keeps them', async () => {
    mkdirSync(join(home.dir, '.cloudflared'));
    home.write(`.cloudflared/${rig.tunnelId}.json`, credentials());
    const one = start(['run', rig.tunnelId]);
    await connected(one);
    await stopped(one);
  });

  test('a name is looked up with the login, and so are credentials that are in no file', async () => {
    const cert = join(home.dir, '.cloudflared', 'cert.pem');
    mkdirSync(dirname(cert));
    const fields = { zoneId: 'z', accountId: rig.store.account.id, apiToken };
    writeFileSync(cert, formatOriginCert(fields));
    const one = start(['run', 'interop'], { TUNNEL_API_URL: api.baseUrl });
    await connected(one);
    await stopped(one);
  });

  test('readiness and numbers are served where it was told to', async () => {
    const one = start(['--metrics', '127.0.0.1:0', '--url', rig.first.httpUrl, 'run'], { TUNNEL_TOKEN: token() });
    await connected(one);
    await one.says(/serving metrics/);
    await rig.visit();
    const url = `http://${/"address":"([^"]+)"/.exec(one.stderr())?.[1]}`;
    const ready = await fetch(`${url}/ready`);
    assert.equal(ready.status, 200);
    assert.equal(((await ready.json()) as { readyConnections: number }).readyConnections, 4);
    assert.equal(await (await fetch(`${url}/healthcheck`)).text(), 'OK\n');
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.match(metrics, /^cloudflared_tunnel_ha_connections 4$/m);
    assert.match(metrics, /^cloudflared_tunnel_response_by_code\{status_code="200"\} 1$/m);
    assert.equal((await fetch(`${url}/else`)).status, 404);
    await stopped(one);
  });

  test('told to stop before the edge answers, it stops', async () => {
    const one = startSallyport(['--settings', home.settings(), '--edge', '127.0.0.1:1', 'tunnel', 'run'], {
      TUNNEL_TOKEN: token(),
      HOME: home.dir,
    });
    running.push(one);
    await one.says(/no connection to the edge/);
    await stopped(one);
  });

  test('a second signal ends it at once', async () => {
    const one = start(['run', '--grace-period', '60s', '--config', config()]);
    await connected(one);
    const held = await rig.open({ path: '/events' });
    one.child.kill('SIGTERM');
    await one.says(/stopping/);
    // What follows at once is an echo of the first; the one that comes later counts.
    await until('it ended', async () => {
      one.child.kill('SIGTERM');
      return one.child.signalCode !== null || one.child.exitCode !== null;
    });
    assert.equal(one.child.signalCode, 'SIGTERM');
    held.destroy();
    rig.first.release();
  });

  const wrong: readonly [what: string, args: readonly string[], exit: number, says: RegExp][] = [
    ['no tunnel', ['run'], 255, /^error E_USAGE: "tunnel run" requires the ID or name of the tunnel/m],
    ['a bad token', ['run', '--token', 'abc'], 255, /^error E_USAGE: Provided Tunnel token is not valid\./m],
    ['two tunnels', ['run', 'a', 'b'], 2, /^error E_USAGE: too many arguments/m],
    [
      'a missing token file',
      ['run', '--token-file', '/nonexistent/t'],
      1,
      /^error E_TUNNEL: there is no such token file/m,
    ],
    [
      'a missing credentials file',
      ['run', '--credentials-file', '/nonexistent/c', '6ba7b810-9dad-41d1-80b4-00c04fd430c8'],
      1,
      /Tunnel credentials file '\/nonexistent\/c' doesn't exist or is not a file/,
    ],
    ['credentials nowhere', ['run', '6ba7b810-9dad-41d1-80b4-00c04fd430c8'], 1, /tunnel credentials file not found/],
    ['a long grace period', ['--grace-period', '5m', 'run', 'x'], 1, /grace-period must be equal or less than 3m0s/],
    ['a wrong log level', ['--loglevel', 'loud', 'run', 'x'], 1, /"loud" is no log level/],
    ['no connections', ['--ha-connections', '0', 'run', 'x'], 1, /from 1 to 64/],
  ];
  for (const [what, args, exit, says] of wrong)
    test(`${what} ends it with ${exit}`, async () => {
      const result = await outcome(start(args));
      assert.match(result.stderr, says);
      assert.deepEqual([result.exit, result.stdout], [exit, '']);
    });

  test('rules that do not hold end it with cloudflared’s message', async () => {
    const file = home.write(
      'bad.yml',
      'ingress:\n- { hostname: a.example.com, service: http://a }\n- { hostname: b.example.com, service: http://b }\n',
    );
    const result = await outcome(start(['--config', file, 'run'], { TUNNEL_TOKEN: token() }));
    assert.equal(result.exit, 1);
    assert.match(result.stderr, /The last ingress rule must match all URLs/);
  });

  test('a secret the edge does not accept ends it with 1', async () => {
    const stolen = formatToken({ ...access.credentials, tunnelSecret: new Uint8Array(32) });
    const result = await outcome(start(['run'], { TUNNEL_TOKEN: stolen }));
    assert.equal(result.exit, 1);
    assert.match(result.stderr, /^error E_EDGE_REFUSED/m);
  });

  // The last one: what is pushed stays, and every later connector gets it.
  test('a token runs it without any file, and the edge may push rules', async () => {
    const one = start(['run'], { TUNNEL_TOKEN: token() });
    await connected(one);
    await one.says(/no ingress rules were defined/);
    assert.equal((await rig.visit()).status, 503);
    rig.push(rig.rules);
    await until('the pushed rules are served', async () => (await rig.visit()).status === 200);
    assert.ok(!one.stderr().includes(token().slice(0, 40)), 'the token is in no log');
    await stopped(one);
  });
});
