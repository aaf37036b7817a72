// The official SDK, used directly and past our client, reads back exactly what the plan said.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Cloudflare from 'cloudflare';
import type { AccessApplication, AccessPolicy, Change, DnsRecord, IngressEntry, Plan } from '../../src/model.ts';
import { apiToken } from '../cloudflare/api-world.ts';
import { addForeigners, sharedTunnel } from './foreigners.ts';
import type { Container } from './script.ts';
import { createWorld } from './world.ts';

const containers: readonly Container[] = [
  { name: 'web', at: 1 },
  { name: 'vault', at: 2, access: 'family', bypass: ['/health'] },
  { name: 'office', at: 3, host: 'office.example.net', access: 'staff' },
  { name: 'admin', at: 4, host: 'web.example.com', path: '/admin', access: 'friends' },
];

/** What a plan of creates asks for. */
function wantedBy<T>(plans: readonly Plan<unknown>[], target: Plan<unknown>['target']): readonly T[] {
  const changes = (plans.find((plan) => plan.target === target)?.changes ?? []) as readonly Change<T>[];
  return changes.flatMap((change) => (change.action === 'create' ? [change.desired] : assert.fail(change.action)));
}

async function all<T>(pages: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const one of pages) found.push(one);
  return found;
}

test('tunnel, configuration, records, applications and policies are what the plan said', async (t) => {
  const world = await createWorld(t);
  addForeigners(world, { records: 6, rules: 4, applications: 4 });
  const program = world.program({ tunnel: sharedTunnel });
  program.show(containers);
  program.start();
  const { plans = [] } = (await program.pass()) ?? {};
  const sdk = new Cloudflare({ apiToken, baseURL: world.baseUrl, maxRetries: 0 });
  const account = { account_id: world.account };

  const [tunnel] = await all(sdk.zeroTrust.tunnels.cloudflared.list({ ...account, name: sharedTunnel }));
  assert.ok(tunnel?.id !== undefined);
  assert.equal(`${tunnel.id}.cfargotunnel.com`, wantedBy<DnsRecord>(plans, 'dns')[0]?.content);

  const { config } = await sdk.zeroTrust.tunnels.cloudflared.configurations.get(tunnel.id, account);
  const rules = (config?.ingress ?? []).filter(({ service }) => service?.startsWith('http://10.0.0.'));
  assert.deepEqual(
    rules.map(({ hostname, path, service }) => [hostname, path ?? '', service]),
    wantedBy<IngressEntry>(plans, 'ingress').map(({ rule }) => [rule.hostname, rule.path ?? '', rule.service]),
  );

  const zones = await all(sdk.zones.list());
  const records = (await Promise.all(zones.map(({ id }) => all(sdk.dns.records.list({ zone_id: id }))))).flat();
  assert.deepEqual(
    records
      .filter((record) => record.type === 'CNAME' && record.content?.endsWith('.cfargotunnel.com'))
      .map(({ name, content, proxied, comment, ttl }) => ({ name, content, proxied, comment, ttl }))
      .toSorted(byName),
    wantedBy<DnsRecord>(plans, 'dns')
      .map(({ name, content, proxied, owner }) => {
        const comment = `sallyport owner=${owner?.id} resource=${owner?.resource}`;
        return { name, content, proxied, comment, ttl: 1 };
      })
      .toSorted(byName),
  );

  const access = wantedBy<AccessApplication | AccessPolicy>(plans, 'access');
  const policies = await all(sdk.zeroTrust.access.policies.list(account));
  const policyPlans = access.filter((one) => 'decision' in one);
  const ours = policies.filter(({ name }) => name?.startsWith('sallyport owner=home '));
  assert.deepEqual(
    ours
      .map((one) => ({
        name: one.name ?? '',
        decision: one.decision,
        include: one.include,
        require: one.require,
        exclude: one.exclude,
      }))
      .toSorted(byName),
    policyPlans
      .map(({ name, decision, include, require, exclude }) => {
        return { name: `sallyport owner=home policy=${name}`, decision, include, require, exclude };
      })
      .toSorted(byName),
  );

  const applications = (await all(sdk.zeroTrust.access.applications.list(account))) as readonly Application[];
  const nameOf = new Map(ours.map(({ id, name }) => [id, name?.replace('sallyport owner=home policy=', '')]));
  assert.deepEqual(
    applications
      .filter(({ tags }) => tags?.includes('sallyport-home'))
      .map(({ name, domain, policies: links }) => ({ name, domain, policies: links.map(({ id }) => nameOf.get(id)) }))
      .toSorted(byName),
    access
      .flatMap((one) => ('decision' in one ? [] : one))
      .map(({ name, domain, policies: names }) => ({ name, domain, policies: names }))
      .toSorted(byName),
  );
});

/** The fields of a self-hosted application; the SDK's type is a union of every kind there is. */
interface Application {
  readonly name: string;
  readonly domain: string;
  readonly tags?: readonly string[];
  readonly policies: readonly { readonly id: string }[];
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}
