// Asking real servers: who is there, and what they speak.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { probeOrigin } from '../../src/doctor/probe.ts';
import { parseServiceUrl } from '../../src/ingress/service-url.ts';
import type { OriginRequest } from '../../src/model.ts';
import { createTestAuthority } from '../connector/native/certificates.ts';

const servers: Server[] = [];
let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'sallyport-probe-'));
});
after(() => {
  for (const server of servers) server.close();
  rmSync(dir, { recursive: true, force: true });
});

async function listen(server: Server, at: number | string = 0): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) =>
    server.listen(typeof at === 'string' ? { path: at } : { port: at, host: '127.0.0.1' }, resolve),
  );
  return typeof at === 'string' ? 0 : (server.address() as AddressInfo).port;
}

const probe = (service: string, originRequest: OriginRequest = {}, timeoutMs = 5_000) =>
  probeOrigin({
    target: parseServiceUrl(service, originRequest),
    originRequest,
    hostname: 'app.example.com',
    timeoutMs,
    signal: new AbortController().signal,
  });

const answerHost: RequestListener = (request, response) => {
  response.setHeader('x-seen', `${request.headers.host} ${request.headers['x-forwarded-proto']}`);
  response.end('x'.repeat(100_000));
};

describe('a probe', () => {
  test('of an HTTP server comes as through the edge, and reads a bounded answer', async () => {
    const port = await listen(createHttp(answerHost));
    const found = await probe(`http://127.0.0.1:${port}`);
    assert.ok(found?.kind === 'answered');
    assert.deepEqual([found.status, found.headers['x-seen'], found.body.length], [200, 'app.example.com https', 8192]);
  });

  test('uses the Host header of the rule', async () => {
    const port = await listen(createHttp(answerHost));
    const found = await probe(`http://127.0.0.1:${port}`, { httpHostHeader: 'inside' });
    assert.equal(found?.kind === 'answered' && found.headers['x-seen'], 'inside https');
  });

  test('of a unix socket works the same', async () => {
    const path = join(dir, 'app.sock');
    await listen(createHttp(answerHost), path);
    assert.equal((await probe(`unix:${path}`))?.kind, 'answered');
    assert.deepEqual(await probe(`unix:${path}.gone`), { kind: 'closed', code: 'ENOENT' });
  });

  test('says why a certificate is not trusted, and trusts what the rule names', async () => {
    const authority = await createTestAuthority();
    const { key, cert } = await authority.issue(['box']);
    const caPool = join(dir, 'ca.pem');
    writeFileSync(caPool, authority.caPem);
    const port = await listen(createHttps({ key, cert }, answerHost));
    const found = await probe(`https://127.0.0.1:${port}`);
    assert.equal(found?.kind === 'answered' && found.distrust, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    const trusted = await probe(`https://127.0.0.1:${port}`, { caPool, originServerName: 'box' });
    assert.equal(trusted?.kind === 'answered' && trusted.distrust, undefined);
    assert.deepEqual(await probe(`http://127.0.0.1:${port}`), { kind: 'other-protocol', speaks: 'https' });
  });

  test('finds plain HTTP where TLS was expected', async () => {
    const port = await listen(createHttp(answerHost));
    assert.deepEqual(await probe(`https://127.0.0.1:${port}`), { kind: 'other-protocol', speaks: 'http' });
  });

  test('reads an SSH greeting, and does not take it for HTTP', async () => {
    const port = await listen(
      createServer((socket) => socket.on('error', () => undefined).write('SSH-2.0-OpenSSH_9.2\r\n')),
    );
    assert.deepEqual(await probe(`ssh://127.0.0.1:${port}`), { kind: 'open', banner: 'SSH-2.0-OpenSSH_9.2\r\n' });
    assert.deepEqual(await probe(`http://127.0.0.1:${port}`), { kind: 'other-protocol', speaks: undefined });
  });

  test('of a port nobody has is closed, of one that says nothing silent', async () => {
    const quiet = createServer((socket) => socket.on('error', () => undefined));
    const port = await listen(quiet);
    assert.deepEqual(await probe(`http://127.0.0.1:${port}`, {}, 200), { kind: 'silent' });
    const gone = createServer();
    const old = await listen(gone);
    await new Promise((resolve) => gone.close(resolve));
    assert.deepEqual(await probe(`http://127.0.0.1:${old}`), { kind: 'closed', code: 'ECONNREFUSED' });
    assert.deepEqual(await probe(`tcp://127.0.0.1:${old}`), { kind: 'closed', code: 'ECONNREFUSED' });
  });

  test('of what the connector answers itself is none', async () => {
    for (const service of ['http_status:404', 'hello_world']) assert.equal(await probe(service), undefined);
  });
});
