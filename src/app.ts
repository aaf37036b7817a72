// Composition root: constructs every object once, in order; start, stop, and what it has to say of itself.
import { hostname } from 'node:os';
import { createAccess } from './app/access.ts';
import { createDiscovery, type LiveDiscovery } from './app/discovery.ts';
import { type LocalEdge, startLocalEdge } from './app/embedded-edge.ts';
import { createForesight } from './app/foresight.ts';
import { createLiveSettings, type LiveSettings } from './app/live-settings.ts';
import { createPasses } from './app/passes.ts';
import { createReadiness } from './app/readiness.ts';
import { buildRoad, type Road } from './app/road.ts';
import { drainMs } from './app/road-connector.ts';
import { createRoadKeeper, type RoadKeeper } from './app/road-keeper.ts';
import { createSettingsApi } from './app/settings-api.ts';
import { systemClock } from './clock.ts';
import { type CloudflareApi, createCloudflareApi } from './cloudflare/client.ts';
import type { NativeConnector } from './connector/native/connector.ts';
import { type Controller, createController } from './controller.ts';
import { AppError } from './errors.ts';
import { createLifecycle } from './lifecycle.ts';
import type { Logger } from './logger.ts';
import type { ListenAddress, Snapshot } from './model.ts';
import type { LoadedSettings, SettingsInputs } from './settings/load.ts';
import { isLoopback } from './settings/resolve.ts';
import type { Settings } from './settings/settings.ts';
import { newOwnerId, newSecret, openStateDir, type StateDir } from './state-dir.ts';
import { heldStatuses, type Status, serviceStatuses, suggestionStatuses } from './status.ts';
import type { Suggestion } from './suggestions.ts';
import { startTriggers } from './triggers.ts';
import { version } from './version.ts';
import { type ActivityLog, createActivityLog } from './web/activity.ts';
import { createEventHub, type EventHub } from './web/event-hub.ts';
import { createLogin } from './web/login/login.ts';
import { createMetrics } from './web/metrics.ts';
import type { WebProgram } from './web/program.ts';
import { createWeb, listenWeb } from './web/server.ts';
import { watchProgram } from './web/watch.ts';
import { createWebProgram, showLog } from './web/wire.ts';

/** What the program is started with. */
export interface AppOptions {
  readonly loaded: LoadedSettings;
  readonly inputs: SettingsInputs;
  readonly logger: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Only one pass is wanted: it waits for every source, because no later pass would see what comes late. */
  readonly isOneShot?: boolean;
}

/** An engine that works answers far sooner; what hangs must not keep everything else from being served. */
const sourcePatienceMs = 2_000;

/** The running program. */
export interface App {
  /** Resolves when everything listens; passes and the connector go on from there. Rejects with an AppError. */
  start(): Promise<void>;
  /** Drains and stops everything; never rejects. */
  stop(): Promise<void>;
  /** One pass now. */
  pass(reason: string, options?: { readonly confirmed?: boolean }): Promise<Snapshot>;
  status(): Status;
  /** Where it really listens. */
  addresses(): { readonly web?: ListenAddress; readonly edge?: LocalEdge['addresses'] };
  /** Called with what must end the process: a bug, never bad input. */
  onFatal(listener: (error: unknown) => void): void;
}

/** The program, not started. */
export function createApp(options: AppOptions): App {
  return new Program(options);
}

