// What every source promises, as one suite to run on each of them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Source } from '../../src/contracts.ts';

/** A source under test with at least one running service, and the ways to change what it sees and to clear up. */
export interface SourceRig {
  readonly source: Source;
  /** Makes the list read differently; absent for a source that never changes. */
  readonly change?: () => void;
  /** Resolves once changes are seen by a running watch. */
  readonly watching?: () => Promise<void>;
  close(): Promise<void>;
}

/** Runs the contract's suite. */
export function testSource(name: string, create: () => Promise<SourceRig>): void {
  async function withRig(run: (rig: SourceRig) => Promise<void>): Promise<void> {
    const rig = await create();
    try {
      await run(rig);
    } finally {
      await rig.close();
    }
  }

  describe(`${name} keeps the source contract`, () => {
    test('it lists services with ids of their own, and only running ones have an address', () =>
      withRig(async ({ source }) => {
        const { services } = await source.list(new AbortController().signal);
        assert.ok(services.length > 0);
        assert.equal(new Set(services.map((service) => service.id)).size, services.length);
        for (const service of services) {
          assert.match(service.id, /^[a-z]+\/[A-Za-z0-9./_-]+$/);
          if (service.state === 'stopped') assert.ok(service.address === undefined && service.ports.length === 0);
        }
      }));

    test('it lists the same twice when nothing changed', () =>
      withRig(async ({ source }) => {
        const { signal } = new AbortController();
        assert.deepEqual(await source.list(signal), await source.list(signal));
      }));

    test('an aborted list rejects with the reason of the abort', () =>
      withRig(async ({ source }) => {
        const reason = new Error('enough');
        await assert.rejects(source.list(AbortSignal.abort(reason)), reason);
      }));

    test('a watch ends with its signal', () =>
      withRig(async ({ source, watching }) => {
        const stop = new AbortController();
        const watch = source.watch(() => undefined, stop.signal);
        await watching?.();
        stop.abort();
        await watch;
        await source.watch(() => assert.fail('an ended watch notifies nobody'), stop.signal);
      }));

    test('a change is told', () =>
      withRig(async ({ source, change, watching }) => {
        if (change === undefined) return;
        const stop = new AbortController();
        let told = Promise.withResolvers<string>();
        const watch = source.watch((reason) => told.resolve(reason), stop.signal);
        await watching?.();
        await told.promise;
        told = Promise.withResolvers<string>();
        change();
        assert.match(await told.promise, /\S/);
        stop.abort();
        await watch;
      }));
  });
}
