// Nobody logs in over the internet without TLS.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secureUrl } from '../../../src/edge/gate/secure-url.ts';

const plain = { scheme: 'http', address: '198.51.100.7', authority: 'app.test', path: '/x?y=z' } as const;

for (const [name, request, port, expected] of [
  ['from the internet', plain, 8443, 'https://app.test/x?y=z'],
  ['with the usual port', { ...plain, authority: 'app.test:80' }, 443, 'https://app.test/x?y=z'],
  ['with a port of its own', { ...plain, authority: 'app.test:8080' }, 8443, 'https://app.test:8443/x?y=z'],
  ['over IPv6', { ...plain, address: '2001:db8::1' }, 443, 'https://app.test/x?y=z'],
  ['from who knows where', { ...plain, address: 'unknown' }, 443, 'https://app.test/x?y=z'],
  ['with bytes in the path', { ...plain, path: '/\u00e9' }, 443, 'https://app.test/'],
  ['over HTTPS', { ...plain, scheme: 'https' }, 443, undefined],
  ['where there is no HTTPS', plain, undefined, undefined],
  ['from this machine', { ...plain, address: '127.0.0.1' }, 443, undefined],
  ['from this machine over IPv6', { ...plain, address: '::1' }, 443, undefined],
  ['from the house', { ...plain, address: '192.168.1.9' }, 443, undefined],
  ['from the house over IPv6', { ...plain, address: 'fd00::9' }, 443, undefined],
  ['from a VPN', { ...plain, address: '100.100.1.1' }, 443, undefined],
] as const)
  test(`${name}: ${expected ?? 'stays'}`, () => assert.equal(secureUrl(request, port), expected));
