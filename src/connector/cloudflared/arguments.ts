// The command line cloudflared is started with. Pure; nothing on it is secret, since every user of the machine can read it.
import type { CloudflaredAbilities } from './version.ts';

/** cloudflared refuses a longer grace period. */
const maxGraceMs = 180_000;

/** What the command line depends on. */
export interface ArgumentOptions {
  readonly configFile: string;
  readonly credentialsFile: string;
  /** `host:port`; undefined for Cloudflare's own edge. */
  readonly edges: readonly string[] | undefined;
  readonly caFile: string | undefined;
  readonly haConnections: number;
  readonly gracePeriodMs: number;
  /** A name nobody can guess: whoever can ask for it reaches cloudflared's management pages. */
  readonly managementHostname: string;
  readonly abilities: CloudflaredAbilities;
}

/** The arguments of `cloudflared tunnel … run`. */
export function cloudflaredArguments(options: ArgumentOptions): readonly string[] {
  const { abilities } = options;
  return [
    'tunnel',
    ...['--config', options.configFile],
    '--no-autoupdate',
    ...['--loglevel', 'info'],
    ...(abilities.jsonLog ? ['--output', 'json'] : []),
    // Port 0: cloudflared chooses a free one and logs it, so there is no moment for somebody else to take it.
    ...['--metrics', '127.0.0.1:0'],
    ...['--grace-period', `${graceSeconds(options.gracePeriodMs)}s`],
    ...['--ha-connections', String(options.haConnections)],
    ...edgeArguments(options.edges, options.haConnections),
    ...(options.caFile === undefined ? [] : ['--cacert', options.caFile]),
    ...(abilities.managementHostname ? ['--management-hostname', options.managementHostname] : []),
    ...(abilities.managementDiagnostics ? ['--management-diagnostics=false'] : []),
    ...(abilities.prechecks ? ['--no-prechecks'] : []),
    'run',
    ...['--credentials-file', options.credentialsFile],
  ];
}

/**
 * One `--edge` per connection, the addresses repeated in turn: cloudflared makes no more connections than it has addresses.
 * Never fewer than two, because with a single one it dials a failing edge again and again without waiting.
 * A private edge speaks HTTP/2; against Cloudflare's the protocol is cloudflared's choice.
 */
function edgeArguments(edges: readonly string[] | undefined, haConnections: number): readonly string[] {
  if (edges === undefined || edges.length === 0) return [];
  const slots = Math.max(2, haConnections, edges.length);
  const repeated = Array.from({ length: slots }, (_, slot) => edges[slot % edges.length] ?? '');
  return [...repeated.flatMap((edge) => ['--edge', edge]), '--protocol', 'http2'];
}

function graceSeconds(gracePeriodMs: number): number {
  return Math.ceil(Math.min(Math.max(gracePeriodMs, 0), maxGraceMs) / 1000);
}
