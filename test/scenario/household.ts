// A household whose services are published, and what a person can do to its objects at the API by hand.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { AppInput, StoredApp } from '../../src/edge/store/access/apps.ts';
import { addForeigners, sharedTunnel } from './foreigners.ts';
import type { Program } from './program.ts';
import { configurationOf } from './reality.ts';
import type { Container } from './script.ts';
import { createWorld, type World } from './world.ts';

/** A small household: one public service and two guarded ones. */
export const household: readonly Container[] = [
  { name: 'web', at: 1 },
  { name: 'vault', at: 2, access: 'family', bypass: ['/health'] },
  { name: 'office', at: 3, access: 'staff' },
];

/** A program that has published these. */
export async function published(
  t: TestContext,
  containers: readonly Container[] = household,
  isLocal = false,
): Promise<{ world: World; program: Program }> {
  const world = await createWorld(t);
  addForeigners(world, { records: 6, rules: 4, applications: 4 });
  const program = world.program({ isLocal, ...(isLocal ? {} : { tunnel: sharedTunnel }) });
  program.start();
  program.show(containers);
  await program.pass();
  return { world, program };
}

/** The only record of a name below example.com. */
export function recordOf({ store, zones }: World, name: string) {
  const [record] = store.records.named(zones.com.id, `${name}.example.com`);
  assert.ok(record !== undefined);
  return record;
}

/** Changes that record. */
export function patchRecord(
  world: World,
  name: string,
  patch: Parameters<World['store']['records']['patch']>[2],
): void {
  world.store.records.patch(world.zones.com, recordOf(world, name).id, patch);
}

/** The application that guards a place. */
export function appOf({ store }: World, domain: string): StoredApp {
  const app = store.access.apps.list().find(({ fields }) => fields.domain === domain);
  assert.ok(app !== undefined, domain);
  return app;
}

/** Changes fields of that application; its other ones stay. */
export function changeApp(world: World, domain: string, change: Partial<AppInput>): void {
  const { id, fields } = appOf(world, domain);
  const { policies: links, name, tags, type, kept } = fields;
  world.store.access.apps.replace(id, { type, name, tags, kept, domain, policies: links, ...change });
}

/** A policy of ours, by the name the settings give it. */
export function policyOf({ store }: World, name: string) {
  const policy = store.access.policies.list().find(({ fields }) => fields.name.endsWith(`owner=home policy=${name}`));
  assert.ok(policy !== undefined, name);
  return policy;
}

/** Changes the configuration of the tunnel that holds our rules. */
export function changeRules(world: World, change: (rules: readonly Rule[]) => readonly Rule[]): void {
  const [tunnel] = world.store.tunnels.list();
  assert.ok(tunnel !== undefined);
  const { ingress, ...rest } = configurationOf(world.store, tunnel.id);
  world.store.configurations.put(tunnel.id, { ...rest, ingress: change(ingress) });
}

/** A rule as the API keeps it. */
export type Rule = ReturnType<typeof configurationOf>['ingress'][number];

/** The rules of one hostname in the first tunnel. */
export function rulesFor(world: World, name: string): readonly Rule[] {
  const [tunnel] = world.store.tunnels.list();
  return configurationOf(world.store, tunnel?.id ?? '').ingress.filter(({ hostname }) => hostname === name);
}
