// The Prometheus metrics themselves. cloudflared's names where it has one, so that its dashboards work.
import { Counter, Gauge, Registry } from 'prom-client';
import type { Status } from '../status.ts';
import type { MetricsSources } from './metrics.ts';

/** Builds the registry; nothing is counted here, so nothing can drift from what the program itself shows. */
export function createRegistry(sources: MetricsSources): Registry {
  const registry = new Registry();
  addTraffic(registry, sources);
  addPasses(registry, sources.status);
  addProcess(registry, sources.status);
  return registry;
}

function addTraffic(registry: Registry, { status, traffic, configurationVersion }: MetricsSources): void {
  gauge(registry, 'cloudflared_tunnel_ha_connections', 'Number of active ha connections', () => connected(status()));
  gauge(registry, 'cloudflared_orchestration_config_version', 'Configuration Version', configurationVersion);
  counter(
    registry,
    'cloudflared_tunnel_total_requests',
    'Amount of requests proxied through all the tunnels',
    () => traffic()?.requests,
  );
  counter(registry, 'cloudflared_tunnel_request_errors', 'Count of error proxying to origin', () => traffic()?.errors);
  gauge(
    registry,
    'cloudflared_tunnel_concurrent_requests_per_tunnel',
    'Concurrent requests proxied through each tunnel',
    () => traffic()?.concurrent,
  );
  new Counter({
    name: 'cloudflared_tunnel_response_by_code',
    help: 'Count of responses by HTTP status code',
    labelNames: ['status_code'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [code, count] of traffic()?.byStatus ?? []) this.inc({ status_code: code }, count);
    },
  });
}

function addPasses(registry: Registry, status: () => Status): void {
  gauge(registry, 'sallyport_ready', '1 when the first pass is done and the connector is connected', () =>
    Number(status().ready),
  );
  counter(registry, 'sallyport_passes_total', 'Finished passes', () => status().revision);
  gauge(registry, 'sallyport_pass_complete', '1 when every source answered in the last pass', () =>
    Number(status().complete),
  );
  gauge(registry, 'sallyport_last_pass_timestamp_seconds', 'When the last pass finished', () => {
    const finishedAt = status().finishedAt;
    return finishedAt === undefined ? undefined : finishedAt.getTime() / 1000;
  });
  gauge(registry, 'sallyport_held_changes', 'Changes the last pass did not make', () => status().held.length);
  countedBy(
    registry,
    'sallyport_services',
    'Services found, by state and whether they are published',
    ['state', 'published'],
    () => status().services.map(({ state, published }) => ({ state, published: String(published) })),
  );
  countedBy(registry, 'sallyport_diagnostics', 'Findings of the last pass', ['severity', 'code'], () =>
    [...status().diagnostics, ...status().services.flatMap((service) => service.diagnostics)].map(
      ({ severity, code }) => ({
        severity,
        code,
      }),
    ),
  );
}

function addProcess(registry: Registry, status: () => Status): void {
  countedBy(registry, 'build_info', 'Build and version information', ['version'], () => [
    { version: status().version },
  ]);
  gauge(registry, 'process_resident_memory_bytes', 'Resident memory size in bytes', () => process.memoryUsage.rss());
  counter(registry, 'process_cpu_seconds_total', 'Total user and system CPU time spent in seconds', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  gauge(registry, 'process_start_time_seconds', 'Start time of the process since unix epoch in seconds', () =>
    Math.round(Date.now() / 1000 - process.uptime()),
  );
}

function connected(status: Status): number {
  return status.connector?.connections.filter(({ state }) => state === 'connected').length ?? 0;
}

/** A gauge that shows what `read` gives; no sample while that is undefined. */
function gauge(registry: Registry, name: string, help: string, read: () => number | undefined): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      const value = read();
      if (value === undefined) this.remove();
      else this.set(value);
    },
  });
}

/** A counter whose total is counted elsewhere. */
function counter(registry: Registry, name: string, help: string, read: () => number | undefined): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read() ?? 0);
    },
  });
}

/** A gauge per combination of labels: how many of the values have it. */
function countedBy<L extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly L[],
  read: () => readonly Record<L, string>[],
): void {
  new Gauge({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      this.reset();
      for (const labels of read()) this.inc(labels);
    },
  });
}
