// From the settings file to the plan: the lock of a zone, people in place of a policy, and the name of a token made by a command.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planOnce } from '../../src/app/plan-once.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { loadSettings } from '../../src/settings/load.ts';
import { createHome } from '../cli/command.ts';
import { apiToken, createApiWorld } from '../cloudflare/api-world.ts';

test('what the settings say of a zone is what is planned', async (t) => {
  const remote = await createApiWorld(t);
  remote.store.ensureZone('example.com');
  remote.store.access.serviceTokens.create({ name: 'sallyport owner=home token=phone' });
  const home = createHome();
  t.after(() => home.remove());
  const file = home.settings(`edge: cloudflare
connector: native
domain: example.com
owner: home
cloudflare: { api_token: ${apiToken}, api_url: "${remote.baseUrl}" }
services:
  - { name: nas, address: 10.0.0.1, port: 80, protocol: http, access: "Bob@example.com" }
  - { name: blog, address: 10.0.0.2, port: 80, protocol: http, access: public }
access:
  zone_default: family
  policies: { family: { allow: { service_tokens: [phone] } } }`);
  const { settings } = loadSettings({ file, env: {}, cwd: home.dir });
  const pass = await planOnce(settings, createSilentLogger(), {});
  assert.deepEqual(
    pass.desired.accessApplications.map(({ domain, policies }) => `${domain} ${policies.join()}`).toSorted(),
    ['*.example.com family', 'blog.example.com no login', 'nas.example.com bob@example.com'],
  );
  const access = pass.plans.find(({ target }) => target === 'access');
  assert.deepEqual(access?.held, []);
  assert.equal(access?.changes.length, 6);
  assert.deepEqual(remote.store.access.apps.list(), []);
});
