// `tunnel run`: the native connector on a tunnel, told what to do as cloudflared is.
import { unlink, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { createNativeConnector, type NativeConnector } from '../connector/native/connector.ts';
import { printAddress } from '../edge/listen.ts';
import { ValidationError } from '../errors.ts';
import { parseGoDuration } from '../ingress/duration.ts';
import { createLogger, type Logger, type LogLevel } from '../logger.ts';
import type { OriginRequest } from '../model.ts';
import { listenAddress } from '../settings/resolve.ts';
import { startingRules } from '../tunnel/run-rules.ts';
import { version } from '../version.ts';
import type { CliIo } from './io.ts';
import { serveTunnel } from './serve-tunnel.ts';
import { globalOptions } from './settings-input.ts';
import { credentialsToRun } from './tunnel-credentials.ts';
import { configText, given, isSwitchedOn, type TunnelInputs, tunnelInputs } from './tunnel-inputs.ts';
import { type MetricsServer, serveMetrics } from './tunnel-metrics.ts';
import { findEdge } from './tunnel-road.ts';
import type { RunOptions } from './tunnel-run-options.ts';

/** From where the command was called. */
export interface Called {
  readonly program: Command;
  readonly tunnel: Command;
  readonly io: CliIo;
}

/** Runs a tunnel until a signal. Throws AppError: E_USAGE when nothing says which tunnel, or its token is none. */
export async function runTunnel(
  ref: string | undefined,
  options: RunOptions,
  { program, tunnel, io }: Called,
): Promise<void> {
  // Node writes the title over the arguments, where every user of the machine could read a token.
  if (process.argv.some((argument) => argument.startsWith('--token') || argument.startsWith('--credentials-contents')))
    process.title = 'sallyport tunnel run';
  const quiet = tunnelInputs(program, tunnel, io);
  const logger = runLogger(options, quiet, program);
  const inputs = { ...quiet, logger };
  const plan = runNumbers(options, inputs);
  const asking = AbortSignal.timeout(60_000);
  const credentials = await credentialsToRun(ref, options, inputs, asking);
  const rules = rulesOf(options, inputs);
  const road = await findEdge(
    {
      settings: inputs.settings,
      logger,
      edges: edgesOf(program, inputs),
      caFile: given(options.cacert) ?? inputs.settings.cloudflare.edgeCaFile ?? configText(inputs.config, 'cacert'),
      region: given(options.region) ?? configText(inputs.config, 'region') ?? credentials.endpoint,
      accountTag: credentials.accountTag,
      connections: plan.connections,
    },
    asking,
  );
  const connector = createNativeConnector({
    ...road,
    credentials,
    haConnections: plan.connections,
    rules,
    logger,
    clock: systemClock,
    version,
    onConfiguration: 'apply',
  });
  logger.info(
    { tunnel: credentials.tunnelId, connector: connector.connectorId, rules: rules.length },
    'starting the tunnel',
  );
  tellUnused(options, inputs, rules.length);
  const metrics = await openMetrics(options, inputs, connector);
  const pidfile = given(options.pidfile) ?? configText(inputs.config, 'pidfile');
  try {
    await serveTunnel({ connector, logger, graceMs: plan.graceMs, onConnected: () => writePid(pidfile) });
  } finally {
    await metrics?.stop();
    if (pidfile !== undefined) await unlink(pidfile).catch(() => undefined);
  }
}

async function openMetrics(
  options: RunOptions,
  { config, logger }: TunnelInputs,
  connector: NativeConnector,
): Promise<MetricsServer | undefined> {
  const wanted = given(options.metrics) ?? configText(config, 'metrics');
  if (wanted === undefined) return undefined;
  const server = await serveMetrics(listenAddress(wanted, '--metrics'), connector);
  logger.info({ address: printAddress(server.address) }, 'serving metrics');
  return server;
}

async function writePid(path: string | undefined): Promise<void> {
  if (path !== undefined) await writeFile(path, String(process.pid));
}

function rulesOf(options: RunOptions, { config }: TunnelInputs): ReturnType<typeof startingRules> {
  const setting = (key: string) => configText(config, key);
  const isSet = (key: string) => config?.config.settings[key] === true;
  const originRequest: OriginRequest = {
    ...ifGiven('httpHostHeader', given(options.httpHostHeader) ?? setting('http-host-header')),
    ...ifGiven('originServerName', given(options.originServerName) ?? setting('origin-server-name')),
    ...ifGiven('caPool', given(options.originCaPool) ?? setting('origin-ca-pool')),
    ...(options.tlsVerify === false || isSwitchedOn('NO_TLS_VERIFY') || isSet('no-tls-verify')
      ? { noTLSVerify: true }
      : {}),
  };
  return startingRules(config?.config, {
    url: given(options.url) ?? setting('url'),
    unixSocket: given(options.unixSocket) ?? setting('unix-socket'),
    helloWorld: options.helloWorld === true || isSwitchedOn('TUNNEL_HELLO_WORLD') || isSet('hello-world'),
    originRequest,
  });
}

function ifGiven(key: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [key]: value };
}

