// Configurations and DNS routes of a tunnel over HTTP.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { EdgeChange } from '../../../src/edge/model.ts';
import { contentOfTunnel } from '../../../src/edge/store/names.ts';
import { type ApiFixture, startApi } from './fixture.ts';

let fixture: ApiFixture;
let id = '';
let path = '';
let routes = '';
beforeEach(async () => {
  fixture = await startApi();
  id = fixture.store.tunnels.create({ name: 'home', config_src: 'cloudflare' }).id;
  path = `${fixture.account}/cfd_tunnel/${id}/configurations`;
  routes = `/zones/${fixture.zone.id}/tunnels/${id}/routes`;
});
afterEach(() => fixture.stop());

const config = {
  ingress: [
    {
      hostname: 'a.example.com',
      path: '^/api',
      service: 'http://10.0.0.5:3000',
      originRequest: { noTLSVerify: true, later: 1 },
    },
    { hostname: 'ssh.example.com', service: 'ssh://10.0.0.5:22', note: 'kept' },
    { service: 'http_status:404' },
  ],
  originRequest: { connectTimeout: 10 },
  'warp-routing': { enabled: false },
  somethingNew: [1, { deep: null }],
};

test('before anything was put, the configuration is version 0 and empty', async () => {
  const { body } = await fixture.call('GET', path);
  assert.equal(body.result.version, 0);
  assert.equal(body.result.config, null);
  assert.equal(body.result.source, 'cloudflare');
  assert.equal(body.result.tunnel_id, id);
});

test('a configuration is kept verbatim, counted, and pushed', async () => {
  const heard: EdgeChange[] = [];
  fixture.store.subscribe((change) => heard.push(change));
  const put = await fixture.call('PUT', path, { config });
  assert.deepEqual([put.status, put.body.result.version, put.body.result.source], [200, 1, 'cloudflare']);
  assert.deepEqual(put.body.result.config, config);
  assert.equal((await fixture.call('PUT', path, { config })).body.result.version, 2);
  assert.deepEqual((await fixture.call('GET', path)).body.result.config, config);
  assert.deepEqual(fixture.store.configuration(id), { version: 2, config });
  assert.deepEqual(heard, [
    { kind: 'configuration', tunnelId: id },
    { kind: 'configuration', tunnelId: id },
  ]);
});

const accepted: Record<string, unknown> = {
  'no rules': { ingress: [] },
  'rules that are null': { ingress: null },
  'nothing at all': {},
  'only a catch-all': { ingress: [{ service: 'hello_world' }] },
};

for (const [name, candidate] of Object.entries(accepted))
  test(`a configuration with ${name} is accepted`, async () => {
    assert.equal((await fixture.call('PUT', path, { config: candidate })).status, 200);
  });

const refused: { name: string; body: unknown; code: number }[] = [
  {
    name: 'no catch-all at the end',
    body: { config: { ingress: [{ hostname: 'a.b', service: 'http://x:1' }] } },
    code: 1056,
  },
  {
    name: 'a catch-all in the middle',
    body: { config: { ingress: [{ service: 'http_status:404' }, { service: 'http_status:404' }] } },
    code: 1056,
  },
  { name: 'a service that is none', body: { config: { ingress: [{ service: 'nonsense' }] } }, code: 1056 },
  { name: 'a rule without service', body: { config: { ingress: [{ hostname: '' }] } }, code: 1056 },
  {
    name: 'a hostname with a port',
    body: { config: { ingress: [{ hostname: 'a:80', service: 'http://x:1' }, { service: 'http_status:404' }] } },
    code: 1056,
  },
  {
    name: 'a regex that is none',
    body: { config: { ingress: [{ path: '(', service: 'http://x:1' }, { service: 'http_status:404' }] } },
    code: 1056,
  },
  { name: 'a rule that is text', body: { config: { ingress: ['x'] } }, code: 1001 },
  {
    name: 'a hostname that is a number',
    body: { config: { ingress: [{ hostname: 1, service: 'http://x:1' }] } },
    code: 1001,
  },
  { name: 'no config', body: {}, code: 1001 },
];

