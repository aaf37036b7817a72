// The official Cloudflare SDK against the API: what it writes it reads back, and errors arrive as its own kinds.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Cloudflare, { BadRequestError, ConflictError, NotFoundError, PermissionDeniedError } from 'cloudflare';
import { type ApiFixture, apiToken, connection, startApi } from './fixture.ts';

let fixture: ApiFixture;
let client: Cloudflare;
let account_id = '';
let zone_id = '';
before(async () => {
  fixture = await startApi();
  client = new Cloudflare({ apiToken, baseURL: fixture.api.baseUrl, maxRetries: 0 });
  account_id = fixture.store.account.id;
  zone_id = fixture.zone.id;
});
after(() => fixture.stop());

async function all<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of pages) items.push(item);
  return items;
}

test('the token, the account and the zone are found', async () => {
  assert.equal((await client.user.tokens.verify()).status, 'active');
  assert.deepEqual(
    (await all(client.accounts.list())).map((account) => account.id),
    [account_id],
  );
  assert.equal((await client.accounts.get({ account_id })).id, account_id);
  const zones = await all(client.zones.list({ name: 'example.com', account: { id: account_id }, status: 'active' }));
  assert.deepEqual(
    zones.map((zone) => [zone.id, zone.account.id]),
    [[zone_id, account_id]],
  );
  assert.equal((await client.zones.get({ zone_id })).name, 'example.com');
  assert.equal((await client.zones.create({ account: { id: account_id }, name: 'made.example' })).name, 'made.example');
});

test('a record is created, read, changed, overwritten and deleted', async () => {
  const made = await client.dns.records.create({
    zone_id,
    type: 'CNAME',
    name: 'sdk.example.com',
    content: 'target.example.net',
    ttl: 1,
    proxied: true,
    comment: 'from the SDK',
    tags: ['owner:sdk'],
  });
  assert.deepEqual(await client.dns.records.get(made.id, { zone_id }), made);
  const edited = await client.dns.records.edit(made.id, {
    zone_id,
    type: 'CNAME',
    name: 'sdk.example.com',
    ttl: 1,
    comment: 'changed',
  });
  assert.deepEqual([edited.comment, edited.content, edited.tags], ['changed', 'target.example.net', ['owner:sdk']]);
  const put = await client.dns.records.update(made.id, {
    zone_id,
    type: 'TXT',
    name: 'sdk.example.com',
    ttl: 300,
    content: '"text"',
  });
  assert.deepEqual([put.type, put.ttl, put.comment], ['TXT', 300, null]);
  assert.equal((await client.dns.records.delete(made.id, { zone_id }))?.id, made.id);
  await assert.rejects(async () => client.dns.records.get(made.id, { zone_id }), NotFoundError);
});

test('hundreds of records are listed over pages, and by the nested filters the SDK sends', async () => {
  const zone = await client.zones.create({ account: { id: account_id }, name: 'many.example' });
  for (let start = 0; start < 400; start += 200) {
    const posts = Array.from({ length: 200 }, (_, n) => ({
      type: 'A' as const,
      name: `r${start + n}.many.example`,
      content: '192.0.2.1',
      ttl: 1 as const,
      ...(n % 100 === 0 ? { comment: `mine ${start + n}` } : {}),
    }));
    await client.dns.records.batch({ zone_id: zone.id, posts });
  }
  const names = (await all(client.dns.records.list({ zone_id: zone.id, per_page: 150 }))).map((record) => record.name);
  assert.deepEqual(
    names,
    Array.from({ length: 400 }, (_, n) => `r${n}.many.example`),
  );
  const mine = await all(
    client.dns.records.list({
      zone_id: zone.id,
      comment: { startswith: 'mine' },
      name: { contains: '00.' },
      type: 'A',
      order: 'name',
      direction: 'desc',
    }),
  );
  assert.deepEqual(
    mine.map((record) => record.name),
    ['r300.many.example', 'r200.many.example', 'r100.many.example'],
  );
});