/** `--edge`, TUNNEL_EDGE (several with commas), the configuration file's `edge`, the settings'. */
function edgesOf(program: Command, { config, settings }: TunnelInputs): readonly string[] | undefined {
  const flag = globalOptions(program).edge;
  if (flag !== undefined) return flag;
  const fromFile = config?.config.settings.edge;
  const listed =
    given(process.env.TUNNEL_EDGE)?.split(',') ?? (Array.isArray(fromFile) ? fromFile.map(String) : undefined);
  const one = configText(config, 'edge');
  return listed ?? (one === undefined ? settings.cloudflare.edge : [one]);
}

interface RunNumbers {
  readonly graceMs: number;
  readonly connections: number;
}

const maxGraceSeconds = 180;

function runNumbers(options: RunOptions, { config }: TunnelInputs): RunNumbers {
  const grace = given(options.gracePeriod) ?? configText(config, 'grace-period') ?? '30s';
  const seconds = parseGoDuration(grace);
  if (seconds === undefined || seconds < 0)
    throw invalid(`"${grace.slice(0, 50)}" is not a duration`, '--grace-period', 'write it like 30s or 1m30s');
  if (seconds > maxGraceSeconds)
    throw invalid('grace-period must be equal or less than 3m0s', '--grace-period', 'choose a shorter one');
  const setting = config?.config.settings['ha-connections'];
  const connections = Number(given(options.haConnections) ?? setting ?? 4);
  if (!Number.isInteger(connections) || connections < 1 || connections > 64)
    throw invalid('the number of connections must be from 1 to 64', '--ha-connections', 'leave it out for 4');
  return { graceMs: seconds * 1000, connections };
}

const levels: Readonly<Record<string, LogLevel>> = {
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  error: 'error',
  fatal: 'error',
};

function runLogger(options: RunOptions, { settings, config }: TunnelInputs, program: Command): Logger {
  const wanted = given(options.loglevel) ?? configText(config, 'loglevel') ?? 'info';
  const level = levels[wanted];
  if (level === undefined)
    throw invalid(
      `"${wanted.slice(0, 50)}" is no log level`,
      '--loglevel',
      `use one of ${Object.keys(levels).join(', ')}`,
    );
  return createLogger({ level: globalOptions(program).logLevel ?? level, format: settings.log.format });
}

/** What was asked for and is not done must not pass in silence. */
function tellUnused(options: RunOptions, { config, logger }: TunnelInputs, ruleCount: number): void {
  for (const warning of config?.config.warnings ?? [])
    logger.warn({ file: config?.path, problem: warning }, 'unknown key in the configuration file');
  if (ruleCount === 0) logger.warn('no ingress rules were defined: every request gets 503 until the edge pushes some');
  const protocol = given(options.protocol) ?? configText(config, 'protocol') ?? 'auto';
  if (protocol !== 'auto' && protocol !== 'http2')
    logger.warn({ protocol: protocol.slice(0, 50) }, 'only http2 is spoken, and is used instead');
}

function invalid(message: string, where: string, hint: string): ValidationError {
  return new ValidationError({ code: 'E_INPUT_INVALID', message, where, hint });
}