for (const { name, body, code } of refused)
  test(`a configuration with ${name} is refused and changes nothing`, async () => {
    const answer = await fixture.call('PUT', path, body);
    assert.deepEqual([answer.status, answer.body.errors[0]?.code], [400, code]);
    assert.equal(fixture.store.configuration(id), undefined);
  });

test('what a locally managed tunnel reported is shown', async () => {
  fixture.store.reportLocalConfiguration(id, { ingress: [{ service: 'http_status:503' }] });
  const { body } = await fixture.call('GET', path);
  assert.deepEqual([body.result.version, body.result.source], [0, 'local']);
  assert.deepEqual(body.result.config, { ingress: [{ service: 'http_status:503' }] });
});

test('routing a name makes a proxied CNAME, once', async () => {
  const body = { type: 'dns', user_hostname: 'Grafana.example.com', overwrite_existing: false };
  const made = await fixture.call('PUT', routes, body);
  assert.deepEqual(made.body.result, { cname: 'new', name: 'grafana.example.com' });
  const [record] = fixture.store.records.list(fixture.zone.id);
  assert.deepEqual(
    [record?.type, record?.name, record?.content, record?.proxied],
    ['CNAME', 'grafana.example.com', contentOfTunnel(id), true],
  );
  assert.equal((await fixture.call('PUT', routes, body)).body.result.cname, 'unchanged');
  assert.equal(fixture.store.route('grafana.example.com')?.tunnelId, id);
});

test('a name outside the zone is taken to be below it', async () => {
  const { body } = await fixture.call('PUT', routes, { type: 'dns', user_hostname: 'grafana' });
  assert.deepEqual(body.result, { cname: 'new', name: 'grafana.example.com' });
});

for (const existing of [
  { type: 'A', name: 'x', content: '192.0.2.1' },
  { type: 'CNAME', name: 'x', content: 'elsewhere.example.net' },
  { type: 'CNAME', name: 'x', content: contentOfTunnel('6ba7b810-9dad-11d1-80b4-00c04fd430c8'), proxied: true },
])
  test(`a name that has a ${existing.type} to ${existing.content} is only taken over when asked`, async () => {
    const before = fixture.store.records.create(fixture.zone, existing);
    const refusal = await fixture.call('PUT', routes, { type: 'dns', user_hostname: 'x.example.com' });
    assert.deepEqual([refusal.status, refusal.body.errors[0]?.code], [400, 1003]);
    assert.equal(refusal.body.errors[0]?.message, 'An A, AAAA, or CNAME record with that host already exists.');
    assert.deepEqual(fixture.store.records.list(fixture.zone.id), [before]);
    const taken = await fixture.call('PUT', routes, {
      type: 'dns',
      user_hostname: 'x.example.com',
      overwrite_existing: true,
    });
    assert.deepEqual(taken.body.result, { cname: 'updated', name: 'x.example.com' });
    assert.equal(fixture.store.route('x.example.com')?.tunnelId, id);
  });

test('load balancers are refused politely, impossible names and unknown tunnels plainly', async () => {
  const balancer = await fixture.call('PUT', routes, { type: 'lb', lb_name: 'l', lb_pool: 'p' });
  assert.deepEqual([balancer.status, balancer.body.errors[0]?.code], [400, 1003]);
  assert.match(balancer.body.errors[0]?.message ?? '', /no load balancers/);
  assert.equal((await fixture.call('PUT', routes, { type: 'dns', user_hostname: 'a b' })).status, 400);
  assert.equal((await fixture.call('PUT', routes, { type: 'dns' })).status, 400);
  const unknown = `/zones/${fixture.zone.id}/tunnels/6ba7b810-9dad-11d1-80b4-00c04fd430c8/routes`;
  assert.equal((await fixture.call('PUT', unknown, { type: 'dns', user_hostname: 'x' })).status, 404);
});
