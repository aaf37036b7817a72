// The source over time: states, events under old and new names, what it does without them, and whom it never offers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceResult } from '../../../src/contracts.ts';
import { createFakeClock } from '../../fakes/clock.ts';
import { type FakeSupervisor, type FakeSupervisorOptions, startFakeSupervisor } from '../../fakes/supervisor.ts';
import { until } from '../../program/program.ts';
import { startFakeCore } from './core.ts';
import { type SourceChoices, sourceOf } from './source.ts';

const signal = AbortSignal.timeout(60_000);
const web = { slug: 'web', name: 'Web', ports: { '80/tcp': 8080 }, webui: 'http://[HOST]:[PORT:80]' };

interface Test {
  after(end: () => unknown): void;
}

async function start(t: Test, options: FakeSupervisorOptions = {}, choices: SourceChoices = {}) {
  const supervisor = await startFakeSupervisor(options);
  t.after(() => supervisor.close());
  supervisor.install({ slug: 'local_web', manifest: web });
  return { supervisor, source: sourceOf(supervisor, choices) };
}

/** A watch, its reasons, and its end. */
function watch(t: Test, source: ReturnType<typeof sourceOf>): readonly string[] {
  const reasons: string[] = [];
  const stopping = new AbortController();
  const watching = source.watch((reason) => reasons.push(reason), stopping.signal);
  t.after(async () => {
    stopping.abort();
    await watching;
  });
  return reasons;
}

async function told(reasons: readonly string[], reason: string): Promise<void> {
  await until(
    async () => reasons.includes(`homeassistant: ${reason}`),
    (isTold) => isTold,
  );
}

async function subscribed(supervisor: FakeSupervisor): Promise<void> {
  await until(
    async () => supervisor.subscribers(),
    (count) => count === 1,
  );
}

const states: readonly [string, string][] = [
  ['started', 'running local-web'],
  ['startup', 'unhealthy local-web'],
  ['stopped', 'stopped undefined'],
  ['error', 'stopped undefined'],
  ['unknown', 'stopped undefined'],
];
for (const [state, expected] of states) {
  test(`an add-on that is ${state} is ${expected}`, async (t) => {
    const { supervisor, source } = await start(t);
    supervisor.setState('local_web', state);
    const service = (await source.list(signal)).services.find(({ id }) => id === 'homeassistant/local_web');
    assert.equal(`${service?.state} ${service?.address}`, expected);
    assert.equal(service?.image, 'addon/web');
  });
}

test('we ourselves are never offered, whatever we are called', async (t) => {
  const { source } = await start(t, { self: 'd00df00d_tunnel' });
  const { services } = await source.list(signal);
  assert.deepEqual(
    services.map(({ id }) => id),
    ['homeassistant/core', 'homeassistant/local_web'],
  );
});

test('Core that speaks TLS is reached so, whatever name its certificate has', async (t) => {
  const { source } = await start(t, { core: { port: 443, ssl: true } });
  const [core] = (await source.list(signal)).services;
  assert.deepEqual(core?.ports, [{ number: 443, protocol: 'tcp', speaks: 'https' }]);
  assert.deepEqual(core?.originRequest, { noTLSVerify: true });
});

test('without the role for the list Core is offered, and why it is all', async (t) => {
  const { source } = await start(t, { role: 'default' }, { wishes: [{ name: 'web' }] });
  const { services, diagnostics } = await source.list(signal);
  assert.deepEqual(
    services.map(({ id }) => id),
    ['homeassistant/core'],
  );
  assert.deepEqual(
    diagnostics.map(({ code }) => code),
    ['W_ADDONS_HIDDEN'],
  );
});

test('a Supervisor that does not answer is a source that cannot be asked', async (t) => {
  const { supervisor, source } = await start(t);
  supervisor.answerWith({ status: 400, body: '{"result":"error","message":"System is not ready with state: setup"}' });
  await assert.rejects(source.list(signal), { code: 'E_SOURCE_UNREACHABLE' });
});

test('what the options publish is enabled as they say; what they misspell is named', async (t) => {
  const wishes = [
    { name: 'web', hostname: 'pages', access: 'public', bypass: ['/x'], port: 8000 },
    { name: 'homeassistant', access: 'family' },
    { name: 'wep' },
  ];
  const { source } = await start(t, {}, { wishes });
  const { services, diagnostics } = await source.list(signal);
  const hints = services.map((service) => service.hints);
  assert.deepEqual(hints[0], { enable: true, access: 'family', chosen: { access: true } });
  assert.deepEqual(hints[1], {
    enable: true,
    hostname: 'pages',
    access: 'public',
    bypassPaths: ['/x'],
    port: 8000,
    chosen: { access: true, bypassPaths: true },
  });
  assert.deepEqual(
    services[1]?.ports.map(({ number }) => number),
    [80, 8000],
  );
  const option = diagnostics.find(({ code }) => code === 'W_OPTION');
  assert.match(`${option?.message} ${option?.hint}`, /publish "wep".*did you mean web/);
});

