// What a pass does beyond reconciling: what it leaves alone in dry-run.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Discovery } from '../../src/app/discovery.ts';
import { createPasses } from '../../src/app/passes.ts';
import type { Road } from '../../src/app/road.ts';
import type { RoadKeeper } from '../../src/app/road-keeper.ts';
import type { Reconciler } from '../../src/contracts.ts';
import { createLocalIngress } from '../../src/ingress/reconciler.ts';
import { createSilentLogger } from '../../src/logger.ts';
import type { AccessObject, Plan } from '../../src/model.ts';
import type { Settings } from '../../src/settings/settings.ts';

const { signal } = new AbortController();

/** One pass with nothing to do in this mode, on a road with a mirror; returns how often the mirror was told. */
async function follows(mode: Settings['mode']): Promise<number> {
  let told = 0;
  const nothing = (target: Plan<never>['target']) =>
    ({ target, plan: async () => ({ target, changes: [], held: [] }), apply: async () => [] }) as Reconciler<never>;
  const road = {
    place: { account: 'a', zones: [] },
    connector: {},
    ingress: createLocalIngress({ updateIngress: async () => undefined }),
    mirror: { follow: () => told++, stop: async () => undefined },
    dns: nothing('dns'),
  } as unknown as Road;
  const passes = createPasses({
    discovery: {
      list: { list: async () => ({ services: [], diagnostics: [], complete: true }) },
      route: () => ({ entries: [], diagnostics: [] }),
      compile: () => ({ desired: { ingress: [], dnsRecords: [], accessApplications: [] }, diagnostics: [] }),
    } as unknown as Discovery,
    access: () => nothing('access') as Reconciler<AccessObject>,
    road: { ensure: async () => road, open: () => undefined } as unknown as RoadKeeper,
    settings: () => ({ mode }) as Settings,
    owner: 'me',
    logger: createSilentLogger(),
  });
  await passes.run({ full: true, confirmed: false, signal });
  return told;
}

describe('a pass', () => {
  test('has the API’s copy of the rules follow the live ones', async () => assert.equal(await follows('sync'), 1));
  test('leaves that copy alone in dry-run: what is live was never meant to replace it', async () =>
    assert.equal(await follows('dry-run'), 0));
});