class Program implements App {
  readonly #options: AppOptions;
  readonly #logger: Logger;
  readonly #lifecycle;
  readonly #live: LiveSettings;
  /** As at the start: what is built from it stays as it is until a restart. */
  readonly #settings: Settings;
  #fatal: (error: unknown) => void = (error) => {
    throw error;
  };
  #edge: LocalEdge | undefined;
  #discovery: LiveDiscovery | undefined;
  #foresee: WebProgram['foresee'] = () => Promise.reject(starting());
  readonly #hub: EventHub = createEventHub(newSecret().slice(0, 16));
  #activity: ActivityLog | undefined;
  #api: CloudflareApi | undefined;
  #suggested: { readonly snapshot: Snapshot; readonly suggestions: readonly Suggestion[] } | undefined;
  #road: RoadKeeper | undefined;
  #controller: Controller | undefined;
  #webAddress: ListenAddress | undefined;

  constructor(options: AppOptions) {
    this.#options = options;
    this.#settings = options.loaded.settings;
    this.#logger = showLog(options.logger, this.#hub, () => this.#live?.current() ?? this.#settings, systemClock.now);
    this.#lifecycle = createLifecycle(this.#logger);
    this.#live = createLiveSettings(options.loaded, options.inputs, this.#logger);
  }

  async start(): Promise<void> {
    const stateDir = openStateDir(this.#settings.dataDir);
    const owner = this.#settings.owner ?? stateDir.readOrCreate('owner', newOwnerId);
    await this.#startWeb(stateDir.readOrCreate('web-token', newSecret));
    if (this.#settings.edge === 'embedded') await this.#startEdge(stateDir);
    await this.#startPasses(stateDir, owner);
    const { edge, domain } = this.#settings;
    const { web, edge: listeners = {} } = this.addresses();
    const names = { page: web, ...listeners };
    const printed = Object.entries(names).map(([name, address]) => [name, `${address?.host}:${address?.port}`]);
    this.#logger.info({ version, edge, domain, ...Object.fromEntries(printed) }, 'started');
  }

  async stop(): Promise<void> {
    await this.#lifecycle.stop();
  }

  async pass(reason: string, options: { readonly confirmed?: boolean } = {}): Promise<Snapshot> {
    if (this.#controller === undefined) throw starting();
    return this.#controller.passNow(reason, { full: true, ...options });
  }

  onFatal(listener: (error: unknown) => void): void {
    this.#fatal = listener;
  }

  addresses(): { readonly web?: ListenAddress; readonly edge?: LocalEdge['addresses'] } {
    return {
      ...(this.#webAddress === undefined ? {} : { web: this.#webAddress }),
      ...(this.#edge === undefined ? {} : { edge: this.#edge.addresses }),
    };
  }

  status(): Status {
    const snapshot = this.#controller?.snapshot();
    const connector = this.#road?.current()?.connector;
    return {
      version,
      edge: this.#settings.edge,
      connector: connector && { name: connector.name, connections: connector.connections() },
      ready: snapshot !== undefined && connector?.ready === true,
      revision: snapshot?.revision ?? 0,
      finishedAt: snapshot?.finishedAt,
      complete: snapshot?.complete ?? false,
      lastError: (this.#road?.error() ?? this.#controller?.lastError())?.message,
      services: snapshot === undefined ? [] : serviceStatuses(snapshot),
      held: heldStatuses(snapshot?.plans ?? []),
      suggestions: snapshot === undefined ? [] : suggestionStatuses(this.#suggest(snapshot)),
      diagnostics: (snapshot?.diagnostics ?? []).filter((finding) => finding.serviceId === undefined),
    };
  }

  /** Worked out when somebody looks, once per pass. */
  #suggest(snapshot: Snapshot): readonly Suggestion[] {
    if (this.#suggested?.snapshot !== snapshot) {
      const suggestions = this.#discovery?.suggest(snapshot.services, snapshot.entries) ?? [];
      this.#suggested = { snapshot, suggestions };
    }
    return this.#suggested.suggestions;
  }

  async #startWeb(token: string): Promise<void> {
    const native = () => {
      const connector = this.#road?.current()?.connector;
      return connector?.name === 'native' ? connector : undefined;
    };
    const metrics = createMetrics({
      status: () => this.status(),
      traffic: () => native()?.metrics(),
      configurationVersion: () => native()?.table.version ?? 0,
    });
    const { edge, embeddedEdge, webListen, webLogin, dataDir } = this.#settings;
    const hub = this.#hub;
    const onAdded = (one: unknown) => hub.publish('activity', one);
    this.#activity = createActivityLog({ dataDir, now: systemClock.now, logger: this.#logger, onAdded });
    const web = createWeb({
      program: this.#webProgram(native),
      publicAddress:
        edge === 'embedded' ? { scheme: 'http', port: embeddedEdge.http.port } : { scheme: 'https', port: 443 },
      metrics,
      token,
      login: createLogin({ token, passwordHash: webLogin.passwordHash, clock: systemClock }),
      ingressProxy: webLogin.ingressProxy,
      ownNames: isLoopback(webListen.host) ? [webListen.host, hostname()] : undefined,
      activity: this.#activity,
      hub,
      clock: systemClock,
    });
    this.#lifecycle.add({ name: 'web', stop: () => web.close() });
    this.#webAddress = await listenWeb(web, webListen);
  }

  #webProgram(native: () => NativeConnector | undefined): WebProgram {
    const { env, inputs, loaded } = this.#options;
    return createWebProgram({
      env,
      inputs,
      loaded,
      status: () => this.status(),
      snapshot: () => this.#controller?.snapshot(),
      settings: () => this.#live.current(),
      catalogue: () => this.#discovery?.catalogue(),
      rules: () => this.#road?.current()?.ingress,
      foresee: (choices) => this.#foresee(choices),
      pass: (reason, confirmed) => this.pass(reason, { confirmed }),
      api: () => {
        if (this.#api === undefined) throw starting();
        return this.#api;
      },
      traffic: () => native()?.metrics(),
    });
  }

  #followForPage(controller: Controller): void {
    const activity = this.#activity;
    if (activity === undefined) return;
    const watch = watchProgram({
      status: () => this.status(),
      snapshot: controller.snapshot,
      activity,
      hub: this.#hub,
    });
    controller.subscribe(watch.passed);
    this.#lifecycle.add({ name: 'page', stop: async () => watch.stop() });
  }

  async #startEdge(stateDir: StateDir): Promise<void> {
    const edge = await startLocalEdge({
      settings: this.#settings,
      login: () => this.#live.current().embeddedEdge.login,
      stateDir,
      logger: this.#logger,
      clock: systemClock,
    });
    this.#lifecycle.add({ name: 'embedded edge', stop: () => edge.stop(drainMs), timeoutMs: drainMs + 2_000 });
    this.#edge = edge;
  }

  async #startPasses(stateDir: StateDir, owner: string): Promise<void> {
    const { env } = this.#options;
    const { graceMs } = this.#settings;
    // Who wants one pass asks for it, and wants to be told what it did: nothing is to happen before it, and nothing comes after.
    const isOneShot = this.#options.isOneShot === true;
    const patienceMs = isOneShot ? undefined : sourcePatienceMs;
    const logger = this.#logger;
    const clock = systemClock;
    const settings = () => this.#live.current();
    const onBug = (error: unknown) => this.#fatal(error);
    const discovery = await createDiscovery({ settings, stateDir, env, logger, clock, graceMs, patienceMs });
    this.#discovery = discovery;
    const api = this.#createApi();
    this.#api = api;
    const road = this.#createRoad(api, owner, onBug);
    const access = ({ place }: Road) => {
      const hasLogin = this.#edge?.hasLogin;
      return createAccess(settings, { api, account: place.account, owner, logger, hasLogin });
    };
    const readiness = createReadiness({ clock, notify: (reason) => this.#controller?.request(reason) });
    this.#lifecycle.add({ name: 'readiness', stop: async () => readiness.stop() });
    const made = { discovery, access, road, settings, owner, logger };
    const passes = createPasses(isOneShot ? made : { ...made, readiness });
    const controller = createController({ runPass: passes.run, glance: passes.glance, onBug, logger, clock });
    this.#road = road;
    this.#controller = controller;
    const previous = () => controller.snapshot();
    this.#foresee = createForesight({ discovery, road: () => road.current(), api, settings, owner, previous });
    this.#followForPage(controller);
    // Stopped after triggers and controller, so that nothing changes while it drains, and before the edge it drains to.
    this.#lifecycle.add({ name: 'connector', stop: () => road.stop(), timeoutMs: drainMs + 2_000 });
    this.#lifecycle.add({ name: 'controller', stop: () => controller.stop() });
    if (isOneShot) return;
    const watchServices = discovery.list.watch.bind(discovery.list);
    const triggers = startTriggers({ controller, logger, watchServices });
    this.#lifecycle.add({ name: 'triggers', stop: () => triggers.stop() });
    this.#live.watch(() => controller.request('settings changed', { full: true }));
    this.#lifecycle.add({ name: 'settings watch', stop: async () => this.#live.stop() });
  }

  #createApi(): CloudflareApi {
    const { apiToken, apiUrl } = this.#settings.cloudflare;
    const edge = this.#edge;
    if (edge === undefined || apiToken !== undefined || apiUrl !== undefined)
      return createSettingsApi({ settings: () => this.#live.current(), logger: this.#logger });
    return createCloudflareApi({ apiToken: edge.apiToken, baseUrl: edge.apiUrl, logger: this.#logger });
  }

  #createRoad(api: CloudflareApi, owner: string, onBug: (error: unknown) => void): RoadKeeper {
    const settings = this.#settings;
    const edge = this.#edge;
    const logger = this.#logger;
    const clock = systemClock;
    const { env } = this.#options;
    return createRoadKeeper({
      build: (refresh, signal) => {
        const isDryRun = this.#live.current().mode === 'dry-run';
        return buildRoad({ settings, api, edge, owner, env, refresh, isDryRun, logger, clock }, signal);
      },
      onLost: (reason) => this.#controller?.request(reason, { full: true }),
      onBug,
      logger,
      clock,
    });
  }
}

function starting(): AppError {
  const hint = 'try again in a moment';
  return new AppError({ code: 'E_STATE', message: 'the program is still starting', retryable: true, hint });
}
