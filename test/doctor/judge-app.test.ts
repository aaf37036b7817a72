// An app that refuses its visitors is understood before they come: asked for real, by what its plugin knows of it.
import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Check } from '../../src/doctor/check.ts';
import { examine } from '../../src/doctor/examine.ts';
import { createSilentLogger } from '../../src/logger.ts';
import type { IngressEntry, Service } from '../../src/model.ts';
import { loadPlugins } from '../../src/plugin/load.ts';

const builtinDir = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'plugins');
const catalogue = loadPlugins({ builtinDir, allowCode: false, logger: createSilentLogger() });
const service: Service = { id: 'docker/app', name: 'app', source: 'docker', ports: [], hints: {}, state: 'running' };

/** What is said of the origin of an entry by this plugin, while something answers like this. */
async function originCheck(
  plugin: string,
  answer: RequestListener,
  rule: Partial<IngressEntry['rule']> = {},
): Promise<Check | undefined> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const entry: IngressEntry = {
      serviceId: 'docker/app',
      plugin,
      rule: { hostname: 'app.localhost', service: `http://127.0.0.1:${port}`, ...rule },
      access: 'public',
      explicit: false,
    };
    const edge = { kind: 'embedded', at: { host: '127.0.0.1', port: 1 } } as const;
    const { plugins } = await catalogue;
    const patient = { services: [service], entries: [entry], diagnostics: [], edge, plugins };
    const checks = await examine(patient, [service], AbortSignal.timeout(20_000));
    return checks.find(({ step }) => step === 'origin');
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** As Home Assistant does without trusted_proxies. */
const untrusting: RequestListener = (request, response) => {
  const isProxied = request.headers['x-forwarded-for'] !== undefined;
  response.writeHead(isProxied ? 400 : 200).end(isProxied ? '400: Bad Request' : 'Welcome');
};

describe('an app', () => {
  test('that trusts no proxy is told what to set', async () => {
    const check = await originCheck('home-assistant', untrusting);
    assert.equal(check?.outcome, 'failed');
    assert.match(check?.message ?? '', /Home Assistant refuses what comes through a proxy/);
    assert.match(check?.hint ?? '', /trusted_proxies/);
  });

  test('is asked under the name that its rule gives it', async () => {
    const picky: RequestListener = (request, response) => {
      const isKnown = request.headers.host === 'localhost';
      response.writeHead(isKnown ? 200 : 421).end();
    };
    const refused = await originCheck('transmission', picky);
    assert.match(refused?.message ?? '', /Transmission refuses the name/);
    const fine = await originCheck('transmission', picky, { originRequest: { httpHostHeader: 'localhost' } });
    assert.equal(fine?.outcome, 'ok');
  });

  test('is asked for other pages that its plugin knows', async () => {
    const check = await originCheck('nextcloud', (request, response) => {
      const isStatus = request.url === '/status.php';
      response.writeHead(200).end(isStatus ? '{"installed":true,"maintenance":true}' : 'Sign in');
    });
    assert.deepEqual([check?.outcome, check?.message], ['warning', 'Nextcloud is in maintenance mode.']);
  });

  test('nobody knows is understood by what many apps answer', async () => {
    const check = await originCheck('generic', (_request, response) =>
      response.writeHead(403).end('Blocked request. This host ("app.localhost") is not allowed.'),
    );
    assert.equal(check?.outcome, 'failed');
    assert.match(check?.hint ?? '', /Add app\.localhost to the names it allows/);
  });

  test('that is well is well', async () => {
    const check = await originCheck('home-assistant', (_request, response) => response.end('Welcome'));
    assert.equal(check?.outcome, 'ok');
  });

  test('behind a part of a site is not taken for the whole', async () => {
    const check = await originCheck('home-assistant', untrusting, { path: '^/api' });
    assert.match(check?.message ?? '', /answers 400/);
  });
});
