// A world for scenarios: a real API with foreigners' objects in it, programs that use it, a clock that stands still, and an observer that sees
// every step.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { createEdgeApi } from '../../src/edge/api/server.ts';
import { type EdgeStore, openEdgeStore } from '../../src/edge/store/store.ts';
import type { Zone } from '../../src/edge/store/zones.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { apiToken } from '../cloudflare/api-world.ts';
import { createFakeClock, type FakeClock } from '../fakes/clock.ts';
import { createObserver, type Observer } from './observer.ts';
import { createProgram, type Program, type ProgramOptions } from './program.ts';
import { createWay, type Line, type LineOptions } from './way.ts';

/** What scenarios steer and look at. */
export interface World {
  readonly store: EdgeStore;
  readonly account: string;
  /** Straight to the API, past every fault. */
  readonly baseUrl: string;
  readonly clock: FakeClock;
  readonly observer: Observer;
  readonly zones: Readonly<Record<'com' | 'net', Zone>>;
  /** A way to the API for a program that is not one of those below. */
  line(options: LineOptions): Line;
  /** One more instance, not started. */
  program(options?: ProgramOptions): Program;
  /** Time goes by; passes that it starts are waited for. */
  wait(ms: number): Promise<void>;
  /** Waits for running passes and those asked for meanwhile. */
  quiet(): Promise<void>;
}

/** How far time goes before what it started is waited for. */
const stepMs = 500;

/** A world with two zones. What was never to be true is asserted at its end. */
export async function createWorld(t: TestContext): Promise<World> {
  let ticks = Date.parse('2026-01-01T00:00:00Z');
  // Moves with every look at it: an object that was written again, though with the same words, is another one.
  const ticking = { now: () => (ticks += 1_000), sleep: async () => undefined };
  const store = openEdgeStore(':memory:', { clock: ticking });
  const registry = { connections: () => [], disconnect: () => undefined };
  const listen = { host: '127.0.0.1', port: 0 };
  const logger = createSilentLogger();
  const api = await createEdgeApi({ store, registry, listen, tokens: { apiToken }, logger });
  const observer = createObserver(store);
  const way = await createWay(t, api.address.port, observer);
  const clock = createFakeClock();
  const programs: Program[] = [];
  t.after(async () => {
    await api.stop();
    store.close();
  });
  observer.tables = () =>
    programs.flatMap((program) => {
      const [rules, tunnelId] = [program.table(), program.tunnelId()];
      return rules === undefined || tunnelId === undefined ? [] : [{ tunnelId, rules }];
    });

  async function quiet(): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const busy = programs.filter((program) => program.isBusy);
      if (busy.length === 0) return;
      await Promise.race(busy.map((program) => program.stirred()));
    }
  }

  return {
    store,
    account: store.account.id,
    baseUrl: api.baseUrl,
    clock,
    observer,
    zones: { com: store.ensureZone('example.com'), net: store.ensureZone('example.net') },
    line: (options) => way.open(options),
    program(options = {}) {
      const program = createProgram(options, { store, way, observer, clock, t });
      programs.push(program);
      return program;
    },
    async wait(ms) {
      for (let left = ms; left > 0; ) {
        const step = Math.min(left, stepMs);
        await clock.advance(step);
        await quiet();
        left -= step;
      }
    },
    quiet,
  };
}

/** Nothing happened that must never happen. */
export function assertNothingWrong({ observer }: World): void {
  assert.deepEqual(observer.violations, []);
}
