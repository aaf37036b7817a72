// The engine's event stream: newline-JSON cut anywhere, and which events may have changed the list. Pure.

/** What one event asks for. */
export interface EngineEvent {
  /** Why the list may have changed, for the log: `start grafana`; absent when it cannot have. */
  readonly reason?: string;
  /** When it happened, as the engine's `since` parameter wants it: `seconds.nanoseconds`. */
  readonly since?: string;
}

/** Puts lines together again from chunks; a line over the limit comes out as undefined, once. */
export interface LineSplitter {
  push(chunk: Uint8Array): readonly (string | undefined)[];
}

/** A splitter that holds at most `limit` bytes: an event repeats all of a container's labels, which may be any size. */
export function createLineSplitter(limit: number): LineSplitter {
  let parts: Uint8Array[] = [];
  let size = 0;
  let skipping = false;
  function take(piece: Uint8Array): void {
    size += piece.length;
    if (size > limit) {
      skipping = true;
      parts = [];
    }
    if (!skipping && piece.length > 0) parts.push(piece);
  }
  function finish(): string | undefined {
    const line = skipping ? undefined : Buffer.concat(parts).toString('utf8');
    parts = [];
    size = 0;
    skipping = false;
    return line;
  }
  return {
    push(chunk) {
      const lines: (string | undefined)[] = [];
      let start = 0;
      for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
        take(chunk.subarray(start, end));
        lines.push(finish());
        start = end + 1;
      }
      take(chunk.subarray(start));
      return lines;
    },
  };
}

/** After these the list may read differently. A bare `kill` is only a signal, often SIGHUP: `die` follows when it ends the container. */
const containerActions: readonly string[] = [
  'create',
  'start',
  'stop',
  'die',
  'destroy',
  'rename',
  'pause',
  'unpause',
  'health_status',
  // Podman calls `die` and `destroy` so, and filters by its own words, whichever it then sends.
  'died',
  'remove',
];
const networkActions: readonly string[] = ['connect', 'disconnect'];
/** Of Swarm services and nodes; a manager tells them of the whole Swarm. */
const swarmActions: readonly string[] = ['create', 'update', 'remove'];
const actionsByType: Readonly<Record<string, readonly string[]>> = {
  container: containerActions,
  network: networkActions,
  service: swarmActions,
  node: swarmActions,
};

/** The filter the engine applies itself, so that health checks' exec events never reach us. */
export const eventFilters: Readonly<Record<string, readonly string[]>> = {
  type: Object.keys(actionsByType),
  event: [...new Set(Object.values(actionsByType).flat())],
};

/** Reads one line; one that cannot be read asks for a look all the same, since it may have been anything. */
export function readEvent(line: string | undefined): EngineEvent {
  const event = line === undefined ? undefined : parseObject(line);
  if (event === undefined) return line === '' ? {} : { reason: 'an event that cannot be read' };
  const since = sinceOf(event);
  const reason = reasonOf(event);
  return { ...(reason === undefined ? {} : { reason }), ...(since === undefined ? {} : { since }) };
}

function reasonOf(event: Record<string, unknown>): string | undefined {
  if (typeof event.Action !== 'string') return undefined;
  const action = event.Action.split(':')[0] ?? '';
  const type = typeof event.Type === 'string' ? event.Type : '';
  const relevant = Object.hasOwn(actionsByType, type) ? actionsByType[type] : undefined;
  if (relevant?.includes(action) !== true) return undefined;
  const name = nameOf(event);
  return name === undefined ? action : `${action} ${name}`;
}

function nameOf(event: Record<string, unknown>): string | undefined {
  const attributes = isRecord(event.Actor) && isRecord(event.Actor.Attributes) ? event.Actor.Attributes : {};
  const name = attributes.name;
  return typeof name === 'string' && /^[A-Za-z0-9._-]{1,128}$/.test(name) ? name : undefined;
}

function sinceOf(event: Record<string, unknown>): string | undefined {
  if (typeof event.time !== 'number' || !Number.isSafeInteger(event.time) || event.time < 0) return undefined;
  // timeNano is beyond 2^53, so its last digits are lost in parsing: whole seconds are exact, and a repeated event does no harm.
  return String(event.time);
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
