// What /metrics shows, against the values it is read from.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EdgeConnectionInfo } from '../../src/model.ts';
import type { ServiceStatus, Status } from '../../src/status.ts';
import { createMetrics, type TrafficNumbers } from '../../src/web/metrics.ts';

const idle: Status = {
  version: '1.2.3',
  edge: 'embedded',
  connector: undefined,
  ready: false,
  revision: 0,
  finishedAt: undefined,
  complete: false,
  lastError: undefined,
  services: [],
  held: [],
  suggestions: [],
  diagnostics: [],
};

function connection(index: number, state: EdgeConnectionInfo['state']): EdgeConnectionInfo {
  return { index, state, since: new Date(0) };
}

function service(published: boolean, diagnostics: ServiceStatus['diagnostics'] = []): ServiceStatus {
  return {
    id: 'docker/a',
    name: 'a',
    source: 'docker',
    plugin: undefined,
    address: undefined,
    hostnames: [],
    access: [],
    rules: [],
    state: 'running',
    published,
    diagnostics,
  };
}

/** Samples by name with labels, comments left out. */
async function scrape(text: () => Promise<string>): Promise<Record<string, string>> {
  const lines = (await text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)]),
  );
}

test('a scrape shows the traffic of that moment, by cloudflared’s names', async () => {
  const traffic = {
    requests: 7,
    concurrent: 2,
    byStatus: new Map([
      [200, 5],
      [502, 1],
    ]),
    errors: 1,
  };
  const status = {
    ...idle,
    connector: { name: 'native', connections: [connection(0, 'connected'), connection(1, 'backing-off')] },
  };
  const text = createMetrics({ status: () => status, traffic: () => traffic, configurationVersion: () => 3 });
  const expected = {
    'build_info{version="1.2.3"}': '1',
    cloudflared_tunnel_ha_connections: '1',
    cloudflared_orchestration_config_version: '3',
    cloudflared_tunnel_total_requests: '7',
    cloudflared_tunnel_concurrent_requests_per_tunnel: '2',
    cloudflared_tunnel_request_errors: '1',
    'cloudflared_tunnel_response_by_code{status_code="200"}': '5',
    'cloudflared_tunnel_response_by_code{status_code="502"}': '1',
  };
  const first = await scrape(text);
  for (const [name, value] of Object.entries(expected)) assert.equal(first[name], value, name);
  traffic.requests = 8;
  traffic.byStatus.set(200, 6);
  const second = await scrape(text);
  assert.equal(second.cloudflared_tunnel_total_requests, '8');
  assert.equal(second['cloudflared_tunnel_response_by_code{status_code="200"}'], '6');
});

test('a scrape shows what the last pass found', async () => {
  const finding = { severity: 'error', code: 'E_CONFLICT', message: 'm' } as const;
  const status: Status = {
    ...idle,
    ready: true,
    revision: 4,
    finishedAt: new Date(1_500_000),
    complete: true,
    services: [service(true), service(true), service(false, [finding])],
    held: [{ target: 'dns', action: 'delete', serviceId: 'docker/a', reason: 'r' }],
    diagnostics: [finding, { ...finding, severity: 'warning', code: 'W_X' }],
  };
  const samples = await scrape(
    createMetrics({ status: () => status, traffic: () => undefined, configurationVersion: () => 0 }),
  );
  const expected = {
    sallyport_ready: '1',
    sallyport_passes_total: '4',
    sallyport_pass_complete: '1',
    sallyport_last_pass_timestamp_seconds: '1500',
    sallyport_held_changes: '1',
    'sallyport_services{state="running",published="true"}': '2',
    'sallyport_services{state="running",published="false"}': '1',
    'sallyport_diagnostics{severity="error",code="E_CONFLICT"}': '2',
    'sallyport_diagnostics{severity="warning",code="W_X"}': '1',
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(samples[name], value, name);
});

test('what is gone is no longer shown', async () => {
  let status: Status = { ...idle, services: [service(true)], finishedAt: new Date(1000) };
  let traffic: TrafficNumbers | undefined = { requests: 1, concurrent: 1, byStatus: new Map(), errors: 0 };
  const text = createMetrics({ status: () => status, traffic: () => traffic, configurationVersion: () => 0 });
  const before = await scrape(text);
  assert.equal(before['sallyport_services{state="running",published="true"}'], '1');
  assert.equal(before.cloudflared_tunnel_concurrent_requests_per_tunnel, '1');
  status = idle;
  traffic = undefined;
  const after = await scrape(text);
  for (const name of [
    'sallyport_services{state="running",published="true"}',
    'cloudflared_tunnel_concurrent_requests_per_tunnel',
    'sallyport_last_pass_timestamp_seconds',
  ])
    assert.equal(after[name], undefined, name);
});

test('the process shows its memory, its CPU time and its start', async () => {
  const samples = await scrape(
    createMetrics({ status: () => idle, traffic: () => undefined, configurationVersion: () => 0 }),
  );
  assert.ok(Number(samples.process_resident_memory_bytes) > 1e6);
  assert.ok(Number(samples.process_cpu_seconds_total) > 0);
  assert.ok(Number(samples.process_start_time_seconds) > 1.5e9);
});

test('two programs in one process keep their numbers apart', async () => {
  const one = createMetrics({ status: () => idle, traffic: () => undefined, configurationVersion: () => 1 });
  const two = createMetrics({ status: () => idle, traffic: () => undefined, configurationVersion: () => 2 });
  assert.equal((await scrape(one)).cloudflared_orchestration_config_version, '1');
  assert.equal((await scrape(two)).cloudflared_orchestration_config_version, '2');
});
