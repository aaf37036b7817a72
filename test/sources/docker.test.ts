// The Docker source against an engine on a real socket: calls, events, and everything an engine can do wrong.
import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import type { Source } from '../../src/contracts.ts';
import { SourceError, ValidationError } from '../../src/errors.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { createDockerSource, type DockerSourceOptions } from '../../src/sources/docker.ts';
import { createDockerEngine, isEndpointPresent } from '../../src/sources/docker-engine.ts';
import { testSource } from '../contract/source.ts';
import { createFakeClock } from '../fakes/clock.ts';
import { type FakeDockerEngine, startFakeDockerEngine } from '../fakes/docker-engine.ts';

const never = new AbortController().signal;

function sourceOf(engine: { readonly endpoint: string }, options: Partial<DockerSourceOptions> = {}): Source {
  return createDockerSource({
    name: 'docker',
    endpoint: engine.endpoint,
    labels: { prefix: 'sallyport' },
    self: { kind: 'host' },
    logger: createSilentLogger(),
    clock: systemClock,
    ...options,
  });
}

async function withEngine(run: (engine: FakeDockerEngine) => Promise<void>): Promise<void> {
  const engine = await startFakeDockerEngine({ lan: 'macvlan' });
  try {
    await run(engine);
  } finally {
    await engine.close();
  }
}

/** Reasons as they come, each to be waited for. */
function createReasons() {
  const seen: string[] = [];
  let arrived = Promise.withResolvers<void>();
  return {
    seen,
    notify(reason: string): void {
      seen.push(reason);
      arrived.resolve();
      arrived = Promise.withResolvers<void>();
    },
    async until(pattern: RegExp): Promise<void> {
      while (!seen.some((reason) => pattern.test(reason))) await arrived.promise;
    },
  };
}

testSource('docker', async () => {
  const engine = await startFakeDockerEngine();
  engine.put({ name: 'grafana', ports: [{ port: 3000 }] });
  engine.put({ name: 'old', state: 'exited' });
  return {
    source: sourceOf(engine),
    watching: () => engine.watched(1),
    change() {
      engine.put({ name: 'new' });
      engine.emit('container', 'start', 'new');
    },
    close: () => engine.close(),
  };
});

