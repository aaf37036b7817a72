// One run of cloudflared, from its start to its end: its log folded into ours, its connections and its readiness watched.
import type { Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { EdgeConnectionInfo } from '../../model.ts';
import { startChild } from './child.ts';
import { applyLogLine, applyReadyCount, drainConnections, endConnections, startConnections } from './connection-log.ts';
import { describeEnd, type RunEnd } from './failure.ts';
import { type LogLine, parseLogLine } from './log-line.ts';
import { quietenNoise } from './log-noise.ts';
import { isSecretName } from './mask.ts';
import { askMetricsServer, configurationVersion, readyConnections } from './metrics-server.ts';
import { createRateGate } from './rate-gate.ts';

/** How often `/ready` is asked before the first connection and after it. */
const impatientMs = 200;
const patientMs = 5000;
/** How often `/config` is asked while rules are on their way; they take a few milliseconds. */
const configurationPollMs = 10;
/** How much longer than the grace period cloudflared may take to end. */
const killMarginMs = 3000;
/** Lines kept to explain an end. */
const lastLinesKept = 6;

/** A cloudflared that was started. */
export interface Run {
  readonly pid: number | undefined;
  /** Resolves when `/ready` first counted a connection; never rejects, and stays pending when the run ends first. */
  readonly ready: Promise<void>;
  readonly ended: Promise<RunEnd>;
  /** At least one connection is registered, by its `/ready` and by its log. */
  readonly isReady: boolean;
  /** How often the edge refused the credentials, with its words, since the last registration. */
  readonly refusals: readonly string[];
  connections(): readonly EdgeConnectionInfo[];
  /** The Prometheus text of its `/metrics`. */
  scrape(): Promise<string>;
  /** Resolves once the pushed rules of at least this version are in use; rejects with E_CONNECTOR after `timeoutMs`. */
  hasConfiguration(version: number, timeoutMs: number): Promise<void>;
  /** SIGTERM, then SIGKILL when it is still there after the grace period and a margin; resolves when it has ended. */
  stop(gracePeriodMs: number): Promise<void>;
  /** Resolves when, being stopped, it has unregistered every connection: the edge sends it nothing new. */
  readonly unregistered: Promise<void>;
}

/** What a run needs. */
export interface RunOptions {
  readonly binary: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly edges: readonly string[];
  readonly haConnections: number;
  readonly mask: (text: string) => string;
  /** Notes the process, and that it has ended; `ended` waits for the latter. */
  readonly records: { add(pid: number): Promise<void>; remove(pid: number): Promise<void> };
  readonly onChange: () => void;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Starts it. */
export function startRun(options: RunOptions): Run {
  const { clock, logger } = options;
  const now = () => new Date(clock.now());
  const over = new AbortController();
  const gate = createRateGate(clock, 100, 1000);
  const lastLines: string[] = [];
  const readiness = Promise.withResolvers<void>();
  let connections = startConnections(options.haConnections, now());
  let refusals: readonly string[] = [];
  let metricsPort: number | undefined;
  let readyCount = 0;
  let isStopping = false;
  let stillRegistered = 0;
  const unregistered = Promise.withResolvers<void>();

  function setConnections(next: readonly EdgeConnectionInfo[]): void {
    if (next === connections) return;
    connections = next;
    options.onChange();
  }

  function readLine(text: string): void {
    const line = masked(quietenNoise(parseLogLine(text), options.edges.length > 0), options.mask);
    metricsPort ??= metricsPortIn(line);
    refusals = refusalsAfter(refusals, line);
    remember(lastLines, line);
    if (isStopping && line.message === 'Unregistered tunnel connection' && --stillRegistered <= 0)
      unregistered.resolve();
    setConnections(applyLogLine(connections, line, { now: now(), edges: options.edges }));
    const { isOpen, dropped } = gate.next();
    if (dropped > 0) logger.warn({ dropped }, 'cloudflared logs too much; lines were left out');
    if (isOpen) logger[line.level]({ cloudflared: line.fields }, line.message);
  }

  async function lookAtReadiness(): Promise<void> {
    if (metricsPort === undefined) return;
    const before = connections;
    const answer = await askMetricsServer(metricsPort, '/ready');
    setReadyCount(readyConnections(answer));
    // Had the log moved on while the answer was under way, the answer would be the older news.
    if (!isStopping && connections === before) setConnections(applyReadyCount(connections, readyCount, now()));
    if (readyCount > 0) readiness.resolve();
  }

  function setReadyCount(count: number): void {
    if (count === readyCount) return;
    readyCount = count;
    options.onChange();
  }

  async function watchReadiness(): Promise<void> {
    while (!over.signal.aborted) {
      await lookAtReadiness().catch((error: unknown) => {
        setReadyCount(0);
        if (!over.signal.aborted && !isStopping)
          logger.debug({ err: error }, 'cloudflared did not say whether it is ready');
      });
      await pause(clock, readyCount > 0 ? patientMs : impatientMs, over.signal);
    }
  }

  const child = startChild({ ...options, onLine: readLine });
  const recorded = child.pid === undefined ? undefined : keepRecord(options, child.pid, child.exited);
  const ended = child.exited.then(async (exit): Promise<RunEnd> => {
    readyCount = 0;
    const end = { ...exit, lastLines };
    setConnections(endConnections(connections, now(), isStopping ? undefined : describeEnd(end)));
    unregistered.resolve();
    over.abort();
    await recorded;
    return end;
  });
  const watching = watchReadiness();

  /** Once only: a second SIGTERM would make it drop its requests. */
  function askToEnd(): void {
    if (isStopping) return;
    isStopping = true;
    stillRegistered = connections.filter(isConnected).length;
    if (stillRegistered === 0) unregistered.resolve();
    setConnections(drainConnections(connections, now()));
    child.signal('SIGTERM');
  }

  async function stop(gracePeriodMs: number): Promise<void> {
    askToEnd();
    await pause(clock, gracePeriodMs + killMarginMs, over.signal);
    if (!over.signal.aborted) {
      logger.warn({ gracePeriodMs }, 'cloudflared did not end in time and is killed');
      child.signal('SIGKILL');
    }
    await Promise.all([ended, watching]);
  }

  return {
    pid: child.pid,
    ready: readiness.promise,
    ended,
    get isReady() {
      return readyCount > 0 && connections.some(isConnected);
    },
    get refusals() {
      return refusals;
    },
    connections: () => connections,
    async scrape() {
      return (await askMetricsServer(portOrThrow(metricsPort), '/metrics')).body;
    },
    async hasConfiguration(version, timeoutMs) {
      const deadline = clock.now() + timeoutMs;
      while (!over.signal.aborted && clock.now() < deadline) {
        const answer = await askMetricsServer(portOrThrow(metricsPort), '/config');
        if (configurationVersion(answer) >= version) return;
        await pause(clock, configurationPollMs, over.signal);
      }
      throw new AppError({ code: 'E_CONNECTOR', message: 'the rules did not reach cloudflared', retryable: true });
    },
    stop,
    unregistered: unregistered.promise,
  };
}

function isConnected(connection: EdgeConnectionInfo): boolean {
  return connection.state === 'connected';
}

/** A sleep that ends early, without an error, when the signal aborts. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await clock.sleep(ms, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

function masked(line: LogLine, mask: (text: string) => string): LogLine {
  const fields = Object.entries(line.fields).map(([name, value]) => {
    if (isSecretName(name)) return [name, '[secret]'];
    return [name, typeof value === 'string' ? mask(value) : value];
  });
  return { level: line.level, message: mask(line.message), fields: Object.fromEntries(fields) };
}

/** A record that cannot be kept only matters if this process is killed, so it stops nothing. */
async function keepRecord({ records, logger }: RunOptions, pid: number, exited: Promise<unknown>): Promise<void> {
  try {
    await records.add(pid);
    await exited;
    await records.remove(pid);
  } catch (error) {
    logger.warn({ err: error, pid }, 'the record of a cloudflared process could not be kept');
  }
}

/** `Starting metrics server on 127.0.0.1:43383/metrics` */
function metricsPortIn(line: LogLine): number | undefined {
  const found = /^Starting metrics server on 127\.0\.0\.1:(\d{1,5})\/metrics$/.exec(line.message);
  return found === null ? undefined : Number(found[1]);
}

/** A registration clears them: from then on the credentials are known to be right. */
function refusalsAfter(refusals: readonly string[], line: LogLine): readonly string[] {
  if (line.message === 'Registered tunnel connection') return [];
  if (line.message !== 'Register tunnel error from server side') return refusals;
  return [...refusals, String(line.fields.error ?? 'no reason given')].slice(-lastLinesKept);
}

function remember(lines: string[], line: LogLine): void {
  if (line.level !== 'warn' && line.level !== 'error') return;
  const { error } = line.fields;
  lines.push(error === undefined ? line.message : `${line.message}: ${String(error)}`);
  if (lines.length > lastLinesKept) lines.shift();
}

function portOrThrow(port: number | undefined): number {
  if (port !== undefined) return port;
  throw new AppError({
    code: 'E_CONNECTOR',
    message: 'cloudflared has not started its metrics server yet',
    retryable: true,
  });
}
