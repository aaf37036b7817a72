// The commands in a zone with 500 records, a tunnel with 40 rules and an account with 30 applications of somebody else's: all stay as they are,
// byte for byte, whatever comes and goes beside them.
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { createHome, type Home, sallyport } from '../cli/command.ts';
import { apiToken } from '../cloudflare/api-world.ts';
import { possessionsOf, wanted } from './end.ts';
import { addForeigners, sharedTunnel } from './foreigners.ts';
import { policies } from './program.ts';
import { readThings } from './reality.ts';
import { type Container, hostOf, urlOf } from './script.ts';
import type { Call } from './way.ts';
import { assertNothingWrong, createWorld, type World } from './world.ts';

const containers: readonly Container[] = [
  { name: 'web', at: 1 },
  { name: 'vault', at: 2, access: 'family', bypass: ['/health'] },
  { name: 'office', at: 3, access: 'staff' },
  { name: 'admin', at: 4, host: 'web.example.com', path: '/admin', access: 'friends' },
];

let home: Home;
before(() => {
  home = createHome();
});
after(() => home.remove());

/** Settings with these as services, on a line of their own to the API. */
function settingsFor(baseUrl: string, services: readonly Container[]): string {
  const settings = {
    domain: 'example.com',
    edge: 'cloudflare',
    connector: 'native',
    grace: '0s',
    owner: 'home',
    cloudflare: {
      api_token: apiToken,
      api_url: baseUrl,
      zones: ['example.com', 'example.net'],
      tunnel: { name: sharedTunnel },
      // Nobody is there: what is routed does not matter here, and must reach nobody.
      edge: ['127.0.0.1:1'],
    },
    access: { policies },
    services: services.map((one) => ({
      name: one.name,
      hostname: hostOf(one),
      service: urlOf(one),
      access: one.access ?? 'public',
      ...(one.path === undefined ? {} : { path: `^${one.path}` }),
      ...(one.bypass === undefined ? {} : { bypass: one.bypass }),
    })),
  };
  return home.settings(
    Object.entries(settings)
      .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
      .join(''),
  );
}

/** The crowd, and a program that is never started but whose possessions the commands make. */
async function crowded(t: TestContext) {
  const world = await createWorld(t);
  addForeigners(world, { records: 500, rules: 40, applications: 30 });
  const program = world.program({ tunnel: sharedTunnel });
  const [tunnel] = world.store.tunnels.list();
  const one = { ...program, tunnelId: () => tunnel?.id };
  const calls: Call[] = [];
  const { baseUrl } = world.line({
    owner: 'home',
    fault: () => undefined,
    seen: (call) => calls.push(call),
    killed: () => undefined,
  });
  const run = async (services: readonly Container[], ...command: readonly string[]) => {
    calls.length = 0;
    program.show(services);
    const listed = await program.script.source.list(new AbortController().signal);
    world.observer.toldOf('home', listed.services);
    return sallyport('--settings', settingsFor(baseUrl, services), '--log-level', 'error', '--json', ...command);
  };
  return { world, program: one, calls, run };
}

/** Everything that carries no mark of ours. */
function foreign({ store }: World, hosts: readonly string[] = containers.map(hostOf)): ReadonlyMap<string, string> {
  const ours = new Set(hosts);
  const things = [...readThings(store, (hostname) => (ours.has(hostname) ? 'home' : undefined))];
  return new Map(things.flatMap(([key, { owner, text }]) => (owner === 'home' ? [] : [[key, text] as const])));
}

interface Plans {
  readonly plans: readonly { readonly target: string; readonly changes: readonly { readonly action: string }[] }[];
}

function actions(stdout: string): Readonly<Record<string, readonly string[]>> {
  const { plans } = JSON.parse(stdout) as Plans;
  return Object.fromEntries(plans.map(({ target, changes }) => [target, changes.map(({ action }) => action)]));
}

describe('in a crowded account', () => {
  test('plan changes nothing, apply makes ours and then takes them away, and all that is foreign stays as it is', async (t) => {
    const { world, program, calls, run } = await crowded(t);
    const before = foreign(world);
    assert.ok(before.size > 530, `${before.size} foreign objects`);

    const planned = await run(containers, 'plan');
    assert.equal(planned.exit, 0, planned.stderr);
    assert.deepEqual(
      calls.filter(({ isWrite }) => isWrite),
      [],
    );
    assert.deepEqual(actions(planned.stdout), {
      access: Array(8).fill('create'),
      ingress: Array(4).fill('create'),
      dns: Array(3).fill('create'),
    });

    const applied = await run(containers, 'apply');
    assert.equal(applied.exit, 0, applied.stderr);
    assert.deepEqual(actions(applied.stdout), actions(planned.stdout), 'what was planned is what was done');
    assertNothingWrong(world);
    const made = possessionsOf(world, program);
    const expected = wanted(program, containers);
    assert.deepEqual(made.records.map(withoutResource), expected.records.map(withoutResource));
    assert.deepEqual([made.rules, made.locks], [expected.rules, expected.locks]);
    assert.deepEqual(foreign(world), before);

    const again = await run(containers, 'apply');
    assert.deepEqual(
      calls.filter(({ isWrite }) => isWrite),
      [],
    );
    assert.equal(again.exit, 0, again.stderr);

    const none = await run([], 'apply', '--confirm-deletes');
    assert.equal(none.exit, 0, none.stderr);
    assertNothingWrong(world);
    assert.deepEqual(possessionsOf(world, program), { records: [], rules: [], locks: [] });
    assert.deepEqual(foreign(world), before);
  });

  test('services that want names somebody else has are said to be in the way, and nothing of theirs is changed', async (t) => {
    const { world, run } = await crowded(t);
    const taken: readonly Container[] = [
      { name: 'theirs-1', at: 1, access: 'family' },
      { name: 'theirs-20', at: 2 },
      { name: 'theirs-29', at: 3, access: 'family' },
      { name: 'looks-like', at: 4, access: 'family' },
      { name: 'cabin', at: 5 },
    ];
    // Only the last two have no rule in the tunnel, so that ours harm nobody.
    const free = ['looks-like.example.com', 'cabin.example.com'];
    const before = foreign(world, free);
    const { stderr } = await run(taken, 'plan');
    for (const { name } of taken) assert.match(stderr, new RegExp(`E_CONFLICT.* ${name}\\.example\\.com `));
    const { exit } = await run(taken, 'apply');
    assert.equal(exit, 0);
    assert.deepEqual(foreign(world, free), before);
    const made = [...readThings(world.store, () => undefined)].filter(([, { owner }]) => owner === 'home');
    assert.deepEqual(
      made.flatMap(([key]) => (key.startsWith('record') ? [key] : [])),
      [],
    );
  });
});

/** The settings' services have ids of their own. */
function withoutResource(record: string): string {
  return record.replace(/ resource=.*$/, '');
}
