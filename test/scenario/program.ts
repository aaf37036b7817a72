// One instance of the program as the composition root makes it, its connector aside: a real controller, real passes, real reconcilers and the
// real client. It can be killed at any moment and started again; what it remembers is gone then, and what is on disk or at the API is not.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createAccess } from '../../src/app/access.ts';
import type { Discovery } from '../../src/app/discovery.ts';
import { createPasses } from '../../src/app/passes.ts';
import { findPlace } from '../../src/app/place.ts';
import type { AnyConnector, Road } from '../../src/app/road.ts';
import { createRoadKeeper } from '../../src/app/road-keeper.ts';
import { createCloudflareApi } from '../../src/cloudflare/client.ts';
import { type Controller, createController, type PassRequest } from '../../src/controller.ts';
import { createDnsReconciler } from '../../src/dns/reconciler.ts';
import { compileIngress } from '../../src/ingress/compile.ts';
import { createLocalIngress, createRemoteIngress, type IngressReconciler } from '../../src/ingress/reconciler.ts';
import { createIngressTable, type IngressTable } from '../../src/ingress/table.ts';
import { createSilentLogger } from '../../src/logger.ts';
import type { DesiredState, Service, Snapshot } from '../../src/model.ts';
import { routeServices } from '../../src/plugin/route.ts';
import { loadSettings } from '../../src/settings/load.ts';
import type { PolicySetting, Settings } from '../../src/settings/settings.ts';
import { createServiceList } from '../../src/sources/list.ts';
import { ensureTunnel } from '../../src/tunnel/ensure.ts';
import { apiToken } from '../cloudflare/api-world.ts';
import type { FakeClock } from '../fakes/clock.ts';
import { catalogueOf, contextOf } from '../plugin/sample.ts';
import type { Observer } from './observer.ts';
import { type Container, createScript, hostOf, type Script } from './script.ts';
import type { Call, Fault, Line, Way } from './way.ts';

/** How an instance is set up. */
export interface ProgramOptions {
  readonly owner?: string;
  /** The rules are in its own connector instead of being kept by the API. */
  readonly isLocal?: boolean;
  readonly mode?: Settings['mode'];
  readonly graceMs?: number;
  readonly zones?: readonly string[];
  /** The tunnel's name; default: the owner's. */
  readonly tunnel?: string;
}

/** An instance, running or not. */
export interface Program {
  readonly owner: string;
  readonly isLocal: boolean;
  readonly script: Script;
  /** Every request it made since the list was last emptied, over all its lives. */
  readonly calls: Call[];
  mode: Settings['mode'];
  policies: Readonly<Record<string, PolicySetting>>;
  /** Spoils requests; asked for every one. */
  fault: (call: Call) => Fault | undefined;
  /** Has it ended of itself, by a fault that kills? */
  readonly isRunning: boolean;
  /** Starts a process: without memory, and without a pass so far. */
  start(): void;
  /** The engine shows these now; a running process is told. */
  show(containers: readonly Container[]): void;
  /** One pass; resolves when it ended, killed or not. Undefined when it failed or was killed. */
  pass(options?: Partial<PassRequest>): Promise<Snapshot | undefined>;
  /** A pass runs now, and does not wait for time to pass. */
  readonly isBusy: boolean;
  /** Resolves when that changes. */
  stirred(): Promise<void>;
  /** Ends the process at once. */
  kill(): void;
  snapshot(): Snapshot | undefined;
  tunnelId(): string | undefined;
  rules(): IngressTable | undefined;
}

/** What programs share. */
export interface Surroundings {
  readonly way: Way;
  readonly observer: Observer;
  readonly clock: FakeClock;
  readonly t: TestContext;
}

/** Requests this soon after a pass join the next one: the controller's own. */
export const quietMs = 100;

/** Everybody's policies unless a test says otherwise. */
export const policies: Readonly<Record<string, PolicySetting>> = {
  family: { allow: { emails: ['a@example.com', 'b@example.com'] } },
  friends: { allow: { email_domains: ['friends.example.org'] } },
  staff: { allow: { everyone: true }, require: { countries: ['DE'] } },
};

