// Names of services that have just started: closed until the service answers, and never closed for good.
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { createReadiness, type Target } from '../../src/app/readiness.ts';
import type { IngressEntry } from '../../src/model.ts';
import { createFakeClock } from '../fakes/clock.ts';

const never = new AbortController().signal;

function entry(name: string, service = `http://10.0.0.2:80`, source = 'docker'): IngressEntry {
  return {
    serviceId: `${source}/${name}`,
    plugin: 'generic',
    rule: { hostname: `${name}.localhost`, service },
    access: 'public',
    explicit: false,
  };
}

/** With origins in the test's hands. */
function createRig() {
  const clock = createFakeClock();
  const open = new Set<string>();
  const asked: string[] = [];
  const reasons: string[] = [];
  const isOpen = async ({ host, port }: Target) => {
    asked.push(`${host}:${port}`);
    return open.has(`${host}:${port}`);
  };
  const readiness = createReadiness({ clock, notify: (reason) => reasons.push(reason), isOpen });
  const services = async (...entries: readonly IngressEntry[]) =>
    (await readiness.await(entries, never)).entries.map(({ rule }) => rule.service);
  return { clock, open, asked, reasons, readiness, services };
}

describe('an origin', () => {
  test('that is open is served at once, and asked once', async () => {
    const { open, asked, reasons, services } = createRig();
    open.add('10.0.0.2:80');
    assert.deepEqual(await services(entry('a')), ['http://10.0.0.2:80']);
    assert.deepEqual(await services(entry('a')), ['http://10.0.0.2:80']);
    assert.deepEqual([asked.length, reasons], [1, []]);
  });

  test('that is not open yet answers 503, and a look is asked for as soon as it is', async () => {
    const { clock, open, reasons, readiness, services } = createRig();
    const { entries, diagnostics } = await readiness.await([entry('a')], never);
    assert.deepEqual(
      entries.map(({ rule }) => rule),
      [{ hostname: 'a.localhost', service: 'http_status:503' }],
    );
    assert.deepEqual(
      diagnostics.map(({ code, severity, serviceId }) => [code, severity, serviceId]),
      [['W_STARTING', 'info', 'docker/a']],
    );
    await clock.advance(5_000);
    assert.deepEqual(reasons, []);
    open.add('10.0.0.2:80');
    await clock.advance(1_000);
    assert.equal(reasons.length, 1);
    assert.deepEqual(await services(entry('a')), ['http://10.0.0.2:80']);
  });

  test('that never opens is served as it is after two minutes, so that the error says what is wrong', async () => {
    const { clock, reasons, services } = createRig();
    await services(entry('a'));
    await clock.advance(125_000);
    assert.equal(reasons.length, 1);
    assert.deepEqual(await services(entry('a')), ['http://10.0.0.2:80']);
  });

  test('that closes later stays served: it is not starting', async () => {
    const { clock, open, services } = createRig();
    open.add('10.0.0.2:80');
    await services(entry('a'));
    open.clear();
    await clock.advance(10_000);
    assert.deepEqual(await services(entry('a')), ['http://10.0.0.2:80']);
  });

  test('is asked anew after its service stopped, and at another address', async () => {
    const { open, asked, services } = createRig();
    open.add('10.0.0.2:80');
    await services(entry('a'));
    await services(entry('a', 'http_status:503'));
    open.clear();
    assert.deepEqual(await services(entry('a')), ['http_status:503']);
    assert.deepEqual(await services(entry('a', 'http://10.0.0.3:80')), ['http_status:503']);
    assert.deepEqual(asked, ['10.0.0.2:80', '10.0.0.2:80', '10.0.0.3:80']);
  });

  test('that nobody wants any more is not asked any more', async () => {
    const { clock, asked, services } = createRig();
    await services(entry('a'));
    await services();
    const count = asked.length;
    await clock.advance(60_000);
    assert.equal(asked.length, count);
  });

  for (const [name, one] of [
    ['the user wrote himself', entry('a', 'http://10.0.0.2:80', 'file')],
    ['is a socket', entry('a', 'unix:/run/x.sock')],
    ['is the connector itself', entry('a', 'hello_world')],
  ] as const)
    test(`that ${name} is not asked`, async () => {
      const { asked, services } = createRig();
      assert.deepEqual(await services(one), [one.rule.service]);
      assert.deepEqual(asked, []);
    });
});

test('a pass waits only a moment for an origin that neither opens nor refuses', async () => {
  const clock = createFakeClock();
  const readiness = createReadiness({ clock, notify: () => undefined, isOpen: () => new Promise(() => undefined) });
  const waiting = readiness.await([entry('a')], never);
  await clock.sleeping(1);
  await clock.advance(50);
  assert.equal((await waiting).entries[0]?.rule.service, 'http_status:503');
  readiness.stop();
});

test('a real port is open or it is not', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const look = async () => {
    const readiness = createReadiness({ clock: createFakeClock(), notify: () => undefined });
    const { entries } = await readiness.await([entry('a', url)], never);
    readiness.stop();
    return entries[0]?.rule.service;
  };
  assert.equal(await look(), url);
  await new Promise((resolve) => server.close(resolve));
  assert.equal(await look(), 'http_status:503');
});