describe('a list', () => {
  test('is one call once everything is known, for stopped containers too', () =>
    withEngine(async (engine) => {
      engine.put({ name: 'web', ports: [{ port: 80 }] });
      engine.put({ name: 'gone', state: 'exited' });
      engine.put({ name: 'agent', networkMode: 'host', networks: { host: '' }, exposed: ['9100/tcp'] });
      const source = sourceOf(engine);
      await source.list(never);
      const before = engine.calls.length;
      const { services } = await source.list(never);
      assert.deepEqual(engine.calls.slice(before), ['/containers/json?all=1']);
      assert.deepEqual(
        services.map(({ id, state, address, ports }) => [id, state, address, ports.map((port) => port.number)]),
        [
          ['docker/web', 'running', '172.17.0.2', [80]],
          ['docker/gone', 'stopped', undefined, []],
          ['docker/agent', 'running', '127.0.0.1', [9100]],
        ],
      );
    }));

  test('inspects a container once, and another one under the same name again', () =>
    withEngine(async (engine) => {
      const source = sourceOf(engine);
      const first = engine.put({ name: 'agent', networkMode: 'host', networks: {}, exposed: ['9100/tcp'] });
      await source.list(never);
      await source.list(never);
      engine.remove('agent');
      const second = engine.put({ name: 'agent', networkMode: 'host', networks: {}, exposed: ['9200/tcp'] });
      const { services } = await source.list(never);
      assert.deepEqual(services[0]?.ports, [{ number: 9200, protocol: 'tcp' }]);
      const inspections = engine.calls.filter((call) => call.endsWith('/json') && !call.includes('json?'));
      assert.deepEqual(inspections, [`/containers/${first}/json`, `/containers/${second}/json`]);
    }));

  test('asks for networks only when one is new, and does not use a macvlan from its host', () =>
    withEngine(async (engine) => {
      const source = sourceOf(engine);
      engine.put({ name: 'cam', networks: { lan: '192.168.1.77' }, labels: { 'sallyport.enable': 'true' } });
      const { services, diagnostics } = await source.list(never);
      await source.list(never);
      assert.equal(services[0]?.address, undefined);
      assert.deepEqual(
        diagnostics.map(({ code }) => code),
        ['E_NO_ADDRESS'],
      );
      assert.equal(engine.calls.filter((call) => call === '/networks').length, 1);
      engine.put({ name: 'web', networks: { net: '10.9.0.2' } });
      assert.equal((await source.list(never)).services[1]?.address, '10.9.0.2');
      assert.equal(engine.calls.filter((call) => call === '/networks').length, 2);
    }));

  test('does not count a name that came with an image, and asks for each image once', () =>
    withEngine(async (engine) => {
      const hostile = {
        'sallyport.enable': 'true',
        'sallyport.port': '81',
        'sallyport.hostname': 'victim',
        'sallyport.b.hostname': 'open',
      };
      engine.put({ name: 'hostile', imageLabels: hostile });
      engine.put({ name: 'twin', imageLabels: hostile, labels: { 'sallyport.hostname': 'mine' } });
      engine.put({ name: 'plain', labels: { 'sallyport.enable': 'true' } });
      const source = sourceOf(engine);
      await source.list(never);
      const { services, diagnostics } = await source.list(never);
      assert.deepEqual(
        services.map(({ name, hints, entries }) => [name, hints.enable, hints.port, hints.hostname, entries]),
        [
          ['hostile', true, 81, undefined, undefined],
          ['twin', true, 81, 'mine', undefined],
          ['plain', true, undefined, undefined, undefined],
        ],
      );
      assert.match(diagnostics[0]?.message ?? '', /hostile: label "sallyport.hostname" and 1 more came with its image/);
      assert.match(diagnostics[1]?.message ?? '', /twin: label "sallyport.b.hostname" came with its image/);
      assert.equal(engine.calls.filter((call) => call.startsWith('/images/')).length, 1);
    }));

  test('of Podman, which names networks where Docker gives ids and says nothing of how containers are connected', () =>
    withEngine(async (engine) => {
      engine.put({ name: 'cam', networks: { lan: '192.168.1.77' }, labels: { 'sallyport.enable': 'true' } });
      engine.put({ name: 'web', networks: {}, networkMode: 'host', exposed: ['8000/tcp'] });
      engine.speak('podman');
      const { services, diagnostics } = await sourceOf(engine).list(never);
      assert.deepEqual(
        services.map(({ name, address, ports }) => ({ name, address, ports })),
        [
          { name: 'cam', address: undefined, ports: [] },
          { name: 'web', address: '127.0.0.1', ports: [{ number: 8000, protocol: 'tcp' }] },
        ],
      );
      assert.match(diagnostics[0]?.message ?? '', /cam cannot be reached/);
    }));

  test('finds out by itself where we run', () =>
    withEngine(async (engine) => {
      engine.put({ name: 'web' });
      const source = createDockerSource({
        name: 'docker',
        endpoint: engine.endpoint,
        labels: { prefix: 'sallyport' },
        logger: createSilentLogger(),
        clock: systemClock,
      });
      assert.equal((await source.list(never)).services[0]?.address, '172.17.0.2');
      assert.ok(engine.calls.includes('/info'));
    }));

  test('is of the endpoint given, whatever DOCKER_HOST says', () =>
    withEngine(async (engine) => {
      engine.put({ name: 'web' });
      const saved = process.env.DOCKER_HOST;
      process.env.DOCKER_HOST = 'tcp://127.0.0.1:1';
      try {
        assert.equal((await sourceOf(engine).list(never)).services.length, 1);
      } finally {
        if (saved === undefined) delete process.env.DOCKER_HOST;
        else process.env.DOCKER_HOST = saved;
      }
    }));

  test('works over tcp, where published ports of that machine are used', () =>
    withEngine(async (engine) => {
      engine.put({ name: 'web', ports: [{ port: 80, publicPort: 8080 }] });
      const forward = createServer((socket) => {
        const inner = connect(engine.endpoint.slice('unix://'.length));
        for (const end of [socket, inner]) end.on('error', () => end.destroy());
        socket.pipe(inner).pipe(socket);
      });
      await new Promise<void>((resolve) => forward.listen(0, '127.0.0.1', resolve));
      const address = forward.address();
      assert.ok(address !== null && typeof address === 'object');
      const source = sourceOf(
        { endpoint: `tcp://127.0.0.1:${address.port}` },
        { self: { kind: 'remote', host: 'nas.lan' } },
      );
      const { services } = await source.list(never);
      assert.deepEqual(
        [services[0]?.address, services[0]?.ports],
        ['nas.lan', [{ number: 8080, protocol: 'tcp', target: 80 }]],
      );
      await new Promise((resolve) => forward.close(resolve));
    }));

  test('with labels of megabytes is read, and they are not kept', () =>
    withEngine(async (engine) => {
      engine.put({
        name: 'fat',
        labels: { note: 'x'.repeat(5e6), 'sallyport.hostname': 'y'.repeat(5e6), 'sallyport.enable': 'true' },
      });
      const { services, diagnostics } = await sourceOf(engine).list(never);
      assert.deepEqual(services[0]?.hints, { enable: true });
      assert.match(diagnostics[0]?.message ?? '', /"sallyport\.hostname" is too long/);
    }));
});

