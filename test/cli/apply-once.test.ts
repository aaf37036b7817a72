// `apply` by itself: how it ends when something is wrong that nobody foresaw.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { applyOnce } from '../../src/cli/apply-once.ts';
import { createSilentLogger, type Logger } from '../../src/logger.ts';
import { loadSettings } from '../../src/settings/load.ts';
import { createHome, type Home } from './command.ts';

let home: Home;
before(() => {
  home = createHome();
});
after(() => home.remove());

/** A logger that breaks, once, at one message: a bug in the middle of whatever says it. */
function brokenAt(message: string): Logger {
  const silent = createSilentLogger();
  let isBroken = true;
  const info = (_fields: object, said: string) => {
    if (!isBroken || said !== message) return;
    isBroken = false;
    throw new TypeError('a bug');
  };
  return new Proxy(silent, { get: (target, key) => (key === 'info' ? info : Reflect.get(target, key)) });
}

describe('`apply` where something listens on web.listen', () => {
  const proofs: readonly [name: string, proof: unknown][] = [
    ['has no proof', undefined],
    ['guesses', '0'.repeat(64)],
    ['answers something else', 5],
  ];
  for (const [name, proof] of proofs)
    test(`that ${name}: it is not shown the token, and the command does the pass itself`, async () => {
      const heard: string[] = [];
      const server = createServer((request, response) => {
        heard.push(`${request.method} ${request.url?.split('?')[0]} ${request.headers.authorization ?? ''}`);
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ revision: 7, proof }));
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      try {
        const { port } = server.address() as AddressInfo;
        const inputs = {
          file: home.settings(`mode: dry-run\nweb: { listen: "127.0.0.1:${port}" }\n`),
          env: {},
          cwd: home.dir,
        };
        const logger = createSilentLogger();
        const { by } = await applyOnce({ confirmed: false, loaded: loadSettings(inputs), inputs, logger, env: {} });
        assert.equal(by, 'this command');
        assert.deepEqual(heard, ['GET /api/instance ']);
      } finally {
        server.closeAllConnections();
        server.close();
      }
    });
});

describe('`apply` without a running instance', () => {
  test('a bug in the pass that starting asks for ends it with the bug', async () => {
    const inputs = { file: home.settings(), env: {}, cwd: home.dir };
    const loaded = loadSettings(inputs);
    const logger = brokenAt('tunnel created');
    await assert.rejects(applyOnce({ confirmed: false, loaded, inputs, logger, env: {} }), /a bug/);
  });
});
