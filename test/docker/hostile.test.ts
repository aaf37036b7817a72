// Hostile images on a real engine, against a program whose rules, records and locks are kept by an API: whatever their labels say, nothing of anybody else's changes.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createHome, sallyport } from '../cli/command.ts';
import { type OtherEdge, startOtherEdge } from '../program/other-edge.ts';
import { type Program, startProgram, until, visit } from '../program/program.ts';
import { docker, engineEndpoint, makeWebImage, noEngine } from './containers.ts';
import { type Attack, attacks } from './hostile.ts';

const zone = 'example.test';
const tunnel = 'among-enemies';
const skip = noEngine() ?? false;

describe('hostile images', { skip }, () => {
  let edge: OtherEdge;
  let program: Program;
  let all: readonly Attack[];
  let untouched: World;
  let state: string;
  const started: string[] = [];

  const settings = () => ({
    edge: 'cloudflare',
    data_dir: state,
    domain: zone,
    services: [{ name: 'open', service: `http://${addressOf('victim')}`, access: 'public' }],
    grace: '1s',
    labels: { dialects: ['traefik', 'dockflare', 'caddy', 'homepage'] },
    access: { default: 'family', policies: { family: { allow: { emails: ['a@example.com'] } } } },
    docker: { endpoints: [engineEndpoint()] },
    cloudflare: { ...edge.cloudflare, tunnel: { name: tunnel }, api_token: edge.apiToken, api_url: edge.apiUrl },
  });

  before(async () => {
    state = mkdtempSync(join(tmpdir(), 'sallyport-state-'));
    edge = await startOtherEdge();
    makeWebImage('example/victim:1', 80, 'this is the victim');
    makeWebImage('example/hostile:1', 80, 'this is hostile', { more: ['LABEL sallyport.enable=true'] });
    start('victim', 'example/victim:1', {
      'sallyport.enable': 'true',
      'com.docker.compose.project': 'shop',
      'com.docker.compose.service': 'victim',
    });
    program = await startProgram(settings());
    await edge.program.until(`open.${zone}`, ({ status }) => status === 200);
    await until(
      () => readWorld(edge),
      (world) => world.rules.length >= 3,
    );
    untouched = await readWorld(edge);
    all = attacks(zone, {
      webPort: program.webPort,
      apiPort: edge.program.apiPort,
      httpPort: edge.program.httpPort,
      tunnelPort: edge.program.tunnelPort,
    });
  });
  after(async () => {
    await program?.stop();
    await edge?.stop();
    for (const name of started) remove(name);
    rmSync(state, { recursive: true, force: true });
  });

  function start(name: string, image: string, labels: Readonly<Record<string, string>>): void {
    remove(name);
    started.push(name);
    docker(
      'run',
      '-d',
      '--name',
      name,
      ...Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]),
      image,
    );
  }

  /** As an image carries them; what a Dockerfile cannot say is put on the container, where it counts the same. */
  function startHostile({ name, labels }: Attack): void {
    const isPlain = ([key, value]: readonly [string, string]) =>
      /^[\w.-]+$/.test(key) && /^[^\n\r"\\$]{0,200}$/.test(value);
    const [plain, wild] = [true, false].map((wanted) =>
      Object.entries(labels).filter((label) => isPlain(label) === wanted),
    );
    const more = (plain ?? []).slice(0, 50).map(([key, value]) => `LABEL ${key}="${value}"`);
    const image = `example/hostile-${name}:1`;
    makeWebImage(image, 80, 'this is hostile', { more: ['LABEL sallyport.enable=true', ...more] });
    start(`a-${name}`, image, Object.fromEntries([...(plain ?? []).slice(50), ...(wild ?? [])]));
  }

  const isHostile = (name: string) => name.startsWith('a-');
  const hostile = () => program.status().services.filter(({ name }) => isHostile(name));

  test('each is told what is wrong with it', async () => {
    for (const attack of all) startHostile(attack);
    await until(
      async () => hostile(),
      (found) => found.length >= all.length - 1,
    );
    await program.pass();
    const silent = hostile()
      .filter(({ diagnostics }) => diagnostics.length === 0)
      .map(({ name }) => name);
    assert.deepEqual(silent, []);
    const said = hostile().flatMap(({ diagnostics }) => diagnostics);
    assert.ok(JSON.stringify(said).length < 100_000, 'what is said is for a person to read');
  });

  test('nothing of anybody else’s is other than before: no rule, no record, no lock', async () => {
    assert.deepEqual(without(await readWorld(edge), isOf(zone)), untouched);
    assert.equal((await edge.program.get(`open.${zone}`)).body, 'this is the victim');
  });

  test('none leads anywhere but to its own address, under any name but those it may have', () => {
    for (const { name, rules, hostnames } of hostile()) {
      const own = addressOf(name);
      for (const rule of rules)
        assert.ok(rule.startsWith(`http://${own}`) || rule.startsWith('http_status:'), `${name}: ${rule}`);
      for (const hostname of hostnames) assert.ok(hostname.startsWith(`${name}.${zone}`), `${name}: ${hostname}`);
    }
  });

  test('none is public', () => {
    assert.deepEqual(
      hostile()
        .filter(({ access }) => access.includes('public'))
        .map(({ name }) => name),
      [],
    );
  });

  test('the page, the metrics and the command line show them without obeying them', async () => {
    for (const path of ['/', '/metrics', '/api/status']) {
      const { body } = await visit(program.webPort, 'localhost', path);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is the purpose
      assert.doesNotMatch(body, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/, path);
      if (path === '/') assert.doesNotMatch(body, /<script>alert|<img src=x/);
    }
    const home = createHome();
    try {
      const file = home.settings(`docker: { endpoints: ["${engineEndpoint()}"] }\n`);
      const { stdout, stderr } = await sallyport('--settings', file, 'services');
      assert.match(stdout, /a-markup/);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is the purpose
      assert.doesNotMatch(stdout + stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    } finally {
      home.remove();
    }
  });

  test('a program that starts again among them gives them no more', async () => {
    await program.stop();
    program = await startProgram(settings());
    await until(
      async () => program.status(),
      ({ ready, services }) => ready && services.length > all.length,
    );
    await program.pass();
    assert.deepEqual(without(await readWorld(edge), isOf(zone)), untouched);
  });

  test('gone, they leave nothing behind', async () => {
    // Three at a time: more deletes than that are held back, as if a disk had failed.
    for (let at = 0; at < all.length; at += 3) {
      for (const { name } of all.slice(at, at + 3)) remove(`a-${name}`);
      const left = all.slice(at + 3).map((attack) => `a-${attack.name}.${zone}`);
      const isGone = (name: string) => !isHostile(name) || left.includes(name);
      // The lock of a name goes after its record and its rule.
      await until(
        () => readWorld(edge),
        ({ applications }) => applications.every(({ domain }) => isGone(domain.split('/')[0] ?? '')),
      );
    }
    assert.deepEqual(await readWorld(edge), untouched);
  });
});

