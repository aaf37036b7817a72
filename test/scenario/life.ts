// One process of the program, wired as the composition root does it: a real controller, real passes on a real road, the real client. Only its
// source is a script, and its connector dials no edge: what matters here is which rules it would serve.
import { createAccess } from '../../src/app/access.ts';
import type { Discovery } from '../../src/app/discovery.ts';
import { createPasses } from '../../src/app/passes.ts';
import { buildRoad, type Road } from '../../src/app/road.ts';
import { createRoadKeeper } from '../../src/app/road-keeper.ts';
import { createCloudflareApi } from '../../src/cloudflare/client.ts';
import { type Controller, createController } from '../../src/controller.ts';
import { compileIngress } from '../../src/ingress/compile.ts';
import type { IngressReconciler } from '../../src/ingress/reconciler.ts';
import { createSilentLogger } from '../../src/logger.ts';
import type { DesiredState, IngressRule, Service } from '../../src/model.ts';
import { routeServices } from '../../src/plugin/route.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { createServiceList } from '../../src/sources/list.ts';
import { apiToken } from '../cloudflare/api-world.ts';
import type { FakeClock } from '../fakes/clock.ts';
import { catalogueOf, contextOf } from '../plugin/sample.ts';
import type { Observer } from './observer.ts';
import type { Script } from './script.ts';
import type { Line } from './way.ts';

/** What a process is started with. */
export interface LifeOptions {
  readonly settings: () => Settings;
  readonly owner: string;
  readonly script: Script;
  readonly line: Line;
  readonly observer: Observer;
  readonly clock: FakeClock;
}

/** A running process. */
export interface Life {
  readonly controller: Controller;
  road(): Road | undefined;
  /** What its own connector would serve; undefined where the rules are the API's. */
  table(): readonly IngressRule[] | undefined;
  /** A pass runs now, and does not wait for time to pass. */
  readonly isBusy: boolean;
  /** Resolves when that may have changed. */
  stirred(): Promise<void>;
  /** Ends it at once: nothing it sends arrives any more. */
  end(): void;
}

/** Requests this soon after a pass join the next one: the controller's own. */
export const quietMs = 100;

/** Starts a process; nothing is asked of it yet. */
export function begin({ settings, owner, script, line, observer, clock }: LifeOptions): Life {
  const dying = new AbortController();
  const logger = createSilentLogger();
  let running = 0;
  let sleeping = 0;
  let stirring = Promise.withResolvers<void>();
  const stir = () => {
    stirring.resolve();
    stirring = Promise.withResolvers<void>();
  };
  const onBug = (error: unknown) => {
    if (!dying.signal.aborted) throw error;
  };
  const api = createCloudflareApi({
    apiToken,
    baseUrl: line.baseUrl,
    logger,
    clock: {
      now: clock.now,
      async sleep(ms, signal) {
        sleeping++;
        stir();
        await clock.sleep(ms, signal).finally(() => sleeping--);
      },
    },
  });
  const seen = createSight(observer, owner);
  const list = createServiceList({ sources: [script.source], graceMs: settings().graceMs, clock });
  const discovery: Discovery = {
    list: {
      watch: list.watch.bind(list),
      async list(signal) {
        const found = await list.list(signal);
        seen.listed(found.services);
        return found;
      },
    },
    route: (services, previous) =>
      routeServices(services, catalogueOf(), {
        ...contextOf({ accessDefault: undefined, policies: new Set(Object.keys(settings().policies)), previous }),
        allow: { public: true, noTlsVerify: false, otherOrigins: false },
      }),
    compile(entries, previous, road) {
      const compiled = compileIngress(entries, { ...road, previous });
      seen.compiled(compiled.desired);
      return compiled;
    },
    catalogue: () => catalogueOf(),
    suggest: () => [],
  };
  const road = createRoadKeeper({
    async build(refresh, signal) {
      const options = { settings: settings(), api, edge: undefined, owner, env: {}, refresh, isDryRun: false, logger };
      const built = await buildRoad({ ...options, clock }, signal);
      // There is no edge here to dial.
      if (built.connector !== undefined) Object.assign(built.connector, { start: async () => undefined });
      return { ...built, ingress: watched(built.ingress, seen, () => observer.look(`after ${owner} changed rules`)) };
    },
    onLost: (reason) => controller.request(reason, { full: true }),
    onBug,
    logger,
    clock,
  });
  const access = ({ place }: Road) => createAccess(settings, { api, account: place.account, owner, logger });
  const passes = createPasses({ discovery, access, road, settings, owner, logger });
  const controller = createController({
    async runPass(request) {
      running++;
      try {
        const pass = await passes.run(request);
        if (!pass.isUndone) observer.allMended(owner);
        return pass;
      } finally {
        running--;
        stir();
      }
    },
    glance: passes.glance,
    quietMs,
    onBug,
    logger,
    clock,
  });
  void discovery.list.watch((reason) => controller.request(reason), dying.signal);
  return {
    controller,
    road: () => road.current(),
    table: () => tableOf(road.current()),
    get isBusy() {
      return running > 0 && sleeping === 0;
    },
    stirred: () => stirring.promise,
    end() {
      line.cut();
      dying.abort();
      void controller.stop();
      void road.stop();
      stir();
    },
  };
}

/** What a process has seen of the services, and which of it it has acted upon. */
interface Sight {
  listed(services: readonly Service[]): void;
  compiled(desired: DesiredState): void;
  /** It had the one step it needs to close what is not so any more. */
  stepped(desired: DesiredState): void;
}

function createSight(observer: Observer, owner: string): Sight {
  let last = { services: [] as readonly Service[], at: 0 };
  let steppedAt = 0;
  const seenFor = new WeakMap<DesiredState, typeof last>();
  return {
    listed(services) {
      last = { services, at: last.at + 1 };
      observer.toldOf(owner, services);
    },
    compiled: (desired) => seenFor.set(desired, last),
    stepped(desired) {
      const { services, at } = seenFor.get(desired) ?? last;
      // A glance may have seen more than the pass that is still at work.
      if (at < steppedAt) return;
      steppedAt = at;
      observer.hadItsStep(owner, services);
    },
  };
}

/** Looks after every step that may change rules. Rules the API keeps are known only once they were read. */
function watched(ingress: IngressReconciler, seen: Sight, look: () => void): IngressReconciler {
  let isKnown = false;
  return {
    ...ingress,
    async plan(desired, signal) {
      const plan = await ingress.plan(desired, signal);
      isKnown = true;
      return plan;
    },
    async apply(plan, phase, signal) {
      const failed = await ingress.apply(plan, phase, signal);
      look();
      return failed;
    },
    async withdraw(desired, signal) {
      await ingress.withdraw(desired, signal);
      if (isKnown) seen.stepped(desired);
    },
    async closeStale(desired, signal) {
      await ingress.closeStale(desired, signal);
      if (isKnown) seen.stepped(desired);
    },
  };
}

function tableOf(road: Road | undefined): readonly IngressRule[] | undefined {
  const connector = road?.connector;
  if (road === undefined || road.isRemote || connector?.name !== 'native') return undefined;
  return connector.table.rules();
}