/** An instance that is not running yet. */
export function createProgram(options: ProgramOptions, around: Surroundings): Program {
  const { owner = 'home', isLocal = false, graceMs = 0, zones = ['example.com', 'example.net'] } = options;
  const { observer, clock, t } = around;
  const dataDir = mkdtempSync(join(tmpdir(), 'sallyport-scenario-'));
  const settings = settingsFor(dataDir, owner, zones, options.tunnel ?? owner);
  const script = createScript();
  const logger = createSilentLogger();
  let life: Life | undefined;
  t.after(async () => {
    program.kill();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const program: Program = {
    owner,
    isLocal,
    script,
    calls: [],
    mode: options.mode ?? 'sync',
    policies,
    fault: () => undefined,
    get isRunning() {
      return life !== undefined;
    },
    get isBusy() {
      return life?.isBusy === true && life.sleeping === 0;
    },
    start() {
      const line = around.way.open({
        owner,
        fault: (call) => program.fault(call),
        seen: (call) => program.calls.push(call),
        killed: () => program.kill(),
      });
      life = begin(line);
    },
    show(containers) {
      script.containers = containers;
      for (const container of containers) observer.claim(hostOf(container), owner);
      script.changed();
    },
    async pass(request = {}) {
      const running = life;
      if (running === undefined) throw new Error(`${owner} is not running`);
      let outcome: { readonly snapshot: Snapshot | undefined } | undefined;
      running.controller.passNow('asked for', request).then(
        (snapshot) => {
          outcome = { snapshot };
        },
        () => {
          outcome = { snapshot: undefined };
        },
      );
      for (;;) {
        await turn();
        if (outcome !== undefined) return outcome.snapshot;
        if (running.isBusy && running.sleeping === 0) await running.stirred.promise;
        else await clock.advance(quietMs);
      }
    },
    stirred: async () => life?.stirred.promise,
    kill() {
      const dying = life;
      if (dying === undefined) return;
      life = undefined;
      dying.end();
    },
    snapshot: () => life?.controller.snapshot(),
    tunnelId: () => life?.road()?.tunnelTarget.replace('.cfargotunnel.com', ''),
    rules: () => life?.table,
  };

  function begin(line: Line): Life {
    const dying = new AbortController();
    const api = createCloudflareApi({
      apiToken,
      baseUrl: line.baseUrl,
      logger,
      clock: {
        now: clock.now,
        async sleep(ms, signal) {
          self.sleeping++;
          stir(self);
          await clock.sleep(ms, signal).finally(() => self.sleeping--);
        },
      },
    });
    const table = createIngressTable();
    let listed: Listed = { services: [], at: 0 };
    const listedFor = new WeakMap<DesiredState, Listed>();
    const onBug = (error: unknown) => {
      if (!dying.signal.aborted) observer.look(`${owner} has a bug: ${error instanceof Error ? error.stack : error}`);
      throw error;
    };
    const current = () => ({ ...settings, mode: program.mode, policies: program.policies });
    const list = createServiceList({ sources: [script.source], graceMs, clock });
    const discovery: Pick<Discovery, 'list' | 'route' | 'compile'> = {
      list: {
        watch: list.watch.bind(list),
        async list(signal) {
          const found = await list.list(signal);
          listed = { services: found.services, at: listed.at + 1 };
          observer.toldOf(owner, found.services);
          return found;
        },
      },
      route: (services, previous) =>
        routeServices(services, catalogueOf(), {
          ...contextOf({ accessDefault: undefined, policies: new Set([...Object.keys(policies), 'nobody']), previous }),
          allow: { public: true, noTlsVerify: false, otherOrigins: false },
        }),
      compile(entries, previous, road) {
        const compiled = compileIngress(entries, { ...road, previous });
        listedFor.set(compiled.desired, listed);
        return compiled;
      },
    };
    let steppedAt = 0;
    /** A glance may have seen more than the pass that is still at work. */
    const stepped = (desired: DesiredState) => {
      const { services, at } = listedFor.get(desired) ?? listed;
      if (at < steppedAt) return;
      steppedAt = at;
      observer.hadItsStep(owner, services);
    };
    const road = createRoadKeeper({
      build: async (refresh, signal) => {
        const place = await findPlace(settings, api, signal);
        const tunnel = await ensureTunnel(
          {
            api,
            accountTag: place.account,
            tunnel: { name: options.tunnel ?? owner },
            stateDir: dataDir,
            refresh,
            configSrc: isLocal ? 'local' : 'cloudflare',
            logger,
          },
          signal,
        );
        const tunnelId = tunnel.tunnel.id;
        const dns = createDnsReconciler({ api, zones: place.zones, owner, logger });
        const connector = connectorOf(async (rules) => {
          table.swap(rules);
          observer.look(`after ${owner} swapped its table`);
        });
        const { ownedHostnames } = dns;
        const ingress = isLocal
          ? createLocalIngress(connector)
          : createRemoteIngress({ api, account: place.account, tunnelId, ownedHostnames });
        return {
          place,
          tunnelTarget: `${tunnelId}.cfargotunnel.com`,
          connector,
          ingress: watched(ingress, stepped),
          dns,
          mirror: undefined,
          isRemote: !isLocal,
        } satisfies Road;
      },
      onLost: (reason) => controller.request(reason, { full: true }),
      onBug,
      logger,
      clock,
    });
    const access = ({ place }: Road) => createAccess(current, { api, account: place.account, owner, logger });
    const passes = createPasses({ discovery: discovery as Discovery, access, road, settings: current, owner, logger });
    const controller = createController({
      runPass: async (request) => {
        self.isBusy = true;
        try {
          const pass = await passes.run(request);
          if (!pass.isUndone) observer.allMended(owner);
          return pass;
        } finally {
          self.isBusy = false;
          stir(self);
        }
      },
      glance: passes.glance,
      quietMs,
      onBug,
      logger,
      clock,
    });
    const self: Life = {
      controller,
      table: isLocal ? table : undefined,
      road: () => road.current(),
      isBusy: false,
      sleeping: 0,
      stirred: Promise.withResolvers<void>(),
      end() {
        line.cut();
        dying.abort();
        void controller.stop();
        void road.stop();
        stir(self);
      },
    };
    void discovery.list.watch((reason) => controller.request(reason), dying.signal);
    return self;
  }

  return program;
}

/** What the sources showed, and the how-manieth look that was. */
interface Listed {
  readonly services: readonly Service[];
  readonly at: number;
}

/** One process. */
interface Life {
  readonly controller: Controller;
  readonly table: IngressTable | undefined;
  road(): Road | undefined;
  isBusy: boolean;
  /** How many calls of its client wait for time to pass. */
  sleeping: number;
  stirred: PromiseWithResolvers<void>;
  end(): void;
}

/** Wakes whoever waits for a pass to end, or to wait for the clock. */
function stir(life: Life): void {
  const { resolve } = life.stirred;
  life.stirred = Promise.withResolvers<void>();
  resolve();
}

/** Says when a pass had the one step in which it closes what is not so any more. Rules the API keeps are known once they were read. */
function watched(ingress: IngressReconciler, stepped: (desired: DesiredState) => void): IngressReconciler {
  let isKnown = false;
  return {
    ...ingress,
    async plan(desired, signal) {
      const plan = await ingress.plan(desired, signal);
      isKnown = true;
      return plan;
    },
    async withdraw(desired, signal) {
      await ingress.withdraw(desired, signal);
      if (isKnown) stepped(desired);
    },
    async closeStale(desired, signal) {
      await ingress.closeStale(desired, signal);
      if (isKnown) stepped(desired);
    },
  };
}

/** Carries nothing: what matters here is which rules it would serve. */
function connectorOf(updateIngress: AnyConnector['updateIngress']): AnyConnector {
  const connector = {
    name: 'native',
    ready: true,
    start: async () => undefined,
    stop: async () => undefined,
    connections: () => [],
    updateIngress,
  };
  return connector as unknown as AnyConnector;
}

function settingsFor(dataDir: string, owner: string, zones: readonly string[], tunnel: string): Settings {
  const overrides = {
    domain: 'example.com',
    edge: 'cloudflare',
    connector: 'native',
    data_dir: dataDir,
    owner,
    cloudflare: { api_token: apiToken, zones: [...zones], tunnel: { name: tunnel } },
    docker: { endpoints: [] },
  };
  return loadSettings({ env: {}, cwd: dataDir, overrides }).settings;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