test('of two add-ons with one name none is taken by that name', async (t) => {
  const { supervisor, source } = await start(t, {}, { wishes: [{ name: 'web' }] });
  supervisor.install({ slug: 'a0d7b954_web', manifest: web });
  const { services, diagnostics } = await source.list(signal);
  assert.ok(services.every(({ hints }) => hints.enable === undefined));
  assert.match(diagnostics[0]?.hint ?? '', /local_web, a0d7b954_web/);
});

test('many looks in a moment are one, and an event ends the moment', async (t) => {
  const { supervisor, source } = await start(t);
  const reasons = watch(t, source);
  await subscribed(supervisor);
  await told(reasons, 'watching');
  await source.list(signal);
  const asked = supervisor.calls.length;
  for (let count = 0; count < 10; count++) await source.list(signal);
  assert.equal(supervisor.calls.length, asked);
  supervisor.uninstall('local_web');
  supervisor.emit({ event: 'supervisor-update', update_key: 'addon' });
  await told(reasons, 'supervisor-update');
  assert.equal((await source.list(signal)).services.length, 1);
});

for (const names of ['old', 'new'] as const) {
  test(`an add-on that stops is told at once, under ${names} names`, async (t) => {
    const { supervisor, source } = await start(t, { names });
    const reasons = watch(t, source);
    await subscribed(supervisor);
    supervisor.setState('local_web', 'stopped');
    await told(reasons, `${names === 'new' ? 'app' : 'addon'} local_web stopped`);
    const service = (await source.list(signal)).services.find(({ id }) => id === 'homeassistant/local_web');
    assert.equal(service?.state, 'stopped');
  });
}

test('what has nothing to do with services asks for no look', async (t) => {
  const { supervisor, source } = await start(t);
  const reasons = watch(t, source);
  await subscribed(supervisor);
  for (const event of ['job', 'health_changed', 'issue_changed']) supervisor.emit({ event });
  supervisor.emit({});
  supervisor.emit({ event: 'addon', slug: 'x'.repeat(1_000) });
  await until(
    async () => reasons.length,
    (count) => count >= 2,
  );
  assert.deepEqual(
    reasons.map((reason) => reason.slice(0, 30)),
    ['homeassistant: watching', 'homeassistant: addon xxxxxxxxx'],
  );
});

test('when Home Assistant restarts the events go on, and what happened meanwhile is looked for', async (t) => {
  const { supervisor, source } = await start(t);
  const reasons = watch(t, source);
  await subscribed(supervisor);
  supervisor.dropSockets();
  await told(reasons, 'Home Assistant went away');
  await subscribed(supervisor);
  await until(
    async () => reasons.filter((reason) => reason === 'homeassistant: watching').length,
    (count) => count === 2,
  );
});

test('without events there is a look now and then, and who is not let in does not knock again', async (t) => {
  const clock = createFakeClock();
  const { supervisor, source } = await start(t, { mayTalkToCore: false }, { clock });
  const reasons = watch(t, source);
  const looks = () => supervisor.calls.filter((path) => path === '/addons').length;
  const look = async () => {
    const before = looks();
    await clock.sleeping(1);
    await clock.advance(30_000);
    await until(
      async () => looks(),
      (count) => count > before,
    );
  };
  await look();
  await told(reasons, 'something changed');
  await look();
  await look();
  assert.equal(reasons.length, 1);
  supervisor.setState('local_web', 'stopped');
  await look();
  await until(
    async () => reasons.length,
    (count) => count === 2,
  );
  assert.deepEqual(
    supervisor.commands.filter((command) => command === 'auth'),
    ['auth'],
  );
});

test('a look that began before something happened is not believed after it', async (t) => {
  const { supervisor, source } = await start(t);
  const reasons = watch(t, source);
  await subscribed(supervisor);
  const count = ({ services }: SourceResult) => services.length;
  await source.list(signal);
  supervisor.emit({ event: 'addon', slug: 'x' });
  await told(reasons, 'addon x');
  const release = supervisor.hold();
  const asked = supervisor.calls.length;
  const early = source.list(signal);
  await until(
    async () => supervisor.calls.slice(asked),
    (paths) => paths.includes('/addons'),
  );
  supervisor.install({ slug: 'local_late', manifest: web });
  supervisor.setState('local_late', 'started');
  await told(reasons, 'addon local_late started');
  release();
  assert.equal(count(await early), 2);
  assert.equal(count(await source.list(signal)), 3);
});

for (const mayTalkToCore of [true, false]) {
  const how = mayTalkToCore ? 'with its events' : 'without its events';
  test(`while Home Assistant restarts it is stopped, and back as soon as its port is open, ${how}`, async (t) => {
    const first = await startFakeCore();
    const { port } = first;
    const core = { port, ip_address: '127.0.0.1' };
    const { supervisor, source } = await start(t, { core, mayTalkToCore });
    const stateOf = async () => (await source.list(signal)).services[0]?.state;
    assert.equal(await stateOf(), 'running');
    const reasons = watch(t, source);
    if (mayTalkToCore) await subscribed(supervisor);
    await first.close();
    supervisor.dropSockets();
    await told(reasons, mayTalkToCore ? 'Home Assistant went away' : 'Home Assistant is closed');
    assert.equal(await stateOf(), 'stopped');
    const second = await startFakeCore(port);
    t.after(() => second.close());
    await until(stateOf, (state) => state === 'running');
  });
}
