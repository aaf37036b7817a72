// What `quick` does: asks for a tunnel and a name, runs the native connector on it, and says where the service is now.
import type { Command } from 'commander';
import { runningEdgeApi } from '../app/edge-api.ts';
import { systemClock } from '../clock.ts';
import { createNativeConnector } from '../connector/native/connector.ts';
import { checkRules } from '../ingress/validate.ts';
import type { Logger } from '../logger.ts';
import type { IngressRule } from '../model.ts';
import type { Settings } from '../settings/settings.ts';
import { lookAtStateDir } from '../state-dir.ts';
import { cloudflareQuickService, type QuickService, requestQuickTunnel } from '../tunnel/quick.ts';
import { startingRules } from '../tunnel/run-rules.ts';
import { version } from '../version.ts';
import type { CliIo } from './io.ts';
import type { QuickOptions } from './quick.ts';
import { untilText } from './quick-end.ts';
import { rulesOfService } from './quick-target.ts';
import { serveTunnel } from './serve-tunnel.ts';
import { globalOptions, loadForCommand } from './settings-input.ts';
import { findEdge } from './tunnel-road.ts';

/** As cloudflared: a quick tunnel has one connection. */
const connections = 1;

/** Requests in flight may take this long at the end. */
const graceMs = 5_000;

/** Serves one service until a signal or the limit. */
export async function runQuick(target: string, options: QuickOptions, program: Command, io: CliIo): Promise<void> {
  const { loaded, logger } = loadForCommand(program, 'warn');
  const { settings } = loaded;
  const rules = await rulesFor(target, options, settings, logger);
  checkRules(rules);
  const service = quickService(options, settings);
  const signal = AbortSignal.timeout(60_000);
  const { hostname, credentials } = await requestQuickTunnel(service, signal);
  const road = await findEdge(
    {
      settings,
      logger,
      edges: settings.cloudflare.edge,
      caFile: settings.cloudflare.edgeCaFile,
      region: undefined,
      accountTag: credentials.accountTag,
      connections,
    },
    signal,
  );
  const connector = createNativeConnector({
    ...road,
    credentials,
    haConnections: connections,
    rules,
    logger,
    clock: systemClock,
    version,
  });
  const url = publicUrl(hostname, service, settings);
  const endsAt = options.for === undefined ? undefined : new Date(systemClock.now() + options.for);
  const onConnected = () => {
    if (globalOptions(program).json === true) io.out(`${JSON.stringify({ url, hostname, target, endsAt })}\n`);
    else io.out(`${url}\n`);
    io.err(`Anybody with this address reaches ${target}, ${untilText(new Date(systemClock.now()), endsAt)}.\n`);
  };
  await serveTunnel({ connector, logger, graceMs, limitMs: options.for, onConnected });
  if (endsAt !== undefined && systemClock.now() >= endsAt.getTime())
    io.err(`The time is over: ${url} leads nowhere any more.\n`);
}

/** A URL has a scheme, or at least a port; everything else is a name, where no colon can be. */
async function rulesFor(
  target: string,
  options: QuickOptions,
  settings: Settings,
  logger: Logger,
): Promise<readonly IngressRule[]> {
  const rules = urlRules(target) ?? (await rulesOfService(target, settings, logger));
  const own = {
    ...(options.httpHostHeader === undefined ? {} : { httpHostHeader: options.httpHostHeader }),
    ...(options.tlsVerify === false ? { noTLSVerify: true } : {}),
  };
  if (Object.keys(own).length === 0) return rules;
  return rules.map((rule) => ({ ...rule, originRequest: { ...rule.originRequest, ...own } }));
}

/** Undefined for what is no URL. */
function urlRules(target: string): readonly IngressRule[] | undefined {
  if (target === 'hello_world') return startingRules(undefined, { helloWorld: true });
  return target.includes(':') ? startingRules(undefined, { url: target }) : undefined;
}

function quickService(options: QuickOptions, settings: Settings): QuickService {
  if (options.quickService !== undefined && options.quickService !== '') return { url: options.quickService };
  if (settings.edge === 'cloudflare') return { url: cloudflareQuickService };
  const { apiToken, baseUrl } = runningEdgeApi(settings, lookAtStateDir(settings.dataDir));
  return { url: new URL(baseUrl).origin, apiToken };
}

/** With the embedded edge its own port; names below localhost need no certificate to be tried. */
function publicUrl(hostname: string, service: QuickService, { embeddedEdge }: Settings): string {
  if (service.apiToken === undefined) return `https://${hostname}`;
  const { http } = embeddedEdge;
  return `http://${hostname}${http.port === 80 ? '' : `:${http.port}`}`;
}
