// The web server through injected requests: health, page, status, and who may ask for a pass.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';
import { AppError } from '../../src/errors.ts';
import type { Status } from '../../src/status.ts';
import { instanceProof } from '../../src/web/instance.ts';
import { listenWeb } from '../../src/web/server.ts';
import { createFixture } from './fixture.ts';

function web(status: Partial<Status> = {}, passes: string[] = [], ownNames: readonly string[] = ['nas']) {
  return createFixture({ status, ownNames, program: { pass: async () => passes.push('pass') } }).app;
}

describe('the web server', () => {
  test('says it is alive even when it is not ready', async () => {
    const app = web({ ready: false, revision: 0 });
    assert.equal((await app.inject('/healthz')).statusCode, 200);
    const ready = await app.inject('/readyz');
    assert.equal(ready.statusCode, 503);
    assert.deepEqual(ready.json(), { ready: false, firstPassDone: false, connections: 1 });
  });

  test('lists services with links, and escapes what containers are called', async () => {
    const page = (await web().inject('/')).body;
    assert.match(page, /<a href="http:\/\/evil\.localhost:8080\/">evil\.localhost<\/a>/);
    assert.ok(!page.includes('<script>') && !page.includes('<img'));
    assert.match(page, /&#60;script&#62;/);
  });

  test('gives the same as JSON', async () => {
    const answer = await web().inject('/api/status');
    assert.equal(answer.json().services[0].hostnames[0], 'evil.localhost');
    assert.equal(answer.json().connector.connections[0].state, 'connected');
  });

  test('runs a pass only for whoever shows the token', async () => {
    const passes: string[] = [];
    const app = web({}, passes);
    for (const authorization of [undefined, 'Bearer wrong', 'Bearer let-me-in2']) {
      const refused = await app.inject({
        method: 'POST',
        url: '/api/pass',
        headers: authorization === undefined ? {} : { authorization },
      });
      assert.equal(refused.statusCode, 401);
      assert.equal(refused.json().error.code, 'E_UNAUTHORIZED');
    }
    assert.deepEqual(passes, []);
    const done = await app.inject({ method: 'POST', url: '/api/pass', headers: { authorization: 'Bearer let-me-in' } });
    assert.equal(done.statusCode, 200);
    assert.deepEqual(passes, ['pass']);
  });

  test('proves that it has the token to whoever asks with a nonce, and differently each time', async () => {
    const ask = (nonce: string) => web().inject(`/api/instance?nonce=${nonce}`);
    const [one, two] = ['a'.repeat(64), 'b'.repeat(64)];
    assert.deepEqual((await ask(one)).json(), { proof: instanceProof('let-me-in', one) });
    assert.notEqual((await ask(two)).json().proof, (await ask(one)).json().proof);
    assert.notEqual(instanceProof('let-me-out', one), instanceProof('let-me-in', one));
    for (const nonce of ['', 'a', `${one}0`, 'G'.repeat(64)]) assert.equal((await ask(nonce)).statusCode, 400);
  });

  test('for this machine only, it refuses to be asked under a name of somebody else', async () => {
    const app = web({}, [], ['nas']);
    for (const url of ['/', '/api/status', '/metrics', '/healthz', '/nothing']) {
      const refused = await app.inject({ url, headers: { host: 'rebound.example:8090' } });
      assert.equal(refused.statusCode, 403);
      assert.equal(refused.json().error.code, 'E_FORBIDDEN');
      assert.ok(!refused.body.includes('evil.localhost'));
    }
    for (const host of ['127.0.0.1:8090', 'localhost:8090', 'nas'])
      assert.equal((await app.inject({ url: '/api/status', headers: { host } })).statusCode, 200);
    const elsewhere = createFixture({ ownNames: undefined }).app;
    assert.equal((await elsewhere.inject({ url: '/healthz', headers: { host: 'home.example' } })).statusCode, 200);
  });

  test('answers errors in one shape, whatever the path or body', async () => {
    const app = web();
    const missing = await app.inject('/nothing');
    assert.equal(missing.statusCode, 404);
    assert.equal(missing.json().error.code, 'E_NOT_FOUND');
    const broken = await app.inject({
      method: 'POST',
      url: '/api/pass',
      headers: { 'content-type': 'application/json', authorization: 'Bearer let-me-in' },
      body: '{',
    });
    assert.equal(broken.statusCode, 400);
    assert.equal(broken.json().error.code, 'E_INPUT_INVALID');
  });

  test('a port in use is an error that names the setting', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const bound = taken.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    const app = web();
    await assert.rejects(
      listenWeb(app, { host: '127.0.0.1', port }),
      (error: unknown) =>
        error instanceof AppError &&
        error.code === 'E_LISTEN' &&
        error.where === 'web.listen' &&
        /in use/.test(error.message),
    );
    await app.close();
    taken.close();
  });
});
