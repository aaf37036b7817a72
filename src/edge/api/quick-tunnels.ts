// POST /tunnel, which `cloudflared tunnel --url …` calls: a tunnel and a name for whoever asks, for as long as it is connected.
import { type Clock, systemClock } from '../../clock.ts';
import type { Logger } from '../../logger.ts';
import { refusal, refusalCode } from '../store/refusal.ts';
import type { StoredTunnel } from '../store/tunnels.ts';
import { type Api, type ApiContext, observeTunnel } from './context.ts';
import { success } from './envelope.ts';

/** Where it is served: beside the API, not below it. */
export const quickTunnelPath = '/tunnel';

/** What may differ from the defaults. */
export interface QuickTunnelRules {
  /** Serves callers without a token although others than this machine can reach the API. */
  readonly isOpen: boolean;
  /** How many there may be at once. */
  readonly atOnce: number;
  /** How long one waits for its first connection (ms). */
  readonly arrivalMs: number;
  /** How long one outlives its last connection, so that a connector may come back (ms). */
  readonly leftMs: number;
  /** How often that is looked at (ms). */
  readonly sweepEveryMs: number;
}

/** The defaults: only for this machine. */
export const defaultQuickTunnelRules: QuickTunnelRules = {
  isOpen: false,
  atOnce: 50,
  arrivalMs: 120_000,
  leftMs: 15_000,
  sweepEveryMs: 5_000,
};

/** Keeps quick tunnels only as long as they are used. */
export interface QuickTunnelKeeper {
  /** Ends the looking; the tunnels stay, and are looked at again by the next one. */
  stop(): Promise<void>;
}

/** What the keeper needs. */
export interface QuickTunnelOptions {
  readonly context: ApiContext;
  readonly rules: QuickTunnelRules;
  readonly logger: Logger;
  readonly clock?: Clock;
}

/** Registers the route and looks after what it makes, and after what an earlier run left behind. */
export function addQuickTunnelRoutes(api: Api, options: QuickTunnelOptions): QuickTunnelKeeper {
  const { context, rules, logger, clock = systemClock } = options;
  const { store } = context;
  const stopping = new AbortController();
  let watching: Promise<void> | undefined;

  function sweep(): void {
    for (const { tunnel } of store.quickTunnels.list())
      if (isOver(observeTunnel(context, tunnel), rules, clock.now())) {
        store.quickTunnels.delete(tunnel.id);
        context.registry.disconnect(tunnel.id);
      }
  }

  async function watch(): Promise<void> {
    while (store.quickTunnels.list().length > 0 && !stopping.signal.aborted) {
      await clock.sleep(rules.sweepEveryMs, stopping.signal);
      sweep();
    }
  }

  function startWatching(): void {
    watching ??= watch()
      .catch((error: unknown) => {
        if (!stopping.signal.aborted) logger.error({ err: error }, 'quick tunnels are no longer looked after');
      })
      .finally(() => {
        watching = undefined;
      });
  }

  api.post(quickTunnelPath, () => {
    const [zone] = store.zones.list();
    if (zone === undefined)
      throw refusal(503, refusalCode.invalidRequest, 'There is no zone to put a quick tunnel in.');
    if (store.quickTunnels.list().length >= rules.atOnce)
      throw refusal(429, refusalCode.rateLimited, `There are ${rules.atOnce} quick tunnels already; try again later.`);
    const { tunnel, hostname } = store.quickTunnels.create(zone);
    startWatching();
    return success({
      id: tunnel.id,
      name: tunnel.name,
      hostname,
      account_tag: store.account.id,
      secret: Buffer.from(tunnel.secret).toString('base64'),
    });
  });

  startWatching();
  return {
    stop: async () => {
      stopping.abort();
      await watching;
    },
  };
}

/** Whether nobody uses a quick tunnel any more. */
function isOver(
  { tunnel, connections }: { readonly tunnel: StoredTunnel; readonly connections: readonly unknown[] },
  rules: QuickTunnelRules,
  now: number,
): boolean {
  if (connections.length > 0) return false;
  if (tunnel.connsInactiveAt !== null) return now - Date.parse(tunnel.connsInactiveAt) >= rules.leftMs;
  return now - Date.parse(tunnel.createdAt) >= rules.arrivalMs;
}
