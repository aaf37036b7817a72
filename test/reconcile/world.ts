// A whole program but for its sources: real reconcilers, a real API and a real rule table, watched at every step for what must never be true.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Reconciler } from '../../src/contracts.ts';
import { createDnsReconciler } from '../../src/dns/reconciler.ts';
import type { StoredRecord } from '../../src/edge/store/records.ts';
import { AppError } from '../../src/errors.ts';
import { closedService } from '../../src/ingress/closing.ts';
import { compileIngress } from '../../src/ingress/compile.ts';
import { createLocalIngress, createRemoteIngress } from '../../src/ingress/reconciler.ts';
import { createIngressTable } from '../../src/ingress/table.ts';
import { createSilentLogger } from '../../src/logger.ts';
import type { AccessApplication, IngressEntry, IngressRule, ServiceId } from '../../src/model.ts';
import { diff } from '../../src/plan/diff.ts';
import type { Mode } from '../../src/plan/policy.ts';
import { type Deps, type Pass, type PassOptions, reconcile } from '../../src/reconcile.ts';
import { type ApiWorld, createApiWorld, never } from '../cloudflare/api-world.ts';
import { contractZone } from '../contract/reconciler.ts';
import { createRefusingAccess } from './refusing-access.ts';

/** What the tests steer and look at. */
export interface World {
  readonly remote: ApiWorld;
  /** What the sources would see now. */
  entries: readonly IngressEntry[];
  complete: boolean;
  mode: Mode;
  /** Locks that exist, by domain; they outlive a restart like everything remote. */
  readonly locks: Map<string, string>;
  /** Services whose lock cannot be made or changed. */
  readonly lockFails: Set<ServiceId>;
  /** Access cannot even be read. */
  isAccessDown: boolean;
  /** False while a test itself makes true what must never be. */
  isWatching: boolean;
  /** What happened, in order: `lock a`, `rules a b`, `sign a`, `unsign a`, `unlock a`. */
  readonly events: string[];
  rules(): readonly IngressRule[];
  deps(): Deps;
  /** One pass after the last one, which becomes the last one. */
  pass(options?: Partial<PassOptions>, signal?: AbortSignal): Promise<Pass>;
  /** The process ends and starts again: memory is gone, the remote side is not. */
  restart(): void;
  records(): readonly StoredRecord[];
  /** The service the table has for a name, without the hostname's zone; undefined when there is no rule. */
  served(name: string): string | undefined;
  signed(): readonly string[];
}

/** A world with an empty zone, its rules in a connector's table or, `isRemote`, kept by the API. */
export async function createWorld(t: TestContext, isRemote = false): Promise<World> {
  const remote = await createApiWorld(t);
  const tunnelId = isRemote ? await createTunnel(remote) : undefined;
  const zone = remote.store.ensureZone(contractZone);
  const records = () => remote.store.records.list(zone.id);
  const events: string[] = [];
  const locks = new Map<string, string>();
  const lockFails = new Set<ServiceId>();
  let previous: Pass | undefined;
  let process = start();

  const world: World = {
    remote,
    entries: [],
    complete: true,
    mode: 'sync',
    locks,
    lockFails,
    isAccessDown: false,
    isWatching: true,
    events,
    rules: () => process.rules(),
    deps: () => ({ ...process.deps, mode: world.mode }),
    async pass(options = {}, signal = never()) {
      const pass = await reconcile(world.deps(), { full: false, previous, ...options }, signal);
      if (options.planOnly !== true) previous = pass;
      watch();
      return pass;
    },
    restart() {
      previous = undefined;
      process = start();
    },
    records,
    served: (name) => process.rules().find((rule) => rule.hostname === nameOf(name))?.service,
    signed: () => records().map((record) => record.name.replace(`.${contractZone}`, '')),
  };

  /** Everything that must hold at every moment of a process that has had its first rules. */
  function watch(): void {
    const rules = process.rules();
    if (rules.length < 2 || !world.isWatching) return;
    for (const record of records()) {
      if (record.content !== tunnelTarget) continue;
      assert.ok(
        rules.some((rule) => rule.hostname === record.name),
        `${record.name} is resolvable and has no rule`,
      );
    }
    for (const rule of rules) {
      if (rule.hostname === undefined || rule.service === closedService) continue;
      const entry = process.entryOf(rule.hostname, rule.service);
      if (entry === undefined || entry.access === 'public') continue;
      assert.ok(locks.has(rule.hostname), `${rule.hostname} reaches ${rule.service} without its lock`);
    }
  }

  function start() {
    const table = createIngressTable();
    const seen = new Map<string, IngressEntry>();
    const ingress = createLocalIngress({
      async updateIngress(rules) {
        table.swap(rules);
        const open = rules.filter((rule) => rule.hostname !== undefined && rule.service !== closedService);
        events.push(['rules', ...open.map((rule) => shortName(rule.hostname ?? ''))].join(' '));
        watchIfStarted();
      },
    });
    const logger = createSilentLogger();
    const dns = createDnsReconciler({ api: remote.api, zones: [contractZone], owner: 'home', tunnelTarget, logger });
    const { ownedHostnames } = dns;
    const kept = { api: remote.api, account: remote.account, tunnelId: tunnelId ?? '', ownedHostnames };
    const deps: Omit<Deps, 'mode'> = {
      list: async () => ({ services: [], diagnostics: [], complete: world.complete }),
      route: () => ({ entries: world.entries, diagnostics: [] }),
      compile: (entries, last) => {
        for (const entry of entries) seen.set(`${entry.rule.hostname} ${entry.rule.service}`, entry);
        const context = { zones: [contractZone], tunnelTarget, owner: 'home', previous: last };
        return compileIngress(entries, context);
      },
      access: createLocks(() => world),
      ingress: isRemote ? createRemoteIngress(kept) : ingress,
      dns,
      logger,
    };
    const rules = () => (tunnelId === undefined ? table.rules() : rulesKept(remote, tunnelId));
    return { rules, deps, entryOf: (name: string, service: string) => seen.get(`${name} ${service}`) };
  }

  function watchIfStarted(): void {
    if (process !== undefined) watch();
  }

  remote.before = ({ method, path }) => {
    // Rules kept by the API are what they are until our first write reaches it: there, only what follows a write counts.
    if (!isRemote) watch();
    if (method === 'POST' && path.endsWith('/batch')) events.push('batch');
  };
  remote.store.subscribe(watch);
  return world;
}

