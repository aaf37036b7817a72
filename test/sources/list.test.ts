// All sources together: names go slowly, addresses at once.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Source } from '../../src/contracts.ts';
import { SourceError } from '../../src/errors.ts';
import type { Service } from '../../src/model.ts';
import { aborted } from '../../src/sources/aborted.ts';
import { createServiceList, type Listed, type ServiceList } from '../../src/sources/list.ts';
import { createFakeClock, type FakeClock } from '../fakes/clock.ts';

const never = new AbortController().signal;
const graceMs = 600_000;
const trustMs = 120_000;

function service(name: string, fields: Partial<Service> = {}): Service {
  const ports = [{ number: 80, protocol: 'tcp' }] as const;
  return {
    id: `docker/${name}`,
    name,
    source: 'docker',
    address: '10.0.0.2',
    ports,
    hints: { enable: true },
    state: 'running',
    ...fields,
  };
}

function stopped(name: string): Service {
  const { address: _address, ...rest } = service(name);
  return { ...rest, ports: [], state: 'stopped' };
}

/** A source in the test's hands. */
function createSource(name = 'docker') {
  let answer: readonly Service[] | Error | Promise<never> = [];
  const source: Source = {
    name,
    async list(signal) {
      signal.throwIfAborted();
      if (answer instanceof Error) throw answer;
      return { services: await answer, diagnostics: [] };
    },
    watch: (_notify, signal) => aborted(signal),
  };
  return {
    source,
    sees(...services: readonly Service[]): void {
      answer = services;
    },
    fails(
      error: Error = new SourceError({
        code: 'E_SOURCE_UNREACHABLE',
        message: 'gone',
        where: 'unix:///x',
        hint: 'start it',
      }),
    ): void {
      answer = error;
    },
    /** Until the promise is rejected. */
    hangs(): PromiseWithResolvers<never> {
      const hanging = Promise.withResolvers<never>();
      answer = hanging.promise;
      return hanging;
    },
  };
}

interface Rig {
  readonly clock: FakeClock;
  readonly list: ServiceList;
  readonly docker: ReturnType<typeof createSource>;
  /** What a list shows now: id, state and address of each service. */
  readonly look: () => Promise<readonly string[]>;
  readonly full: () => Promise<Listed>;
}

function createRig(options: { graceMs?: number; patienceMs?: number; others?: readonly Source[] } = {}): Rig {
  const clock = createFakeClock();
  const docker = createSource();
  const sources = [docker.source, ...(options.others ?? [])];
  const { patienceMs } = options;
  const list = createServiceList({
    sources,
    graceMs: options.graceMs ?? graceMs,
    patienceMs,
    sourceTrustMs: trustMs,
    clock,
  });
  const full = () => list.list(never);
  const look = async () => (await full()).services.map((one) => `${one.id} ${one.state} ${one.address ?? '-'}`);
  return { clock, list, docker, look, full };
}

describe('a service that stops', () => {
  test('loses its address and ports at once and keeps its name for the grace', async () => {
    const { docker, clock, look, full } = createRig();
    docker.sees(service('a'));
    assert.deepEqual(await look(), ['docker/a running 10.0.0.2']);
    docker.sees(stopped('a'));
    assert.deepEqual(await look(), ['docker/a stopped -']);
    assert.deepEqual((await full()).services[0]?.ports, []);
    await clock.advance(graceMs - 1);
    assert.deepEqual(await look(), ['docker/a stopped -']);
    await clock.advance(1);
    assert.deepEqual(await look(), []);
    await clock.advance(graceMs);
    assert.deepEqual(await look(), []);
  });

  test('and vanishes has one grace for both', async () => {
    const { docker, clock, look } = createRig();
    docker.sees(service('a'));
    await look();
    docker.sees(stopped('a'));
    await look();
    await clock.advance(graceMs / 2);
    docker.sees();
    assert.deepEqual(await look(), ['docker/a stopped -']);
    await clock.advance(graceMs / 2);
    assert.deepEqual(await look(), []);
  });

  test('and starts again is back at once, with a new grace for the next time', async () => {
    const { docker, clock, look } = createRig();
    docker.sees(service('a'));
    await look();
    docker.sees(stopped('a'));
    await look();
    await clock.advance(graceMs - 1);
    docker.sees(service('a', { address: '10.0.0.9' }));
    assert.deepEqual(await look(), ['docker/a running 10.0.0.9']);
    docker.sees(stopped('a'));
    await look();
    await clock.advance(graceMs - 1);
    assert.deepEqual(await look(), ['docker/a stopped -']);
  });

  test('never lends its address to the one that gets it next', async () => {
    const { docker, look } = createRig();
    docker.sees(service('a'));
    await look();
    docker.sees(service('b'));
    assert.deepEqual(await look(), ['docker/a stopped -', 'docker/b running 10.0.0.2']);
  });

  test('before we started keeps its name for a grace from the start', async () => {
    const { docker, clock, look } = createRig();
    docker.sees(stopped('a'));
    assert.deepEqual(await look(), ['docker/a stopped -']);
    await clock.advance(graceMs);
    assert.deepEqual(await look(), []);
  });
});

