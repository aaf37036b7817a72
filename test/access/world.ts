// An account with Access, as the reconciler meets it: a real API with a real store, a foreigner's objects in it, and every call seen.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import Cloudflare from 'cloudflare';
import { createAccessReconciler } from '../../src/access/reconciler.ts';
import { type Choices, noChoices } from '../../src/choices.ts';
import type { Reconciler } from '../../src/contracts.ts';
import { accessApplications, guard } from '../../src/ingress/access-applications.ts';
import { createSilentLogger } from '../../src/logger.ts';
import type { AccessObject, DesiredState, IngressEntry, Plan, ServiceId } from '../../src/model.ts';
import type { PolicySetting } from '../../src/settings/settings.ts';
import { type ApiWorld, apiToken, createApiWorld, never } from '../cloudflare/api-world.ts';
import { contractZone, desiredFor } from '../contract/reconciler.ts';

/** What the tests steer and look at. */
export interface AccessWorld {
  readonly remote: ApiWorld;
  /** The official SDK as its users use it, past our client. */
  readonly sdk: Cloudflare;
  readonly account: { readonly account_id: string };
  /** The settings' policies. */
  policies: Readonly<Record<string, PolicySetting>>;
  /** What a person adopted or released. */
  choices: Choices;
  /** Milliseconds, as the reconciler sees them. */
  now: number;
  readonly reconciler: Reconciler<AccessObject>;
  /** Another instance, with the same settings. */
  another(owner: string): Reconciler<AccessObject>;
  /** Plans and applies both phases; resolves to what failed. */
  settle(desired: DesiredState): Promise<readonly ServiceId[]>;
  /** Every application and policy as the SDK reads it. */
  look(): Promise<{ readonly applications: readonly Raw[]; readonly policies: readonly Raw[] }>;
}

/** An object of the API's. */
export type Raw = Readonly<Record<string, unknown>>;

/** A world without Access objects. */
export async function createAccessWorld(t: TestContext): Promise<AccessWorld> {
  const remote = await createApiWorld(t);
  remote.store.ensureZone(contractZone);
  const sdk = new Cloudflare({ apiToken, baseURL: remote.baseUrl, maxRetries: 0 });
  const account = { account_id: remote.account };
  const another = (owner: string) =>
    createAccessReconciler({
      api: remote.api,
      account: remote.account,
      owner,
      policies: () => world.policies,
      choices: () => world.choices,
      clock: { now: () => world.now, sleep: async () => undefined },
      logger: createSilentLogger(),
    });
  const world: AccessWorld = {
    remote,
    sdk,
    account,
    policies: { family: { allow: { emails: ['a@example.com'] } }, friends: { allow: { emails: ['b@example.com'] } } },
    choices: noChoices,
    now: Date.now(),
    reconciler: another('home'),
    another,
    async settle(desired) {
      const plan = await world.reconciler.plan(desired, never());
      return applyAll(world.reconciler, plan);
    },
    async look() {
      const [applications, policies] = await Promise.all([
        collect(sdk.zeroTrust.access.applications.list(account)),
        collect(sdk.zeroTrust.access.policies.list(account)),
      ]);
      return { applications, policies };
    },
  };
  return world;
}

/** The desired state with a lock for the whole zone. */
export function desiredInZone(entries: readonly IngressEntry[], policy: string | undefined): DesiredState {
  const zoneDefault = policy === undefined ? undefined : { policy, zones: [contractZone] };
  const { guarded } = guard(entries);
  return {
    ...desiredFor(guarded),
    accessApplications: accessApplications(guarded, 'home', zoneDefault).applications,
  };
}

/** Every change of a plan: `create policy family`, `update a.example.com family (policies)`. */
export function summary(plan: Plan<AccessObject>): readonly string[] {
  return plan.changes.map((change) => {
    const object = change.action === 'delete' ? change.current : change.desired;
    const what = 'decision' in object ? `policy ${object.name}` : `${object.domain} ${object.policies.join()}`;
    const action = change.action === 'delete' && change.onlyMark === true ? 'unmark' : change.action;
    return `${action} ${what}${change.action === 'update' ? ` (${change.fields.join()})` : ''}`;
  });
}

/** What the reconciler says: code, severity and service. */
export function codes(world: AccessWorld): readonly (readonly unknown[])[] {
  return (world.reconciler.diagnostics?.() ?? []).map(({ code, severity, serviceId }) => [code, severity, serviceId]);
}

/** `POST apps` for every call that changes something. */
export function writes(world: AccessWorld): readonly string[] {
  return world.remote.calls
    .filter((call) => call.method !== 'GET')
    .map((call) => `${call.method} ${/\/access\/(\w+)/.exec(call.path)?.[1] ?? ''}`);
}

/** `a.example.com family` for every application there is, as the store has it; policies of others by their names. */
export function locks({ remote }: AccessWorld): readonly string[] {
  const { apps, policies, appPolicies } = remote.store.access;
  const names = new Map(policies.list().map(({ id, fields }) => [id, fields.name.replace(/^.*policy=/, '')]));
  return apps
    .list()
    .map(
      (app) =>
        `${app.fields.domain} ${appPolicies
          .list(app)
          .map(({ policy }) => names.get(policy.id) ?? policy.fields.name)
          .join()}`,
    )
    .toSorted();
}

/** Both phases; resolves to what failed. */
export async function applyAll(
  reconciler: Reconciler<AccessObject>,
  plan: Plan<AccessObject>,
): Promise<readonly ServiceId[]> {
  const failed = await reconciler.apply(plan, 'upsert', never());
  return [...failed, ...(await reconciler.apply(plan, 'delete', never()))];
}

/** Applications of somebody else's, thirty unless said otherwise, half with policies of their own and half with shared ones, made without us. */
export async function addForeigners({ sdk, account }: AccessWorld, count = 30): Promise<void> {
  const shared = await sdk.zeroTrust.access.policies.create({
    ...account,
    name: 'family',
    decision: 'allow',
    include: [{ email_domain: { domain: 'example.org' } }],
  });
  await sdk.zeroTrust.access.tags.create({ ...account, name: 'theirs' });
  for (let index = 0; index < count; index++) {
    await sdk.zeroTrust.access.applications.create({
      ...account,
      type: 'self_hosted',
      name: `theirs ${index}`,
      domain: `theirs-${index}.${contractZone}${index % 3 === 0 ? '/admin' : ''}`,
      tags: index % 2 === 0 ? ['theirs'] : [],
      policies: index % 2 === 0 ? [{ id: shared.id ?? '', precedence: 1 }] : [ownPolicy(`own ${index}`, 'allow')],
    });
  }
}

/** A policy that an application has for itself. The API takes it; the SDK's types name only references. */
export function ownPolicy(name: string, decision: 'allow' | 'bypass'): { readonly id: string } {
  return { name, decision, include: [{ everyone: {} }] } as unknown as { readonly id: string };
}

/** The store, byte for byte: nothing a reader could miss. */
export function snapshot(objects: readonly Raw[]): string {
  assert.ok(objects.length > 0);
  return JSON.stringify(objects.toSorted((a, b) => (String(a.id) < String(b.id) ? -1 : 1)));
}

async function collect(pages: AsyncIterable<unknown>): Promise<readonly Raw[]> {
  const found: Raw[] = [];
  for await (const one of pages) found.push(one as Raw);
  return found;
}
