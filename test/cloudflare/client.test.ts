// The API client against the real API: every noun, every kind of failure.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCloudflareApi } from '../../src/cloudflare/client.ts';
import { ApiError, type AppError } from '../../src/errors.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { parseToken } from '../../src/protocol/credentials.ts';
import { apiToken, createApiWorld, never } from './api-world.ts';

const secret = Buffer.alloc(32, 7).toString('base64');

async function failureOf(promise: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ApiError, `expected an ApiError, got ${String(error)}`);
  return error;
}

test('the token is verified, and accounts and zones are found', async (t) => {
  const { api, account, store } = await createApiWorld(t);
  store.ensureZone('example.com');
  store.ensureZone('example.org');
  assert.equal((await api.verifyToken(never())).status, 'active');
  assert.deepEqual(
    (await api.accounts.list(never())).map((found) => found.id),
    [account],
  );
  const names = (await api.zones.list(never())).map((zone) => zone.name);
  assert.deepEqual(names.toSorted(), ['example.com', 'example.org']);
  assert.equal((await api.zones.byName('example.org', never()))?.name, 'example.org');
  assert.equal(await api.zones.byName('example.net', never()), undefined);
});

test('records are changed in one call and read back in one call', async (t) => {
  const { api, store, calls } = await createApiWorld(t);
  const zone = store.ensureZone('example.com');
  const fields = (name: string) =>
    ({ name, type: 'CNAME', content: 'x.cfargotunnel.com', proxied: true, comment: 'c' }) as const;
  const posts = Array.from({ length: 150 }, (_, at) => fields(`h${at}.example.com`));
  await api.dns.batch(zone.id, { deletes: [], patches: [], posts }, never());
  const made = await api.dns.list(zone.id, never());
  assert.equal(made.length, 150);
  assert.equal(calls.length, 2);
  const [first, second] = made;
  assert.ok(first !== undefined && second !== undefined);
  const patches = [{ ...fields(first.name), id: first.id, comment: 'changed' }];
  await api.dns.batch(zone.id, { deletes: [{ id: second.id }], patches, posts: [] }, never());
  const left = await api.dns.list(zone.id, never());
  assert.equal(left.length, 149);
  assert.equal(left.find((record) => record.id === first.id)?.comment, 'changed');
});

test('a list of several pages is read whole, without asking for a page after the last', async (t) => {
  const { api, store, calls } = await createApiWorld(t);
  const zone = store.ensureZone('example.com');
  for (let at = 0; at < 2_300; at++) {
    store.records.create(zone, { type: 'TXT', name: `t${at}.example.com`, content: 'x' });
  }
  assert.equal((await api.dns.list(zone.id, never())).length, 2_300);
  assert.equal(calls.length, 3);
});

test('a tunnel is made, found, read, given its token and deleted', async (t) => {
  const { api, account } = await createApiWorld(t);
  const made = await api.tunnels.create(account, { name: 'home', tunnelSecret: secret, configSrc: 'local' }, never());
  assert.equal((await api.tunnels.byName(account, 'home', never()))?.id, made.id);
  assert.equal(await api.tunnels.byName(account, 'hom', never()), undefined);
  assert.equal((await api.tunnels.get(account, made.id, never())).name, 'home');
  const credentials = parseToken(await api.tunnels.token(account, made.id, never()));
  assert.equal(credentials.tunnelId, made.id);
  assert.deepEqual(Buffer.from(credentials.tunnelSecret).toString('base64'), secret);
  assert.deepEqual(await api.tunnels.connections(account, made.id, never()), []);
  await api.tunnels.delete(account, made.id, never());
  assert.equal(await api.tunnels.byName(account, 'home', never()), undefined);
});

test('a configuration keeps keys the client does not know', async (t) => {
  const { api, account } = await createApiWorld(t);
  const tunnel = await api.tunnels.create(
    account,
    { name: 'home', tunnelSecret: secret, configSrc: 'cloudflare' },
    never(),
  );
  assert.equal((await api.configurations.get(account, tunnel.id, never())).config ?? null, null);
  const config = { ingress: [{ service: 'http_status:404', someday: [1] }], 'warp-routing': { x: 1 }, other: true };
  await api.configurations.put({ account, tunnelId: tunnel.id }, config, never());
  assert.deepEqual((await api.configurations.get(account, tunnel.id, never())).config, config);
});

test('a name that is taken is a 409 and is not tried again', async (t) => {
  const { api, account, calls } = await createApiWorld(t);
  const tunnel = { name: 'home', tunnelSecret: secret, configSrc: 'local' } as const;
  await api.tunnels.create(account, tunnel, never());
  const before = calls.length;
  const error = await failureOf(api.tunnels.create(account, tunnel, never()));
  assert.equal(error.status, 409);
  assert.equal(error.retryable, false);
  assert.equal(calls.length, before + 1);
});

