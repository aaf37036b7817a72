// `drift` where nothing was changed by hand: it says so, and decides only what makes sense.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createHome, type Home, sallyport } from './command.ts';

let home: Home;
before(() => {
  home = createHome();
});
after(() => home.remove());

const run = (...args: readonly string[]) => sallyport('--settings', home.settings(), ...args);
const file = () => join(home.dataDir, 'choices.json');

describe('`drift` without drift', () => {
  test('says so, as a sentence and as JSON, and leaves nothing behind', async () => {
    assert.deepEqual(await run('drift'), { stdout: 'No rule of ours was changed by hand.\n', stderr: '', exit: 0 });
    assert.deepEqual(JSON.parse((await run('--json', 'drift')).stdout), { drift: [] });
    assert.equal(existsSync(home.dataDir), false);
  });

  for (const verb of ['keep', 'take'])
    test(`${verb}: there is nothing to decide about, and nothing is kept`, async () => {
      const { stdout, stderr, exit } = await run('drift', verb, 'hello');
      assert.deepEqual([stdout, exit], ['', 1]);
      assert.match(
        stderr,
        /^error E_INPUT_INVALID: no rule for hello\.localhost was changed by hand: see `sallyport drift`\n$/,
      );
      assert.equal(existsSync(file()), false);
    });

  test('ignore may come before there is anything to ignore, and `keep` takes it back', async () => {
    const ignored = await run('--json', 'drift', 'ignore', 'hello/api');
    assert.deepEqual(JSON.parse(ignored.stdout), {
      rules: ['hello.localhost /api'],
      decision: 'ignore',
      revision: null,
    });
    assert.deepEqual(JSON.parse(readFileSync(file(), 'utf8')).drift, { 'hello.localhost /api': 'ignore' });
    const { stdout, exit } = await run('drift', 'keep', 'hello');
    assert.equal(exit, 0);
    assert.match(stdout, /^hello\.localhost is ours again\.\nNo instance is running here: /);
    assert.deepEqual(JSON.parse(readFileSync(file(), 'utf8')).drift, { 'hello.localhost': 'mine' });
  });
});
