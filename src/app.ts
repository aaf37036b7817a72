// Composition root: constructs every object once, in order; start, stop, and what happens when settings change.

import { createUnenforcedAccess } from './access/reconciler.ts';
import { createDiscovery, type Discovery } from './app/discovery.ts';
import { type LocalEdge, startLocalEdge } from './app/embedded-edge.ts';
import { buildRoad, drainMs, type Road } from './app/road.ts';
import { systemClock } from './clock.ts';
import { createCloudflareApi } from './cloudflare/client.ts';
import { type Controller, createController } from './controller.ts';
import { AppError, EdgeError } from './errors.ts';
import { createLifecycle } from './lifecycle.ts';
import type { Logger } from './logger.ts';
import type { Snapshot } from './model.ts';
import { type Pass, reconcile } from './reconcile.ts';
import { type LoadedSettings, loadSettings, type SettingsInputs, settingsSchema } from './settings/load.ts';
import { changedKeys } from './settings/reload.ts';
import type { ListenAddress, Settings } from './settings/settings.ts';
import { watchSettingsFile } from './settings/watch.ts';
import { newOwnerId, newSecret, openStateDir, type StateDir } from './state-dir.ts';
import { heldStatuses, type Status, serviceStatuses } from './status.ts';
import { startTriggers } from './triggers.ts';
import { version } from './version.ts';
import { createMetrics } from './web/metrics.ts';
import { createWeb, listenWeb } from './web/server.ts';

/** What the program is started with. */
export interface AppOptions {
  readonly loaded: LoadedSettings;
  readonly inputs: SettingsInputs;
  readonly logger: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The running program. */
export interface App {
  /** Resolves when everything listens; passes and the connector go on from there. Rejects with an AppError. */
  start(): Promise<void>;
  /** Drains and stops everything; never rejects. */
  stop(): Promise<void>;
  /** One pass now. */
  pass(reason: string): Promise<Snapshot>;
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
  readonly #stopping = new AbortController();
  #settings: Settings;
  #fatal: (error: unknown) => void = (error) => {
    throw error;
  };
  #edge: LocalEdge | undefined;
  #road: Road | undefined;
  #previous: Pass | undefined;
  #controller: Controller | undefined;
  #webAddress: ListenAddress | undefined;
  #roadError: AppError | undefined;

  constructor(options: AppOptions) {
    this.#options = options;
    this.#settings = options.loaded.settings;
    this.#logger = options.logger;
    this.#lifecycle = createLifecycle(options.logger);
  }

