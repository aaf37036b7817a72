// The program on an edge that enforces policies: the lock is made with the settings' policy, changed when they change, and said in the plan.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import Cloudflare from 'cloudflare';
import { planOnce } from '../../src/app/plan-once.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { loadSettings } from '../../src/settings/load.ts';
import { type Program, startProgram } from '../program/program.ts';

/** Settings for a program whose edge is another program's, as if that were Cloudflare. */
function settingsFor(edge: Program, port: number): Record<string, unknown> {
  const service = (name: string, access: string, bypass?: readonly string[]) => ({
    name,
    address: '127.0.0.1',
    port,
    protocol: 'http',
    access,
    ...(bypass === undefined ? {} : { bypass }),
  });
  return {
    edge: 'cloudflare',
    connector: 'native',
    domain: 'example.com',
    owner: 'home',
    services: [service('nas', 'family', ['/api/health']), service('blog', 'public'), service('shut', 'ghosts')],
    access: {
      policies: {
        family: { allow: { emails: ['a@example.com'] }, session: '24h' },
        ghosts: { allow: { groups: ['nobody'] } },
      },
    },
    cloudflare: {
      api_token_file: join(edge.dataDir, 'edge-api-token'),
      api_url: `http://127.0.0.1:${edge.apiPort}/client/v4`,
      edge: [`127.0.0.1:${edge.tunnelPort}`],
      edge_ca: join(edge.dataDir, 'certificates', 'ca.pem'),
    },
  };
}

test('on an edge that enforces policies, the program makes the locks and serves what has its own', async (t) => {
  const origin = createServer((_request, response) => response.end('from the origin'));
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  t.after(() => origin.close());
  const edge = await startProgram({ domain: 'example.com' });
  t.after(() => edge.stop());
  const settings = settingsFor(edge, (origin.address() as AddressInfo).port);

  const dataDir = join(edge.dataDir, 'planner');
  const inputs = { env: {}, cwd: dataDir, overrides: { ...settings, data_dir: dataDir, docker: { endpoints: [] } } };
  const planned = await planOnce(loadSettings(inputs).settings, createSilentLogger(), {});
  const access = planned.plans.find((plan) => plan.target === 'access');
  assert.deepEqual(
    access?.changes.map(({ serviceId }) => serviceId),
    ['access/family', 'access/no-login', 'file/nas', 'file/nas'],
  );
  assert.deepEqual(
    access?.held.map(({ change }) => change.serviceId),
    ['file/shut'],
  );

  const program = await startProgram(settings);
  t.after(() => program.stop());
  await program.pass();
  const isUp = ({ status }: { readonly status: number }) => status !== 404 && status !== 503 && status !== 530;
  assert.equal((await edge.until('blog.example.com', isUp)).body, 'from the origin');
  // Nobody can log in at that edge, so nobody may; what needs no login is served.
  const locked = await edge.until('nas.example.com', isUp);
  assert.equal(locked.status, 403);
  assert.match(locked.body, /embedded_edge\.login\.users/);
  assert.equal((await edge.until('nas.example.com', isUp, '/api/health')).body, 'from the origin');
  const sdk = new Cloudflare({
    apiToken: readFileSync(join(edge.dataDir, 'edge-api-token'), 'utf8').trim(),
    baseURL: `http://127.0.0.1:${edge.apiPort}/client/v4`,
  });
  const [account] = (await sdk.accounts.list()).result;
  const applications = await sdk.zeroTrust.access.applications.list({ account_id: account?.id ?? '' });
  const found = applications.result.map((application) => 'domain' in application && application.domain).toSorted();
  assert.deepEqual(found, ['nas.example.com', 'nas.example.com/api/health']);
  const shut = program.status().services.find(({ name }) => name === 'shut');
  assert.ok(shut?.diagnostics.some(({ code }) => code === 'E_NO_POLICY'));
  assert.notEqual((await edge.get('shut.example.com')).body, 'from the origin');
});