describe('an engine that cannot be asked', () => {
  let engine: FakeDockerEngine;
  before(async () => {
    engine = await startFakeDockerEngine();
  });
  after(() => engine.close());

  async function failure(endpoint: string, signal: AbortSignal = never): Promise<SourceError> {
    let caught: unknown;
    await sourceOf({ endpoint })
      .list(signal)
      .catch((error: unknown) => {
        caught = error;
      });
    assert.ok(caught instanceof SourceError, String(caught));
    assert.deepEqual([caught.code, caught.retryable, caught.where], ['E_SOURCE_UNREACHABLE', true, endpoint]);
    assert.match(caught.hint ?? '', /\S/);
    return caught;
  }

  test('because there is no socket', async () => {
    assert.match((await failure('unix:///nowhere/docker.sock')).message, /there is no Docker socket/);
  });

  test('because nothing listens', async () => {
    assert.match((await failure('tcp://127.0.0.1:1')).message, /nothing listens/);
  });

  test('because the socket is not ours to use', {
    skip: process.getuid?.() === 0 ? 'root may use any socket' : false,
  }, async () => {
    await chmod(engine.endpoint.slice('unix://'.length), 0);
    const { message, hint } = await failure(engine.endpoint);
    await chmod(engine.endpoint.slice('unix://'.length), 0o600);
    assert.match(message, /may not use the Docker socket/);
    assert.match(hint ?? '', /docker group/);
  });

  test('because a proxy forbids it', async () => {
    engine.answerOnce({ status: 403, body: '<html>Forbidden</html>' });
    const { message, hint } = await failure(engine.endpoint);
    assert.match(message, /answered 403 to GET \/containers\/json/);
    assert.match(hint ?? '', /CONTAINERS, EVENTS/);
  });

  const nonsense = ['', 'hello', '{"a":1}', '[{"Id":', 'null'];
  for (const body of nonsense) {
    test(`because it answers ${JSON.stringify(body)}`, async () => {
      engine.answerOnce({ body });
      assert.match((await failure(engine.endpoint)).message, /no Docker engine/);
    });
  }

  test('because it dies in the middle of its answer', async () => {
    engine.answerOnce({ body: '[{"Id":"', cutOff: true });
    assert.match((await failure(engine.endpoint)).message, /does not answer/);
  });

  test('for now: the abort of a pass ends the wait', async () => {
    engine.answerOnce({ body: '[', hang: true });
    const stop = new AbortController();
    const reason = new Error('deadline');
    const before = engine.calls.length;
    const listing = sourceOf(engine).list(stop.signal);
    while (engine.calls.length === before) await new Promise((resolve) => setImmediate(resolve));
    stop.abort(reason);
    await assert.rejects(listing, reason);
  });

  test('because it never ends its answer', async () => {
    engine.answerOnce({ body: '[', hang: true });
    const asked = createDockerEngine(engine.endpoint, { timeoutMs: 50 }).get('/containers/json', never);
    await assert.rejects(asked, /does not answer in time/);
  });

  test('is asked again as if nothing had been', async () => {
    engine.put({ name: 'web' });
    const source = sourceOf(engine);
    await engine.stop();
    await assert.rejects(source.list(never), SourceError);
    await engine.start();
    assert.equal((await source.list(never)).services.length, 1);
  });
});

