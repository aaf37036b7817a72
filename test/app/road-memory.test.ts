// What is kept of a road for a start while the API is down: only for the same settings, and rules only as long as they are right.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createRoadMemory } from '../../src/app/road-memory.ts';
import { watchRules } from '../../src/app/rules-known.ts';
import type { IngressReconciler } from '../../src/ingress/reconciler.ts';
import { createSilentLogger } from '../../src/logger.ts';
import type { DesiredState, IngressEntry } from '../../src/model.ts';
import { loadSettings } from '../../src/settings/load.ts';

const ground = {
  place: { account: 'a', zones: ['example.com'] },
  tunnel: { id: '00000001-0000-4000-8000-000000000000', remotelyManaged: true },
};

function entry(service: string, access: IngressEntry['access'] = 'public'): IngressEntry {
  return {
    serviceId: 'docker/app',
    plugin: 'generic',
    rule: { hostname: 'app.example.com', service },
    access,
    explicit: false,
  };
}
const desired = (...ingress: IngressEntry[]): DesiredState => ({ ingress, dnsRecords: [], accessApplications: [] });

function setUp(t: TestContext) {
  const dataDir = mkdtempSync(join(tmpdir(), 'road-memory-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const open = (cloudflare: object = {}) => {
    const overrides = {
      data_dir: dataDir,
      edge: 'cloudflare',
      cloudflare: { api_token: 'secret-token', ...cloudflare },
    };
    const { settings } = loadSettings({ env: {}, cwd: dataDir, overrides });
    return createRoadMemory({ settings, logger: createSilentLogger() });
  };
  return { file: join(dataDir, 'road.json'), open };
}

test('the next start knows where the road led, and no secret is in the file', (t) => {
  const { file, open } = setUp(t);
  assert.equal(open().ground(), undefined);
  open().keepGround(ground);
  assert.deepEqual(open().ground(), ground);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.ok(!readFileSync(file, 'utf8').includes('secret-token'));
});

test('with settings that lead elsewhere nothing is known, with another token it is', (t) => {
  const { open } = setUp(t);
  open().keepGround(ground);
  assert.equal(open({ tunnel: { name: 'another' } }).ground(), undefined);
  assert.equal(open({ zones: ['example.org'] }).ground(), undefined);
  assert.deepEqual(open({ api_token: 'another' }).ground(), ground);
});

for (const text of ['{', '{"madeWith":1}', 'null', '[]']) {
  test(`a file that is damaged (${text}) costs only the memory`, (t) => {
    const { file, open } = setUp(t);
    writeFileSync(file, text);
    const memory = open();
    assert.equal(memory.ground(), undefined);
    memory.keepGround(ground);
    assert.deepEqual(open().ground(), ground);
  });
}

const here = entry('http://172.17.0.2:80');
const family = { policy: 'family' };
const cases: readonly { readonly name: string; readonly wanted: readonly IngressEntry[]; readonly isRight: boolean }[] =
  [
    { name: 'the same', wanted: [here], isRight: true },
    {
      name: 'one more',
      wanted: [here, { ...entry('http://172.17.0.3:80'), rule: { hostname: 'b.example.com', service: 'http://x' } }],
      isRight: true,
    },
    { name: 'at another address', wanted: [entry('http://172.17.0.9:80')], isRight: false },
    { name: 'gone', wanted: [], isRight: false },
    { name: "another service's", wanted: [{ ...here, serviceId: 'docker/other' }], isRight: false },
    { name: 'guarded now', wanted: [entry('http://172.17.0.2:80', family)], isRight: false },
  ];
for (const { name, wanted, isRight } of cases) {
  test(`rules of the last run are ${isRight ? 'right' : 'wrong'} when what is wanted is ${name}`, (t) => {
    const { open } = setUp(t);
    const memory = open();
    assert.equal(memory.isStillRight(desired(here)), false, 'nothing is right that nobody remembers');
    memory.keepGround(ground);
    memory.keepRules([here]);
    assert.equal(open().isStillRight(desired(...wanted)), isRight);
  });
}

test('rules of another tunnel are forgotten with it', (t) => {
  const { open } = setUp(t);
  const memory = open();
  memory.keepGround(ground);
  memory.keepRules([here]);
  memory.keepGround({ ...ground, tunnel: { ...ground.tunnel, id: '00000002-0000-4000-8000-000000000000' } });
  assert.equal(open().isStillRight(desired(here)), false);
});

test('rules are known once a plan was read and applied, not before and not when either failed', async () => {
  const { signal } = new AbortController();
  let fails: 'plan' | 'apply' | undefined = 'plan';
  const failing = async <T>(step: 'plan' | 'apply', result: T) => {
    if (fails === step) throw new Error(step);
    return result;
  };
  const empty = { target: 'ingress', changes: [], held: [] } as const;
  const { ingress, isKnown } = watchRules({
    target: 'ingress',
    plan: () => failing('plan', empty),
    apply: () => failing('apply', []),
  } as unknown as IngressReconciler);
  const pass = async () => {
    const planned = await ingress.plan(desired(), signal).catch(() => empty);
    await ingress.apply(planned, 'upsert', signal).catch(() => []);
    return isKnown();
  };
  assert.equal(await pass(), false);
  fails = 'apply';
  assert.equal(await pass(), false);
  fails = undefined;
  assert.equal(await pass(), true);
  fails = 'plan';
  assert.equal(await pass(), false);
});
