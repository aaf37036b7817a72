// Endpoints as people write them, and an engine that speaks TLS.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { parseEndpoint, remoteHostOf } from '../../src/sources/docker-endpoint.ts';
import { createDockerEngine } from '../../src/sources/docker-engine.ts';
import { createTestAuthority } from '../connector/native/certificates.ts';

const never = new AbortController().signal;

describe('an endpoint', () => {
  const cases: readonly (readonly [string, boolean, object, string | undefined])[] = [
    ['unix:///run/docker.sock', false, { kind: 'unix', socketPath: '/run/docker.sock' }, undefined],
    ['tcp://nas', false, { kind: 'tcp', host: 'nas', port: 2375, isTls: false }, 'nas'],
    ['tcp://nas/', true, { kind: 'tcp', host: 'nas', port: 2376, isTls: true }, 'nas'],
    ['tcp://[fd00::5]:99', false, { kind: 'tcp', host: 'fd00::5', port: 99, isTls: false }, 'fd00::5'],
    ['tcp://127.0.0.1:2375', false, { kind: 'tcp', host: '127.0.0.1', port: 2375, isTls: false }, undefined],
    ['ssh://nas', false, { kind: 'ssh', host: 'nas' }, 'nas'],
    ['ssh://me@192.168.1.5:2222', false, { kind: 'ssh', host: '192.168.1.5', user: 'me', port: 2222 }, '192.168.1.5'],
  ];
  for (const [text, hasTls, expected, remote] of cases)
    test(`${text} is read`, () => {
      const endpoint = parseEndpoint(text, hasTls);
      assert.deepEqual(endpoint, expected);
      assert.equal(remoteHostOf(endpoint), remote);
    });

  // What ssh would take for an option, or a shell for more than a name.
  for (const text of [
    'ssh://-oProxyCommand=x',
    'ssh://-l@nas',
    'ssh://a;b@nas',
    'ssh://nas/x',
    'ssh://me:secret@nas',
    'ssh://%2doProxy@nas',
    'ssh://',
  ])
    test(`${text} is refused`, () => assert.throws(() => parseEndpoint(text), { code: 'E_SETTINGS_INVALID' }));
});

describe('an engine that speaks TLS', () => {
  test('is shown our certificate, and must show one of the authority given', async (t) => {
    const [authority, stranger] = await Promise.all([createTestAuthority(), createTestAuthority()]);
    const server = createServer(
      { ...(await authority.issue(['localhost'])), requestCert: true, rejectUnauthorized: false },
      (request, response) => {
        // The test authority makes servers' certificates only: which one was shown is what counts here.
        const shown = (request.socket as TLSSocket).getPeerCertificate().subjectaltname;
        response.end(JSON.stringify([shown ?? 'nobody']));
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const dir = mkdtempSync(join(tmpdir(), 'sallyport-tls-'));
    t.after(() => {
      server.close();
      rmSync(dir, { recursive: true });
    });
    const write = (name: string, text: string) => {
      writeFileSync(join(dir, name), text);
      return join(dir, name);
    };
    const own = await authority.issue(['client']);
    const [cert, key] = [write('cert.pem', own.cert), write('key.pem', own.key)];
    const ca = write('ca.pem', authority.caPem);
    const url = `tcp://localhost:${(server.address() as AddressInfo).port}`;
    const ask = (tls: object) => createDockerEngine(url, { tls }).get('/containers/json', never);
    assert.deepEqual(await ask({ ca, cert, key }), ['DNS:client']);
    assert.deepEqual(await ask({ ca }), ['nobody']);
    await assert.rejects(ask({ ca: write('other.pem', stranger.caPem), cert, key }), { code: 'E_SOURCE_UNREACHABLE' });
    assert.throws(() => createDockerEngine(url, { tls: { ca: join(dir, 'none') } }), { code: 'E_SETTINGS_UNREADABLE' });
  });
});