describe('endpoints', () => {
  for (const endpoint of [
    '',
    'docker.sock',
    'http://x',
    'unix://',
    'unix://relative',
    'tcp://',
    'ssh://user:secret@host',
    'tcp://h:99999',
  ]) {
    test(`"${endpoint}" is refused, without its secrets`, () => {
      assert.throws(
        () => createDockerEngine(endpoint),
        (error: unknown) =>
          error instanceof ValidationError &&
          !JSON.stringify(error).includes('secret') &&
          !(error.where ?? '').includes('secret'),
      );
    });
  }

  test('a missing socket is no endpoint, a present or remote one is', () =>
    withEngine(async (engine) => {
      assert.equal(await isEndpointPresent('unix:///nowhere/docker.sock'), false);
      assert.equal(await isEndpointPresent(engine.endpoint), true);
      assert.equal(await isEndpointPresent('tcp://nas.lan:2375'), true);
    }));
});

describe('a watch', () => {
  async function withWatch(
    run: (rig: {
      engine: FakeDockerEngine;
      clock: ReturnType<typeof createFakeClock>;
      reasons: ReturnType<typeof createReasons>;
    }) => Promise<void>,
  ): Promise<void> {
    await withEngine(async (engine) => {
      const clock = createFakeClock();
      const reasons = createReasons();
      const stop = new AbortController();
      const watch = sourceOf(engine, { clock }).watch(reasons.notify, stop.signal);
      await engine.watched(1);
      await reasons.until(/watching/);
      await run({ engine, clock, reasons });
      stop.abort();
      await watch;
    });
  }

  test('tells of a start, its bytes cut in two', () =>
    withWatch(async ({ engine, reasons }) => {
      engine.emit('container', 'start', 'grafana', { cut: 20 });
      await reasons.until(/^docker: start grafana$/);
    }));

  test('does not tell of a signal', () =>
    withWatch(async ({ engine, reasons }) => {
      engine.emit('container', 'kill', 'grafana');
      engine.emit('container', 'die', 'grafana');
      await reasons.until(/die grafana/);
      assert.deepEqual(reasons.seen, ['docker: watching', 'docker: die grafana']);
    }));

  test('survives an event of megabytes and one that is none', () =>
    withWatch(async ({ engine, reasons }) => {
      engine.emitRaw(`{"Type":"container","Action":"start","x":"${'y'.repeat(3e6)}"}\n{{{\n`);
      engine.emit('container', 'start', 'grafana');
      await reasons.until(/start grafana/);
      assert.equal(reasons.seen.filter((reason) => reason.includes('cannot be read')).length, 2);
    }));

  test('opens again after the connection broke, from the last event on, and asks for a look', () =>
    withWatch(async ({ engine, clock, reasons }) => {
      engine.emit('container', 'start', 'grafana', { time: 1_700_000_123 });
      await reasons.until(/start grafana/);
      engine.drop();
      await reasons.until(/event stream ended/);
      await clock.sleeping(1);
      await clock.advance(30_000);
      await engine.watched(2);
      assert.equal(engine.streams[0]?.get('since'), null);
      assert.equal(engine.streams[1]?.get('since'), '1700000123');
      await reasons.until(/event stream ended/);
      while (reasons.seen.filter((reason) => reason === 'docker: watching').length < 2)
        await new Promise((resolve) => setImmediate(resolve));
      engine.emit('container', 'die', 'grafana');
      await reasons.until(/die grafana/);
    }));

  test('waits longer each time while the engine is away, and finds it again', () =>
    withWatch(async ({ engine, clock, reasons }) => {
      await engine.stop();
      for (let attempt = 0; attempt < 10; attempt++) {
        await clock.sleeping(1);
        await clock.advance(30_000);
      }
      const waits = clock.asked;
      assert.ok(waits.every((ms) => ms > 0 && ms <= 30_000));
      assert.ok((waits[0] ?? 0) <= 250 && (waits.at(-1) ?? 0) >= 15_000);
      await clock.sleeping(1);
      await engine.start();
      await clock.advance(30_000);
      await engine.watched(2);
      engine.emit('container', 'start', 'grafana');
      await reasons.until(/start grafana/);
    }));
});
