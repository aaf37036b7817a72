// Prometheus metrics, read from the program's own values when they are asked for.
import type { Registry } from 'prom-client';
import type { Status } from '../status.ts';

/** What a connector counts, as far as metrics need it. */
export interface TrafficNumbers {
  readonly requests: number;
  readonly concurrent: number;
  readonly byStatus: ReadonlyMap<number, number>;
  readonly errors: number;
}

/** Everything a scrape reads. */
export interface MetricsSources {
  readonly status: () => Status;
  /** Undefined while there is no native connector: a supervised cloudflared counts for itself. */
  readonly traffic: () => TrafficNumbers | undefined;
  /** How often the rules changed, or the version the edge pushed last. */
  readonly configurationVersion: () => number;
}

/** The exposition text of one scrape. */
export type MetricsText = () => Promise<string>;

/** The text of a scrape. Nothing is loaded before the first one: most installations are never scraped, and prom-client takes 3 MB and 20 ms. */
export function createMetrics(sources: MetricsSources): MetricsText {
  let registry: Promise<Registry> | undefined;
  return async () => {
    registry ??= import('./metrics-registry.ts').then(({ createRegistry }) => createRegistry(sources));
    return (await registry).metrics();
  };
}
