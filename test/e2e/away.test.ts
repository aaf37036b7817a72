// Which tunnel: by its token, by its credentials file, by another name, or one that somebody deleted.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { formatCredentialsFile, parseToken } from '../../src/protocol/credentials.ts';
import { useAway } from '../program/away.ts';
import { until } from '../program/program.ts';

const { signal } = new AbortController();

describe('a tunnel on an edge elsewhere', { timeout: 120_000 }, () => {
  const away = useAway();

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
    await away.edge.api.dns.batch(away.edge.zoneId, { deletes: [], patches: [], posts }, signal);
  }

  test("with a tunnel's token alone the connector serves what the edge pushes, and says what is missing", async () => {
    const { id, token } = await away.newTunnel('by-token', 'cloudflare');
    await point('dashboard', id);
    const rules = [
      { hostname: 'dashboard.example.test', service: `http://127.0.0.1:${away.port}` },
      { service: 'http_status:404' },
    ];
    await away.edge.api.configurations.put({ account: away.edge.account, tunnelId: id }, { ingress: rules }, signal);
    const program = await away.start({ tunnel: { token } }, { services: [away.service('wanted')] });
    assert.equal((await away.served('dashboard')).body, 'origin says dashboard.example.test');
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
        `wanted\\.example\\.test to http://127\\.0\\.0\\.1:${away.port}, and a CNAME wanted\\.example\\.test to ${id}\\.cfargo`,
      ),
    );
    assert.ok(!JSON.stringify(status).includes(token));
    const { config } = await away.edge.api.configurations.get(away.edge.account, id, signal);
    assert.deepEqual(config?.ingress, rules);
  });

  test("with a tunnel's token and an API token rules and names are written", async () => {
    const { id, token } = await away.newTunnel('by-both', 'cloudflare');
    await away.start({ ...away.withApi(), tunnel: { token } }, { services: [away.service('both')] });
    assert.equal((await away.served('both')).body, 'origin says both.example.test');
    const { config } = await away.edge.api.configurations.get(away.edge.account, id, signal);
    assert.equal(config?.ingress?.[0]?.hostname, 'both.example.test');
  });

  test('a tunnel by id runs with the credentials in its file, which are written nowhere else', async () => {
    const { id, token } = await away.newTunnel('by-file', 'local');
    const file = join(away.folder, 'credentials.json');
    writeFileSync(file, formatCredentialsFile(parseToken(token)));
    const program = await away.start(
      { ...away.withApi(), tunnel: { id, credentials_file: file } },
      { services: [away.service('filed')] },
    );
    assert.equal((await away.served('filed')).body, 'origin says filed.example.test');
    assert.throws(() => readFileSync(join(program.dataDir, `${id}.json`)), { code: 'ENOENT' });
  });

  test("another tunnel's credentials file is told as such", async () => {
    const { token } = await away.newTunnel('not-this', 'local');
    const { id } = await away.newTunnel('but-this', 'local');
    const file = join(away.folder, 'other.json');
    writeFileSync(file, formatCredentialsFile(parseToken(token)));
    const program = await away.start({ ...away.withApi(), tunnel: { id, credentials_file: file } });
    const status = await until(
      async () => program.status(),
      ({ lastError }) => lastError !== undefined,
    );
    assert.match(status.lastError ?? '', /these are the credentials of tunnel .*, not of /);
  });

  test('another tunnel name moves the names there, and tells of the tunnel that is left over', async () => {
    const data_dir = join(away.folder, 'renamed');
    const settings = { data_dir, services: [away.service('renamed')] };
    const first = await away.start({ ...away.withApi(), tunnel: { name: 'before' } }, settings);
    await away.served('renamed');
    await first.pass();
    await away.stop(first);
    const again = await away.start({ ...away.withApi(), tunnel: { name: 'afterwards' } }, settings);
    await away.served('renamed');
    const before = await away.edge.api.tunnels.byName(away.edge.account, 'before', signal);
    const now = await away.edge.api.tunnels.byName(away.edge.account, 'afterwards', signal);
    await again.pass();
    const record = (await away.edge.api.dns.list(away.edge.zoneId, signal)).find(
      ({ name }) => name === 'renamed.example.test',
    );
    assert.equal(record?.content, `${now?.id}.cfargotunnel.com`);
    const [finding] = again.status().diagnostics.filter(({ code }) => code === 'W_TUNNEL_ORPHAN');
    assert.equal(finding?.severity, 'info');
    assert.match(finding?.hint ?? '', new RegExp(`sallyport tunnel delete ${before?.id}`));
  });

  test('a tunnel that somebody deleted is made again, and the names lead to the new one', async () => {
    const data_dir = join(away.folder, 'deleted');
    const settings = { data_dir, services: [away.service('deleted')] };
    const cloudflare = { ...away.withApi(), tunnel: { name: 'deleted' } };
    const first = await away.start(cloudflare, settings);
    await away.served('deleted');
    await away.stop(first);
    const before = await away.edge.api.tunnels.byName(away.edge.account, 'deleted', signal);
    await away.edge.api.tunnels.delete(away.edge.account, before?.id ?? '', signal);
    await away.start(cloudflare, settings);
    await away.served('deleted');
    const now = await away.edge.api.tunnels.byName(away.edge.account, 'deleted', signal);
    assert.notEqual(now?.id, before?.id);
  });
});
