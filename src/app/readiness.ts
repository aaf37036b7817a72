// A service that has just started takes a while until it answers: until then its name answers 503, not 502, and nobody has to look again.
import { connect } from 'node:net';
import { backoffMs, type Clock } from '../clock.ts';
import { closeEntry } from '../ingress/closing.ts';
import { parseServiceUrl } from '../ingress/service-url.ts';
import type { Diagnostic, IngressEntry } from '../model.ts';

/** The entries as far as their services answer, and what to say of the others. */
export interface Ready {
  readonly entries: readonly IngressEntry[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Knows which origins have answered since they came up. */
export interface Readiness {
  /** Closes the entries whose origin nobody has seen open yet; waits a moment for those it has not asked before. */
  await(entries: readonly IngressEntry[], signal: AbortSignal): Promise<Ready>;
  stop(): void;
}

/** What it is made of. */
export interface ReadinessOptions {
  readonly clock: Clock;
  /** An origin has opened, or was waited for long enough. */
  readonly notify: (reason: string) => void;
  /** Whether anybody takes a connection there; default a TCP connect. */
  readonly isOpen?: (target: Target, signal: AbortSignal) => Promise<boolean>;
}

/** Where an origin listens. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** What is open answers within a millisecond on the same machine; a pass must not wait for what is not. */
const patienceMs = 50;
const firstRetryMs = 30;
const maxRetryMs = 1_000;
/** After that the rule is served as it is: its 502 says more than a 503 that never ends. */
const giveUpMs = 120_000;
const connectMs = 1_000;

interface Origin {
  readonly stop: AbortController;
  /** The first try is over. */
  readonly tried: Promise<void>;
  isReady: boolean;
}

/** One that has seen nothing yet. */
export function createReadiness(options: ReadinessOptions): Readiness {
  const { clock, notify } = options;
  const isOpen = options.isOpen ?? isListening;
  const origins = new Map<string, Origin>();

  function begin(key: string, target: Target): Origin {
    const stop = new AbortController();
    const { promise: tried, resolve } = Promise.withResolvers<void>();
    const origin: Origin = { stop, tried, isReady: false };
    void follow(origin, target, resolve).then(
      (hasWaited) => {
        origin.isReady = true;
        resolve();
        if (hasWaited) notify(`${key}: answers`);
      },
      // Nobody wants the entry any more.
      () => resolve(),
    );
    return origin;
  }

  /** Resolves when the origin is open, or was given up on; true when that took more than one try. Rejects when it is stopped. */
  async function follow({ stop }: Origin, target: Target, tried: () => void): Promise<boolean> {
    const since = clock.now();
    for (let attempt = 0; ; attempt++) {
      if (await isOpen(target, stop.signal)) return attempt > 0;
      tried();
      stop.signal.throwIfAborted();
      if (clock.now() - since >= giveUpMs) return true;
      await clock.sleep(backoffMs(attempt, firstRetryMs, maxRetryMs), stop.signal);
    }
  }

  /** A service that stopped is asked anew when it comes back. */
  function forget(wanted: ReadonlySet<string>): void {
    for (const [key, origin] of origins) {
      if (wanted.has(key)) continue;
      origin.stop.abort();
      origins.delete(key);
    }
  }

  return {
    async await(entries, signal) {
      const targets = new Map(entries.flatMap((entry) => keyed(entry)));
      forget(new Set(targets.keys()));
      const fresh: Promise<void>[] = [];
      for (const [key, target] of targets) {
        if (origins.has(key)) continue;
        const origin = begin(key, target);
        origins.set(key, origin);
        fresh.push(origin.tried);
      }
      if (fresh.length > 0) await soon(Promise.all(fresh), clock, signal);
      const isWaiting = (entry: IngressEntry) => keyed(entry).some(([key]) => origins.get(key)?.isReady === false);
      return {
        entries: entries.map((entry) => (isWaiting(entry) ? closeEntry(entry) : entry)),
        diagnostics: entries.filter(isWaiting).map(starting),
      };
    },
    stop: () => forget(new Set()),
  };
}

/** Containers, Home Assistant and its add-ons. */
const startsByItself = ['docker/', 'homeassistant/'];

/** What is not reached through a port is taken as ready. What the user wrote himself is too: it did not just start. */
function keyed({ serviceId, rule }: IngressEntry): readonly (readonly [string, Target])[] {
  if (!startsByItself.some((source) => serviceId.startsWith(source))) return [];
  const target = parseServiceUrl(rule.service, rule.originRequest);
  if (target.kind !== 'http' && target.kind !== 'https' && target.kind !== 'tcp') return [];
  const { hostname: host, port } = target;
  return port === undefined || port > 65_535 ? [] : [[`${serviceId} ${rule.service}`, { host, port }]];
}

async function soon(done: Promise<unknown>, clock: Clock, signal: AbortSignal): Promise<void> {
  const enough = new AbortController();
  const late = clock.sleep(patienceMs, AbortSignal.any([signal, enough.signal])).catch(() => undefined);
  await Promise.race([done, late]);
  enough.abort();
  signal.throwIfAborted();
}

function starting({ serviceId, rule }: IngressEntry): Diagnostic {
  return {
    severity: 'info',
    code: 'W_STARTING',
    message: `${rule.hostname} answers 503 until its service takes connections`,
    hint: 'if it stays like this, the port is wrong: see `sallyport doctor`',
    serviceId,
  };
}

function isListening({ host, port }: Target, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port, signal: AbortSignal.any([signal, AbortSignal.timeout(connectMs)]) });
  socket.once('connect', () => resolve(true));
  socket.on('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
}
