// `cloudflared tunnel --quick-service … --url …` against the embedded edge: no account, no credentials file, one command.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { createEdgeApi, type EdgeApi } from '../../src/edge/api/server.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { interopBinary } from './binary.ts';
import { type Rig, startRig, until, zone } from './rig.ts';

const binary = interopBinary();
const skip = 'reason' in binary ? binary.reason : false;

describe('a quick tunnel of cloudflared', { skip, timeout: 120_000 }, () => {
  let rig: Rig;
  let api: EdgeApi;
  let cloudflared: ChildProcess;
  let said = '';

  before(async () => {
    rig = await startRig();
    api = await createEdgeApi({
      store: rig.store,
      registry: rig.edge.registry,
      listen: { host: '127.0.0.1', port: 0 },
      tokens: { apiToken: 'a-token-for-tests' },
      logger: createSilentLogger(),
      quickTunnels: { leftMs: 0, sweepEveryMs: 50 },
    });
    cloudflared = await startCloudflared();
  });
  after(async () => {
    cloudflared.kill('SIGKILL');
    await api.stop();
    await rig.close();
  });

  async function startCloudflared(): Promise<ChildProcess> {
    const { caFile, stateDir, edge } = await rig.access();
    await mkdir(stateDir);
    const service = new URL(api.baseUrl).origin;
    const options = ['--no-autoupdate', '--quick-service', service, '--url', rig.first.httpUrl];
    const child = spawn('path' in binary ? binary.path : '', ['tunnel', ...options], {
      env: {
        PATH: process.env.PATH,
        HOME: stateDir,
        TUNNEL_EDGE: edge,
        TUNNEL_CACERT: caFile,
        TUNNEL_TRANSPORT_PROTOCOL: 'http2',
        TUNNEL_METRICS: '127.0.0.1:0',
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await once(child, 'spawn');
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    return child;
  }

  test('gets a name, says it, and serves under it', async () => {
    await until('it asked', () => rig.store.quickTunnels.list().length === 1);
    const [quick] = rig.store.quickTunnels.list();
    assert.ok(quick);
    assert.match(quick.hostname, new RegExp(`^[a-z]+-[a-z]+-[0-9a-f]{12}\\.${zone}$`));
    await until('it says its name', () => said.includes(`https://${quick.hostname}`));
    await until('it is connected', () => rig.edge.registry.connections(quick.tunnel.id).length === 1);
    const name = quick.hostname.slice(0, -zone.length - 1);
    assert.equal((await rig.visit({ name })).status, 200);
  });

  test('is gone when cloudflared is', async () => {
    const [quick] = rig.store.quickTunnels.list();
    cloudflared.kill('SIGTERM');
    await until('it is gone', () => rig.store.quickTunnels.list().length === 0);
    assert.equal(rig.store.tunnels.get(quick?.tunnel.id ?? ''), undefined);
    const zoneId = rig.store.zones.named(zone)?.id ?? '';
    assert.deepEqual(rig.store.records.named(zoneId, quick?.hostname ?? ''), []);
  });
});
