// Carries traffic with a cloudflared of its own: what it is started with, and how rules reach it.
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../clock.ts';
import type { Connector } from '../../contracts.ts';
import { AppError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { IngressRule, TunnelCredentials } from '../../model.ts';
import { formatToken } from '../../protocol/credentials.ts';
import { cloudflaredArguments } from './arguments.ts';
import { readVersion } from './binary.ts';
import { endOrphans, forgetChild, recordChild } from './child-record.ts';
import { startConnections } from './connection-log.ts';
import { cloudflaredEnvironment } from './environment.ts';
import { type ConnectorFiles, prepareFiles, writeCredentials, writeRules } from './files.ts';
import { createMask } from './mask.ts';
import { type Run, startRun } from './run.ts';
import { createSupervisor } from './supervisor.ts';
import { abilitiesOf, type CloudflaredVersion, formatVersion } from './version.ts';

/** How long pushed rules may take to reach cloudflared. */
const pushTimeoutMs = 10_000;

/** What a supervised cloudflared needs. */
export interface CloudflaredConnectorOptions {
  readonly binary: string;
  readonly credentials: TunnelCredentials;
  /** `host:port` each; undefined for Cloudflare's own edge. */
  readonly edges: readonly string[] | undefined;
  /** PEM file the edge's certificate is checked against instead of the system's roots. */
  readonly caFile: string | undefined;
  readonly stateDir: string;
  /** Connections to the edge, spread over `edges` in turn. */
  readonly haConnections: number;
  /** The rules it is started with the first time. */
  readonly rules: readonly IngressRule[];
  /**
   * How changed rules reach a running cloudflared: called with them, resolves to the version the edge pushes (undefined when
   * unknown). Left out when somebody else pushes.
   */
  readonly pushRules?: (rules: readonly IngressRule[]) => Promise<number | undefined>;
  /** Without a push, a second cloudflared takes over with the changed rules (`handover`), or they wait for the next start (`file`, the default). */
  readonly onRules?: 'file' | 'handover';
  readonly gracePeriodMs: number;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** A connector that is a child process. */
export interface CloudflaredConnector extends Connector {
  readonly name: 'cloudflared';
  /** At least one connection is registered, as cloudflared itself says. */
  readonly ready: boolean;
  /** The process in charge; another one after a restart or handover. */
  readonly pid: number | undefined;
  /** How often it had to be started again because it ended by itself. */
  readonly restarts: number;
  /** `2026.8.2`, or `unknown` before start(). */
  readonly version: string;
  /** The Prometheus text of its own `/metrics`; rejects with E_CONNECTOR while there is none. */
  scrape(): Promise<string>;
  /** Calls back when `connections()` or `ready` may have changed; returns the way to stop. */
  onChange(listener: () => void): () => void;
}

/** Starts nothing yet. */
export function createCloudflaredConnector(options: CloudflaredConnectorOptions): CloudflaredConnector {
  const { clock, logger, credentials } = options;
  const mask = createMask(secretsOf(credentials));
  const listeners = new Set<() => void>();
  const onChange = () => {
    for (const listener of listeners) listener();
  };
  let files: ConnectorFiles | undefined;
  let version: CloudflaredVersion | undefined;
  let rules = options.rules;
  /** The rules in use, as far as we know; not those of an update that failed. */
  let applied: readonly IngressRule[] | undefined;
  let updating: Promise<void> = Promise.resolve();
  const supervisor = createSupervisor({ launch, onChange, logger, clock });

  async function launch(changed: () => void): Promise<Run> {
    const at = filesOrThrow(files);
    await writeRules(at, credentials.tunnelId, rules);
    return startRun({
      binary: options.binary,
      args: cloudflaredArguments({
        ...options,
        ...at,
        managementHostname: `${randomUUID()}.invalid`,
        abilities: abilitiesOf(version),
      }),
      env: cloudflaredEnvironment(process.env, at.directory),
      cwd: at.directory,
      edges: options.edges ?? [],
      haConnections: options.haConnections,
      mask,
      records: {
        add: (pid) => recordChild(at.directory, pid),
        remove: (pid) => forgetChild(at.directory, pid),
      },
      onChange: changed,
      logger,
      clock,
    });
  }

  async function start(signal: AbortSignal): Promise<void> {
    files = await prepareFiles(options.stateDir);
    const orphans = await endOrphans(files.directory, files.configFile);
    if (orphans.length > 0) logger.warn({ pids: orphans }, 'ended a cloudflared left behind by an earlier run');
    await writeCredentials(files, credentials);
    version = await readVersion(options.binary, signal);
    logger.info({ binary: options.binary, version: formatVersion(version) }, 'starting cloudflared');
    applied = rules;
    await supervisor.start(signal);
  }

  async function applyRules(next: readonly IngressRule[]): Promise<void> {
    if (isDeepStrictEqual(next, applied)) return;
    rules = next;
    applied = undefined;
    if (files !== undefined) await writeRules(files, credentials.tunnelId, next);
    if (options.pushRules !== undefined) await push(next, options.pushRules);
    else if (options.onRules === 'handover' && supervisor.active !== undefined) {
      await supervisor.replace(options.gracePeriodMs);
    }
    applied = next;
  }

  async function push(
    next: readonly IngressRule[],
    pushRules: NonNullable<CloudflaredConnectorOptions['pushRules']>,
  ): Promise<void> {
    const pushed = await pushRules(next);
    const run = supervisor.active;
    // One that is not ready now is given the rules when it registers.
    if (pushed !== undefined && run?.isReady === true) {
      await run.hasConfiguration(pushed, pushTimeoutMs);
    }
  }

  return {
    name: 'cloudflared',
    get ready() {
      return supervisor.active?.isReady ?? false;
    },
    get pid() {
      return supervisor.active?.pid;
    },
    get restarts() {
      return supervisor.restarts;
    },
    get version() {
      return formatVersion(version);
    },
    start,
    updateIngress(next) {
      // One after the other, so that the last rules asked for are the last ones applied; a failure is its caller's to handle.
      const update = updating.then(() => applyRules(next));
      updating = update.catch(() => undefined);
      return update;
    },
    connections: () =>
      supervisor.active?.connections() ?? startConnections(options.haConnections, new Date(clock.now())),
    scrape() {
      if (supervisor.active === undefined) return Promise.reject(notStarted());
      return supervisor.active.scrape();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop: (gracePeriodMs) => supervisor.stop(gracePeriodMs),
  };
}

/** In every form in which cloudflared could print them. */
function secretsOf(credentials: TunnelCredentials): readonly string[] {
  const secret = Buffer.from(credentials.tunnelSecret);
  return [secret.toString('base64'), secret.toString('base64url'), secret.toString('hex'), formatToken(credentials)];
}

function filesOrThrow(files: ConnectorFiles | undefined): ConnectorFiles {
  if (files === undefined) throw notStarted();
  return files;
}

function notStarted(): AppError {
  return new AppError({ code: 'E_CONNECTOR', message: 'cloudflared is not running', retryable: true });
}
