// The real cloudflared managing tunnels through the embedded edge's API: every verb, with what it prints and how it exits.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { contentOfTunnel } from '../../src/edge/store/names.ts';
import { parseCredentialsFile, parseToken } from '../../src/protocol/credentials.ts';
import { type ApiFixture, apiToken, connection, startApi } from '../edge/api/fixture.ts';
import { interopBinary } from './binary.ts';

const binary = interopBinary();
const skip = 'reason' in binary ? binary.reason : false;

/** What a command left behind. */
interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe('cloudflared tunnel … --api-url', { skip }, () => {
  let fixture: ApiFixture;
  let folder = '';
  let id = '';

  before(async () => {
    fixture = await startApi();
    folder = mkdtempSync(join(tmpdir(), 'cloudflared-api-'));
    writeCertificate({ zoneID: fixture.zone.id, accountID: fixture.store.account.id, apiToken });
    const created = await run('create', 'home');
    assert.equal(created.code, 0, created.stderr);
    id = fixture.store.tunnels.list()[0]?.id ?? '';
  });
  after(async () => {
    await fixture.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What `tunnel login` writes. */
  function writeCertificate(content: Record<string, string>): void {
    const body = Buffer.from(JSON.stringify(content)).toString('base64');
    const label = 'ARGO TUNNEL TOKEN';
    writeFileSync(join(folder, 'cert.pem'), `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`, {
      mode: 0o600,
    });
  }

  function run(...args: string[]): Promise<Outcome> {
    const file = 'path' in binary ? binary.path : '';
    const all = ['tunnel', '--origincert', join(folder, 'cert.pem'), '--api-url', fixture.api.baseUrl, ...args];
    return new Promise((resolve) => {
      execFile(file, all, { env: { HOME: folder, PATH: process.env.PATH } }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
  }

  test('create wrote credentials the store agrees with', () => {
    const file = readdirSync(folder).find((name) => name.endsWith('.json')) ?? '';
    assert.equal(file, `${id}.json`);
    const credentials = parseCredentialsFile(readFileSync(join(folder, file), 'utf8'), file);
    assert.deepEqual([credentials.tunnelId, credentials.accountTag], [id, fixture.store.account.id]);
    assert.deepEqual(Buffer.from(credentials.tunnelSecret), Buffer.from(fixture.store.tunnel(id)?.secret ?? []));
  });

  test('create says so when the name is taken', async () => {
    const { code, stderr } = await run('create', 'home');
    assert.equal(code, 1);
    assert.match(stderr, /tunnel with name already exists/);
  });

  test('list and info show the tunnel, then its connections', async () => {
    const [tunnel] = JSON.parse((await run('list', '--output', 'json')).stdout);
    assert.deepEqual([tunnel.id, tunnel.name, tunnel.connections], [id, 'home', []]);
    assert.match((await run('info', 'home')).stdout, /does not have any active connection/);
    fixture.registry.held.push(connection(id), connection(id, { connIndex: 1 }));
    assert.match((await run('list', '--name', 'home')).stdout, /2xhome01/);
    assert.match((await run('info', 'home')).stdout, /linux_amd64\s+2026\.8\.2\s+192\.0\.2\.10\s+2xhome01/);
    assert.doesNotMatch((await run('list', '--exclude-name-prefixes', 'ho')).stdout, /home/);
    fixture.registry.held.splice(0);
  });

  test('route dns adds, leaves and overwrites a CNAME', async () => {
    assert.match((await run('route', 'dns', 'home', 'grafana')).stderr, /Added CNAME grafana\.example\.com/);
    assert.match((await run('route', 'dns', id, 'grafana.example.com')).stderr, /is already configured/);
    assert.match((await run('route', 'dns', id, '*.example.com')).stderr, /Added CNAME \*\.example\.com/);
    fixture.store.records.create(fixture.zone, { type: 'A', name: 'x', content: '192.0.2.1' });
    const refused = await run('route', 'dns', 'home', 'x.example.com');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /code: 1003, reason: An A, AAAA, or CNAME record with that host already exists/);
    assert.match((await run('route', 'dns', '-f', 'home', 'x.example.com')).stderr, /x\.example\.com updated to route/);
    const records = fixture.store.records.list(fixture.zone.id);
    assert.ok(records.every((record) => record.content === contentOfTunnel(id) && record.proxied));
    assert.equal(records.length, 3);
  });

  test('route lb is refused in words', async () => {
    const { code, stderr } = await run('route', 'lb', 'home', 'l.example.com', 'pool');
    assert.equal(code, 1);
    assert.match(stderr, /has no load balancers/);
  });

  test('token prints what runs the tunnel, also as a credentials file', async () => {
    const { stdout } = await run('token', 'home');
    assert.equal(parseToken(stdout).tunnelId, id);
    const path = join(folder, 'from-token');
    assert.equal((await run('token', '--cred-file', path, 'home')).code, 0);
    assert.equal(parseCredentialsFile(readFileSync(path, 'utf8'), path).tunnelId, id);
  });

  test('a tunnel that does not exist is not found', async () => {
    const { code, stderr } = await run('token', '6ba7b810-9dad-11d1-80b4-00c04fd430c8');
    assert.equal(code, 1);
    assert.match(stderr, /Tunnel not found/);
  });

  test('delete refuses a connected tunnel, cleanup disconnects it, and then it goes', async () => {
    fixture.registry.held.push(connection(id));
    const refused = await run('delete', 'home');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /code: 1022, reason: Cannot delete tunnel because it has active connections/);
    assert.equal((await run('cleanup', 'home')).code, 0);
    assert.equal(fixture.registry.held.length, 0);
    assert.equal((await run('delete', 'home')).code, 0);
    assert.notEqual(fixture.store.tunnels.get(id)?.deletedAt, null);
    const again = await run('delete', id);
    assert.match(again.stderr, /has already been deleted/);
  });

  test('delete -f takes the connections along', async () => {
    assert.equal((await run('create', 'other')).code, 0);
    const other = fixture.store.tunnels.list().at(-1)?.id ?? '';
    fixture.registry.held.push(connection(other));
    assert.equal((await run('delete', '-f', 'other')).code, 0);
    assert.equal(fixture.registry.held.length, 0);
  });

  test('a wrong token is refused', async () => {
    writeCertificate({ zoneID: fixture.zone.id, accountID: fixture.store.account.id, apiToken: 'wrong' });
    const { code, stderr } = await run('list');
    assert.equal(code, 1);
    // Later versions say less.
    assert.match(stderr, /code: 10000, reason: Authentication error|REST request failed: unauthorized/);
  });
});
