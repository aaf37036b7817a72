// Node-RED from npm in a real browser: its editor lives on a websocket, through the embedded edge, over HTTPS with the local CA.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { noEngine } from '../docker/containers.ts';
import { nodeInside, type ServedApp, serveApp } from './app-container.ts';
import { noBrowser, startBrowser, type TestBrowser } from './browser.ts';
import { npmApp } from './installed.ts';

const missing = noEngine() ?? noBrowser();
const app = missing === undefined ? npmApp('node-red', '5.0.7') : { missing };
const folder = 'folder' in app ? app.folder : '';

/** Says something to the debug sidebar every second, and answers a form. */
const flows = [
  { id: 'tab', type: 'tab', label: 'Gate' },
  {
    id: 'tick',
    type: 'inject',
    z: 'tab',
    repeat: '1',
    once: true,
    props: [{ p: 'payload' }],
    payload: 'through the gate',
    payloadType: 'str',
    wires: [['show']],
  },
  { id: 'show', type: 'debug', z: 'tab', active: true, tosidebar: true, complete: 'payload', wires: [] },
];

describe('Node-RED', { skip: 'missing' in app ? app.missing : false }, () => {
  let served: ServedApp;
  let browser: TestBrowser;
  let page: Page;
  before(async () => {
    served = await serveApp({
      name: 'flows',
      image: 'nodered/node-red:latest',
      ports: [1880],
      folder,
      files: {
        'flows.json': JSON.stringify(flows),
        'settings.js': 'module.exports = { flowFile: "flows.json", uiHost: "0.0.0.0", telemetry: { enabled: false } }',
      },
      command: [
        nodeInside,
        '/app/node_modules/node-red/red.js',
        '--userDir',
        '/data',
        '--settings',
        '/data/settings.js',
      ],
    });
    browser = await startBrowser(served.ca);
  });
  after(async () => {
    await browser?.stop();
    await served?.stop();
  });

  test('is known by its image', () => {
    const service = served.program.status().services.find(({ name }) => name === 'flows');
    assert.equal(service?.plugin, 'node-red');
  });

  test('its editor opens, and what its flows say arrives over the websocket', async () => {
    page = await browser.newPage();
    const socket = page.waitForEvent('websocket');
    await page.goto(served.url);
    assert.equal((await socket).url(), `${served.url.replace('https', 'wss')}/comms`);
    const said = page.locator('.red-ui-debug-msg', { hasText: 'through the gate' });
    await said.first().waitFor({ state: 'attached' });
  });

  test('a flow deployed elsewhere shows up in the open editor', async () => {
    const next = [...flows, { id: 'note', type: 'comment', z: 'tab', name: 'deployed', wires: [] }];
    const status = await page.evaluate(async (body) => {
      const headers = { 'content-type': 'application/json', 'node-red-deployment-type': 'full' };
      return (await fetch('/flows', { method: 'POST', headers, body })).status;
    }, JSON.stringify(next));
    assert.equal(status, 204);
    await page.locator('.red-ui-notification').first().waitFor();
  });
});
