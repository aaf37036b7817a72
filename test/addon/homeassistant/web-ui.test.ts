// An add-on's web address and ports, and which port of it is the page.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAddOn } from '../../../addon/homeassistant/shapes.ts';
import { webPorts } from '../../../addon/homeassistant/web-ui.ts';

const templates: readonly [string, Record<string, unknown>, string][] = [
  [
    'a template as a manifest has it',
    { webui: '[PROTO:ssl]://[HOST]:[PORT:8123]', options: { ssl: true } },
    'https 8123',
  ],
  ['the option is false', { webui: '[PROTO:ssl]://[HOST]:[PORT:8123]/x', options: { ssl: false } }, 'http 8123'],
  ['the option is kept from us', { webui: '[PROTO:ssl]://[HOST]:[PORT:8123]' }, '8123'],
  ['an option of another name', { webui: '[PROTO:use_ssl]://[HOST]:[PORT:1]/', options: { use_ssl: true } }, 'https 1'],
  ['the port is mapped', { webui: 'http://[HOST]:[PORT:80]', network: { '80/tcp': 1880 } }, 'http 80'],
  ['as the API gives it', { webui: 'http://[HOST]:1880/', network: { '80/tcp': 1880 } }, 'http 80'],
  ['as the API gives it, without ports', { webui: 'https://[HOST]:32400/web' }, 'https 32400'],
  [
    'on the host’s network the port of the host',
    { webui: 'http://[HOST]:[PORT:80]', network: { '80/tcp': 1880 }, host_network: true },
    'http 1880',
  ],
  ['the port is closed', { webui: 'http://[HOST]:[PORT:80]', network: { '80/tcp': null } }, ''],
  ['an address elsewhere', { webui: 'http://192.0.2.1:80/', network: { '90/tcp': 90 } }, '90'],
  ['no port', { webui: 'http://[HOST]/', network: { '90/tcp': 90 } }, '90'],
  ['a port nobody has', { webui: 'http://[HOST]:[PORT:70000]', network: {} }, ''],
  ['only udp', { network: { '53/udp': 53 } }, ''],
  ['a word that only looks like it', described({ '1/tcp': 'WebRTC', '2/tcp': 'Web interface' }), '2'],
  ['several, and one says it is the page', described({ '1/tcp': 'API port', '2/tcp': 'Dashboard' }), '2'],
  ['one that says https', described({ '1/tcp': 'https web interface' }), 'https 1'],
  ['ingress, and every open port is for something else', { ...described({ '1/tcp': 'Socat' }), ingress: true }, ''],
  ['ingress, and nobody says what for', { network: { '6052/tcp': 6052 }, ingress: true }, '6052'],
  ['no ingress, and no page is named', described({ '1/tcp': 'Broker', '2/tcp': 'Other' }), '1, 2'],
];

function described(ports: Readonly<Record<string, string>>): Record<string, unknown> {
  const network = Object.fromEntries(Object.keys(ports).map((key) => [key, Number.parseInt(key, 10)]));
  return { network, network_description: ports };
}

for (const [what, fields, expected] of templates) {
  test(`${what}: ${expected === '' ? 'no page' : expected}`, () => {
    const addOn = readAddOn({ slug: 'local_x', state: 'started', ...fields });
    assert.ok(addOn !== undefined);
    const found = webPorts(addOn).map(({ number, speaks }) => `${speaks === undefined ? '' : `${speaks} `}${number}`);
    assert.equal(found.join(', '), expected);
  });
}