describe('a source that fails', () => {
  test('is believed for two minutes, then its services count as stopped', async () => {
    const { docker, clock, look, full } = createRig();
    docker.sees(service('a'));
    await look();
    docker.fails();
    await look();
    await clock.advance(trustMs - 1);
    assert.deepEqual(await look(), ['docker/a running 10.0.0.2']);
    const { diagnostics } = await full();
    assert.deepEqual(
      diagnostics.map(({ code, severity }) => [code, severity]),
      [['E_SOURCE_UNREACHABLE', 'error']],
    );
    assert.equal(diagnostics[0]?.message, 'docker: gone (unix:///x); its last list is used');
    assert.equal(diagnostics[0]?.hint, 'start it');
    await clock.advance(1);
    assert.deepEqual(await look(), ['docker/a stopped -']);
    docker.sees(service('a'));
    assert.deepEqual(await look(), ['docker/a running 10.0.0.2']);
  });

  test('is believed as long after a quiet day as after a busy minute', async () => {
    const { docker, clock, look } = createRig();
    docker.sees(service('a'));
    await look();
    await clock.advance(24 * 3_600_000);
    docker.fails();
    assert.deepEqual(await look(), ['docker/a running 10.0.0.2']);
    await clock.advance(trustMs);
    assert.deepEqual(await look(), ['docker/a stopped -']);
  });

  test('does not touch the others', async () => {
    const other = createSource('file');
    const { docker, look } = createRig({ others: [other.source] });
    other.sees(service('nas', { id: 'file/nas' }));
    docker.fails();
    assert.deepEqual(await look(), ['file/nas running 10.0.0.2']);
  });

  test('with a bug ends the pass instead', async () => {
    const { docker, full } = createRig();
    docker.fails(new TypeError('bug'));
    await assert.rejects(full(), TypeError);
  });
});

describe('a complete list', () => {
  test('is one that every source answered, once the program is up for a grace', async () => {
    const { docker, clock, full } = createRig();
    assert.equal((await full()).complete, false);
    await clock.advance(graceMs);
    assert.equal((await full()).complete, true);
    docker.fails();
    assert.equal((await full()).complete, false);
    docker.sees();
    assert.equal((await full()).complete, true);
  });

  test('comes at once without a grace', async () => {
    const { docker, full, look } = createRig({ graceMs: 0 });
    assert.equal((await full()).complete, true);
    docker.sees(service('a'), stopped('b'));
    assert.deepEqual(await look(), ['docker/a running 10.0.0.2']);
    docker.sees();
    assert.deepEqual(await look(), []);
  });
});

describe('two sources with one id', () => {
  test('the first keeps it, and the second says so', async () => {
    const other = createSource('file');
    const { docker, full } = createRig({ others: [other.source] });
    docker.sees(service('a'));
    other.sees(service('a', { address: '10.6.6.6' }));
    const { services, diagnostics } = await full();
    assert.deepEqual(
      services.map(({ address }) => address),
      ['10.0.0.2'],
    );
    assert.deepEqual(
      diagnostics.map(({ code, serviceId }) => [code, serviceId]),
      [['E_CONFLICT', 'docker/a']],
    );
  });
});

describe('thousands of short-lived services', () => {
  test('are remembered up to a bound', async () => {
    const { docker, look } = createRig();
    docker.sees(...Array.from({ length: 6000 }, (_, index) => service(`job-${index}`)));
    await look();
    docker.sees();
    assert.equal((await look()).length, 5000);
  });
});

