// The API's copy of the rules: it follows, skips what is outdated, and tries again.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createRuleMirror } from '../../src/app/rule-mirror.ts';
import type { Reconciler } from '../../src/contracts.ts';
import { ApiError } from '../../src/errors.ts';
import { createSilentLogger } from '../../src/logger.ts';
import type { DesiredState, IngressEntry } from '../../src/model.ts';
import { createFakeClock } from '../fakes/clock.ts';

function entry(service: string): IngressEntry {
  return {
    serviceId: 'docker/app',
    plugin: 'generic',
    rule: { hostname: 'app.test', service },
    access: 'public',
    explicit: false,
  };
}

/** A target that remembers what it was asked for, and fails as often as it is told. */
function setUp(failures = 0) {
  const clock = createFakeClock();
  const asked: string[] = [];
  const target: Reconciler<IngressEntry> = {
    target: 'ingress',
    async plan({ ingress }: DesiredState) {
      asked.push(ingress[0]?.rule.service ?? '');
      if (asked.length <= failures) throw new ApiError({ code: 'E_API_UNREACHABLE', message: 'down' });
      return { target: 'ingress', changes: [], held: [] };
    },
    apply: async () => [],
  };
  return { clock, asked, mirror: createRuleMirror({ target, clock, logger: createSilentLogger() }) };
}

describe('the mirror of the rules', () => {
  test('writes what is live, once, and nothing when nothing changed', async () => {
    const { clock, asked, mirror } = setUp();
    mirror.follow([entry('http://a')]);
    await clock.advance(0);
    mirror.follow([entry('http://a')]);
    await clock.advance(60_000);
    assert.deepEqual(asked, ['http://a']);
    await mirror.stop();
  });

  test('skips to the newest when several came while it wrote', async () => {
    const { clock, asked, mirror } = setUp();
    for (const service of ['http://a', 'http://b', 'http://c']) mirror.follow([entry(service)]);
    await clock.advance(0);
    assert.deepEqual(asked, ['http://a', 'http://c']);
    await mirror.stop();
  });

  test('looks again when told to, once, although nothing changed here', async () => {
    const { clock, asked, mirror } = setUp();
    mirror.follow([entry('http://a')], { again: true });
    await clock.advance(0);
    mirror.follow([entry('http://a')], { again: true });
    await clock.advance(60_000);
    assert.deepEqual(asked, ['http://a', 'http://a']);
    await mirror.stop();
  });

  test('tries again with the newest while the API is down, and stops when told to', async () => {
    const { clock, asked, mirror } = setUp(1);
    mirror.follow([entry('http://a')]);
    await clock.advance(0);
    mirror.follow([entry('http_status:503')]);
    await clock.advance(1_000);
    assert.deepEqual(asked, ['http://a', 'http_status:503']);
    await mirror.stop();
  });
});