test('a batch is whole', async () => {
  const one = await client.dns.records.create({ zone_id, type: 'A', name: 'one', content: '192.0.2.1', ttl: 1 });
  const result = await client.dns.records.batch({
    zone_id,
    deletes: [{ id: one.id }],
    posts: [{ type: 'A', name: 'two', content: '192.0.2.2', ttl: 1 }],
  });
  assert.deepEqual([result.deletes?.[0]?.id, result.posts?.[0]?.name], [one.id, 'two.example.com']);
  await assert.rejects(
    async () =>
      client.dns.records.batch({
        zone_id,
        posts: [
          { type: 'A', name: 'three', content: '192.0.2.2', ttl: 1 },
          { type: 'A', name: 'two', content: '192.0.2.2', ttl: 1 },
        ],
      }),
    (error) => error instanceof BadRequestError && error.errors[0]?.code === 81058,
  );
  assert.deepEqual(await all(client.dns.records.list({ zone_id, name: { exact: 'three.example.com' } })), []);
});

test('a tunnel lives its whole life through the SDK', async () => {
  const { cloudflared } = client.zeroTrust.tunnels;
  const tunnel = await cloudflared.create({ account_id, name: 'sdk', config_src: 'cloudflare' });
  const id = tunnel.id ?? '';
  assert.deepEqual([tunnel.name, tunnel.status, tunnel.account_tag], ['sdk', 'inactive', account_id]);
  await assert.rejects(async () => cloudflared.create({ account_id, name: 'sdk' }), ConflictError);
  assert.equal(await cloudflared.token.get(id, { account_id }), 'token' in tunnel ? tunnel.token : undefined);
  assert.equal((await cloudflared.edit(id, { account_id, name: 'renamed' })).name, 'renamed');
  const found = await all(cloudflared.list({ account_id, name: 'renamed', is_deleted: false }));
  assert.deepEqual(
    found.map((item) => item.id),
    [id],
  );

  const config = {
    ingress: [{ hostname: 'a.example.com', service: 'http://10.0.0.5:3000', originRequest: { noTLSVerify: true } }],
    originRequest: { connectTimeout: 5 },
  };
  const withCatchAll = { ...config, ingress: [...config.ingress, { hostname: '', service: 'http_status:404' }] };
  await assert.rejects(
    async () => cloudflared.configurations.update(id, { account_id, config }),
    (error) => error instanceof BadRequestError && error.errors[0]?.code === 1056,
  );
  assert.equal((await cloudflared.configurations.update(id, { account_id, config: withCatchAll })).version, 1);
  const read = await cloudflared.configurations.get(id, { account_id });
  assert.deepEqual([read.version, read.source, read.config], [1, 'cloudflare', withCatchAll]);

  fixture.registry.held.push(connection(id));
  const clients = await all(cloudflared.connections.get(id, { account_id }));
  assert.deepEqual(
    clients.map((one) => one.conns?.length),
    [1],
  );
  const connector = await cloudflared.connectors.get(clients[0]?.id ?? '', { account_id, tunnel_id: id });
  assert.deepEqual(connector, clients[0]);
  assert.equal((await cloudflared.get(id, { account_id })).status, 'healthy');
  await assert.rejects(
    async () => cloudflared.delete(id, { account_id }),
    (error) => error instanceof BadRequestError && error.errors[0]?.code === 1022,
  );
  await cloudflared.connections.delete(id, { account_id });
  assert.notEqual((await cloudflared.delete(id, { account_id })).deleted_at, null);
});

test('a wrong token is refused', async () => {
  const stranger = new Cloudflare({ apiToken: 'wrong', baseURL: fixture.api.baseUrl, maxRetries: 0 });
  await assert.rejects(async () => stranger.zones.get({ zone_id }), PermissionDeniedError);
});
