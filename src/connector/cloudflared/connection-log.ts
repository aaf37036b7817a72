// What cloudflared's log and its `/ready` say about its connections to the edge. Pure: every function gives a new list.
import type { EdgeAddress, EdgeConnectionInfo } from '../../model.ts';
import type { LogLine } from './log-line.ts';

/** cloudflared counts its connections in one byte, and runs a handful. */
const maxConnections = 64;

/** Messages that say one connection failed or ended; anything else with a `connIndex` is about a request. */
const endings = [
  'Lost connection with the edge',
  'Connection terminated',
  'Serve tunnel error',
  'Unable to establish connection',
  'Register tunnel error from server side',
  'Failed to dial a quic connection',
  'failed to serve tunnel connection',
  'Retrying connection in up to',
];

/** The connections a process that has just started will make. */
export function startConnections(count: number, now: Date): readonly EdgeConnectionInfo[] {
  return Array.from({ length: Math.min(count, maxConnections) }, (_, index) => ({
    index,
    state: 'dialing',
    since: now,
  }));
}

/** The connections after a log line; the same list when it says nothing about them. `edges` are the `host:port` it was given. */
export function applyLogLine(
  connections: readonly EdgeConnectionInfo[],
  line: LogLine,
  context: { readonly now: Date; readonly edges: readonly string[] },
): readonly EdgeConnectionInfo[] {
  const limit = /I can give you at most (\d{1,2})\b/.exec(line.message);
  if (limit !== null) return connections.slice(0, Number(limit[1]));
  if (line.message.startsWith('Initiating graceful shutdown')) return drainConnections(connections, context.now);
  const index = line.fields.connIndex;
  if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= maxConnections) return connections;
  const before = connections.find((connection) => connection.index === index);
  const after = nextState(index, before, line, context);
  return after === undefined ? connections : withConnection(connections, after);
}

function nextState(
  index: number,
  before: EdgeConnectionInfo | undefined,
  line: LogLine,
  context: { readonly now: Date; readonly edges: readonly string[] },
): EdgeConnectionInfo | undefined {
  const at = { index, since: context.now };
  if (line.message === 'Registered tunnel connection') {
    const { location, ip } = line.fields;
    return {
      ...at,
      state: 'connected',
      ...(typeof location === 'string' ? { location } : {}),
      ...(typeof ip === 'string' ? { edge: edgeAddress(ip, context.edges) } : {}),
    };
  }
  if (line.message === 'Unregistered tunnel connection') return { ...at, ...kept(before), state: 'draining' };
  if (!endings.some((ending) => line.message.startsWith(ending))) return undefined;
  if (before?.state === 'draining' || before?.state === 'stopped') return { ...at, ...kept(before), state: 'stopped' };
  const { error } = line.fields;
  const lastError = typeof error === 'string' ? error : before?.lastError;
  const since = before?.state === 'backing-off' ? before.since : context.now;
  return { index, since, state: 'backing-off', ...(lastError === undefined ? {} : { lastError }) };
}

function kept(before: EdgeConnectionInfo | undefined): Partial<EdgeConnectionInfo> {
  return {
    ...(before?.edge === undefined ? {} : { edge: before.edge }),
    ...(before?.location === undefined ? {} : { location: before.location }),
  };
}

function withConnection(
  connections: readonly EdgeConnectionInfo[],
  changed: EdgeConnectionInfo,
): readonly EdgeConnectionInfo[] {
  const others = connections.filter((connection) => connection.index !== changed.index);
  return [...others, changed].sort((a, b) => a.index - b.index);
}

/** The log names the address without its port: that of the matching `--edge`, else the first one's, else Cloudflare's. */
function edgeAddress(ip: string, edges: readonly string[]): EdgeAddress {
  const match = edges.find((edge) => edge.startsWith(`${ip}:`) || edge.startsWith(`[${ip}]:`)) ?? edges[0];
  const port = match === undefined ? Number.NaN : Number(match.slice(match.lastIndexOf(':') + 1));
  return { host: ip, port: Number.isInteger(port) ? port : 7844, region: '', family: ip.includes(':') ? 6 : 4 };
}

/**
 * `/ready` counts registered connections. It corrects the log in the two cases where the log must have been misread (another
 * release, other words): more are ready than known, or none is.
 */
export function applyReadyCount(
  connections: readonly EdgeConnectionInfo[],
  ready: number,
  now: Date,
): readonly EdgeConnectionInfo[] {
  const connected = connections.filter((connection) => connection.state === 'connected').length;
  if (connected === ready) return connections;
  if (ready === 0) {
    return connections.map((connection) =>
      connection.state === 'connected'
        ? { index: connection.index, state: 'backing-off', since: now, lastError: 'cloudflared says it is not ready' }
        : connection,
    );
  }
  let missing = ready - connected;
  return connections.map((connection) => {
    if (missing <= 0 || (connection.state !== 'dialing' && connection.state !== 'backing-off')) return connection;
    missing--;
    return { index: connection.index, state: 'connected', since: now };
  });
}

/** The connections once the process was told to end: what was connected finishes its requests. */
export function drainConnections(connections: readonly EdgeConnectionInfo[], now: Date): readonly EdgeConnectionInfo[] {
  return connections.map((connection) =>
    connection.state === 'connected' ? { ...connection, state: 'draining', since: now } : connection,
  );
}

/** The connections of a process that ended; `failure` when nobody asked it to. */
export function endConnections(
  connections: readonly EdgeConnectionInfo[],
  now: Date,
  failure: string | undefined,
): readonly EdgeConnectionInfo[] {
  return connections.map(({ index }) =>
    failure === undefined
      ? { index, state: 'stopped', since: now }
      : { index, state: 'backing-off', since: now, lastError: failure },
  );
}