function addressOf(name: string): string {
  return docker('inspect', '-f', '{{.NetworkSettings.IPAddress}}', name);
}

function remove(name: string): void {
  try {
    docker('rm', '-f', name);
  } catch {
    // It was never made, or is gone: either is what was wanted.
  }
}

interface Named {
  readonly id?: string;
  readonly name: string;
}

/** Everything that is kept for the program, as the API has it. */
interface World {
  readonly rules: readonly { readonly hostname?: string }[];
  readonly records: readonly Named[];
  readonly applications: readonly (Named & { readonly domain: string })[];
  readonly policies: readonly Named[];
}

async function readWorld(edge: OtherEdge): Promise<World> {
  const ask = async <T>(path: string) => {
    const answer = await fetch(`${edge.apiUrl}${path}`, { headers: { authorization: `Bearer ${edge.apiToken}` } });
    return ((await answer.json()) as { result: T }).result;
  };
  const account = `/accounts/${edge.account}`;
  const tunnels = await ask<{ id: string; name: string }[]>(`${account}/cfd_tunnel?is_deleted=false`);
  const ours = tunnels.find(({ name }) => name === tunnel);
  const policies = await ask<(Named & { app_count: number })[]>(`${account}/access/policies?per_page=1000`);
  const { config } = await ask<{ config: { ingress: World['rules'] } | null }>(
    `${account}/cfd_tunnel/${ours?.id}/configurations`,
  );
  return {
    rules: config?.ingress ?? [],
    records: await ask(`/zones/${edge.zoneId}/dns_records?per_page=1000`),
    applications: await ask(`${account}/access/apps?per_page=1000`),
    // How many applications use it is counted by the API.
    policies: policies.map(({ app_count: _count, ...policy }) => policy),
  };
}

/** Whether a name is the only one a hostile container may have: its own. */
function isOf(domain: string): (name: string) => boolean {
  return (name) => new RegExp(`^a-[a-z-]+.${domain}$`).test(name);
}

function without(world: World, isTheirs: (name: string) => boolean): World {
  return {
    ...world,
    rules: world.rules.filter(({ hostname }) => hostname === undefined || !isTheirs(hostname)),
    records: world.records.filter(({ name }) => !isTheirs(name)),
    applications: world.applications.filter(({ domain }) => !isTheirs(domain.split('/')[0] ?? '')),
  };
}
