// What an entry leads to: ports, protocols, and what a label may not ask for.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Port, Service, ServiceHints } from '../../src/model.ts';
import type { PluginManifest } from '../../src/plugin/catalogue.ts';
import { chooseOrigin, chooseOriginRequest } from '../../src/plugin/origin.ts';
import { pluginOf, serviceOf } from './sample.ts';

const nothing = { noTlsVerify: false, otherOrigins: false };
const everything = { noTlsVerify: true, otherOrigins: true };

function origin(
  service: Partial<Service>,
  hints: ServiceHints = {},
  manifest: Partial<PluginManifest> = {},
  allow = nothing,
): string {
  const choice = chooseOrigin(serviceOf(service), hints, pluginOf('p', manifest).manifest, allow, {
    port: 'sallyport.port',
  });
  return 'service' in choice ? choice.service : choice.problem.code;
}

const tcp = (...numbers: number[]): readonly Port[] => numbers.map((number) => ({ number, protocol: 'tcp' }));
const published = (...pairs: [number, number][]): readonly Port[] =>
  pairs.map(([number, target]) => ({ number, target, protocol: 'tcp' }));
/** Like Portainer: 9000 is its page, 9443 the same over TLS, 8000 something else. */
const doors: Partial<PluginManifest> = {
  service: { port: 9000, protocol: 'http', alternatives: [{ port: 9443, protocol: 'https' }], avoid: [8000] },
};
const app = { service: { port: 3000, protocol: 'https' } } as const;

const cases: readonly (readonly [string, readonly Port[], ServiceHints, Partial<PluginManifest>, string])[] = [
  ['the only port', tcp(5000), {}, {}, 'http://10.0.0.2:5000'],
  ['the label beats all', tcp(80, 3000), { port: 9000 }, app, 'https://10.0.0.2:9000'],
  ['the plugin among several', tcp(80, 3000), {}, app, 'https://10.0.0.2:3000'],
  ['the plugin where none is known', [], {}, app, 'https://10.0.0.2:3000'],
  ['the only port where the plugin knows another', tcp(4000), {}, app, 'https://10.0.0.2:4000'],
  ['80 among several', tcp(9000, 80, 443), {}, {}, 'http://10.0.0.2:80'],
  ['one web port among others', tcp(9000, 8080), {}, {}, 'http://10.0.0.2:8080'],
  ['two web ports are not plain', tcp(8000, 8080), {}, {}, 'E_NO_PORT'],
  ['two others are not plain', tcp(9000, 9001), {}, {}, 'E_NO_PORT'],
  ['none', [], {}, {}, 'E_NO_PORT'],
  ['udp is none', [{ number: 53, protocol: 'udp' }], {}, {}, 'E_NO_PORT'],
  [
    'tcp beside udp',
    [
      { number: 53, protocol: 'udp' },
      { number: 5380, protocol: 'tcp' },
    ],
    {},
    {},
    'http://10.0.0.2:5380',
  ],
  ['443 speaks https', tcp(443), {}, {}, 'https://10.0.0.2:443'],
  ['8443 speaks https', tcp(8443), {}, {}, 'https://10.0.0.2:8443'],
  ['unless the label says otherwise', tcp(443), { protocol: 'http' }, {}, 'http://10.0.0.2:443'],
  ['a tcp label', tcp(5432), { protocol: 'tcp' }, {}, 'tcp://10.0.0.2:5432'],
  ['a published port stands in for the one inside', published([8080, 3000]), {}, app, 'https://10.0.0.2:8080'],
  ['a label names the port inside', published([8080, 3000], [8081, 9000]), { port: 9000 }, {}, 'http://10.0.0.2:8081'],
  ['a label that names an unpublished port', published([8080, 3000]), { port: 9000 }, {}, 'E_NO_PORT'],
  ['443 published as another port', published([9443, 443]), {}, {}, 'https://10.0.0.2:9443'],
  ['another door of the app', tcp(9443), {}, doors, 'https://10.0.0.2:9443'],
  ['its usual door before the other', tcp(9443, 9000), {}, doors, 'http://10.0.0.2:9000'],
  ['the other door before what is only plain', tcp(80, 9443), {}, doors, 'https://10.0.0.2:9443'],
  ['another door by its label', tcp(9000, 9443), { port: 9443 }, doors, 'https://10.0.0.2:9443'],
  ['its usual door where only others are declared', tcp(8000), {}, doors, 'http://10.0.0.2:9000'],
  ['no door where only others are published', published([18000, 8000]), {}, doors, 'E_NO_PORT'],
  ['a door to avoid by its label', published([18000, 8000]), { port: 8000 }, doors, 'http://10.0.0.2:18000'],
  ['the plain one beside one to avoid', tcp(8000, 80), {}, { service: { avoid: [8000] } }, 'http://10.0.0.2:80'],
  ['none beside one to avoid', tcp(8000), {}, { service: { avoid: [8000] } }, 'E_NO_PORT'],
  ['a unix protocol without a socket', tcp(80), { protocol: 'unix' }, {}, 'E_LABEL_INVALID'],
];