async function createTunnel(remote: ApiWorld): Promise<string> {
  const tunnel = {
    name: 'home',
    tunnelSecret: Buffer.alloc(32, 1).toString('base64'),
    configSrc: 'cloudflare',
  } as const;
  const { id } = await remote.api.tunnels.create(remote.account, tunnel, never());
  remote.calls.length = 0;
  return id;
}

function rulesKept(remote: ApiWorld, tunnelId: string): readonly IngressRule[] {
  const kept = remote.store.configurations.get(tunnelId)?.config as { ingress?: readonly IngressRule[] } | undefined;
  return kept?.ingress ?? [];
}

/** Where every record of ours points. */
export const tunnelTarget = '11111111-2222-4333-8444-555555555555.cfargotunnel.com';

function nameOf(name: string): string {
  return `${name}.${contractZone}`;
}

function shortName(hostname: string): string {
  return hostname.replace(`.${contractZone}`, '');
}

/** Access as it will be: one lock per guarded name, made and removed one by one, each of which may fail. */
function createLocks(world: () => World): Reconciler<AccessApplication> {
  const serviceOf = (application: AccessApplication): ServiceId => application.owner?.resource ?? 'docker/none';
  return {
    target: 'access',
    async plan(desired) {
      if (world().isAccessDown) throw new AppError({ code: 'E_API_UNREACHABLE', message: 'down', retryable: true });
      const wanted = desired.ingress.flatMap((entry): AccessApplication[] => {
        if (entry.access === 'public') return [];
        const domain = entry.rule.hostname;
        const owner = { id: 'home', resource: entry.serviceId };
        return [{ name: domain, domain, policies: [entry.access.policy], owner }];
      });
      const current = [...world().locks].map(([domain, policy]): AccessApplication => {
        const owner = { id: 'home', resource: `docker/${shortName(domain)}` as const };
        return { name: domain, domain, policies: [policy], owner };
      });
      return diff(current, wanted, {
        target: 'access',
        key: (application) => application.domain,
        service: serviceOf,
        differences: (a, b) => (a.policies.join() === b.policies.join() ? [] : ['policies']),
        foreign: () => undefined,
      });
    },
    async apply(plan, phase) {
      const failed: ServiceId[] = [];
      for (const change of plan.changes) {
        if ((change.action === 'delete') !== (phase === 'delete')) continue;
        const { domain, policies } = change.action === 'delete' ? change.current : change.desired;
        if (world().lockFails.has(change.serviceId)) {
          failed.push(change.serviceId);
          continue;
        }
        world().events.push(`${phase === 'delete' ? 'unlock' : 'lock'} ${shortName(domain)}`);
        if (phase === 'delete') world().locks.delete(domain);
        else world().locks.set(domain, policies.join());
      }
      return failed;
    },
  };
}

/** With an Access reconciler that can make no lock. */
export function unenforced(world: World, loopbackOnly: boolean): Deps {
  return { ...world.deps(), access: createRefusingAccess({ loopbackOnly }) };
}
