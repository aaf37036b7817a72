// Prometheus from Debian: it measures itself, and is asked through the embedded edge by API and in a browser.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { noEngine } from '../docker/containers.ts';
import { until } from '../program/program.ts';
import { type ServedApp, serveApp } from './app-container.ts';
import { noBrowser, startBrowser, type TestBrowser } from './browser.ts';
import { missingPrograms } from './installed.ts';

const settings = `
global: { scrape_interval: 1s }
scrape_configs: [{ job_name: itself, static_configs: [{ targets: ['localhost:9090'] }] }]
`;

describe('Prometheus', { skip: noEngine() ?? noBrowser() ?? missingPrograms('/usr/bin/prometheus') ?? false }, () => {
  let served: ServedApp;
  let browser: TestBrowser;
  before(async () => {
    served = await serveApp({
      name: 'metrics',
      image: 'prom/prometheus:v2.42.0',
      ports: [9090],
      files: { 'prometheus.yml': settings },
      command: ['/usr/bin/prometheus', '--config.file=/data/prometheus.yml', '--storage.tsdb.path=/data/tsdb'],
    });
    browser = await startBrowser(served.ca);
  });
  after(async () => {
    await browser?.stop();
    await served?.stop();
  });

  test('is known by its image', () => {
    const service = served.program.status().services.find(({ name }) => name === 'metrics');
    assert.equal(service?.plugin, 'prometheus');
  });

  test('a query is answered', async () => {
    const ask = async () => {
      const { body } = await served.program.get(
        'metrics.localhost',
        `/api/v1/query?query=${encodeURIComponent('up{job="itself"}')}`,
      );
      return (JSON.parse(body) as { data: { result: { value: [number, string] }[] } }).data.result;
    };
    const [result] = await until(ask, (found) => found.length > 0);
    assert.equal(result?.value[1], '1');
  });

  test('its own page asks it, too', async () => {
    const page = await browser.open(`${served.url}/classic/targets`);
    await page.getByText('itself', { exact: false }).first().waitFor();
  });
});
