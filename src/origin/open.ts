// From a checked rule to the origin that serves it: one per (service, originRequest), kept while a live rule uses it.
import type { Clock } from '../clock.ts';
import { createOutwardPolicy, type IpPolicy } from '../ingress/ip-rules.ts';
import type { ResolvedOriginRequest } from '../ingress/origin-request.ts';
import type { OriginTarget } from '../ingress/service-url.ts';
import type { CheckedRule } from '../ingress/validate.ts';
import type { Logger } from '../logger.ts';
import type { IngressRule } from '../model.ts';
import { createAccessGuard } from './access/guard.ts';
import { type AccessTeams, cloudflareTeam } from './access/team.ts';
import { createBastionOrigin } from './bastion.ts';
import { createHelloOrigin, createRefusingOrigin, createStatusOrigin } from './builtin.ts';
import type { DialTarget, DialTls } from './dial.ts';
import type { Origin } from './exchange.ts';
import { createHttpOrigin } from './http.ts';
import { createSocksOrigin, type SocksOriginOptions } from './socks.ts';
import { createTcpOrigin } from './tcp.ts';
import { createTrust } from './trust.ts';

/** All origins of one connector. */
export interface Origins {
  /** The origin for a rule; also for a rule that has just been replaced. Throws OriginError when it cannot be set up. */
  open(rule: CheckedRule): Origin;
  /** Only these rules are live now: the others' connections close once their requests are done. */
  retain(rules: readonly IngressRule[]): void;
  close(): void;
}

/** What all origins share. */
export interface OriginsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where the Access teams of `originRequest.access` are; Cloudflare's unless given. */
  readonly accessTeams?: AccessTeams | undefined;
}

/** No origin is opened before a request needs it. */
export function createOrigins({ clock, logger, accessTeams = cloudflareTeam }: OriginsOptions): Origins {
  const access = createAccessGuard({ teams: accessTeams, clock, logger });
  const byKey = new Map<string, Origin>();
  // The key costs a JSON.stringify; a rule that was seen before is found by identity.
  let byRule = new WeakMap<CheckedRule, Origin>();

  function open(rule: CheckedRule): Origin {
    const known = byRule.get(rule);
    if (known !== undefined) return known;
    const key = originKey(rule.rule);
    const origin = byKey.get(key) ?? access.guard(createOrigin(rule, { clock, logger }), rule.originRequest.access);
    byKey.set(key, origin);
    byRule.set(rule, origin);
    return origin;
  }
  function retain(rules: readonly IngressRule[]): void {
    const live = new Set(rules.map(originKey));
    for (const [key, origin] of byKey) {
      if (live.has(key)) continue;
      byKey.delete(key);
      origin.retire();
    }
  }
  return {
    open,
    retain,
    close() {
      retain([]);
      byRule = new WeakMap();
    },
  };
}

type Shared = Pick<OriginsOptions, 'clock' | 'logger'>;

function originKey(rule: IngressRule): string {
  return `${rule.service}\n${JSON.stringify(rule.originRequest ?? {})}`;
}

function createOrigin(rule: CheckedRule, shared: Shared): Origin {
  const { target, originRequest } = rule;
  switch (target.kind) {
    case 'http_status':
      return createStatusOrigin(target.status);
    case 'hello_world':
      return createHelloOrigin();
    case 'bastion':
      return createBastionOrigin(chosen(createOutwardPolicy(originRequest.ipRules), originRequest, shared));
    case 'socks-proxy':
      return createSocksOrigin(chosen(target.policy, originRequest, shared));
    case 'tcp':
      return createTcp(target, originRequest, shared);
    case 'http':
    case 'https':
    case 'unix':
    case 'unix+tls':
      return createHttp(target, originRequest);
  }
}

function createTcp(target: OriginTarget & { kind: 'tcp' }, request: ResolvedOriginRequest, shared: Shared): Origin {
  // As in cloudflared the client then chooses the destination, and the service's own address means nothing.
  if (request.proxyType === 'socks')
    return createSocksOrigin(chosen(createOutwardPolicy(request.ipRules), request, shared));
  if (!isPort(target.port))
    return createRefusingOrigin(
      `${target.service} has no usable port`,
      'write the port behind the host: tcp://host:port',
    );
  return createTcpOrigin(dialTarget({ host: target.hostname, port: target.port }, request), shared.clock);
}

/** For origins whose clients choose the destination. */
function chosen(policy: IpPolicy, request: ResolvedOriginRequest, shared: Shared): SocksOriginOptions {
  return { policy, dialTo: (destination) => dialTarget(destination, request), ...shared };
}

function createHttp(
  target: OriginTarget & { kind: 'http' | 'https' | 'unix' | 'unix+tls' },
  request: ResolvedOriginRequest,
): Origin {
  if ('port' in target && !isPort(target.port))
    return createRefusingOrigin(`${target.service} has no usable port`, 'ports are 1 to 65535');
  const address = 'path' in target ? { socketPath: target.path } : { host: target.hostname, port: target.port };
  const plain = dialTarget(address, request);
  const secure = target.kind === 'https' || target.kind === 'unix+tls';
  return createHttpOrigin({
    dial: secure ? { ...plain, tls: tlsTarget(request) } : plain,
    hostHeader: orUndefined(request.httpHostHeader),
    serverNameFromHost: secure && request.matchSNItoHost && request.originServerName === '',
    bufferBodies: request.disableChunkedEncoding,
    keepAliveConnections: request.keepAliveConnections,
    keepAliveTimeoutMs: Math.max(1, milliseconds(request.keepAliveTimeout)),
  });
}

function tlsTarget(request: ResolvedOriginRequest): DialTls {
  return {
    context: createTrust(orUndefined(request.caPool)),
    serverName: orUndefined(request.originServerName),
    verify: !request.noTLSVerify,
    timeoutMs: milliseconds(request.tlsTimeout),
    http2: request.http2Origin,
  };
}

function dialTarget(address: DialTarget['address'], request: ResolvedOriginRequest): DialTarget {
  return {
    address,
    connectTimeoutMs: milliseconds(request.connectTimeout),
    keepAliveMs: milliseconds(request.tcpKeepAlive),
    happyEyeballs: !request.noHappyEyeballs,
  };
}

/** What Node's timers take: 0 is none, and a longer one than 24 days would fire at once. */
function milliseconds(seconds: number): number {
  return seconds > 0 ? Math.min(Math.ceil(seconds * 1000), 2 ** 31 - 1) : 0;
}

function isPort(port: number | undefined): port is number {
  return port !== undefined && port >= 1 && port <= 65_535;
}

function orUndefined(text: string): string | undefined {
  return text === '' ? undefined : text;
}
