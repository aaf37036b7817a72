// What every reconciler promises, run on each of them.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Reconciler } from '../../src/contracts.ts';
import { accessApplications } from '../../src/ingress/access-applications.ts';
import type { AccessSpec, DesiredState, IngressEntry, Plan, ServiceId } from '../../src/model.ts';
import { restrict, withhold } from '../../src/plan/policy.ts';
import { never } from '../cloudflare/api-world.ts';

/** A reconciler in a world of its own. */
export interface ReconcilerWorld {
  readonly reconciler: Reconciler<unknown>;
  /** Everything it could have changed, to compare before and after. */
  look(): unknown;
}

/** The names every reconciler is asked for; `example.com` is a zone of its world. */
export const contractZone = 'example.com';

/** An entry for a service of that name, at an address of its own. */
export function entryFor(
  name: string,
  fields: { readonly service?: string; readonly path?: string; readonly access?: AccessSpec | 'public' } = {},
): IngressEntry {
  const { service = `http://10.0.0.1:${3000 + name.length}`, path, access = 'public' } = fields;
  return {
    serviceId: `docker/${name}`,
    plugin: 'generic',
    rule: { hostname: `${name}.${contractZone}`, ...(path === undefined ? {} : { path }), service },
    access,
    explicit: false,
  };
}

/** The desired state for these entries: one record per name, owned by `owner`. */
export function desiredFor(
  entries: readonly IngressEntry[],
  owner = 'home',
  target = 'tunnel.cfargotunnel.com',
): DesiredState {
  const names = Map.groupBy(entries, (entry) => entry.rule.hostname);
  return {
    ingress: entries,
    accessApplications: accessApplications(entries, owner).applications,
    dnsRecords: [...names].map(([name, [first]]) => ({
      zone: contractZone,
      name,
      type: 'CNAME',
      content: target,
      proxied: true,
      owner: { id: owner, resource: first?.serviceId ?? 'docker/none' },
    })),
  };
}

/** The promises of a reconciler that makes one object per service. */
export function testReconciler(
  name: string,
  create: (t: TestContext) => Promise<ReconcilerWorld>,
  access: AccessSpec | 'public' = 'public',
): void {
  const entryOf = (service: string) => entryFor(service, { access });
  const three = desiredFor([entryOf('a'), entryOf('bb'), entryOf('ccc')]);

  async function settle(world: ReconcilerWorld, desired: DesiredState): Promise<readonly ServiceId[]> {
    const plan = await world.reconciler.plan(desired, never());
    const failed = await world.reconciler.apply(plan, 'upsert', never());
    return [...failed, ...(await world.reconciler.apply(plan, 'delete', never()))];
  }

  async function isSettled(world: ReconcilerWorld, desired: DesiredState): Promise<void> {
    assert.deepEqual((await world.reconciler.plan(desired, never())).changes, []);
  }

  test(`${name}: planning changes nothing`, async (t) => {
    const world = await create(t);
    const before = world.look();
    const plan = await world.reconciler.plan(three, never());
    assert.equal(plan.changes.length, 3);
    assert.deepEqual(world.look(), before);
  });

  test(`${name}: what is planned and applied is not planned again`, async (t) => {
    const world = await create(t);
    assert.deepEqual(await settle(world, three), []);
    await isSettled(world, three);
    const before = world.look();
    assert.deepEqual(await settle(world, three), []);
    assert.deepEqual(world.look(), before);
  });

  test(`${name}: what is no longer wanted goes, and nothing else`, async (t) => {
    const world = await create(t);
    await settle(world, three);
    const two = desiredFor([entryOf('a'), entryOf('ccc')]);
    const plan = await world.reconciler.plan(two, never());
    assert.deepEqual(actions(plan), [['delete', 'docker/bb']]);
    assert.deepEqual(await settle(world, two), []);
    await isSettled(world, two);
  });

  test(`${name}: a dry-run plan, applied, changes nothing`, async (t) => {
    const world = await create(t);
    await settle(world, desiredFor([entryOf('gone')]));
    const before = world.look();
    const plan = restrict(await world.reconciler.plan(three, never()), { mode: 'dry-run', complete: true });
    assert.equal(plan.held.length, 4);
    await world.reconciler.apply(plan, 'upsert', never());
    await world.reconciler.apply(plan, 'delete', never());
    assert.deepEqual(world.look(), before);
  });

  test(`${name}: what is withheld stays out, the rest goes in`, async (t) => {
    const world = await create(t);
    const plan = withhold(await world.reconciler.plan(three, never()), ['docker/bb']);
    await world.reconciler.apply(plan, 'upsert', never());
    const next = await world.reconciler.plan(three, never());
    assert.deepEqual(actions(next), [['create', 'docker/bb']]);
  });

  test(`${name}: an aborted signal ends it with the signal's reason`, async (t) => {
    const world = await create(t);
    const plan = await world.reconciler.plan(three, never());
    const before = world.look();
    await assert.rejects(
      async () => world.reconciler.apply(plan, 'upsert', AbortSignal.abort(new Error('over'))),
      /over/,
    );
    assert.deepEqual(world.look(), before);
  });
}

function actions(plan: Plan<unknown>): readonly (readonly [string, ServiceId])[] {
  return plan.changes.map((change) => [change.action, change.serviceId]);
}
