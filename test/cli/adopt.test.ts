// `adopt` and `release` as a person uses them: beside a running program, and without one.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createChoiceStore } from '../../src/choices.ts';
import { type CloudflareApi, createCloudflareApi } from '../../src/cloudflare/client.ts';
import type { ApiRecord } from '../../src/cloudflare/dns.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { never } from '../cloudflare/api-world.ts';
import { type FakeDockerEngine, startFakeDockerEngine } from '../fakes/docker-engine.ts';
import { type Program, startProgram } from '../program/program.ts';
import { createHome, type Home, sallyport } from './command.ts';

let home: Home;
before(() => {
  home = createHome();
});
after(() => home.remove());

describe('beside a running program', () => {
  let program: Program;
  let engine: FakeDockerEngine;
  let origin: Server;
  let api: CloudflareApi;
  let zone: string;

  before(async () => {
    engine = await startFakeDockerEngine();
    origin = createServer((request, response) => response.end(`origin of ${request.headers.host}`));
    await once(origin.listen(0, '127.0.0.1'), 'listening');
    const { port } = origin.address() as AddressInfo;
    const labels = { 'sallyport.enable': 'true', 'sallyport.hostname': '*.apps.localhost' };
    engine.put({ name: 'apps', labels, networks: { bridge: '127.0.0.1' }, ports: [{ port }] });
    program = await startProgram({ docker: { endpoints: [engine.endpoint] }, cloudflare: { ownership: 'txt' } });
    const apiToken = readFileSync(join(program.dataDir, 'edge-api-token'), 'utf8').trim();
    const baseUrl = `http://127.0.0.1:${program.apiPort}/client/v4`;
    api = createCloudflareApi({ apiToken, baseUrl, logger: createSilentLogger() });
    zone = (await api.zones.byName('localhost', never()))?.id ?? '';
    await program.pass();
  });
  after(async () => {
    await program?.stop();
    await engine?.close();
    origin?.close();
  });

  async function at(name: string): Promise<ApiRecord | undefined> {
    return (await api.dns.list(zone, never())).find((record) => record.name === name);
  }

  function command(...args: readonly string[]) {
    const settings = home.settings(`data_dir: ${program.dataDir}\nweb: { listen: "127.0.0.1:${program.webPort}" }`);
    return sallyport('--settings', settings, ...args);
  }

  function codesOf(name: string): readonly string[] {
    const service = program.status().services.find((one) => one.name === name);
    return service?.diagnostics.map(({ code }) => code) ?? [];
  }

  test('a wildcard in a label has its record, its mark beside it, and answers', async () => {
    assert.match((await at('*.apps.localhost'))?.content ?? '', /\.cfargotunnel\.com$/);
    const mark = await at('cname-_wildcard.apps.localhost');
    assert.match(mark?.content ?? '', /external-dns\/resource=sallyport\/docker\/apps"$/);
    const { body } = await program.until('one.apps.localhost', ({ status }) => status === 200);
    assert.equal(body, 'origin of one.apps.localhost');
  });

  test('a released name keeps its record, without our mark, until it is adopted again', async () => {
    const record = await at('*.apps.localhost');
    const { stdout, stderr, exit } = await command('release', '*.Apps.localhost');
    assert.deepEqual([stderr, exit], ['', 0]);
    assert.match(stdout, /^\*\.apps\.localhost is released: .*\nDone by the running instance \(revision \d+\)\.\n$/);
    assert.deepEqual(await at('*.apps.localhost'), record);
    assert.equal(await at('cname-_wildcard.apps.localhost'), undefined);
    assert.deepEqual(codesOf('apps'), ['W_RELEASED']);

    await api.dns.batch(zone, { deletes: [{ id: record?.id ?? '' }], patches: [], posts: [] }, never());
    await program.pass();
    assert.equal(await at('*.apps.localhost'), undefined);
  });

  test('a name somebody else has is a conflict that says how to adopt it, and then is ours', async () => {
    createChoiceStore(program.dataDir).update((choices) => ({ ...choices, released: [] }));
    const post = { name: '*.apps.localhost', type: 'CNAME', content: 'x.example.net', proxied: false } as const;
    await api.dns.batch(zone, { deletes: [], patches: [], posts: [post] }, never());
    await program.pass();
    assert.deepEqual(codesOf('apps'), ['E_CONFLICT']);
    assert.match(JSON.stringify(program.status()), /sallyport adopt \*\.apps\.localhost/);

    const { stdout } = await command('--json', 'adopt', '*.apps.localhost.');
    const { hostname, decision, revision } = JSON.parse(stdout) as Record<string, unknown>;
    assert.deepEqual([hostname, decision, typeof revision], ['*.apps.localhost', 'adopted', 'number']);
    assert.match((await at('*.apps.localhost'))?.content ?? '', /\.cfargotunnel\.com$/);
    assert.ok(await at('cname-_wildcard.apps.localhost'));
    assert.deepEqual(codesOf('apps'), []);
  });
});

describe('without one', () => {
  const command = (lines: string, ...args: readonly string[]) => sallyport('--settings', home.settings(lines), ...args);

  test('what was decided is kept for the next start, and the last word counts', async () => {
    const { stdout, exit } = await command('domain: example.com', 'adopt', 'NAS');
    assert.match(stdout, /^nas\.example\.com is ours: .*\nNo instance is running here: .*\n$/);
    assert.equal(exit, 0);
    await command('domain: home.example.org', 'adopt', 'wiki.example.org');
    await command('domain: example.com', 'release', 'nas.example.com');
    const { adopted, released } = createChoiceStore(home.dataDir).read();
    assert.deepEqual([adopted, released], [['wiki.example.org'], ['nas.example.com']]);
  });

  test('in dry-run it says that nothing changes', async () => {
    const { stdout } = await command('mode: dry-run', 'release', 'hello');
    assert.match(stdout, /dry-run/);
  });

  const zones = 'domain: example.com\ncloudflare: { zones: [example.com, example.org] }';
  const refused: readonly [name: string, args: readonly string[], exit: number, says: RegExp][] = [
    ['no name', ['adopt'], 2, /^error E_USAGE: missing required argument 'hostname'/],
    ['two names', ['release', 'a.example.com', 'b.example.com'], 2, /^error E_USAGE: too many arguments/],
    ['an empty name', ['adopt', ''], 1, /^error E_INPUT_INVALID: "" is not a hostname DNS can hold: /],
    ['a URL', ['adopt', 'https://a.example.com/'], 1, /^error E_INPUT_INVALID: .*not a hostname/],
    ['a name with a space', ['release', 'a b.example.com'], 1, /^error E_INPUT_INVALID: /],
    ['a wildcard in the middle', ['adopt', 'a.*.example.com'], 1, /^error E_INPUT_INVALID: /],
    [
      'a name of a megabyte',
      ['adopt', `${'a'.repeat(1_000_000)}.example.com`],
      1,
      /^error E_INPUT_INVALID: .{0,300}$/m,
    ],
    [
      'a name outside the zones',
      ['adopt', 'a.example.net'],
      1,
      /^error E_ZONE_UNKNOWN: .*none of the zones \(example\.com, example\.org\): /,
    ],
  ];
  for (const [name, args, exit, says] of refused)
    test(`${name} is refused and nothing is decided`, async () => {
      const before = createChoiceStore(home.dataDir).read();
      const outcome = await command(zones, ...args);
      assert.equal(outcome.exit, exit);
      assert.match(outcome.stderr, says);
      assert.equal(outcome.stdout, '');
      assert.deepEqual(createChoiceStore(home.dataDir).read(), before);
    });

  test('without zones in the settings, a name outside the zone of the domain is refused', async () => {
    const { stderr, exit } = await command('domain: home.example.com', 'adopt', '*.apps');
    assert.match(
      stderr,
      /^error E_ZONE_UNKNOWN: \*\.apps is in none of the zones \(the zone of home\.example\.com\): /,
    );
    assert.equal(exit, 1);
  });

  test('a damaged file of choices is an error and stays as it is', async () => {
    const dataDir = join(home.dir, 'damaged');
    const settings = home.settings(`data_dir: ${dataDir}\ndomain: example.com`);
    await sallyport('--settings', settings, 'adopt', 'a.example.com');
    const file = home.write('damaged/choices.json', '{');
    const { stderr, exit } = await sallyport('--settings', settings, 'adopt', 'b.example.com');
    assert.match(stderr, /^error E_STATE: the choices kept in the data directory cannot be read/);
    assert.deepEqual([exit, readFileSync(file, 'utf8')], [1, '{']);
  });
});
