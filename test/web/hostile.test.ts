// What containers, labels and logs can carry to the page: nothing that runs, nothing without bounds, no secret.
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createSilentLogger } from '../../src/logger.ts';
import type { Service } from '../../src/model.ts';
import { createActivityLog } from '../../src/web/activity.ts';
import { createEventHub } from '../../src/web/event-hub.ts';
import { blackedOut, type LogLine, tapLogger } from '../../src/web/log-tap.ts';
import { createFixture, services, snapshotOf } from './fixture.ts';

describe('what comes from outside', () => {
  test('a script in a container’s name is text, and no inline script could run', async () => {
    const { app } = createFixture();
    const page = await app.inject('/');
    assert.ok(!page.body.includes('<script>') && page.body.includes('&#60;script&#62;'));
    const policy = String(page.headers['content-security-policy']);
    assert.match(policy, /default-src 'none'; script-src 'self';/);
    assert.ok(!policy.includes('unsafe'));
    const answer = await app.inject('/api/services');
    assert.match(String(answer.headers['content-type']), /^application\/json/);
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
  });

  test('a label of 10 MB is shown cut short', async () => {
    const long = 'x'.repeat(10 * 1024 * 1024);
    const [first] = services;
    assert.ok(first !== undefined);
    const big: Service = { ...first, id: 'docker/big', hints: { enable: true, path: long, held: long } };
    const snapshot = { ...snapshotOf([first, big]), plans: [] };
    const { app } = createFixture({ program: { snapshot: () => snapshot } });
    const answer = await app.inject('/api/service?id=docker/big');
    assert.equal(answer.statusCode, 200);
    assert.ok(answer.body.length < 20_000, `${answer.body.length}`);
  });

  test('a body of 10 MB is refused', async () => {
    const { app } = createFixture();
    const body = { password: 'x'.repeat(10 * 1024 * 1024) };
    assert.equal((await app.inject({ method: 'POST', url: '/api/login', body })).statusCode, 413);
  });

  test('log lines are shown short, from the level on, and with no secret in them', () => {
    const lines: LogLine[] = [];
    const secrets = () => ['cf-token-0123456789abcdef'];
    const show = (line: LogLine) => lines.push(line);
    const logger = tapLogger(createSilentLogger(), { least: 'info', secrets, show, now: () => 0 });
    logger.debug('too quiet');
    logger
      .child({ part: 'api' })
      .warn(
        { token: 'abc', url: 'http://me:pw@host/', reason: 'x'.repeat(10_000), nested: { a: 1 } },
        'with cf-token-0123456789abcdef',
      );
    logger.error('plain');
    assert.deepEqual(
      lines.map(({ message }) => message),
      ['with [secret]', 'plain'],
    );
    const fields = lines[0]?.fields ?? {};
    assert.deepEqual(Object.keys(fields), ['part', 'url', 'reason', 'nested']);
    assert.equal(fields.url, 'http://…@host/');
    assert.equal(fields.reason?.length, 500);
    assert.equal(blackedOut('ab', ['a']), 'ab');
  });
});

describe('what is kept', () => {
  test('activity is kept in two files of bounded size, and damaged lines are left out', () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'sallyport-activity-'));
    const log = createActivityLog({ dataDir, now: () => 0, logger: createSilentLogger(), maxBytes: 2_000 });
    for (let at = 0; at < 100; at++)
      log.add({ kind: 'action', by: 'me', what: `thing ${at}`, serviceId: `docker/${at % 2}` });
    appendFileSync(join(dataDir, 'activity.jsonl'), '{"at":"half a li\n{"a":1}\n');
    assert.deepEqual(readdirSync(dataDir).sort(), ['activity.jsonl', 'activity.jsonl.1']);
    for (const file of readdirSync(dataDir)) {
      assert.ok(statSync(join(dataDir, file)).size < 3_000);
      assert.equal(statSync(join(dataDir, file)).mode & 0o777, 0o600);
    }
    assert.equal(log.recent(5)[0]?.what, 'thing 99');
    assert.ok(log.recent(5, 'docker/0').every(({ serviceId }) => serviceId === 'docker/0'));
  });

  test('a data directory that cannot be written stops nobody', () => {
    const log = createActivityLog({ dataDir: '/dev/null/none', now: () => 0, logger: createSilentLogger() });
    log.add({ kind: 'action', by: 'me', what: 'thing' });
    assert.deepEqual(log.recent(5), []);
  });

  test('only the newest events are kept, and a very large one is only announced', () => {
    const hub = createEventHub('ab');
    for (let at = 0; at < 3_000; at++) hub.publish('log', { at });
    assert.equal(hub.since('ab-1999'), undefined);
    assert.equal(hub.since('ab-2000')?.length, 1_000);
    hub.publish('snapshot', { large: 'x'.repeat(1024 * 1024) });
    assert.equal(hub.since('ab-3000')?.[0]?.data, '{}');
  });
});
