// One instance of the program. It can be killed at any moment and started again; what it remembers is gone then, and what is on disk or at the
// API is not.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { PassRequest } from '../../src/controller.ts';
import type { EdgeStore } from '../../src/edge/store/store.ts';
import type { IngressRule, Snapshot } from '../../src/model.ts';
import { loadSettings } from '../../src/settings/load.ts';
import type { PolicySetting, Settings } from '../../src/settings/settings.ts';
import { apiToken } from '../cloudflare/api-world.ts';
import type { FakeClock } from '../fakes/clock.ts';
import { begin, type Life, quietMs } from './life.ts';
import type { Observer } from './observer.ts';
import { type Container, createScript, hostOf, type Script } from './script.ts';
import type { Call, Fault, Way } from './way.ts';

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
  /** Where it keeps what must outlive it. */
  readonly dataDir: string;
  readonly script: Script;
  /** Every request it made since the list was last emptied, over all its lives. */
  readonly calls: Call[];
  mode: Settings['mode'];
  policies: Readonly<Record<string, PolicySetting>>;
  /** Spoils requests; asked for every one. */
  fault: (call: Call) => Fault | undefined;
  /** False before it was started, and once it was killed. */
  readonly isRunning: boolean;
  /** Starts a process: without memory, and without a pass so far. */
  start(): void;
  /** The engine shows these now; a running process is told. */
  show(containers: readonly Container[]): void;
  /** One pass; resolves when it ended, killed or not. Undefined when it failed or was killed. */
  pass(options?: Partial<PassRequest>): Promise<Snapshot | undefined>;
  /** A pass runs now, and does not wait for time to pass. */
  readonly isBusy: boolean;
  /** Resolves when that may have changed. */
  stirred(): Promise<void>;
  /** Ends the process at once. */
  kill(): void;
  tunnelId(): string | undefined;
  /** What its own connector would serve; undefined where the rules are the API's. */
  table(): readonly IngressRule[] | undefined;
}

/** What programs share. */
export interface Surroundings {
  readonly store: EdgeStore;
  readonly way: Way;
  readonly observer: Observer;
  readonly clock: FakeClock;
  readonly t: TestContext;
}

/** Everybody's policies unless a test says otherwise. */
export const policies: Readonly<Record<string, PolicySetting>> = {
  family: { allow: { emails: ['a@example.com', 'b@example.com'] } },
  friends: { allow: { email_domains: ['friends.example.org'] } },
  staff: { allow: { everyone: true }, require: { countries: ['DE'] } },
};

/** An instance that is not running yet. */
export function createProgram(options: ProgramOptions, around: Surroundings): Program {
  const { owner = 'home', isLocal = false } = options;
  const { store, observer, clock, t } = around;
  const tunnel = options.tunnel ?? owner;
  const dataDir = mkdtempSync(join(tmpdir(), 'sallyport-scenario-'));
  const settings = settingsFor(dataDir, options);
  // One whose rules the API keeps was made in the dashboard; what the program makes keeps them itself.
  if (!isLocal && !store.tunnels.list().some(({ name }) => name === tunnel))
    store.tunnels.create({ name: tunnel, config_src: 'cloudflare' });
  const script = createScript();
  let life: Life | undefined;
  t.after(() => {
    program.kill();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const program: Program = {
    owner,
    isLocal,
    dataDir,
    script,
    calls: [],
    mode: options.mode ?? 'sync',
    policies,
    fault: () => undefined,
    get isRunning() {
      return life !== undefined;
    },
    get isBusy() {
      return life?.isBusy === true;
    },
    start() {
      const line = around.way.open({
        owner,
        fault: (call) => program.fault(call),
        seen: (call) => program.calls.push(call),
        killed: () => program.kill(),
      });
      const current = () => ({ ...settings, mode: program.mode, policies: program.policies });
      life = begin({ settings: current, owner, script, line, observer, clock });
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
        await new Promise((resolve) => setImmediate(resolve));
        if (outcome !== undefined) return outcome.snapshot;
        if (running.isBusy) await running.stirred();
        else await clock.advance(quietMs);
      }
    },
    stirred: async () => life?.stirred(),
    kill() {
      const dying = life;
      life = undefined;
      dying?.end();
    },
    tunnelId: () => life?.road()?.tunnelTarget.replace('.cfargotunnel.com', ''),
    table: () => life?.table(),
  };
  return program;
}

function settingsFor(dataDir: string, options: ProgramOptions): Settings {
  const { owner = 'home', graceMs = 0, zones = ['example.com', 'example.net'] } = options;
  const overrides = {
    domain: 'example.com',
    edge: 'cloudflare',
    connector: 'native',
    data_dir: dataDir,
    owner,
    grace: graceMs / 1_000,
    // Nobody listens there.
    cloudflare: { api_token: apiToken, zones, tunnel: { name: options.tunnel ?? owner }, edge: ['127.0.0.1:1'] },
    docker: { endpoints: [] },
  };
  return loadSettings({ env: {}, cwd: dataDir, overrides }).settings;
}
