// Syncthing from Debian on the host's network, as many run it: it lets only the name localhost in, under which its plugin has it asked.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { noEngine } from '../docker/containers.ts';
import { freePorts } from '../e2e/process.ts';
import { type ServedApp, serveApp } from './app-container.ts';
import { exampleDomain, noBrowser, startBrowser, type TestBrowser } from './browser.ts';
import { missingPrograms } from './installed.ts';

const hostname = `sync.${exampleDomain}`;

/** It keeps to itself: nobody is told of it, and nothing is asked of the world. */
const settings = `<configuration version="36">
  <gui><apikey>a-key-of-this-test</apikey></gui>
  <options>
    <listenAddress>tcp://127.0.0.1:0</listenAddress>
    <globalAnnounceEnabled>false</globalAnnounceEnabled><localAnnounceEnabled>false</localAnnounceEnabled>
    <relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled><urAccepted>-1</urAccepted>
    <crashReportingEnabled>false</crashReportingEnabled>
  </options>
</configuration>`;

describe('Syncthing', { skip: noEngine() ?? noBrowser() ?? missingPrograms('/usr/bin/syncthing') ?? false }, () => {
  let served: ServedApp;
  let browser: TestBrowser;
  let port: number;
  before(async () => {
    port = (await freePorts(1))[0] ?? 0;
    served = await serveApp(
      {
        name: 'sync',
        image: 'lscr.io/linuxserver/syncthing:latest',
        ports: [8384],
        files: { 'config.xml': settings },
        more: [
          '--network',
          'host',
          '--label',
          `sallyport.port=${port}`,
          '-e',
          'STNOUPGRADE=1',
          '-e',
          'STNODEFAULTFOLDER=1',
        ],
        command: ['/usr/bin/syncthing', 'serve', '--no-browser', '--home=/data', `--gui-address=127.0.0.1:${port}`],
      },
      exampleDomain,
    );
    browser = await startBrowser(served.ca);
  });
  after(async () => {
    await browser?.stop();
    await served?.stop();
  });

  test('is known by its image', () => {
    const service = served.program.status().services.find(({ name }) => name === 'sync');
    assert.equal(service?.plugin, 'syncthing');
    assert.deepEqual(service?.rules, [`http://127.0.0.1:${port}`]);
  });

  test('refuses the name it is published under, and yet answers under it', async () => {
    const headers = { host: hostname };
    const asking = request({ host: '127.0.0.1', port, path: '/', headers, agent: false }).end();
    const [response] = (await once(asking, 'response')) as [IncomingMessage];
    response.resume();
    assert.equal(response.statusCode, 403);
    assert.equal((await served.program.get(hostname)).status, 200);
  });

  test('its page in a browser shows the device, which it asks for all the time', async () => {
    const page = await browser.open(served.url);
    const headers = { 'x-api-key': 'a-key-of-this-test' };
    const { body } = await served.program.get(hostname, '/rest/system/status', headers);
    const { myID } = JSON.parse(body) as { myID: string };
    await page.getByText(myID.slice(0, 6)).first().waitFor({ state: 'attached' });
  });
});
