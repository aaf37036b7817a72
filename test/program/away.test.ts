// The program on an edge that is not its own, as on Cloudflare's: given a tunnel's token, credentials on disk, or an API that is down.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { readOnlyZones } from '../../src/app/token-findings.ts';
import { formatCredentialsFile, parseToken } from '../../src/protocol/credentials.ts';
import { type OtherEdge, startOtherEdge } from './other-edge.ts';
import { type Program, startProgram, until } from './program.ts';

const { signal } = new AbortController();

describe('on an edge elsewhere', { timeout: 120_000 }, () => {
  let edge: OtherEdge;
  let origin: Server;
  let port = 0;
  let folder = '';
  let running: Program[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'away-'));
    edge = await startOtherEdge();
    origin = createServer((request, response) => response.end(`origin says ${request.headers.host}`));
    await once(origin.listen(0, '127.0.0.1'), 'listening');
    port = (origin.address() as AddressInfo).port;
  });
  afterEach(async () => {
    edge.open();
    for (const program of running) await program.stop();
    running = [];
  });
  after(async () => {
    origin?.close();
    await edge?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const service = (name: string, at = port) => ({
    name,
    address: '127.0.0.1',
    port: at,
    protocol: 'http',
    access: 'public',
  });

  async function start(cloudflare: Record<string, unknown>, more: Record<string, unknown> = {}): Promise<Program> {
    const program = await startProgram({
      edge: 'cloudflare',
      connector: 'native',
      domain: 'example.test',
      cloudflare: { ...edge.cloudflare, ...cloudflare },
      ...more,
    });
    running.push(program);
    return program;
  }

  const withApi = () => ({ api_url: edge.apiUrl, api_token: edge.apiToken });
  const served = (name: string, status = 200) =>
    edge.program.until(`${name}.example.test`, (answer) => answer.status === status);

  async function newTunnel(name: string, configSrc: 'local' | 'cloudflare') {
    const request = { name, tunnelSecret: Buffer.alloc(32, 5).toString('base64'), configSrc };
    const { id } = await edge.api.tunnels.create(edge.account, request, signal);
    return { id, token: await edge.api.tunnels.token(edge.account, id, signal) };
  }

  async function point(name: string, tunnelId: string): Promise<void> {
    const posts = [
      {
        name: `${name}.example.test`,
        type: 'CNAME',
        content: `${tunnelId}.cfargotunnel.com`,
        proxied: true,
        ttl: 1,
        comment: '',
      } as const,
    ];
    await edge.api.dns.batch(edge.zoneId, { deletes: [], patches: [], posts }, signal);
  }

  test("with a tunnel's token alone the connector serves what the edge pushes, and says what is missing", async () => {
    const { id, token } = await newTunnel('by-token', 'cloudflare');
    await point('dashboard', id);
    const rules = [
      { hostname: 'dashboard.example.test', service: `http://127.0.0.1:${port}` },
      { service: 'http_status:404' },
    ];
    await edge.api.configurations.put({ account: edge.account, tunnelId: id }, { ingress: rules }, signal);
    const program = await start({ tunnel: { token } }, { services: [service('wanted')] });
    assert.equal((await served('dashboard')).body, 'origin says dashboard.example.test');
    const status = await until(
      async () => program.status(),
      ({ services }) => services.length > 0,
    );
    const [wanted] = status.services;
    assert.equal(wanted?.published, false);
    const [finding] = wanted?.diagnostics ?? [];
    assert.equal(finding?.code, 'W_NO_API_TOKEN');
    assert.match(
      finding?.hint ?? '',
      new RegExp(
        `wanted\\.example\\.test to http://127\\.0\\.0\\.1:${port}, and a CNAME wanted\\.example\\.test to ${id}\\.cfargo`,
      ),
    );
    assert.ok(!JSON.stringify(status).includes(token));
    const { config } = await edge.api.configurations.get(edge.account, id, signal);
    assert.deepEqual(config?.ingress, rules);
  });

  test("with a tunnel's token and an API token rules and names are written", async () => {
    const { id, token } = await newTunnel('by-both', 'cloudflare');
    await start({ ...withApi(), tunnel: { token } }, { services: [service('both')] });
    assert.equal((await served('both')).body, 'origin says both.example.test');
    const { config } = await edge.api.configurations.get(edge.account, id, signal);
    assert.equal(config?.ingress?.[0]?.hostname, 'both.example.test');
  });

  test('a tunnel by id runs with the credentials in its file, which are written nowhere else', async () => {
    const { id, token } = await newTunnel('by-file', 'local');
    const file = join(folder, 'credentials.json');
    writeFileSync(file, formatCredentialsFile(parseToken(token)));
    const program = await start(
      { ...withApi(), tunnel: { id, credentials_file: file } },
      { services: [service('filed')] },
    );
    assert.equal((await served('filed')).body, 'origin says filed.example.test');
    assert.throws(() => readFileSync(join(program.dataDir, `${id}.json`)), { code: 'ENOENT' });
  });

  test("another tunnel's credentials file is told as such", async () => {
    const { token } = await newTunnel('not-this', 'local');
    const { id } = await newTunnel('but-this', 'local');
    const file = join(folder, 'other.json');
    writeFileSync(file, formatCredentialsFile(parseToken(token)));
    const program = await start({ ...withApi(), tunnel: { id, credentials_file: file } });
    const status = await until(
      async () => program.status(),
      ({ lastError }) => lastError !== undefined,
    );
    assert.match(status.lastError ?? '', /these are the credentials of tunnel .*, not of /);
  });

  const outages = [
    { name: 'is down', status: 503 },
    { name: 'does not take our token any more', status: 403 },
  ];
  const kinds = [
    { name: 'our own rules', configSrc: 'local' as const },
    { name: 'rules that the edge keeps', configSrc: 'cloudflare' as const },
  ];
  for (const [at, { name, status }] of outages.entries()) {
    for (const { name: kind, configSrc } of kinds) {
      const label = `${configSrc}${at}`;
      test(`with ${kind}, a start while the API ${name} serves what it served, and catches up`, async () => {
        await newTunnel(label, configSrc);
        const data_dir = join(folder, label);
        const cloudflare = { ...withApi(), tunnel: { name: label } };
        const first = await start(cloudflare, { data_dir, services: [service(`${label}-old`)] });
        await served(`${label}-old`);
        await first.pass();
        await first.stop();
        running = [];
        await served(`${label}-old`, 530);
        edge.shut(status);
        const again = await start(cloudflare, {
          data_dir,
          services: [service(`${label}-old`), service(`${label}-new`)],
        });
        assert.equal((await served(`${label}-old`)).body, `origin says ${label}-old.example.test`);
        assert.equal((await edge.program.get(`${label}-new.example.test`)).status, 530);
        edge.open();
        await until(
          async () => void (await again.pass()),
          () => true,
        );
        await served(`${label}-new`);
      });
    }
  }

  test('a start while the API is down does not serve rules that lead elsewhere now', async () => {
    await newTunnel('moved', 'cloudflare');
    const data_dir = join(folder, 'moved');
    const cloudflare = { ...withApi(), tunnel: { name: 'moved' } };
    const first = await start(cloudflare, { data_dir, services: [service('moved')] });
    await served('moved');
    await first.pass();
    await first.stop();
    running = [];
    edge.shut();
    const again = await start(cloudflare, { data_dir, services: [service('moved', port + 1)] });
    await until(
      async () => again.status(),
      ({ revision }) => revision > 0,
    );
    assert.deepEqual(again.status().connector?.connections, []);
    assert.equal((await edge.program.get('moved.example.test')).status, 530);
  });

  test('another tunnel name moves the names there, and tells of the tunnel that is left over', async () => {
    const data_dir = join(folder, 'renamed');
    const settings = { data_dir, services: [service('renamed')] };
    const first = await start({ ...withApi(), tunnel: { name: 'before' } }, settings);
    await served('renamed');
    await first.pass();
    await first.stop();
    running = [];
    const again = await start({ ...withApi(), tunnel: { name: 'afterwards' } }, settings);
    await served('renamed');
    const before = await edge.api.tunnels.byName(edge.account, 'before', signal);
    const now = await edge.api.tunnels.byName(edge.account, 'afterwards', signal);
    await again.pass();
    const record = (await edge.api.dns.list(edge.zoneId, signal)).find(({ name }) => name === 'renamed.example.test');
    assert.equal(record?.content, `${now?.id}.cfargotunnel.com`);
    const [finding] = again.status().diagnostics.filter(({ code }) => code === 'W_TUNNEL_ORPHAN');
    assert.equal(finding?.severity, 'info');
    assert.match(finding?.hint ?? '', new RegExp(`sallyport tunnel delete ${before?.id}`));
  });

  test('a tunnel that somebody deleted is made again, and the names lead to the new one', async () => {
    const data_dir = join(folder, 'deleted');
    const settings = { data_dir, services: [service('deleted')] };
    const cloudflare = { ...withApi(), tunnel: { name: 'deleted' } };
    const first = await start(cloudflare, settings);
    await served('deleted');
    await first.stop();
    running = [];
    const before = await edge.api.tunnels.byName(edge.account, 'deleted', signal);
    await edge.api.tunnels.delete(edge.account, before?.id ?? '', signal);
    await start(cloudflare, settings);
    await served('deleted');
    const now = await edge.api.tunnels.byName(edge.account, 'deleted', signal);
    assert.notEqual(now?.id, before?.id);
  });

  test('two connectors on one tunnel serve the same, and no request is lost when one goes', async () => {
    const { token } = await newTunnel('replicas', 'cloudflare');
    await start({ ...withApi(), tunnel: { token } }, { services: [service('replicas')] });
    const replica = await start({ tunnel: { token } });
    await until(
      async () => replica.status().connector?.connections ?? [],
      (connections) => connections.filter(({ state }) => state === 'connected').length === 4,
    );
    await served('replicas');
    await until(
      () => Promise.all(Array.from({ length: 16 }, () => edge.program.get('replicas.example.test'))),
      (answers) => answers.every(({ status }) => status === 200),
    );
    let isOver = false;
    const statuses = new Map<number, number>();
    const visitor = async () => {
      while (!isOver) {
        const { status } = await edge.program.get('replicas.example.test');
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    const visitors = Array.from({ length: 4 }, visitor);
    await until(
      async () => statuses.get(200) ?? 0,
      (count) => count > 20,
    );
    await replica.stop();
    running = running.filter((program) => program !== replica);
    const before = statuses.get(200) ?? 0;
    await until(
      async () => statuses.get(200) ?? 0,
      (count) => count > before + 20,
    );
    isOver = true;
    await Promise.all(visitors);
    assert.deepEqual([...statuses.keys()], [200]);
  });

  test('two programs with different owners share a tunnel whose rules the edge keeps', async () => {
    const { token } = await newTunnel('shared', 'cloudflare');
    const one = await start({ ...withApi(), tunnel: { token } }, { services: [service('one')], owner: 'first' });
    await served('one');
    const two = await start({ ...withApi(), tunnel: { token } }, { services: [service('two')], owner: 'second' });
    await served('two');
    for (const program of [one, two, one]) {
      await program.pass();
      await served('one');
      await served('two');
    }
  });

  test('a token that may only read the records of a zone is told so at the start', async () => {
    const found = readOnlyZones([
      { id: '1', name: 'a.test', permissions: ['#zone:read', '#dns_records:read'] },
      { id: '2', name: 'b.test', permissions: ['#zone:read', '#dns_records:read', '#dns_records:edit'] },
      { id: '3', name: 'c.test' },
    ]);
    assert.deepEqual(
      found.map(({ code, message }) => [code, message]),
      [['E_API_UNAUTHORIZED', 'the API token lacks "Zone > DNS > Edit" for a.test: its records cannot be written']],
    );
  });

  test('a right that is taken away while running stops that part alone, is named, and comes back', async () => {
    const file = join(folder, 'rights.json');
    const write = (...names: string[]) =>
      writeFileSync(file, JSON.stringify({ services: names.map((name) => service(name)) }));
    write('before');
    const program = await startProgram(
      {
        edge: 'cloudflare',
        connector: 'native',
        domain: 'example.test',
        cloudflare: { ...edge.cloudflare, ...withApi(), tunnel: { name: 'rights' } },
      },
      { SALLYPORT_SETTINGS: file },
    );
    running.push(program);
    await served('before');
    edge.shut(403, /\/dns_records/);
    write('before', 'later');
    const { diagnostics } = await until(
      async () => program.status(),
      (status) => status.diagnostics.some(({ code }) => code === 'E_API_UNAUTHORIZED'),
    );
    const refusal = diagnostics.find(({ code }) => code === 'E_API_UNAUTHORIZED');
    assert.match(refusal?.message ?? '', /^planning DNS: the API token lacks "Zone > DNS > Edit" for example\.test/);
    assert.equal((await edge.program.get('before.example.test')).status, 200);
    assert.equal((await edge.program.get('later.example.test')).status, 530);
    edge.open();
    await program.pass();
    await served('later');
  });

  test('a tunnel that another connector carries with rules of its own is told as such, not our own last run', async () => {
    const { token } = await newTunnel('crowded', 'local');
    const cloudflare = { ...withApi(), tunnel: { token } };
    const crowded = (program: Program) => program.status().diagnostics.filter(({ code }) => code === 'W_TUNNEL_SHARED');
    const first = await start(cloudflare, { services: [service('crowded')] });
    await served('crowded');
    await first.pass();
    assert.deepEqual(crowded(first), []);
    const second = await start(cloudflare, { services: [service('crowd')] });
    await second.pass();
    assert.match(crowded(second)[0]?.message ?? '', /^another connector is on the tunnel "crowded" \(version /);
  });
});
