// A slow pass and what happens meanwhile: a plan made before a withdrawal must not open again what that closed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLocalIngress } from '../../src/ingress/reconciler.ts';
import type { DesiredState, IngressEntry, IngressRule } from '../../src/model.ts';

function desired(...services: readonly string[]): DesiredState {
  const ingress = services.map(
    (service): IngressEntry => ({
      serviceId: 'docker/app',
      plugin: 'generic',
      rule: { hostname: 'app.example.com', service },
      access: 'public',
      explicit: true,
    }),
  );
  return { ingress, dnsRecords: [], accessApplications: [] };
}

test('a rule planned while its container lived stays closed when the container died before the plan was applied', async () => {
  const { signal } = new AbortController();
  const tables: (readonly IngressRule[])[] = [];
  const ingress = createLocalIngress({ updateIngress: async (rules) => void tables.push(rules) });
  await ingress.withdraw(desired('http://10.0.0.1:80'), signal);
  const plan = await ingress.plan(desired('http://10.0.0.1:80'), signal);
  await ingress.withdraw(desired('http_status:503'), signal);
  await ingress.apply(plan, 'upsert', signal);
  assert.ok(!tables.flat().some(({ service }) => service.includes('10.0.0.1')), JSON.stringify(tables));
  assert.deepEqual(
    ingress.live().map(({ rule }) => rule.service),
    ['http_status:503'],
  );
});

test('a withdrawal waits for a write that is under way, and then has the last word', async () => {
  const { signal } = new AbortController();
  const tables: (readonly IngressRule[])[] = [];
  const slow = Promise.withResolvers<void>();
  const ingress = createLocalIngress({
    async updateIngress(rules) {
      if (tables.length === 0) await slow.promise;
      tables.push(rules);
    },
  });
  const plan = await ingress.plan(desired('http://10.0.0.1:80'), signal);
  const applying = ingress.apply(plan, 'upsert', signal);
  const withdrawing = ingress.withdraw(desired('http_status:503'), signal);
  slow.resolve();
  await Promise.all([applying, withdrawing]);
  assert.equal(tables.at(-1)?.[0]?.service, 'http_status:503');
});

test('rules of a pass that reads slowly are not closed when its container moved meanwhile', async () => {
  const { signal } = new AbortController();
  const tables: (readonly IngressRule[])[] = [];
  const ingress = createLocalIngress({ updateIngress: async (rules) => void tables.push(rules) });
  const old = desired('http://10.0.0.1:80');
  await ingress.apply(await ingress.plan(old, signal), 'upsert', signal);
  await ingress.withdraw(old, signal);
  const plan = await ingress.plan(old, signal);
  await ingress.withdraw(desired('http://10.0.0.2:80'), signal);
  await ingress.closeStale(old, signal);
  await ingress.apply(plan, 'upsert', signal);
  assert.deepEqual(
    ingress.live().map(({ rule }) => rule.service),
    ['http://10.0.0.2:80'],
  );
});
