// Transmission from Debian in a real browser. It refuses names it does not know: its plugin has it asked under one it does.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { noEngine } from '../docker/containers.ts';
import { type ServedApp, serveApp } from './app-container.ts';
import { noBrowser, startBrowser, type TestBrowser } from './browser.ts';
import { missingPrograms } from './installed.ts';

/** As the images have it: anybody's address, but only known names. */
const settings = {
  'rpc-whitelist-enabled': false,
  'rpc-host-whitelist-enabled': true,
  'download-dir': '/data',
  'dht-enabled': false,
  'lpd-enabled': false,
};

/** A torrent of one small file and no tracker. */
function torrent(name: string): Buffer {
  const content = randomBytes(100);
  const pieces = createHash('sha1').update(content).digest();
  const head = `d4:infod6:lengthi100e4:name${name.length}:${name}12:piece lengthi16384e6:pieces20:`;
  return Buffer.concat([Buffer.from(head), pieces, Buffer.from('ee')]);
}

/** What its interface says to a visitor beside it, who asks for it under a name. */
async function askDirectly(host: string, name: string): Promise<number | undefined> {
  const asking = request({ host, port: 9091, path: '/transmission/rpc', headers: { host: name }, agent: false }).end();
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

describe('Transmission', {
  skip: noEngine() ?? noBrowser() ?? missingPrograms('/usr/bin/transmission-daemon') ?? false,
}, () => {
  let served: ServedApp;
  let browser: TestBrowser;
  before(async () => {
    served = await serveApp({
      name: 'torrents',
      image: 'linuxserver/transmission:latest',
      ports: [9091, 51413],
      files: { 'settings.json': JSON.stringify(settings) },
      command: ['/usr/bin/transmission-daemon', '--foreground', '--config-dir', '/data'],
    });
    browser = await startBrowser(served.ca);
  });
  after(async () => {
    await browser?.stop();
    await served?.stop();
  });

  test('is known by its image', () => {
    const service = served.program.status().services.find(({ name }) => name === 'torrents');
    assert.equal(service?.plugin, 'transmission');
  });

  test('refuses the name it is published under, and yet answers under it', async () => {
    assert.equal(await askDirectly(served.address, 'torrents.localhost'), 421);
    // It wants its session id: the name was no obstacle.
    assert.equal((await served.program.get('torrents.localhost', '/transmission/rpc')).status, 409);
  });

  test('a torrent chosen in the browser is uploaded and listed', async () => {
    const file = join(served.data, 'gate.torrent');
    writeFileSync(file, torrent('through-the-gate'));
    const page = await browser.open(`${served.url}/transmission/web/`);
    await page.locator('#toolbar-open').click();
    await page.locator('#torrent_upload_file').setInputFiles(file);
    await page.locator('#upload_confirm_button').click();
    await page.locator('.torrent_name', { hasText: 'through-the-gate' }).waitFor();
  });
});
