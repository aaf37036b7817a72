// The environment cloudflared is started with.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cloudflaredEnvironment } from '../../../src/connector/cloudflared/environment.ts';

test('only what cloudflared needs is passed on', () => {
  const own = { PATH: '/bin', TZ: 'UTC', SSL_CERT_FILE: '/ca.pem', SSL_CERT_DIR: '/ca', TMPDIR: '/tmp', HOME: '/root' };
  assert.deepEqual(cloudflaredEnvironment(own, '/state'), { ...own, HOME: '/state' });
});

const left = [
  'HTTP_PROXY',
  'https_proxy',
  'All_Proxy',
  'NO_PROXY',
  'no_proxy',
  'TUNNEL_TOKEN',
  'TUNNEL_EDGE',
  'tunnel_token',
  'NO_AUTOUPDATE',
  'STDIN_CONTROL',
  'SALLYPORT_CLOUDFLARE__API_TOKEN',
  'NODE_OPTIONS',
  'LD_PRELOAD',
];
for (const name of left) {
  test(`${name} stays behind`, () => {
    assert.deepEqual(cloudflaredEnvironment({ [name]: 'x' }, '/state'), { HOME: '/state' });
  });
}
