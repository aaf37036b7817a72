// The supervised cloudflared, and a cloudflared nobody supervises, against the embedded edge.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import {
  type CloudflaredConnector,
  type CloudflaredConnectorOptions,
  createCloudflaredConnector,
} from '../../src/connector/cloudflared/connector.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { formatToken } from '../../src/protocol/credentials.ts';
import { startLoad, testConnector } from '../contract/connector.ts';
import { interopBinary } from './binary.ts';
import { greeting } from './origin.ts';
import { type EdgeAccess, type Rig, startRig, until, zone } from './rig.ts';

const binary = interopBinary();
const never = new AbortController().signal;

if ('reason' in binary) {
  test('a real cloudflared against the embedded edge', { skip: binary.reason }, () => undefined);
} else {
  const { path } = binary;
  testConnector({
    name: binary.version,
    kind: 'cloudflared',
    updates: 200,
    create(access, rig) {
      const connector = supervised(path, access, rig, { pushRules: async (rules) => rig.push(rules) });
      return { connector, identity: () => String(connector.pid) };
    },
    async startVictim(access, rig) {
      const connector = supervised(path, access, rig);
      await connector.start(never);
      return { kill: async () => killed(connector), stop: () => connector.stop(0) };
    },
  });
  describe('a real cloudflared', { timeout: 240_000 }, () => realOnly(path));
}

function supervised(
  path: string,
  access: EdgeAccess,
  rig: Rig,
  more: Partial<CloudflaredConnectorOptions> = {},
): CloudflaredConnector {
  return createCloudflaredConnector({
    binary: path,
    credentials: access.credentials,
    edges: [access.edge],
    caFile: access.caFile,
    stateDir: access.stateDir,
    haConnections: 2,
    rules: rig.rules,
    gracePeriodMs: 20_000,
    logger: createSilentLogger(),
    clock: systemClock,
    ...more,
  });
}

function killed(connector: CloudflaredConnector): void {
  assert.ok(connector.pid !== undefined);
  process.kill(connector.pid, 'SIGKILL');
}

function realOnly(path: string): void {
  test('nobody’s cloudflared, given a token by environment, is served rules and ends with code 0', async () => {
    const rig = await startRig();
    const access = await rig.access();
    await mkdir(access.stateDir);
    rig.push(rig.rules);
    const child = spawn(path, ['tunnel', '--no-autoupdate', 'run'], {
      env: {
        PATH: process.env.PATH,
        HOME: access.stateDir,
        TUNNEL_EDGE: Array.from({ length: 4 }, () => access.edge).join(','),
        TUNNEL_CACERT: access.caFile,
        TUNNEL_TRANSPORT_PROTOCOL: 'http2',
        TUNNEL_GRACE_PERIOD: '20s',
        TUNNEL_TOKEN: formatToken(access.credentials),
      },
      stdio: 'ignore',
    });
    const ended = once(child, 'exit');
    try {
      await until('all four connections are up', () => rig.edge.registry.connections(rig.tunnelId).length === 4);
      await until('it has its rules', async () => (await rig.visit()).text === 'hello from first');
      const held = rig.visit({ path: '/held' });
      await until('the origin has the request', () => rig.first.held > 0);
      child.kill('SIGTERM');
      await until('the edge sends nothing new', async () => (await rig.visit()).status === 530);
      rig.first.release();
      assert.equal((await held).text, 'held by first');
      assert.deepEqual(await ended, [0, null]);
    } finally {
      child.kill('SIGKILL');
      await rig.close();
    }
  });

  test('one that is killed is started again, with the rules it had', async () => {
    const rig = await startRig();
    const connector = supervised(path, await rig.access(), rig, { pushRules: async (rules) => rig.push(rules) });
    try {
      await connector.start(never);
      await connector.updateIngress([
        { hostname: `app.${zone}`, service: rig.second.httpUrl },
        { service: 'http_status:404' },
      ]);
      const { pid } = connector;
      killed(connector);
      await until('another one runs', () => connector.pid !== pid && connector.ready);
      await until('it serves', async () => (await rig.visit()).text === 'hello from second');
      assert.equal(connector.restarts, 1);
      assert.match(await connector.scrape(), /cloudflared_tunnel_ha_connections/);
    } finally {
      await connector.stop(0);
      await rig.close();
    }
  });

  test('handing over to a second process loses no request', async () => {
    const rig = await startRig();
    const connector = supervised(path, await rig.access(), rig, { onRules: 'handover' });
    try {
      await connector.start(never);
      const load = startLoad(rig, 4);
      for (const origin of [rig.second, rig.first, rig.second]) {
        const { pid } = connector;
        await connector.updateIngress([
          { hostname: `app.${zone}`, service: origin.httpUrl },
          { service: 'http_status:404' },
        ]);
        assert.equal((await rig.visit()).text, `hello from ${origin.name}`);
        assert.notEqual(connector.pid, pid);
      }
      assert.deepEqual(await load.stop(), []);
      assert.ok(load.served() > 0);
      assert.equal(connector.restarts, 0);
    } finally {
      await connector.stop(0);
      await rig.close();
    }
  });

  test('its own client reaches an ssh origin through the edge', async (t) => {
    const rig = await startRig();
    const connector = supervised(path, await rig.access(), rig);
    try {
      await connector.start(never);
      const host = `ssh.${zone}`;
      const target = `${host}:${rig.edge.addresses.https?.port}:127.0.0.1`;
      const client = spawn(path, ['access', 'ssh', '--hostname', host, '--connect-to', target], {
        env: { PATH: process.env.PATH },
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      t.after(() => client.kill());
      let received = '';
      client.stdout.setEncoding('utf8').on('data', (text: string) => {
        received += text;
      });
      await until('the origin greeted', () => received === greeting);
      client.stdin.write('echo this\n');
      await until('it echoed', () => received === `${greeting}echo this\n`);
      const ended = once(client, 'exit');
      client.kill();
      await ended;
    } finally {
      await connector.stop(0);
      await rig.close();
    }
  });
}
