// Tunnels over HTTP: life cycle, credentials, status, connections, and what is refused.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { EdgeChange } from '../../../src/edge/model.ts';
import { parseToken } from '../../../src/protocol/credentials.ts';
import { type ApiFixture, connection, startApi } from './fixture.ts';

let fixture: ApiFixture;
let base = '';
beforeEach(async () => {
  fixture = await startApi();
  base = `${fixture.account}/cfd_tunnel`;
});
afterEach(() => fixture.stop());

async function create(name: string, more: Record<string, unknown> = {}) {
  const { status, body } = await fixture.call('POST', base, { name, ...more });
  assert.equal(status, 200);
  return body.result;
}

test('creating returns the tunnel, its credentials file and its token', async () => {
  const secret = Buffer.alloc(32, 3).toString('base64');
  const tunnel = await create('home', { tunnel_secret: secret, config_src: 'cloudflare' });
  assert.equal(tunnel.account_tag, fixture.store.account.id);
  assert.equal(tunnel.config_src, 'cloudflare');
  assert.equal(tunnel.remote_config, true);
  assert.equal(tunnel.status, 'inactive');
  assert.equal(tunnel.deleted_at, null);
  assert.deepEqual(tunnel.connections, []);
  assert.deepEqual(tunnel.credentials_file, {
    AccountTag: fixture.store.account.id,
    TunnelID: tunnel.id,
    TunnelName: 'home',
    TunnelSecret: secret,
  });
  const credentials = parseToken(tunnel.token);
  assert.deepEqual([credentials.tunnelId, credentials.accountTag], [tunnel.id, fixture.store.account.id]);
  assert.deepEqual(Buffer.from(credentials.tunnelSecret).toString('base64'), secret);
});

test('the token is a bare string, and no other answer carries the secret', async () => {
  const secret = Buffer.from('this would be a very secret secret!').toString('base64');
  const { id, token } = await create('home', { tunnel_secret: secret });
  assert.equal((await fixture.call('GET', `${base}/${id}/token`)).body.result, token);
  for (const [method, path, body] of [
    ['GET', base, undefined],
    ['GET', `${base}/${id}`, undefined],
    ['PATCH', `${base}/${id}`, { tunnel_secret: secret }],
    ['GET', `${base}/${id}/connections`, undefined],
    ['GET', `${base}/${id}/configurations`, undefined],
    ['DELETE', `${base}/${id}`, undefined],
  ] as const) {
    const answer = JSON.stringify(await fixture.call(method, path, body));
    assert.ok(!answer.includes(secret) && !answer.includes(token), `${method} ${path}`);
  }
});

test('a second tunnel of the same name is refused with 409, until the first is deleted', async () => {
  const { id } = await create('home');
  const { status, body } = await fixture.call('POST', base, { name: 'home' });
  assert.deepEqual([status, body.errors[0]?.code], [409, 1013]);
  await fixture.call('DELETE', `${base}/${id}`);
  await create('home');
});

for (const [name, body] of Object.entries({
  'no name': {},
  'an empty name': { name: '' },
  'a short secret': { name: 'x', tunnel_secret: 'AAAA' },
  'another source': { name: 'x', config_src: 'elsewhere' },
}))
  test(`a tunnel with ${name} is refused`, async () => {
    const answer = await fixture.call('POST', base, body);
    assert.deepEqual([answer.status, answer.body.errors[0]?.code], [400, 1001]);
  });

test('the listing returns what its filters ask for', async () => {
  const started = new Date(Date.now() - 60_000).toISOString();
  const one = await create('prod-one');
  const two = await create('prod-two');
  const three = await create('test-three');
  await fixture.call('DELETE', `${base}/${two.id}`);
  fixture.registry.held.push(connection(three.id));
  const later = new Date(Date.now() + 60_000).toISOString();
  const queries: [string, string[]][] = [
    ['', [one.id, two.id, three.id]],
    ['is_deleted=false', [one.id, three.id]],
    ['is_deleted=true', [two.id]],
    ['name=prod-one', [one.id]],
    [`uuid=${two.id}`, [two.id]],
    ['include_prefix=prod', [one.id, two.id]],
    ['name_prefix=prod&is_deleted=false', [one.id]],
    ['exclude_prefix=prod', [three.id]],
    ['status=healthy', [three.id]],
    ['status=inactive&is_deleted=false', [one.id]],
    [`existed_at=${later}`, [one.id, three.id]],
    [`existed_at=${started}`, []],
    [`was_active_at=${later}`, [three.id]],
    ['per_page=2&page=2', [three.id]],
  ];
  for (const [query, want] of queries) {
    const { body } = await fixture.call('GET', `${base}?${query}`);
    assert.deepEqual(
      body.result.map((tunnel) => tunnel.id),
      want,
      query,
    );
  }
  const { body } = await fixture.call('GET', `${base}?per_page=2`);
  assert.deepEqual(body.result_info, { page: 1, per_page: 2, count: 2, total_count: 3, total_pages: 2 });
});

for (const query of ['uuid=x', 'existed_at=yesterday', 'is_deleted=perhaps', 'status=fine', 'per_page=1001'])
  test(`the listing refuses ${query}`, async () => {
    assert.equal((await fixture.call('GET', `${base}?${query}`)).status, 400);
  });

