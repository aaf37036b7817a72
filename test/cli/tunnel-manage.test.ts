// `tunnel create|list|info|token|cleanup|delete|route dns|login` against the embedded edge's API: what they print, write and leave.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { parseCredentialsFile, parseToken } from '../../src/protocol/credentials.ts';
import { formatOriginCert, parseOriginCert } from '../../src/tunnel/origin-cert.ts';
import { createOwnTunnels } from '../../src/tunnel/own-tunnels.ts';
import { type ApiFixture, apiToken, connection, startApi } from '../edge/api/fixture.ts';
import { createHome, type Home, type Outcome, sallyport } from './command.ts';

describe('tunnel …', () => {
  let fixture: ApiFixture;
  let home: Home;
  let settings = '';
  const kept = { ...process.env };

  before(async () => {
    fixture = await startApi();
  });
  after(() => fixture.stop());
  beforeEach(() => {
    home = createHome();
    settings = home.settings();
    process.env.HOME = home.dir;
  });
  afterEach(() => {
    for (const key of [
      'HOME',
      'TUNNEL_ORIGIN_CERT',
      'TUNNEL_API_URL',
      'TUNNEL_CRED_FILE',
      'TUNNEL_FORCE_PROVISIONING_DNS',
    ]) {
      if (kept[key] === undefined) delete process.env[key];
      else process.env[key] = kept[key];
    }
    fixture.registry.held.splice(0);
    for (const tunnel of fixture.store.tunnels.list())
      if (tunnel.deletedAt === null) fixture.store.tunnels.delete(tunnel.id);
    home.remove();
  });

  /** What a login leaves behind, where it is found without being named. */
  function logIn(token = apiToken): string {
    const path = join(home.dir, '.cloudflared', 'cert.pem');
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(
      path,
      formatOriginCert({ zoneId: fixture.zone.id, accountId: fixture.store.account.id, apiToken: token }),
    );
    return path;
  }

  function run(...args: string[]): Promise<Outcome> {
    return sallyport('--settings', settings, '--api-url', fixture.api.baseUrl, 'tunnel', ...args);
  }

  async function create(name: string): Promise<string> {
    assert.equal((await run('create', name)).exit, 0);
    return fixture.store.tunnels.list().findLast((tunnel) => tunnel.name === name)?.id ?? '';
  }

  test('create makes the tunnel and keeps its credentials beside the certificate', async () => {
    const cert = logIn();
    const { stdout, stderr, exit } = await run('create', 'home');
    const tunnel = fixture.store.tunnels.list().at(-1);
    const file = join(dirname(cert), `${tunnel?.id}.json`);
    assert.deepEqual([exit, stderr], [0, '']);
    assert.match(stdout, /Keep this file secret/);
    assert.ok(stdout.includes(`Tunnel credentials written to ${file}.`));
    assert.ok(stdout.endsWith(`Created tunnel home with id ${tunnel?.id}\n`));
    assert.equal(statSync(file).mode & 0o777, 0o400);
    const credentials = parseCredentialsFile(readFileSync(file, 'utf8'), file);
    assert.deepEqual([credentials.tunnelId, credentials.accountTag], [tunnel?.id, fixture.store.account.id]);
    assert.deepEqual(Buffer.from(credentials.tunnelSecret), Buffer.from(tunnel?.secret ?? []));
  });

  test('create as JSON says what was made, without its secret', async () => {
    logIn();
    const { stdout } = await run('create', '--output', 'json', 'home');
    const made = JSON.parse(stdout);
    assert.equal(made.name, 'home');
    assert.deepEqual(Object.keys(made).sort(), ['connections', 'created_at', 'deleted_at', 'id', 'name']);
  });

  test('create takes a secret and a place for the file', async () => {
    logIn();
    const secret = Buffer.alloc(32, 9).toString('base64');
    const file = join(home.dir, 'here.json');
    assert.equal((await run('--credentials-file', file, 'create', '-s', secret, 'home')).exit, 0);
    assert.equal(JSON.parse(readFileSync(file, 'utf8')).TunnelSecret, secret);
    const again = await run('create', '--cred-file', file, 'second');
    assert.equal(again.exit, 1);
    assert.match(again.stderr, /^error E_TUNNEL: there is such a credentials file already \(.*here\.json\)/);
    assert.ok(fixture.store.tunnels.list().every((tunnel) => tunnel.name !== 'second'));
  });

  test('a tunnel whose credentials cannot be written does not stay behind', async () => {
    logIn();
    writeFileSync(join(home.dir, 'no-folder'), '');
    const { exit, stderr } = await run('create', '--credentials-file', join(home.dir, 'no-folder', 'x.json'), 'home');
    assert.equal(exit, 1);
    assert.match(stderr, /the folder cannot be made/);
    assert.notEqual(fixture.store.tunnels.list().at(-1)?.deletedAt, null);
  });

  test('a short secret and a name that is taken are refused', async () => {
    logIn();
    assert.match(
      (await run('create', '--secret', 'aGVq', 'x')).stderr,
      /Decoded tunnel secret must be at least 32 bytes long/,
    );
    await create('home');
    const { exit, stderr } = await run('create', 'home');
    assert.equal(exit, 1);
    assert.match(stderr, /failed to create tunnel "home": tunnel with name already exists/);
  });

  test('list and info show tunnels and who is connected, for people and for programs', async () => {
    logIn();
    assert.match((await run('list')).stdout, /No tunnels were found/);
    const id = await create('home');
    await create('away');
    fixture.registry.held.push(
      connection(id),
      connection(id, { connIndex: 1 }),
      connection(id, { connIndex: 2, location: 'ams01' }),
    );
    const table = (await run('list')).stdout;
    assert.match(table, /^ID +NAME +CREATED +CONNECTIONS$/m);
    assert.match(
      table,
      new RegExp(`^${id} +home +\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ +1xams01, 2xhome01$`, 'm'),
    );
    const listed = JSON.parse((await run('list', '--json')).stdout);
    assert.deepEqual(
      listed.map((tunnel: { name: string; connections: unknown[] }) => [tunnel.name, tunnel.connections.length]),
      [
        ['away', 0],
        ['home', 3],
      ],
    );
    assert.equal(listed[0].deleted_at, '0001-01-01T00:00:00Z');
    const info = (await run('info', 'home')).stdout;
    assert.match(info, /^NAME: +home$/m);
    assert.match(info, /^CREATED: +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC$/m);
    assert.match(info, /linux_amd64 +2026\.8\.2 +192\.0\.2\.10 +1xams01, 2xhome01$/m);
    assert.equal(JSON.parse((await run('info', id, '-o', 'json')).stdout).conns[0].conns.length, 3);
    assert.match((await run('info', '-o', 'yaml', 'home')).stdout, /^ {4}runat: /m);
    assert.match((await run('info', 'away')).stdout, /does not have any active connection/);
  });

  test('list filters and sorts', async () => {
    logIn();
    const home_ = await create('home');
    await create('away');
    const names = async (...args: string[]) =>
      JSON.parse((await run('list', '-o', 'json', ...args)).stdout).map((tunnel: { name: string }) => tunnel.name);
    assert.deepEqual(await names('--name', 'home'), ['home']);
    assert.deepEqual(await names('--name-prefix', 'aw'), ['away']);
    assert.deepEqual(await names('--exclude-name-prefix', 'aw'), ['home']);
    assert.deepEqual(await names('--id', home_), ['home']);
    assert.deepEqual(await names('--when', '2001-01-01T00:00:00Z'), []);
    assert.deepEqual(await names('--invert-sort'), ['home', 'away']);
    await run('delete', 'away');
    assert.deepEqual(await names('--sort-by', 'createdAt'), ['home']);
    assert.ok((await names('-d')).includes('away'));
    assert.match((await run('list', '-o', 'xml')).stderr, /Unknown output format 'xml'/);
    assert.match((await run('list', '--when', 'soon')).stderr, /"soon" is not a time/);
  });

  test('token prints the token, or writes credentials', async () => {
    logIn();
    const id = await create('home');
    assert.equal(parseToken((await run('token', 'home')).stdout).tunnelId, id);
    const file = join(home.dir, 'from-token.json');
    const { stdout, exit } = await run('token', '--cred-file', file, id);
    assert.deepEqual([stdout, exit], ['', 0]);
    assert.equal(parseCredentialsFile(readFileSync(file, 'utf8'), file).tunnelId, id);
    assert.equal((await run('token', '--cred-file', file, id)).exit, 1);
  });

  test('route dns adds, leaves, refuses and overwrites', async () => {
    logIn();
    const id = await create('home');
    const added = await run('route', 'dns', 'home', 'r.example.com');
    assert.deepEqual([added.exit, added.stdout], [0, '']);
    assert.equal(added.stderr, `Added CNAME r.example.com which will route to this tunnel tunnelID=${id}\n`);
    assert.match((await run('route', 'dns', id, 'r.example.com')).stderr, /is already configured/);
    fixture.store.records.create(fixture.zone, { type: 'A', name: 'x', content: '192.0.2.1' });
    const refused = await run('route', 'dns', 'home', 'x.example.com');
    assert.equal(refused.exit, 1);
    assert.match(refused.stderr, /record with that host already exists/);
    process.env.TUNNEL_FORCE_PROVISIONING_DNS = 'false';
    assert.equal((await run('route', 'dns', 'home', 'x.example.com')).exit, 1);
    assert.deepEqual(
      fixture.store.records.named(fixture.zone.id, 'x.example.com').map((record) => record.content),
      ['192.0.2.1'],
    );
    assert.match((await run('route', 'dns', '-f', 'home', 'x.example.com')).stderr, /updated to route/);
    assert.deepEqual(
      fixture.store.records.named(fixture.zone.id, 'x.example.com').map((record) => record.content),
      [`${id}.cfargotunnel.com`],
    );
    const json = JSON.parse((await run('route', 'dns', '--json', 'home', '*.example.com')).stdout);
    assert.deepEqual(json, { cname: 'new', name: '*.example.com', tunnel: id });
    assert.match((await run('route', 'dns', 'home', 'bad host')).stderr, /bad host is not a valid hostname/);
  });

  test('delete refuses a connected tunnel, cleanup disconnects one connector, and the file goes with the tunnel', async () => {
    const cert = logIn();
    const id = await create('home');
    const stranger = 'c0000000-0000-4000-8000-000000000002';
    fixture.registry.held.push(connection(id), connection(id, { clientId: stranger }));
    const refused = await run('delete', 'home');
    assert.equal(refused.exit, 1);
    assert.match(refused.stderr, /active connections.*\(1022\)/);
    assert.match((await run('cleanup', '-c', 'x', 'home')).stderr, /x is not a valid ID/);
    assert.equal((await run('cleanup', '--connector-id', stranger, 'home')).exit, 0);
    assert.equal(fixture.registry.held.length, 1);
    assert.equal((await run('delete', '--force', 'home')).exit, 0);
    assert.equal(fixture.registry.held.length, 0);
    assert.equal(existsSync(join(dirname(cert), `${id}.json`)), false);
    assert.match((await run('delete', 'home')).stderr, /home is neither the ID nor the name of any of your tunnels/);
  });

  test('nothing is deleted when one of the names is wrong', async () => {
    logIn();
    const id = await create('home');
    assert.equal((await run('delete', 'home', 'nobody')).exit, 1);
    assert.equal(fixture.store.tunnels.get(id)?.deletedAt, null);
  });

  test('a certificate can be named by flag, before or after the verb, and by environment', async () => {
    const path = join(home.dir, 'elsewhere.pem');
    writeFileSync(path, readFileSync(logIn()));
    logIn('wrong');
    assert.match((await run('list')).stderr, /^error E_API_UNAUTHORIZED/);
    assert.equal((await run('--origincert', path, 'list')).exit, 0);
    assert.equal((await run('list', '--origincert', path)).exit, 0);
    process.env.TUNNEL_ORIGIN_CERT = path;
    process.env.TUNNEL_API_URL = fixture.api.baseUrl;
    assert.equal((await sallyport('--settings', settings, 'tunnel', 'list')).exit, 0);
    process.env.TUNNEL_ORIGIN_CERT = join(home.dir, 'nowhere.pem');
    assert.match((await run('list')).stderr, /cannot find a valid certificate at the path .*nowhere\.pem/);
    process.env.TUNNEL_API_URL = 'nonsense';
    assert.match(
      (await sallyport('--settings', settings, 'tunnel', 'list')).stderr,
      /not the URL of an API \(TUNNEL_API_URL\)/,
    );
  });

  test('without a login there is a way on', async () => {
    const other = await run('list');
    assert.equal(other.exit, 1);
    assert.match(other.stderr, /^error E_TUNNEL: Error locating origin cert: .*tunnel login/);
    const embedded = await sallyport(
      '--settings',
      home.settings('embedded_edge: { api: 127.0.0.1:1 }'),
      'tunnel',
      'list',
    );
    assert.equal(embedded.exit, 1);
    assert.match(
      embedded.stderr,
      /embedded edge of these settings is not running \(http:\/\/127\.0\.0\.1:1\/.*sallyport run/,
    );
  });

  test('an API token in the settings is a login too, and finds the zone of a name', async () => {
    fixture.store.ensureZone('deep.example.com');
    settings = home.settings(`edge: cloudflare\ndomain: example.com\ncloudflare: { api_token: ${apiToken} }`);
    const id = await create('home');
    const file = join(home.dataDir, `${id}.json`);
    assert.equal(parseCredentialsFile(readFileSync(file, 'utf8'), file).tunnelId, id);
    const route = async (name: string) => JSON.parse((await run('route', 'dns', '--json', 'home', name)).stdout).name;
    assert.equal(await route('a.deep.example.com'), 'a.deep.example.com');
    assert.equal(await route('short'), 'short.example.com');
    assert.match((await run('route', 'dns', 'home', 'x.example.org')).stderr, /^error E_ZONE_UNKNOWN/);
  });

  for (const args of [
    'create',
    'info',
    'token',
    'cleanup',
    'delete',
    'route dns',
    'route dns home',
    'list extra',
    'list --sort-by x',
    'login --loginURL x',
    'nope',
  ])
    test(`\`tunnel ${args}\` is a wrong command line`, async () => {
      const { exit, stdout, stderr } = await run(...args.split(' '));
      assert.deepEqual([exit, stdout], [2, '']);
      assert.match(stderr, /^error E_USAGE: /);
    });

  describe('login', () => {
    test('an API token makes a certificate that works', async () => {
      settings = home.settings('domain: example.com');
      const token = home.write('token', `${apiToken}\n`);
      const { exit, stdout, stderr } = await run('login', '--api-token-file', token);
      const path = join(home.dir, '.cloudflared', 'cert.pem');
      assert.deepEqual([exit, stdout], [0, '']);
      assert.match(stderr, /You have successfully logged in/);
      assert.equal(statSync(path).mode & 0o777, 0o600);
      const cert = parseOriginCert(readFileSync(path, 'utf8'), path);
      assert.deepEqual(cert, { zoneId: fixture.zone.id, accountId: fixture.store.account.id, apiToken });
      assert.equal((await run('list')).exit, 0);
    });

    test('a wrong API token leaves no certificate', async () => {
      const { exit, stderr } = await run('login', '--api-token-file', home.write('token', 'wrong'));
      assert.equal(exit, 1);
      assert.match(stderr, /^error E_API_UNAUTHORIZED/);
      assert.equal(existsSync(join(home.dir, '.cloudflared')), false);
    });

    test('a certificate that is there is left alone', async () => {
      const path = logIn();
      const before = readFileSync(path, 'utf8');
      const { exit, stderr } = await run('login', '--api-token-file', '/nonexistent');
      assert.equal(exit, 0);
      assert.match(stderr, /You have an existing certificate at .* which login would overwrite/);
      assert.equal(readFileSync(path, 'utf8'), before);
    });

    const pages: readonly [what: string, answer: () => string, exit: number, says: RegExp][] = [
      [
        'the certificate it hands over is kept',
        () => formatOriginCert({ zoneId: fixture.zone.id, accountId: fixture.store.account.id, apiToken }),
        0,
        /successfully logged in/,
      ],
      [
        'something else is not kept',
        () => '<html>sorry</html>',
        1,
        /^error E_TUNNEL: missing token in the certificate/m,
      ],
    ];
    for (const [what, answer, exit, says] of pages)
      test(`after a login in the browser ${what}`, async () => {
        const service = await startLoginService(answer());
        const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
        const outcome = await run('login', '--loginURL', `${url}/page`, '--callbackURL', `${url}/store/`);
        service.close();
        assert.equal(outcome.exit, exit);
        assert.match(outcome.stderr, /Please open the following URL/);
        assert.match(outcome.stderr, says);
        assert.equal(existsSync(join(home.dir, '.cloudflared', 'cert.pem')), exit === 0);
      });
  });

  test('cleanup --orphans deletes what was made here and nothing uses, and nothing else', async () => {
    logIn();
    const account = fixture.store.account.id;
    const own = createOwnTunnels(home.dataDir);
    const make = (name: string, isOurs: boolean) => {
      const { id } = fixture.store.tunnels.create({ name });
      if (isOurs) own.add({ id, name, account });
      return id;
    };
    const left = make('left-over', true);
    const used = make('used', true);
    fixture.registry.held.push(connection(used));
    make('theirs', false);
    // The one the settings name may be down for a moment.
    make('sallyport', true);
    const file = join(home.dataDir, `${left}.json`);
    writeFileSync(file, JSON.stringify({ AccountTag: account, TunnelSecret: 'AAAA', TunnelID: left }));
    const listed = await run('list');
    assert.equal(listed.stderr, 'Made by this Sallyport: left-over, sallyport, used\n');

    const { exit, stderr } = await run('cleanup', '--orphans');
    assert.deepEqual([exit, stderr], [0, `Removed ${file}\nDeleted tunnel left-over (${left})\n`]);
    assert.deepEqual(
      fixture.store.tunnels.list().flatMap((tunnel) => (tunnel.deletedAt === null ? [tunnel.name] : [])),
      ['used', 'theirs', 'sallyport'],
    );
    assert.deepEqual(
      own.list().map(({ name }) => name),
      ['used', 'sallyport'],
    );
    assert.equal((await run('cleanup', '--orphans')).stderr, 'There is no tunnel of ours that nothing uses.\n');
  });

  test('cleanup needs tunnels or --orphans, not both', async () => {
    logIn();
    for (const args of [['cleanup'], ['cleanup', '--orphans', 'home']]) {
      const { exit, stderr } = await run(...args);
      assert.equal(exit, 2);
      assert.match(stderr, /^error E_USAGE: /);
    }
  });
});

/** A store that holds its answer back until it is asked for. */
async function startLoginService(answer: string): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/store/') === true && request.url.length > 40) response.end(answer);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
