// Events on one response, as server-sent events (HTML Living Standard, 9.2): with heartbeats, and never more unsent than a little.
import type { ServerResponse } from 'node:http';
import type { EventHub, HubEvent } from './event-hub.ts';

/** What a stream is made of. */
export interface StreamOptions {
  readonly hub: EventHub;
  readonly response: ServerResponse;
  /** Log lines below this are left out. */
  readonly level: number;
  /** What the reader saw last, when it was here before. */
  readonly lastId: string | undefined;
  readonly heartbeatMs?: number;
  readonly onEnd: () => void;
}

/** A reader that is this far behind is gone, or will never catch up. */
const maxUnsentBytes = 512 * 1024;

/** Sends events until the reader goes, falls behind, or `stop` is called. */
export function streamEvents(options: StreamOptions): { stop(): void } {
  const { hub, response, level, lastId, heartbeatMs = 15_000 } = options;
  let isOver = false;

  function write(chunk: string): void {
    if (isOver) return;
    response.write(chunk);
    // It comes back with the id it saw last and gets the rest.
    if (response.writableLength > maxUnsentBytes) stop(true);
  }

  function send(event: HubEvent): void {
    if (event.type !== 'log' || event.level >= level) write(formatEvent(event));
  }

  function stop(isAtOnce = false): void {
    if (isOver) return;
    isOver = true;
    clearInterval(heartbeat);
    forget();
    if (isAtOnce) response.destroy();
    else response.end();
    options.onEnd();
  }

  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
    'x-content-type-options': 'nosniff',
  });
  const heartbeat = setInterval(() => write(': here\n\n'), heartbeatMs);
  heartbeat.unref();
  const forget = hub.listen(send);
  response.on('close', () => stop(true));
  response.on('error', () => stop(true));
  write('retry: 2000\n\n');
  const missed = lastId === undefined ? undefined : hub.since(lastId);
  // A reader that comes anew, or was away too long, must read everything once: it is told so.
  if (missed === undefined) write(`id: ${hub.lastId()}\nevent: hello\ndata: {}\n\n`);
  for (const event of missed ?? hub.newestLogs(200))
    send(missed === undefined ? { ...event, id: hub.lastId() } : event);
  return { stop: () => stop() };
}

/** One event as text; JSON has no line ends of its own. */
export function formatEvent({ id, type, data }: HubEvent): string {
  return `id: ${id}\nevent: ${type}\ndata: ${data}\n\n`;
}
