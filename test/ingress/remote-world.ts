// A remotely managed tunnel at a real API, a data directory with choices, and a reconciler that can be started again.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type ChoiceStore, createChoiceStore, type DriftChoice } from '../../src/choices.ts';
import type { RemoteRule, TunnelConfiguration } from '../../src/cloudflare/configurations.ts';
import { createRuleMemory } from '../../src/ingress/drift-memory.ts';
import { withoutDecisions } from '../../src/ingress/drift-settle.ts';
import { createRemoteIngress, type IngressReconciler } from '../../src/ingress/reconciler.ts';
import { createSilentLogger } from '../../src/logger.ts';
import type { DesiredState, IngressEntry, Plan, ServiceId } from '../../src/model.ts';
import { type ApiWorld, createApiWorld, never } from '../cloudflare/api-world.ts';
import { desiredFor } from '../contract/reconciler.ts';

/** What the tests steer and look at. */
export interface RemoteWorld extends ApiWorld {
  readonly dataDir: string;
  readonly tunnelId: string;
  readonly choices: ChoiceStore;
  /** Hostnames whose record carries our mark. */
  readonly owned: Set<string>;
  /** Hostnames whose record is somebody else's. */
  readonly elsewhere: Set<string>;
  ingress: IngressReconciler;
  /** The program ends and starts again. */
  restart(): void;
  config(): TunnelConfiguration;
  put(config: TunnelConfiguration): void;
  /** Changes the rules as somebody at the dashboard would. */
  byHand(change: (rules: RemoteRule[]) => readonly RemoteRule[]): void;
  decide(key: string, choice: DriftChoice): void;
  puts(): number;
  /** A pass as far as rules go: closes what is gone, plans, closes what is stale, applies. */
  pass(...entries: readonly IngressEntry[]): Promise<Plan<IngressEntry> & { readonly failed: readonly ServiceId[] }>;
  /** `a.example.com^/api http://…` for every rule. */
  rules(): readonly string[];
}

/** A tunnel nobody has written rules to. */
export async function createRemoteWorld(
  t: TestContext,
  options: { readonly exclusive?: boolean } = {},
): Promise<RemoteWorld> {
  const api = await createApiWorld(t);
  const dataDir = mkdtempSync(join(tmpdir(), 'sallyport-drift-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const tunnel = await api.api.tunnels.create(
    api.account,
    { name: 'home', tunnelSecret: Buffer.alloc(32, 1).toString('base64'), configSrc: 'cloudflare' },
    never(),
  );
  const owned = new Set<string>();
  const elsewhere = new Set<string>();
  const choices = createChoiceStore(dataDir);
  const start = () =>
    createRemoteIngress({
      api: api.api,
      account: api.account,
      tunnelId: tunnel.id,
      ownedHostnames: async () => owned,
      recordedHostnames: async () => new Set([...owned, ...elsewhere]),
      exclusive: options.exclusive ?? false,
      memory: createRuleMemory({ dataDir, tunnelId: tunnel.id, logger: createSilentLogger() }),
      choices: () => choices.read(),
      onDecided: (decisions) => void choices.update((now) => withoutDecisions(now, decisions)),
    });
  const config = () => (api.store.configurations.get(tunnel.id)?.config ?? {}) as TunnelConfiguration;
  const put = (next: TunnelConfiguration) => void api.store.configurations.put(tunnel.id, next);
  const world: RemoteWorld = Object.assign(api, {
    dataDir,
    tunnelId: tunnel.id,
    choices,
    owned,
    elsewhere,
    ingress: start(),
    restart: () => {
      world.ingress = start();
    },
    config,
    put,
    byHand: (change: (rules: RemoteRule[]) => readonly RemoteRule[]) =>
      put({ ...config(), ingress: change(structuredClone([...(config().ingress ?? [])])) }),
    decide: (key: string, choice: DriftChoice) =>
      void choices.update((now) => ({ ...now, drift: { ...now.drift, [key]: choice } })),
    puts: () => api.calls.filter((call) => call.method === 'PUT').length,
    rules: () => (config().ingress ?? []).map((rule) => `${rule.hostname ?? '*'}${rule.path ?? ''} ${rule.service}`),
    async pass(...entries: readonly IngressEntry[]) {
      const desired: DesiredState = desiredFor(entries);
      for (const { rule } of entries) owned.add(rule.hostname);
      await world.ingress.withdraw(desired, never());
      const plan = await world.ingress.plan(desired, never());
      await world.ingress.closeStale(desired, never());
      const failed = await world.ingress.apply(plan, 'upsert', never());
      return { ...plan, failed };
    },
  });
  return world;
}
