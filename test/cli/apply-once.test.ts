// `apply` by itself: how it ends when something is wrong that nobody foresaw.
import assert from 'node:assert/strict';
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

describe('`apply` without a running instance', () => {
  test('a bug in the pass that starting asks for ends it with the bug', async () => {
    const inputs = { file: home.settings(), env: {}, cwd: home.dir };
    const loaded = loadSettings(inputs);
    const logger = brokenAt('tunnel created');
    await assert.rejects(applyOnce({ confirmed: false, loaded, inputs, logger, env: {} }), /a bug/);
  });
});
