// What happens, for whoever listens: numbered, the newest kept, so that a listener that was away for a moment misses nothing.

/** One event. */
export interface HubEvent {
  /** `<run>-<number>`: a number of another run of the program means nothing here. */
  readonly id: string;
  readonly type: 'snapshot' | 'connector' | 'log' | 'activity';
  readonly data: string;
  /** Of a log line: trace 10 to error 50. */
  readonly level: number;
}

/** Passes events on and keeps the newest. */
export interface EventHub {
  publish(type: HubEvent['type'], data: unknown, level?: number): void;
  /** Events after this id; undefined when some of them are no longer kept, or the id is of another run. */
  since(id: string): readonly HubEvent[] | undefined;
  /** The newest log lines, oldest first. */
  newestLogs(limit: number): readonly HubEvent[];
  lastId(): string;
  /** Somebody listens. */
  isHeard(): boolean;
  listen(listener: (event: HubEvent) => void): () => void;
}

const maxKept = 1_000;
const maxKeptBytes = 2 * 1024 * 1024;
/** What is larger is asked for by its own route. */
const maxEventBytes = 256 * 1024;

/** A hub without events; `run` tells this run of the program from others. */
export function createEventHub(run: string): EventHub {
  const kept: HubEvent[] = [];
  const listeners = new Set<(event: HubEvent) => void>();
  let last = 0;
  let bytes = 0;

  function forgetOld(): void {
    while (kept.length > maxKept || bytes > maxKeptBytes) bytes -= kept.shift()?.data.length ?? 0;
  }

  return {
    publish(type, data, level = 0) {
      const written = JSON.stringify(data);
      const event = { id: `${run}-${++last}`, type, data: written.length > maxEventBytes ? '{}' : written, level };
      kept.push(event);
      bytes += event.data.length;
      forgetOld();
      for (const listener of listeners) listener(event);
    },
    since(id) {
      const [, given = '', number = ''] = /^([0-9a-f]{1,32})-(\d{1,15})$/.exec(id) ?? [];
      const first = last - kept.length;
      if (given !== run || Number(number) < first || Number(number) > last) return undefined;
      return kept.slice(Number(number) - first);
    },
    newestLogs: (limit) => kept.filter(({ type }) => type === 'log').slice(-limit),
    lastId: () => `${run}-${last}`,
    isHeard: () => listeners.size > 0,
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
