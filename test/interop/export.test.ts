// An exported configuration file, run by real cloudflareds against the embedded edge: visitors get what the rules say.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { exportCloudflared } from '../../src/export/cloudflared.ts';
import type { IngressEntry } from '../../src/model.ts';
import { formatCredentialsFile } from '../../src/protocol/credentials.ts';
import { cloudflareds, noCloudflared } from '../export/tools.ts';
import { type Rig, startRig, until } from './rig.ts';

describe('an exported cloudflared.yml', { skip: noCloudflared, timeout: 120_000 }, () => {
  let rig: Rig;
  before(async () => {
    rig = await startRig();
  });
  after(() => rig.close());

  function entries(): readonly IngressEntry[] {
    return rig.rules.flatMap(({ hostname, ...rule }): readonly IngressEntry[] => {
      if (hostname === undefined) return [];
      return [
        { serviceId: 'docker/app', plugin: 'generic', rule: { hostname, ...rule }, access: 'public', explicit: true },
      ];
    });
  }

  async function start(program: string): Promise<ChildProcess> {
    const { credentials, caFile, edge, stateDir } = await rig.access();
    await mkdir(stateDir);
    const credentialsFile = join(stateDir, 'credentials.json');
    await writeFile(credentialsFile, formatCredentialsFile(credentials));
    const applied = { entries: entries(), services: [], withheld: [] };
    const file = join(stateDir, 'cloudflared.yml');
    const { tunnelId } = rig;
    await writeFile(file, exportCloudflared({ applied, tunnelId, credentialsFile, edges: [edge], caFile }));
    const env = { PATH: process.env.PATH, HOME: stateDir, TUNNEL_METRICS: '127.0.0.1:0', NO_AUTOUPDATE: 'true' };
    const child = spawn(program, ['tunnel', '--config', file, 'run'], { env, stdio: 'ignore' });
    await once(child, 'spawn');
    return child;
  }

  for (const program of cloudflareds) {
    test(`is all that ${program} needs`, async () => {
      const child = await start(program);
      const ended = once(child, 'exit');
      try {
        await until('it is connected', () => rig.edge.registry.connections(rig.tunnelId).length === 2);
        const statusOf = async (name: string, path = '/') => (await rig.visit({ name, path })).status;
        assert.deepEqual(
          [await statusOf('app'), await statusOf('teapot'), await statusOf('nobody'), await statusOf('down')],
          [200, 418, 404, 502],
        );
        assert.match((await rig.visit({ path: '/second/x' })).text, /second/);
      } finally {
        child.kill('SIGKILL');
        await ended;
      }
      await until('it is gone', () => rig.edge.registry.connections(rig.tunnelId).length === 0);
    });
  }
});
