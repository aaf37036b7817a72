// `export`: what is applied, as other tools want it, from an installation that really applied it.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { noTerraform, runAlone, terraform } from '../export/tools.ts';
import { createHome, type Home, sallyport } from './command.ts';

let home: Home;
let settings: string;
before(async () => {
  home = createHome();
  settings = home.settings(
    [
      'access: { policies: { family: { allow: { emails: [a@example.com] } } } }',
      'services:',
      '  - { name: nas, address: 192.0.2.10, port: 5001, protocol: https, access: family, origin: { noTLSVerify: true } }',
      '  - { name: web, service: "http://user:hunter2@192.0.2.11:80", path: "^/$x" }',
      '  - { name: lost, service: "http://192.0.2.12", hostname: lost.example.org }',
    ].join('\n'),
  );
});
after(() => home.remove());

const run = (...args: readonly string[]) => sallyport('--settings', settings, ...args);

describe('before anything was applied', () => {
  test('there is no tunnel that cloudflared could run', async () => {
    const { exit, stderr, stdout } = await run('export', 'cloudflared');
    assert.deepEqual([exit, stdout], [1, '']);
    assert.match(stderr, /error E_TUNNEL: there is no tunnel yet .*sallyport apply/);
  });

  test('Terraform would make everything, and nothing is left behind by asking', async () => {
    const { exit, stdout } = await run('export', 'terraform');
    assert.equal(exit, 0);
    assert.doesNotMatch(stdout, /^import/m);
    assert.match(stdout, /^resource "cloudflare_dns_record" "nas_localhost" \{$/m);
    assert.ok(!existsSync(home.dataDir));
  });
});

describe('what is applied', () => {
  before(async () => assert.equal((await run('apply')).exit, 0));

  test('as a configuration file has every rule and says on stderr what is not in it', async () => {
    const { exit, stdout, stderr } = await run('export', 'cloudflared');
    assert.equal(exit, 0);
    const file = parse(stdout) as Record<string, unknown> & { ingress: { hostname?: string }[] };
    assert.deepEqual(
      file.ingress.map(({ hostname }) => hostname),
      ['hello.localhost', 'nas.localhost', 'web.localhost', undefined],
    );
    assert.ok(existsSync(String(file['credentials-file'])));
    assert.ok(existsSync(String(file.cacert)));
    assert.match(stdout, /^# - file\/lost: lost\.example\.org is in none of the zones/m);
    assert.match(stderr, /^not exported: file\/lost: /m);
  });

  test('as Terraform imports what is there', async () => {
    const { exit, stdout } = await run('export', 'terraform');
    assert.equal(exit, 0);
    const imports = [...stdout.matchAll(/^ {2}to = (\S+)$/gm)].map(([, address]) => address);
    assert.deepEqual(imports.filter((address) => address?.startsWith('cloudflare_dns_record')).length, 3);
    assert.ok(imports.includes('cloudflare_zero_trust_tunnel_cloudflared.tunnel'));
    assert.match(stdout, /base_url = "http:\/\/127\.0\.0\.1:\d+\/client\/v4"/);
    if (noTerraform === false) {
      const { status, stderr } = runAlone(terraform ?? '', ['fmt', '-check', '-'], stdout);
      assert.equal(status, 0, String(stderr));
    }
  });

  test('as settings says what no label can', async () => {
    const { exit, stdout } = await run('export', 'compose');
    assert.equal(exit, 0);
    const { services } = parse(stdout.split('---\n').at(-1) ?? '') as { services: Record<string, unknown>[] };
    assert.deepEqual(services[0], {
      name: 'nas',
      address: '192.0.2.10',
      port: 5001,
      protocol: 'https',
      hostname: 'nas.localhost',
      access: 'family',
      origin: { noTLSVerify: true },
    });
  });

  test('as JSON, where there is a form for it', async () => {
    const config = JSON.parse((await run('--json', 'export', 'cloudflared')).stdout) as Record<string, unknown>;
    assert.deepEqual(Object.keys(config), ['tunnel', 'credentials-file', 'edge', 'protocol', 'cacert', 'ingress']);
    const compose = JSON.parse((await run('--json', 'export', 'compose')).stdout) as Record<string, unknown>;
    assert.deepEqual(Object.keys(compose), ['projects', 'settings', 'notExported']);
    const { exit, stderr } = await run('--json', 'export', 'terraform');
    assert.equal(exit, 1);
    assert.match(stderr, /error E_INPUT_INVALID: .*has no JSON form/);
  });

  test('tells no secret', async () => {
    const secrets = readdirSync(home.dataDir)
      .filter((name) => name.endsWith('.json') || name.endsWith('-token'))
      .map((name) => readFileSync(join(home.dataDir, name), 'utf8').trim());
    const values = secrets.flatMap((text) => (text.startsWith('{') ? [String(JSON.parse(text).TunnelSecret)] : [text]));
    assert.ok(values.length >= 2);
    for (const format of ['cloudflared', 'terraform', 'compose']) {
      const { stdout, stderr } = await run('export', format);
      for (const value of [...values, 'hunter2']) assert.ok(!(stdout + stderr).includes(value), format);
    }
  });

  test('goes to a new file, and over an old one only when that was asked for', async () => {
    const file = join(home.dir, 'out.yml');
    const write = (...more: readonly string[]) => run('export', 'cloudflared', '--output', file, ...more);
    assert.deepEqual([(await write()).exit, (await write()).exit], [0, 1]);
    home.write('out.yml', 'mine');
    assert.match((await write()).stderr, /error E_INPUT_INVALID: the file exists already \(.*--force/);
    assert.equal(readFileSync(file, 'utf8'), 'mine');
    const { exit, stdout, stderr } = await write('--force');
    assert.deepEqual([exit, stdout], [0, '']);
    assert.match(stderr, /^Written to /);
    assert.match(readFileSync(file, 'utf8'), /^tunnel: /m);
  });

  test('cannot go where nothing can be written', async () => {
    const { exit, stderr } = await run('export', 'compose', '--output', join(home.dir, 'no', 'where.yml'));
    assert.equal(exit, 1);
    assert.match(stderr, /error E_STATE: the file cannot be written \(ENOENT\)/);
  });
});

test('a format nobody knows is a wrong command line', async () => {
  assert.equal((await run('export', 'helm')).exit, 2);
  assert.equal((await run('export')).exit, 2);
});
