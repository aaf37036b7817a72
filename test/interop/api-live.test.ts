// A real cloudflared connected to a real edge, watched and managed through the API.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import Cloudflare, { BadRequestError } from 'cloudflare';
import { createEdgeApi, type EdgeApi } from '../../src/edge/api/server.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { interopBinary } from './binary.ts';
import { type Rig, startRig, until, zone } from './rig.ts';

const binary = interopBinary();
const skip = 'reason' in binary ? binary.reason : false;
const apiToken = 'a-token-for-tests';

describe('the API over a connected cloudflared', { skip, timeout: 120_000 }, () => {
  let rig: Rig;
  let api: EdgeApi;
  const children: ChildProcess[] = [];
  let client: Cloudflare;
  let account_id = '';
  let id = '';

  before(async () => {
    rig = await startRig();
    const listen = { host: '127.0.0.1', port: 0 };
    const { registry } = rig.edge;
    api = await createEdgeApi({
      store: rig.store,
      registry,
      listen,
      tokens: { apiToken },
      logger: createSilentLogger(),
    });
    client = new Cloudflare({ apiToken, baseURL: api.baseUrl, maxRetries: 0 });
    account_id = rig.store.account.id;
    id = rig.tunnelId;
    await startCloudflared();
    await until('two connections are registered', () => registry.connections(id).length === 2);
  });
  after(async () => {
    await Promise.all(children.map(ended));
    await api.stop();
    await rig.close();
  });

  async function ended(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  /** Run by nothing but the token the API gives. */
  async function startCloudflared(): Promise<{ readonly said: string }> {
    const { caFile, stateDir } = await rig.access();
    const edge = `127.0.0.1:${rig.edge.addresses.tunnel?.port}`;
    await mkdir(stateDir);
    const token = await client.zeroTrust.tunnels.cloudflared.token.get(id, { account_id });
    const started = spawn('path' in binary ? binary.path : '', ['tunnel', '--no-autoupdate', 'run'], {
      env: {
        PATH: process.env.PATH,
        HOME: stateDir,
        TUNNEL_EDGE: `${edge},${edge}`,
        TUNNEL_CACERT: caFile,
        TUNNEL_TRANSPORT_PROTOCOL: 'http2',
        TUNNEL_TOKEN: token,
        TUNNEL_METRICS: '127.0.0.1:0',
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    children.push(started);
    const connector = { said: '' };
    started.stderr.setEncoding('utf8').on('data', (text: string) => {
      connector.said += text;
    });
    await once(started, 'spawn');
    return connector;
  }

  test('the tunnel is healthy and its connector is described', async () => {
    const { cloudflared } = client.zeroTrust.tunnels;
    const tunnel = await cloudflared.get(id, { account_id });
    assert.equal(tunnel.status, 'healthy');
    assert.notEqual(tunnel.conns_active_at, null);
    assert.equal(tunnel.connections?.length, 2);
    const { result } = await cloudflared.connections.get(id, { account_id });
    assert.equal(result.length, 1);
    const [connector] = result;
    assert.ok(connector);
    assert.match(connector.arch ?? '', /^linux_/);
    assert.ok('version' in binary && binary.version.includes(connector.version ?? '?'));
    assert.ok(connector.features?.includes('serialized_headers'));
    assert.deepEqual(
      connector.conns?.map((one) => one.origin_ip),
      ['127.0.0.1', '127.0.0.1'],
    );
  });

  test('what it runs by itself is reported, and what is put replaces it without a restart', async () => {
    const { configurations } = client.zeroTrust.tunnels.cloudflared;
    await until('the local configuration was reported', async () => {
      const { source, config } = await configurations.get(id, { account_id });
      return source === 'local' && config !== null;
    });
    const ingress = rig.rules.map(({ hostname = '', service, path = '' }) => ({ hostname, service, path }));
    await configurations.update(id, { account_id, config: { ingress } });
    await until('the rules are served', async () => (await rig.visit({ name: 'teapot' })).status === 418);
    assert.equal((await rig.visit()).status, 200);
    const { result } = await client.zeroTrust.tunnels.cloudflared.connections.get(id, { account_id });
    assert.equal(result[0]?.config_version, 1);
  });

  test('it cannot be deleted while connected', async () => {
    await assert.rejects(
      async () => client.zeroTrust.tunnels.cloudflared.delete(id, { account_id }),
      (error) => error instanceof BadRequestError && error.errors[0]?.code === 1022,
    );
    assert.equal((await rig.visit()).status, 200);
  });

  test('a second name is routed and served at once', async () => {
    const zone_id = rig.store.zones.named(zone)?.id ?? '';
    const records = await client.dns.records.list({ zone_id, name: { exact: `*.${zone}` } });
    await client.dns.records.delete(records.result[0]?.id ?? '', { zone_id });
    assert.equal((await rig.visit()).status, 530);
    const routed = await client.put(`/zones/${zone_id}/tunnels/${id}/routes`, {
      body: { type: 'dns', user_hostname: 'app', overwrite_existing: false },
    });
    assert.deepEqual((routed as { result: unknown }).result, { cname: 'new', name: `app.${zone}` });
    assert.equal((await rig.visit()).status, 200);
  });

  test('cleaning up ends the connections of the connector it names, and no others', async () => {
    const { registry } = rig.edge;
    const [first] = registry.connections(id);
    const second = await startCloudflared();
    await until('a second connector is registered', () => registry.connections(id).length === 4);
    // Registered but without rules it answers 503, which would say nothing about the clean-up.
    await until('it has the rules', () => second.said.includes('Updated to new configuration'));
    await client.zeroTrust.tunnels.cloudflared.connections.delete(id, { account_id, client_id: first?.clientId ?? '' });
    await until('the first connector is gone', () =>
      registry.connections(id).every((connection) => connection.clientId !== first?.clientId),
    );
    assert.equal(registry.connections(id).length, 2);
    assert.equal((await rig.visit()).status, 200);
  });

  test('deleting with cascade disconnects it and ends the service', async () => {
    const path = `/accounts/${account_id}/cfd_tunnel/${id}`;
    await client.delete(path, { query: { cascade: true } });
    await until('nobody is connected', () => rig.edge.registry.connections(id).length === 0);
    assert.equal((await rig.visit()).status, 530);
    assert.notEqual((await client.zeroTrust.tunnels.cloudflared.get(id, { account_id })).deleted_at, null);
  });
});
