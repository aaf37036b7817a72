// Finds out whether Home Assistant trusts us as its proxy: once per start of it, silently where it says so itself.
import { backoffMs, type Clock } from '../../src/clock.ts';
import { AppError } from '../../src/errors.ts';
import { addressSeen, type CoreAddress, statusOf } from './core-probe.ts';
import { judgeAnswers, judgeConfig, type Trust } from './proxy-trust.ts';

/** What it is made of. */
export interface ProxyCheckOptions {
  /** Home Assistant's own word on its proxies; undefined when it gives none. May reject with an AppError. */
  readonly ownWord: (signal: AbortSignal) => Promise<unknown>;
  readonly clock: Clock;
}

/** Remembers what it found out. */
export interface ProxyCheck {
  /** Rejects only with the signal's reason. */
  trust(core: CoreAddress, signal: AbortSignal): Promise<Trust>;
  /** Home Assistant has started again: it may have been told of us. */
  again(): void;
}

/** A pass waits for its sources; what takes longer is found out by a later one. */
const patienceMs = 1_500;
/** Every probe that is refused leaves a line in Home Assistant's log. */
const firstRetryMs = 60_000;
const maxRetryMs = 3_600_000;
/** Asking for its own word leaves none. */
const ownWordRetryMs = 10_000;

/** One that knows nothing yet. */
export function createProxyCheck({ ownWord, clock }: ProxyCheckOptions): ProxyCheck {
  let known: { readonly trust: Trust; readonly key: string; readonly until: number } | undefined;
  let attempts = 0;

  async function findOut(core: CoreAddress, signal: AbortSignal): Promise<Trust> {
    const from = await addressSeen(core, signal);
    if (from === undefined) return { kind: 'unknown' };
    const said = await ownWord(signal).catch(noWord);
    return judgeConfig(said, from) ?? probe(core, from, signal);
  }

  /** A trusted one stays so until it restarts. */
  function lifetimeMs(trust: Trust): number {
    if (trust.kind === 'trusted') return Number.POSITIVE_INFINITY;
    if (trust.kind === 'unknown' || trust.isInUi) return ownWordRetryMs;
    return backoffMs(attempts++, firstRetryMs, maxRetryMs);
  }

  return {
    async trust(core, signal) {
      const key = `${core.host} ${core.port} ${core.isTls}`;
      if (known !== undefined && known.key === key && clock.now() < known.until) return known.trust;
      const trust = await findOut(core, AbortSignal.any([signal, AbortSignal.timeout(patienceMs)])).catch(unknownTrust);
      signal.throwIfAborted();
      known = { trust, key, until: clock.now() + lifetimeMs(trust) };
      return trust;
    },
    again() {
      known = undefined;
      attempts = 0;
    },
  };
}

async function probe(core: CoreAddress, from: string, signal: AbortSignal): Promise<Trust> {
  const proxied = await statusOf(core, true, signal);
  if (proxied === undefined) return { kind: 'unknown' };
  const direct = proxied === 400 ? await statusOf(core, false, signal) : undefined;
  return judgeAnswers(proxied, direct, from);
}

function noWord(error: unknown): undefined {
  if (error instanceof AppError || isAbort(error)) return undefined;
  throw error;
}

function unknownTrust(error: unknown): Trust {
  if (isAbort(error)) return { kind: 'unknown' };
  throw error;
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError');
}