describe('the origin', () => {
  for (const [name, ports, hints, manifest, expected] of cases)
    test(name, () => assert.equal(origin({ ports }, hints, manifest), expected));

  test('of an IPv6 address has brackets', () => assert.equal(origin({ address: 'fd00::2' }), 'http://[fd00::2]:80'));

  test('of a service without an address is a finding', () => {
    const { address: _address, ...service } = serviceOf();
    const choice = chooseOrigin(service, {}, pluginOf('p').manifest, nothing, { port: 'x' });
    assert.ok('problem' in choice && choice.problem.code === 'E_NO_ADDRESS');
  });

  test('that is not plain names the ports and the label', () => {
    const choice = chooseOrigin(serviceOf({ ports: tcp(9000, 9001) }), {}, pluginOf('p').manifest, nothing, {
      port: 'sallyport.web.port',
    });
    assert.ok('problem' in choice);
    assert.match(choice.problem.message, /9000, 9001/);
    assert.match(choice.problem.hint ?? '', /sallyport\.web\.port/);
  });
});

describe('a service label', () => {
  const own: readonly (readonly [string, string])[] = [
    ['http://10.0.0.2:9000', 'http://10.0.0.2:9000'],
    ['https://app:9000', 'https://10.0.0.2:9000'],
    ['http://app', 'http://10.0.0.2:80'],
    ['ssh://app', 'ssh://10.0.0.2:22'],
    ['http_status:404', 'http_status:404'],
    ['hello_world', 'hello_world'],
  ];
  for (const [service, expected] of own)
    test(`${service} leads to the container itself`, () => assert.equal(origin({}, { service }), expected));

  const elsewhere = [
    'http://10.0.0.3:80',
    'http://10.0.0.2@evil.example:80',
    'http://localhost:80',
    'http://app.evil.example:80',
    'unix:/var/run/docker.sock',
    'tcp://db:5432',
    'bastion',
    'socks-proxy',
  ];
  for (const service of elsewhere) {
    test(`${service} leads elsewhere, and is held unless allowed`, () => {
      assert.equal(origin({}, { service }), 'E_LABEL_NOT_ALLOWED');
      assert.equal(origin({}, { service }, {}, everything), service);
      assert.equal(origin({ source: 'file' }, { service }), service);
    });
  }

  test('that names the container by a published port leads to where it is published', () => {
    assert.equal(origin({ ports: published([8080, 3000]) }, { service: 'http://app:3000' }), 'http://10.0.0.2:8080');
  });
});

describe('the originRequest', () => {
  const asked = { noTLSVerify: true, connectTimeout: 5, bastionMode: true, caPool: '/dev/zero' };

  test("is the plugin's with the label's over it, less what is not allowed", () => {
    const { manifest } = pluginOf('p', { ingress: { originRequest: { connectTimeout: 30, http2Origin: true } } });
    const { originRequest, findings } = chooseOriginRequest(serviceOf(), { originRequest: asked }, manifest, nothing);
    assert.deepEqual(originRequest, { connectTimeout: 5, http2Origin: true });
    assert.deepEqual(
      findings.map(({ code, message }) => [code, /origin\.(\w+)/.exec(message)?.[1]]),
      [
        ['E_LABEL_NOT_ALLOWED', 'noTLSVerify'],
        ['E_LABEL_NOT_ALLOWED', 'bastionMode'],
        ['E_LABEL_NOT_ALLOWED', 'caPool'],
      ],
    );
  });

  test('is all of it where it is allowed, or the operator wrote it', () => {
    const { manifest } = pluginOf('p');
    assert.deepEqual(
      chooseOriginRequest(serviceOf(), { originRequest: asked }, manifest, everything).originRequest,
      asked,
    );
    assert.deepEqual(
      chooseOriginRequest(serviceOf({ source: 'file' }), { originRequest: asked }, manifest, nothing).originRequest,
      asked,
    );
  });

  const own = pluginOf('p', {
    ingress: { originRequest: { noTLSVerify: true, httpHostHeader: 'localhost' } },
  }).manifest;
  const urls: readonly (readonly [string | undefined, boolean])[] = [
    ['https://10.0.0.2:9443', true],
    ['http://10.0.0.2:9000', false],
    ['http_status:503', false],
    [undefined, true],
  ];
  for (const [url, expected] of urls)
    test(`checks no certificate of ${url ?? 'what is not decided'}: ${expected}`, () => {
      const { originRequest } = chooseOriginRequest(serviceOf(), {}, own, nothing, url);
      assert.deepEqual(originRequest, { ...(expected ? { noTLSVerify: true } : {}), httpHostHeader: 'localhost' });
    });

  test('is absent when there is none', () => {
    assert.deepEqual(chooseOriginRequest(serviceOf(), {}, pluginOf('p').manifest, nothing), { findings: [] });
  });
});