describe('a watch', () => {
  async function watching(rig: Rig, run: (reasons: string[]) => Promise<void>): Promise<void> {
    const stop = new AbortController();
    const reasons: string[] = [];
    const watch = rig.list.watch((reason) => reasons.push(reason), stop.signal);
    await rig.clock.sleeping(1);
    await run(reasons);
    stop.abort();
    await watch;
  }

  test('asks for a look when a grace ends, and when the start-up grace does', async () => {
    const rig = createRig();
    rig.docker.sees(service('a'));
    await rig.look();
    await watching(rig, async (reasons) => {
      await rig.clock.advance(1000);
      rig.docker.sees();
      await rig.look();
      await rig.clock.advance(graceMs - 1001);
      assert.deepEqual(reasons, []);
      await rig.clock.advance(1);
      assert.deepEqual(reasons, ['start-up grace over']);
      await rig.clock.advance(999);
      assert.equal(reasons.length, 1);
      await rig.clock.advance(1);
      assert.deepEqual(reasons, ['start-up grace over', 'grace over: docker/a']);
      assert.deepEqual(await rig.look(), []);
      await rig.clock.advance(graceMs * 3);
      assert.equal(reasons.length, 2);
    });
  });

  test('does not ask for a service that came back in time', async () => {
    const rig = createRig({ graceMs: 5000 });
    rig.docker.sees(service('a'));
    await rig.look();
    await watching(rig, async (reasons) => {
      rig.docker.sees(stopped('a'));
      await rig.look();
      await rig.clock.advance(4000);
      rig.docker.sees(service('a'));
      await rig.look();
      await rig.clock.advance(20_000);
      assert.deepEqual(reasons, ['start-up grace over']);
    });
  });

  test('asks when the last list of a failing source is too old', async () => {
    const rig = createRig();
    rig.docker.sees(service('a'));
    await rig.look();
    await watching(rig, async (reasons) => {
      rig.docker.fails();
      await rig.look();
      await rig.clock.advance(trustMs);
      assert.ok(reasons.includes('docker: its last list is too old'));
      assert.deepEqual(await rig.look(), ['docker/a stopped -']);
    });
  });

  test('asks a failing source again and again, less and less often, until it answers', async () => {
    const rig = createRig();
    rig.docker.sees(service('a'));
    await rig.look();
    await watching(rig, async (reasons) => {
      rig.docker.fails();
      await rig.look();
      await rig.clock.advance(1000);
      assert.deepEqual(reasons, ['docker: asked again']);
      for (let attempt = 0; attempt < 10; attempt++) {
        await rig.look();
        await rig.clock.advance(30_000);
        assert.equal(reasons.filter((reason) => reason === 'docker: asked again').length, attempt + 2);
      }
      rig.docker.sees(service('a'));
      assert.deepEqual(await rig.look(), ['docker/a running 10.0.0.2']);
      const asked = reasons.length;
      await rig.clock.advance(60_000);
      assert.equal(reasons.length, asked);
    });
  });

  test('asks again after a failure nobody waited for any more', async () => {
    const rig = createRig({ patienceMs: 2000 });
    rig.docker.sees(service('a'));
    await rig.look();
    await watching(rig, async (reasons) => {
      const late = rig.docker.hangs();
      const looking = rig.look();
      await rig.clock.advance(2000);
      assert.deepEqual(await looking, ['docker/a running 10.0.0.2']);
      rig.docker.sees(stopped('a'));
      late.reject(new SourceError({ code: 'E_SOURCE_UNREACHABLE', message: 'gone' }));
      await rig.clock.advance(0);
      await rig.clock.advance(1000);
      assert.deepEqual(reasons, ['docker: asked again']);
      assert.deepEqual(await rig.look(), ['docker/a stopped -']);
    });
  });

  test('asks for nothing of itself without a grace, and ends with its signal', async () => {
    const rig = createRig({ graceMs: 0 });
    await rig.look();
    const stop = new AbortController();
    const watch = rig.list.watch((reason) => assert.fail(reason), stop.signal);
    await rig.clock.advance(graceMs);
    stop.abort();
    await watch;
  });
});