test('a wrong token is refused with the permission it would need, and shown nowhere', async (t) => {
  const world = await createApiWorld(t);
  const wrong = 'wrong-token-wrong-token';
  const api = createCloudflareApi({ apiToken: wrong, baseUrl: world.baseUrl, logger: createSilentLogger() });
  const error = await failureOf(api.zones.list(never()));
  assert.equal(error.code, 'E_API_UNAUTHORIZED');
  assert.equal(error.retryable, false);
  assert.match(error.hint ?? '', /Zone > Zone > Read/);
  assert.ok(error.rayId !== undefined && error.rayId !== '');
  assert.ok(!`${error.message}${error.stack}${JSON.stringify(error)}`.includes(wrong));
});

test('an API that echoes the token does not get it into an error', async (t) => {
  const world = await createApiWorld(t);
  world.fault = () => ({ status: 400, body: JSON.stringify({ errors: [{ code: 7, message: `bad ${apiToken}` }] }) });
  const error = await failureOf(world.api.zones.list(never()));
  assert.equal(error.apiCode, 7);
  assert.equal(error.code, 'E_API');
  assert.match(error.message, /400 bad \[secret\] \(7\)/);
});

test('a short Retry-After is waited for', async (t) => {
  const world = await createApiWorld(t);
  let refusals = 1;
  world.fault = () => (refusals-- > 0 ? { status: 429, headers: { 'retry-after': '0.01' } } : undefined);
  await world.api.zones.list(never());
  assert.equal(world.calls.length, 2);
});

test('a long Retry-After is left to a later pass', async (t) => {
  const world = await createApiWorld(t);
  world.fault = () => ({ status: 429, headers: { 'retry-after': '3600' } });
  const error = await failureOf(world.api.zones.list(never()));
  assert.equal(error.code, 'E_API_RATE_LIMITED');
  assert.equal(error.retryable, true);
  assert.match(error.hint ?? '', /3600 s/);
  assert.equal(world.calls.length, 1);
});

test('an API that cannot be reached is a retryable error that says why', async () => {
  const api = createCloudflareApi({
    apiToken,
    baseUrl: 'http://127.0.0.1:1/client/v4',
    logger: createSilentLogger(),
  });
  const error = await failureOf(api.verifyToken(never()));
  assert.equal(error.code, 'E_API_UNREACHABLE');
  assert.equal(error.retryable, true);
});

test('a gateway that answers with a page is an error that passes, said without the page', async (t) => {
  const world = await createApiWorld(t);
  world.fault = () => ({ status: 502, body: '<html><h1>Bad gateway</h1></html>' });
  const error = await failureOf(world.api.zones.list(never()));
  assert.equal(error.message, 'listing zones: 502 a page in place of an answer');
  assert.equal(error.retryable, true);
  assert.match(error.hint ?? '', /problem of its own/);
});

const nonsense: readonly { readonly name: string; readonly body: string }[] = [
  { name: 'no JSON', body: '<html>login</html>' },
  { name: 'broken JSON', body: '{"result": [' },
  { name: 'another shape', body: '{"success": true, "result": [{"id": 5}]}' },
  { name: 'no result', body: '{"success": true}' },
  { name: 'null', body: 'null' },
];
for (const { name, body } of nonsense) {
  test(`an answer that is no answer (${name}) is an error, not a crash`, async (t) => {
    const world = await createApiWorld(t);
    world.fault = () => ({ status: 200, body });
    assert.equal((await failureOf(world.api.accounts.list(never()))).code, 'E_API_ANSWER');
    assert.equal((await failureOf(world.api.verifyToken(never()))).code, 'E_API_ANSWER');
  });
}

test('a redirect is not followed: it would carry the token away', async (t) => {
  const world = await createApiWorld(t);
  world.fault = ({ path }) =>
    path === '/zones' ? { status: 302, headers: { location: '/client/v4/accounts' } } : undefined;
  assert.equal((await failureOf(world.api.zones.list(never()))).status, 302);
  assert.deepEqual(
    world.calls.map((call) => call.path),
    ['/zones'],
  );
});

test('a call that hangs ends when its signal aborts, with the signal’s own reason', async (t) => {
  const world = await createApiWorld(t);
  const aborting = new AbortController();
  const reason = new Error('the pass is over');
  world.fault = () => {
    queueMicrotask(() => aborting.abort(reason));
    return 'hang';
  };
  await assert.rejects(world.api.zones.list(aborting.signal), (error: AppError) => error === reason);
});

test('a wait between two tries ends when the signal aborts', async (t) => {
  const world = await createApiWorld(t);
  const aborting = new AbortController();
  world.fault = () => {
    setImmediate(() => aborting.abort());
    return { status: 429, headers: { 'retry-after': '9' } };
  };
  await assert.rejects(world.api.zones.list(aborting.signal), { name: 'AbortError' });
});

test('credentials in the environment change nothing', async (t) => {
  const world = await createApiWorld(t);
  process.env.CLOUDFLARE_API_KEY = 'stray';
  process.env.CLOUDFLARE_EMAIL = 'stray@example.com';
  t.after(() => {
    delete process.env.CLOUDFLARE_API_KEY;
    delete process.env.CLOUDFLARE_EMAIL;
  });
  const api = createCloudflareApi({ apiToken, baseUrl: world.baseUrl, logger: createSilentLogger() });
  assert.equal((await api.verifyToken(never())).status, 'active');
});
