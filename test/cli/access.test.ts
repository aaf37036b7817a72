// What `access ssh-config` prints has to work from ssh's own folder, without `sallyport` on the PATH.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { createHome, type Home, sallyport } from './command.ts';

const run = promisify(execFile);

describe('access ssh-config', () => {
  let home: Home;
  before(() => {
    home = createHome();
  });
  after(() => home?.remove());

  /** The printed ProxyCommand, as ssh and its shell would start it, but only asking for help. */
  async function help(config: string) {
    const command = /^ {2}ProxyCommand (.*)$/m.exec(config)?.[1] ?? '';
    const expanded = command.replaceAll(/%(.)/g, (_, letter) => (letter === 'h' ? 'shell.localhost' : letter));
    return run('/bin/sh', ['-c', `exec ${expanded} --help`], { cwd: '/' });
  }

  test('names this program by its path', async () => {
    const { stdout, exit } = await sallyport('access', 'ssh-config', '--hostname', 'shell.localhost');
    assert.equal(exit, 0);
    assert.match(stdout, /^Host shell\.localhost\n {2}ProxyCommand \/.*\/sallyport\.mjs access ssh --hostname %h\n$/);
    assert.match((await help(stdout)).stdout, /^Usage: sallyport access ssh/);
  });

  test('names the settings file in use, whatever it is called', async () => {
    const folder = join(home.dir, "50% of bob's files");
    mkdirSync(folder);
    const file = join(folder, 'my settings.yml');
    renameSync(home.settings(), file);
    const { stdout } = await sallyport('--settings', file, 'access', 'ssh-config', '--hostname', 'shell.localhost');
    assert.match(stdout, /--settings '.*\/50%% of bob'\\''s files\/my settings\.yml' access ssh/);
    assert.match((await help(stdout)).stdout, /^Usage: sallyport access ssh/);
  });
});