test('a tunnel is renamed, and its secret replaced', async () => {
  const { id, token } = await create('home');
  const secret = Buffer.alloc(32, 5).toString('base64');
  const { body } = await fixture.call('PATCH', `${base}/${id}`, { name: 'house', tunnel_secret: secret });
  assert.equal(body.result.name, 'house');
  const fresh = (await fixture.call('GET', `${base}/${id}/token`)).body.result;
  assert.notEqual(fresh, token);
  assert.equal(Buffer.from(parseToken(String(fresh)).tunnelSecret).toString('base64'), secret);
});

test('status and times follow the connections', async () => {
  const { id } = await create('home');
  const look = async () => {
    const { status, conns_active_at, conns_inactive_at } = (await fixture.call('GET', `${base}/${id}`)).body.result;
    return [status, conns_active_at !== null, conns_inactive_at !== null];
  };
  assert.deepEqual(await look(), ['inactive', false, false]);
  fixture.registry.held.push(connection(id, { connIndex: 0 }), connection(id, { connIndex: 1 }));
  assert.deepEqual(await look(), ['healthy', true, false]);
  fixture.registry.held.push(connection(id, { connIndex: 3 }));
  assert.deepEqual(await look(), ['degraded', true, false]);
  fixture.registry.held.splice(0);
  assert.deepEqual(await look(), ['down', false, true]);
  fixture.registry.held.push(connection(id, { draining: true }));
  assert.deepEqual(await look(), ['down', false, true]);
});

test('connections are listed by connector, and a connector can be read', async () => {
  const { id } = await create('home');
  const other = 'c0000000-0000-4000-8000-000000000002';
  fixture.registry.held.push(
    connection(id, { clientId: other, openedAt: new Date(Date.UTC(2026, 0, 2)) }),
    connection(id, { connIndex: 1, openedAt: new Date(Date.UTC(2026, 0, 3)) }),
    connection(id),
  );
  const { body } = await fixture.call('GET', `${base}/${id}/connections`);
  assert.deepEqual(
    body.result.map((client) => [client.id, client.conns.length, client.run_at]),
    [
      ['c0000000-0000-4000-8000-000000000001', 2, '2026-01-01T00:00:00.000Z'],
      [other, 1, '2026-01-02T00:00:00.000Z'],
    ],
  );
  const held = fixture.registry.held[0];
  assert.deepEqual(body.result[1], {
    id: other,
    features: ['serialized_headers'],
    version: '2026.8.2',
    arch: 'linux_amd64',
    run_at: '2026-01-02T00:00:00.000Z',
    config_version: 0,
    conns: [
      {
        id: held?.id,
        uuid: held?.id,
        client_id: other,
        client_version: '2026.8.2',
        colo_name: 'home01',
        is_pending_reconnect: false,
        origin_ip: '192.0.2.10',
        opened_at: '2026-01-02T00:00:00.000Z',
      },
    ],
  });
  const connector = await fixture.call('GET', `${base}/${id}/connectors/${other}`);
  assert.deepEqual(connector.body.result, body.result[1]);
  assert.equal((await fixture.call('GET', `${base}/${id}/connectors/nobody`)).status, 404);
});

test('cleaning up ends one connector, or all of them', async () => {
  const { id } = await create('home');
  const other = 'c0000000-0000-4000-8000-000000000002';
  fixture.registry.held.push(connection(id), connection(id, { clientId: other }));
  const one = await fixture.call('DELETE', `${base}/${id}/connections?client_id=${other}`);
  assert.deepEqual([one.status, one.body.result, fixture.registry.held.length], [200, null, 1]);
  await fixture.call('DELETE', `${base}/${id}/connections`);
  assert.equal(fixture.registry.held.length, 0);
});

test('a connected tunnel is only deleted with cascade, and the data plane is told', async () => {
  const { id } = await create('home');
  const heard: EdgeChange[] = [];
  fixture.store.subscribe((change) => heard.push(change));
  fixture.registry.held.push(connection(id));
  const refused = await fixture.call('DELETE', `${base}/${id}`);
  assert.deepEqual([refused.status, refused.body.errors[0]?.code, heard.length], [400, 1022, 0]);
  const { status, body } = await fixture.call('DELETE', `${base}/${id}?cascade=true`);
  assert.equal(status, 200);
  assert.notEqual(body.result.deleted_at, null);
  assert.deepEqual(heard, [{ kind: 'tunnel-deleted', tunnelId: id }]);
  assert.equal(fixture.registry.held.length, 0);
});

test('a deleted tunnel can be read, and nothing else', async () => {
  const { id } = await create('home');
  await fixture.call('DELETE', `${base}/${id}`);
  assert.notEqual((await fixture.call('GET', `${base}/${id}`)).body.result.deleted_at, null);
  for (const [method, path, body] of [
    ['DELETE', '', undefined],
    ['PATCH', '', { name: 'x' }],
    ['GET', '/token', undefined],
    ['GET', '/configurations', undefined],
    ['PUT', '/configurations', { config: { ingress: [{ service: 'http_status:404' }] } }],
  ] as const) {
    const answer = await fixture.call(method, `${base}/${id}${path}`, body);
    assert.deepEqual([answer.status, answer.body.errors[0]?.code], [404, 1003], `${method} ${path}`);
  }
});

test('ids are found in capitals too', async () => {
  const { id } = await create('home');
  assert.equal((await fixture.call('GET', `${base}/${id.toUpperCase()}`)).body.result.id, id);
});
