// Zones of several tokens as one API, against the real one with tokens that see different zones.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { findPlace } from '../../src/app/place.ts';
import { createSettingsApi } from '../../src/app/settings-api.ts';
import type { RestrictedToken } from '../../src/edge/api/grants.ts';
import { AppError } from '../../src/errors.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { loadSettings } from '../../src/settings/load.ts';
import { createApiWorld, never } from './api-world.ts';

const forZones = (token: string, zones: readonly string[]): RestrictedToken => ({
  token,
  zones,
  permissions: ['Zone > Zone > Read', 'Zone > DNS > Edit'],
});
const main: RestrictedToken = {
  ...forZones('main-token', ['example.com']),
  permissions: ['Zone > Zone > Read', 'Zone > DNS > Edit', 'Account > Cloudflare Tunnel > Edit'],
};

async function start(t: TestContext, cloudflare: Record<string, unknown> = {}) {
  const restricted = [main, forZones('org-token', ['example.org', 'example.net'])];
  const world = await createApiWorld(t, { restricted });
  for (const zone of ['example.com', 'example.org', 'example.net']) world.store.ensureZone(zone);
  const { settings } = loadSettings({
    env: {},
    cwd: '/',
    overrides: {
      edge: 'cloudflare',
      domain: 'example.com',
      cloudflare: {
        api_token: 'main-token',
        api_url: world.baseUrl,
        tokens: [{ zones: ['example.org'], api_token: 'org-token' }],
        ...cloudflare,
      },
    },
  });
  const api = createSettingsApi({ settings: () => settings, logger: createSilentLogger() });
  return { ...world, api, settings, restricted };
}

const record = (name: string) =>
  ({ name, type: 'CNAME', content: 'x.cfargotunnel.com', proxied: true, ttl: 1, comment: '' }) as const;

test('every zone is found by the token that sees it, and written with it', async (t) => {
  const { api, store } = await start(t);
  const zones = await api.zones.list(never());
  assert.deepEqual(
    new Map(zones.map((zone) => [zone.name, zone.token])),
    new Map([
      ['example.com', 'cloudflare.api_token'],
      ['example.org', 'cloudflare.tokens[0]'],
      ['example.net', 'cloudflare.tokens[0]'],
    ]),
  );
  for (const { id, name } of zones) {
    await api.dns.batch(id, { deletes: [], patches: [], posts: [record(`a.${name}`)] }, never());
    assert.deepEqual(
      (await api.dns.list(id, never())).map((one) => one.name),
      [`a.${name}`],
    );
  }
  assert.equal(store.records.named(store.zones.named('example.org')?.id ?? '', 'a.example.org').length, 1);
});

test('a zone is found by name without a list before', async (t) => {
  const { api } = await start(t);
  const zone = await api.zones.byName('example.org', never());
  await api.dns.batch(zone?.id ?? '', { deletes: [], patches: [], posts: [record('b.example.org')] }, never());
  assert.equal((await api.zones.byName('example.net', never()))?.token, 'cloudflare.tokens[0]');
});

test('the account is the main token’s business', async (t) => {
  const { api, account } = await start(t);
  assert.deepEqual(await api.tunnels.list(account, never()), []);
});

test('zones that have a token of their own are worked in beside the one of the domain', async (t) => {
  const { api, settings } = await start(t);
  assert.deepEqual((await findPlace(settings, api, never())).zones, ['example.com', 'example.org']);
});

test('a zone no token sees is told with what each of them sees, and no token', async (t) => {
  const { api, settings } = await start(t, { zones: ['example.com', 'elsewhere.example'] });
  await assert.rejects(findPlace(settings, api, never()), (error) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, 'E_ZONE_UNKNOWN');
    assert.match(
      error.message,
      /"elsewhere\.example" \(cloudflare\.api_token sees example\.com; cloudflare\.tokens\[0\] sees example\.\w+, example\.\w+\)/,
    );
    assert.ok(!/main-token|org-token/.test(error.message + error.hint));
    return true;
  });
});

test('a refusal names the token that lacks something', async (t) => {
  const { api, restricted } = await start(t);
  const zone = await api.zones.byName('example.org', never());
  restricted.splice(1, 1, { ...forZones('org-token', ['example.org']), permissions: ['Zone > Zone > Read'] });
  await assert.rejects(
    api.dns.list(zone?.id ?? '', never()),
    /^ApiError: the token cloudflare\.tokens\[0\] lacks "Zone > DNS > Edit" for example\.org/,
  );
});