  async start(): Promise<void> {
    const stateDir = openStateDir(this.#settings.dataDir);
    const token = stateDir.readOrCreate('web-token', newSecret);
    const owner = this.#settings.owner ?? stateDir.readOrCreate('owner', newOwnerId);
    await this.#startWeb(token);
    if (this.#settings.edge === 'embedded') await this.#startEdge(stateDir);
    const discovery = await createDiscovery({
      settings: () => this.#settings,
      stateDir,
      env: this.#options.env,
      logger: this.#logger,
      clock: systemClock,
      graceMs: this.#settings.graceMs,
    });
    this.#startController(discovery, owner);
    this.#watchSettings();
    this.#logger.info(
      { version, edge: this.#settings.edge, domain: this.#settings.domain, ...this.addresses() },
      'started',
    );
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new DOMException('the program is stopping', 'AbortError'));
    await this.#lifecycle.stop();
  }

  async pass(reason: string): Promise<Snapshot> {
    if (this.#controller === undefined) {
      throw new AppError({
        code: 'E_STATE',
        message: 'the program is still starting',
        retryable: true,
        hint: 'try again in a moment',
      });
    }
    return this.#controller.passNow(reason, { full: true });
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
    const connector = this.#road?.connector;
    return {
      version,
      edge: this.#settings.edge,
      connector: connector && { name: connector.name, connections: connector.connections() },
      ready: snapshot !== undefined && connector?.ready === true,
      revision: snapshot?.revision ?? 0,
      finishedAt: snapshot?.finishedAt,
      complete: snapshot?.complete ?? false,
      lastError: (this.#roadError ?? this.#controller?.lastError())?.message,
      services: snapshot === undefined ? [] : serviceStatuses(snapshot),
      held: heldStatuses(snapshot?.plans ?? []),
      diagnostics: (snapshot?.diagnostics ?? []).filter((finding) => finding.serviceId === undefined),
    };
  }

  async #startWeb(token: string): Promise<void> {
    const native = () => (this.#road?.connector.name === 'native' ? this.#road.connector : undefined);
    const metrics = createMetrics({
      status: () => this.status(),
      traffic: () => native()?.metrics(),
      configurationVersion: () => native()?.table.version ?? 0,
    });
    const web = createWeb({
      status: () => this.status(),
      publicAddress: this.#publicAddress(),
      metrics,
      pass: () => this.pass('asked for over HTTP'),
      token,
    });
    this.#lifecycle.add({ name: 'web', stop: () => web.close() });
    this.#webAddress = await listenWeb(web, this.#settings.webListen);
  }

  #publicAddress(): { scheme: 'http' | 'https'; port: number } {
    const { edge, embeddedEdge } = this.#settings;
    return edge === 'embedded' ? { scheme: 'http', port: embeddedEdge.http.port } : { scheme: 'https', port: 443 };
  }

  async #startEdge(stateDir: StateDir): Promise<void> {
    const edge = await startLocalEdge({ settings: this.#settings, stateDir, logger: this.#logger, clock: systemClock });
    this.#lifecycle.add({ name: 'embedded edge', stop: () => edge.stop(drainMs), timeoutMs: drainMs + 2_000 });
    this.#edge = edge;
  }

  #startController(discovery: Discovery, owner: string): void {
    const api = createCloudflareApi({
      apiToken: this.#settings.cloudflare.apiToken ?? this.#edge?.apiToken ?? '',
      baseUrl: this.#settings.cloudflare.apiUrl ?? this.#edge?.apiUrl,
      logger: this.#logger,
    });
    const access = createUnenforcedAccess({ loopbackOnly: this.#settings.loopbackOnly });
    const build = (signal: AbortSignal) =>
      buildRoad(
        {
          settings: this.#settings,
          api,
          edge: this.#edge,
          owner,
          dataDir: this.#settings.dataDir,
          env: this.#options.env,
          logger: this.#logger,
          clock: systemClock,
        },
        signal,
      );
    const controller = createController({
      logger: this.#logger,
      clock: systemClock,
      onBug: (error) => this.#fatal(error),
      glance: (signal) => this.#glance(discovery, owner, signal),
      runPass: async ({ full, signal }) => {
        const road = await this.#ensureRoad(build, signal);
        const deps = {
          list: (aborting: AbortSignal) => discovery.list.list(aborting),
          route: discovery.route,
          compile: (entries: Pass['entries'], previous: Pass['entries']) =>
            discovery.compile(entries, previous, { zones: road.place.zones, tunnelTarget: road.tunnelTarget, owner }),
          access,
          ingress: road.ingress,
          dns: road.dns,
          mode: this.#settings.mode,
          logger: this.#logger,
        };
        const pass = await reconcile(deps, { full, previous: this.#previous }, signal);
        this.#previous = pass;
        if (road.isRemote) this.#open(road);
        return pass;
      },
    });
    this.#controller = controller;
    // Stopped after triggers and controller, so that nothing changes while it drains, and before the edge it drains to.
    const stopConnector = async () => this.#road?.connector.stop(drainMs);
    this.#lifecycle.add({ name: 'connector', stop: stopConnector, timeoutMs: drainMs + 2_000 });
    this.#lifecycle.add({ name: 'controller', stop: () => controller.stop() });
    const triggers = startTriggers({
      controller,
      logger: this.#logger,
      watchServices: (notify, signal) => discovery.list.watch(notify, signal),
    });
    this.#lifecycle.add({ name: 'triggers', stop: () => triggers.stop() });
  }

  /** Looks again while a pass is held up, and closes what must not stay open; opens nothing. */
  async #glance(discovery: Discovery, owner: string, signal: AbortSignal): Promise<void> {
    const road = this.#road;
    if (road === undefined || this.#settings.mode === 'dry-run') return;
    const listed = await discovery.list.list(signal);
    const routed = discovery.route(listed.services, this.#previous?.entries ?? []);
    const names = { zones: road.place.zones, tunnelTarget: road.tunnelTarget, owner };
    const { desired } = discovery.compile(routed.entries, this.#previous?.desired.ingress ?? [], names);
    await road.ingress.withdraw(desired, signal);
  }

  /** The road, built by the first pass that can: while the API is down, passes fail and are tried again. */
  async #ensureRoad(build: (signal: AbortSignal) => Promise<Road>, signal: AbortSignal): Promise<Road> {
    if (this.#road !== undefined) return this.#road;
    const road = await build(signal);
    this.#road = road;
    if (!road.isRemote) this.#open(road);
    return road;
  }

  readonly #opened = new WeakSet<Road>();

  #open(road: Road): void {
    if (this.#opened.has(road) || this.#stopping.signal.aborted) return;
    this.#opened.add(road);
    road.connector.start(this.#stopping.signal).catch((error: unknown) => {
      if (this.#stopping.signal.aborted) return;
      if (!(error instanceof AppError)) {
        this.#fatal(error);
        return;
      }
      this.#roadError = error;
      const permanent = error instanceof EdgeError && error.permanent;
      this.#logger.error({ code: error.code, reason: error.message, hint: error.hint, permanent }, 'connector stopped');
    });
  }

  #watchSettings(): void {
    const { file } = this.#options.loaded;
    if (file === undefined) return;
    let raw = this.#options.loaded.raw;
    const stop = watchSettingsFile(file, () => {
      try {
        const fresh = loadSettings(this.#options.inputs);
        const keys = changedKeys(raw, fresh.raw, settingsSchema.schema as never);
        raw = fresh.raw;
        const late = keys.filter(({ reload }) => reload !== 'hot').map(({ key }) => key);
        if (late.length > 0) this.#logger.warn({ keys: late }, 'changed settings that need a restart');
        this.#settings = hotSettings(this.#settings, fresh.settings);
        this.#controller?.request('settings changed', { full: true });
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        // The running settings stay as they are: a typo while editing must not take anything down.
        this.#logger.error(
          { code: error.code, reason: error.message, where: error.where, hint: error.hint },
          'settings not applied',
        );
      }
    });
    this.#lifecycle.add({ name: 'settings watch', stop: async () => stop() });
  }
}

/** The running settings with those keys of the fresh ones that apply without a restart (`x-reload: hot`). */
function hotSettings(running: Settings, fresh: Settings): Settings {
  const { mode, expose, services, accessDefault, policies } = fresh;
  return { ...running, mode, expose, services, accessDefault, policies };
}
