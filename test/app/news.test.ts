// What the log says of a pass: each thing once, and nothing that did not happen.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { newsOf } from '../../src/app/news.ts';
import type { Diagnostic, IngressEntry } from '../../src/model.ts';
import type { Pass } from '../../src/reconcile.ts';

function entry(service: string): IngressEntry {
  return {
    serviceId: 'docker/app',
    plugin: 'generic',
    rule: { hostname: 'app.example.com', service },
    access: 'public',
    explicit: false,
  };
}

function pass(entries: readonly IngressEntry[], more: Partial<Pass> = {}): Pass {
  return {
    complete: true,
    services: [],
    entries,
    desired: { ingress: entries, dnsRecords: [], accessApplications: [] },
    plans: [],
    diagnostics: [],
    failed: [],
    isUndone: false,
    ...more,
  };
}

const up = pass([entry('http://10.0.0.1:80')]);
const finding: Diagnostic = {
  severity: 'error',
  code: 'E_NO_PORT',
  message: 'no port',
  hint: 'name one',
  serviceId: 'docker/b',
};
const messages = (before: Pass | undefined, now: Pass) => newsOf(before, now).map(({ message }) => message);

test('a password in a service URL is not logged', () => {
  const news = newsOf(undefined, pass([entry('http://me:secret@10.0.0.1:80')]));
  assert.equal(JSON.stringify(news).includes('secret'), false);
  assert.equal(news[0]?.fields.to, 'http://…@10.0.0.1:80');
});

describe('the news of a pass', () => {
  test('a name that came, stopped, came back and went is one line each', () => {
    const stopped = pass([entry('http_status:503')]);
    assert.deepEqual(messages(undefined, up), ['published']);
    assert.deepEqual(messages(up, up), []);
    assert.deepEqual(messages(up, stopped), ['stopped, its name answers 503']);
    assert.deepEqual(messages(stopped, up), ['published']);
    assert.deepEqual(messages(stopped, pass([])), ['no longer published']);
  });

  test('what was held or failed is not said to be published', () => {
    assert.deepEqual(messages(undefined, { ...up, failed: ['docker/app'] }), []);
    const change = { action: 'create', serviceId: 'docker/app', desired: {} } as const;
    const held = [{ target: 'dns' as const, changes: [], held: [{ change, reason: 'dry-run' }] }];
    assert.deepEqual(messages(undefined, { ...up, plans: held }), []);
  });

  test('a finding is said once, with its hint, and again only after it was mended', () => {
    const found = pass([], { diagnostics: [finding] });
    assert.deepEqual(newsOf(undefined, found), [
      { level: 'warn', message: 'no port', fields: { code: 'E_NO_PORT', service: 'docker/b', hint: 'name one' } },
    ]);
    assert.deepEqual(messages(found, found), []);
    assert.deepEqual(messages(pass([]), found), ['no port']);
  });
});
