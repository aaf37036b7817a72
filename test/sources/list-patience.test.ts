// A source that hangs: the others do not wait for it, nothing is deleted for it, and what it says late is looked at.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Source, SourceResult } from '../../src/contracts.ts';
import { SourceError } from '../../src/errors.ts';
import type { Service } from '../../src/model.ts';
import { aborted } from '../../src/sources/aborted.ts';
import { createServiceList, type Listed } from '../../src/sources/list.ts';
import { createFakeClock } from '../fakes/clock.ts';

const patienceMs = 2_000;
const trustMs = 120_000;
const gone = new SourceError({ code: 'E_SOURCE_UNREACHABLE', message: 'timed out' });

const service = (name: string): Service => ({
  id: `docker/${name}`,
  name,
  source: 'docker',
  address: '10.0.0.2',
  ports: [],
  hints: {},
  state: 'running',
});
const one = (name: string): SourceResult => ({ services: [service(name)], diagnostics: [] });

/** A quick source, and one that answers when the test says so. */
function setUp() {
  const clock = createFakeClock();
  const asked: PromiseWithResolvers<SourceResult>[] = [];
  const watch: Source['watch'] = (_notify, signal) => aborted(signal);
  const hanging: Source = {
    name: 'docker',
    list(signal) {
      const answer = Promise.withResolvers<SourceResult>();
      signal.addEventListener('abort', () => answer.reject(signal.reason), { once: true });
      asked.push(answer);
      return answer.promise;
    },
    watch,
  };
  const quick: Source = { name: 'builtin', list: async () => one('hello'), watch };
  const list = createServiceList({
    sources: [hanging, quick],
    graceMs: 0,
    sourceTrustMs: trustMs,
    patienceMs,
    clock,
  });
  const ending = new AbortController();
  const reasons: string[] = [];
  const watching = list.watch((reason) => reasons.push(reason), ending.signal);
  return {
    clock,
    asked,
    reasons,
    look: () => list.list(ending.signal),
    async end() {
      ending.abort();
      await watching;
    },
    /** A look that goes on without the hanging source. */
    async lookWithout(): Promise<Listed> {
      const looking = list.list(ending.signal);
      await clock.advance(patienceMs);
      return looking;
    },
  };
}

const shown = ({ services }: Listed) => services.map(({ name, address }) => `${name} ${address ?? '-'}`);
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a source that hangs', () => {
  test('does not keep the others waiting, is named, and nothing may be deleted', async () => {
    const { lookWithout, end } = setUp();
    const listed = await lookWithout();
    assert.deepEqual(shown(listed), ['hello 10.0.0.2']);
    assert.equal(listed.complete, false);
    assert.match(listed.diagnostics[0]?.message ?? '', /^docker: has not answered yet/);
    await end();
  });

  test('is not asked again while it is still being asked', async () => {
    const { lookWithout, look, asked, end } = setUp();
    await lookWithout();
    assert.equal((await look()).complete, false);
    assert.equal(asked.length, 1);
    await end();
  });

  test('asks for a look when it answers after all, and is waited for in that one', async () => {
    const { lookWithout, look, asked, reasons, clock, end } = setUp();
    await lookWithout();
    asked[0]?.resolve(one('late'));
    await turn();
    assert.deepEqual(reasons, ['docker: answered late']);
    const looking = look();
    await clock.advance(3 * patienceMs);
    asked[1]?.resolve(one('nas'));
    const listed = await looking;
    assert.deepEqual(shown(listed).includes('nas 10.0.0.2'), true);
    assert.equal(listed.complete, true);
    await end();
  });

  test('that fails late asks for nothing, and the next look asks it again without much patience', async () => {
    const { lookWithout, asked, reasons, end } = setUp();
    await lookWithout();
    asked[0]?.reject(gone);
    await turn();
    assert.deepEqual(reasons, []);
    assert.equal((await lookWithout()).complete, false);
    assert.equal(asked.length, 2);
    await end();
  });

  test('has its last good list believed for the usual time and no longer', async () => {
    const { look, lookWithout, asked, clock, end } = setUp();
    const looking = look();
    asked[0]?.resolve(one('nas'));
    assert.equal((await looking).complete, true);
    const believed = await lookWithout();
    assert.deepEqual([shown(believed), believed.complete], [['hello 10.0.0.2', 'nas 10.0.0.2'], false]);
    await clock.advance(trustMs);
    assert.ok(!shown(await look()).includes('nas 10.0.0.2'));
    await end();
  });

  test('a bug in its late answer ends the next look', async () => {
    const { lookWithout, look, asked, reasons, end } = setUp();
    await lookWithout();
    asked[0]?.reject(new TypeError('oops'));
    await turn();
    assert.deepEqual(reasons, ['docker: answered late']);
    await assert.rejects(look(), /oops/);
    await end();
  });

  test('the end while it hangs is no bug', async () => {
    const { lookWithout, reasons, end } = setUp();
    await lookWithout();
    await end();
    await turn();
    assert.deepEqual(reasons, []);
  });
});
