// `export terraform` of an account with Access, asked through the API: locks with their policies, and others' objects nowhere.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createEdgeApi, type EdgeApi } from '../../src/edge/api/server.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { outline } from '../export/terraform-scene.ts';
import { noTerraform, runAlone, terraform } from '../export/tools.ts';
import { type Rig, startRig, zone } from '../interop/rig.ts';
import { createHome, type Home, sallyport } from './command.ts';

const apiToken = 'a-token-for-tests';
let rig: Rig;
let api: EdgeApi;
let home: Home;
before(async () => {
  rig = await startRig();
  const listen = { host: '127.0.0.1', port: 0 };
  const { registry } = rig.edge;
  api = await createEdgeApi({ store: rig.store, registry, listen, tokens: { apiToken }, logger: createSilentLogger() });
  home = createHome();
});
after(async () => {
  await api.stop();
  await rig.close();
  home.remove();
});

test('what guards the services is taken over with them', { timeout: 60_000 }, async () => {
  const { edge, caFile } = await rig.access();
  const settings = home.settings(
    [
      `domain: ${zone}`,
      'edge: cloudflare',
      'connector: native',
      'owner: home',
      `cloudflare: { api_token: ${apiToken}, api_url: "${api.baseUrl}", edge: ["${edge}"], edge_ca: ${caFile}, tunnel: { name: mine } }`,
      'access: { default: family, policies: { family: { allow: { emails: [a@example.com] }, session: 24h } } }',
      'services:',
      '  - { name: nas, address: 127.0.0.1, port: 9, protocol: http, bypass: [/api/health] }',
      '  - { name: lost, address: 127.0.0.1, port: 9, protocol: http, access: nobody }',
    ].join('\n'),
  );
  const applied = await sallyport('--settings', settings, 'apply');
  assert.equal(applied.exit, 0, applied.stderr);
  const { exit, stdout, stderr } = await sallyport('--settings', settings, 'export', 'terraform');
  assert.equal(exit, 0, stderr);
  const { resources, imports } = outline(stdout);
  const access = resources
    .filter((one) => one.startsWith('zero_trust_access'))
    .map((one) => one.replace(/_[0-9a-f]{8}$/, ''));
  assert.deepEqual(access, [
    'zero_trust_access_tag owner',
    'zero_trust_access_policy family',
    'zero_trust_access_policy no_login',
    'zero_trust_access_application nas_interop_test',
    'zero_trust_access_application nas_interop_test_api_health',
  ]);
  assert.equal(imports.filter((one) => one.startsWith('zero_trust_access')).length, access.length);
  assert.deepEqual(
    resources.filter((one) => one.startsWith('dns_record')),
    ['dns_record nas_interop_test'],
  );
  assert.match(stderr, /^not exported: file\/lost: /m);
  assert.ok(!stdout.includes(apiToken));
  if (noTerraform === false) {
    const { status, stderr: said } = runAlone(terraform ?? '', ['fmt', '-check', '-'], stdout);
    assert.equal(status, 0, String(said));
  }
});
