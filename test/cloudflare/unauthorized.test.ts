// A refused token: which permission it lacks or why it is not valid, no hammering, and another one counts at once.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createCloudflareApi } from '../../src/cloudflare/client.ts';
import { createTokenSource } from '../../src/cloudflare/token-source.ts';
import type { RestrictedToken } from '../../src/edge/api/grants.ts';
import { ApiError } from '../../src/errors.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { createFakeClock } from '../fakes/clock.ts';
import { createApiWorld, never } from './api-world.ts';

const token = 'a-token-with-few-rights';
const permissions = ['Zone > Zone > Read', 'Zone > DNS > Read', 'Account > Cloudflare Tunnel > Read'];

async function start(t: TestContext, apiToken: string | (() => string) = token) {
  const restricted: RestrictedToken[] = [{ token, permissions }];
  const world = await createApiWorld(t, { restricted });
  const zone = world.store.ensureZone('example.com');
  const clock = createFakeClock(Date.UTC(2026, 5, 1));
  const api = createCloudflareApi({ apiToken, baseUrl: world.baseUrl, logger: createSilentLogger(), clock });
  return { ...world, api, clock, zone, restricted };
}

async function failureOf(promise: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ApiError, `expected an ApiError, got ${String(error)}`);
  assert.equal(error.code, 'E_API_UNAUTHORIZED');
  assert.ok(!`${error.message}${error.hint}${error.stack}`.includes(token));
  return error;
}

const nothing = { deletes: [], patches: [], posts: [] };

test('a write that is refused names the permission and the zone', async (t) => {
  const { api, zone } = await start(t);
  await api.zones.list(never());
  await api.dns.list(zone.id, never());
  const error = await failureOf(api.dns.batch(zone.id, nothing, never()));
  assert.match(error.message, /^the API token lacks "Zone > DNS > Edit" for example\.com \(changing DNS records: 403/);
  assert.match(error.hint ?? '', /add "Zone > DNS > Edit" and include example\.com under Zone Resources/);
});

test('a refused call for the account names its permission', async (t) => {
  const { api, account } = await start(t);
  const tunnel = { name: 'x', tunnelSecret: Buffer.alloc(32).toString('base64'), configSrc: 'local' } as const;
  const error = await failureOf(api.tunnels.create(account, tunnel, never()));
  assert.match(error.message, /^the API token lacks "Account > Cloudflare Tunnel > Edit" \(/);
});

test('many refusals cost one question about the token', async (t) => {
  const { api, account, calls } = await start(t);
  for (let call = 0; call < 5; call++) await failureOf(api.access.applications.list(account, never()));
  assert.equal(calls.filter(({ path }) => path.endsWith('/tokens/verify')).length, 1);
});

test('a token that is revoked while we work is said to be, and not tried again for a while', async (t) => {
  const { api, account, calls, restricted, clock } = await start(t);
  await api.tunnels.list(account, never());
  const [kept] = restricted.splice(0);
  const error = await failureOf(api.tunnels.list(account, never()));
  assert.match(error.message, /^the API token is not valid: the API does not know it \(revoked/);
  const seen = calls.length;
  for (let call = 0; call < 20; call++) await failureOf(api.tunnels.list(account, never()));
  assert.equal(calls.length, seen);
  restricted.push(kept as RestrictedToken);
  await clock.advance(30_000);
  await api.tunnels.list(account, never());
});

test('a token that expires says when', async (t) => {
  const { api, account, restricted } = await start(t);
  await api.tunnels.list(account, never());
  restricted.splice(0, 1, { token, permissions, status: 'expired', expiresOn: '2026-05-31T00:00:00Z' });
  assert.match((await failureOf(api.tunnels.list(account, never()))).message, /it expired on 2026-05-31/);
});

test('a new token in the file counts with the next request', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'token-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'token');
  writeFileSync(file, `${token}\n`);
  const { api, account, restricted } = await start(
    t,
    createTokenSource(() => ({ token, file })),
  );
  await api.tunnels.list(account, never());
  restricted.splice(0, 1, { token: 'its-successor', permissions });
  await failureOf(api.tunnels.list(account, never()));
  writeFileSync(file, '');
  await failureOf(api.tunnels.list(account, never()));
  writeFileSync(file, 'its-successor\n');
  await api.tunnels.list(account, never());
});
