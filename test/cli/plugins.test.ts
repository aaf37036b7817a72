// `plugins list|show|check`: hundreds of apps in columns, one app on a page, and a plugin being written.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createHome, type Home, sallyport } from './command.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
let home: Home;
before(() => {
  home = createHome();
  for (const folder of ['theirs', 'theirs/grafana', 'theirs/broken', 'theirs/worked'])
    mkdirSync(join(home.dir, folder));
  home.write('theirs/grafana/plugin.yaml', manifest('grafana'));
  home.write('theirs/broken/plugin.yaml', 'id: [');
});
after(() => home.remove());

function manifest(id: string): string {
  return `id: ${id}\nname: My ${id}\ncategory: test\naccess: { sensitivity: protect }\n`;
}

async function plugins(lines: string, ...args: readonly string[]) {
  return sallyport('--settings', home.settings(lines), 'plugins', ...args);
}

describe('plugins list', () => {
  test('fits every app on a line that a terminal shows whole', async () => {
    const { stdout } = await plugins('', 'list');
    const lines = stdout.trimEnd().split('\n');
    assert.ok(lines.length > 300, String(lines.length));
    for (const line of lines) assert.ok(line.length <= 132, line);
    assert.match(lines[0] ?? '', /^ID +NAME +CATEGORY +SENSITIVITY +PORT +PRESETS +ORIGIN$/);
    assert.match(lines.at(-1) ?? '', /^\d+ apps$/);
  });

  test('shows those with all of the words, wherever they are', async () => {
    const { stdout } = await plugins('', 'list', 'linuxserver', 'ARR');
    const ids = stdout.split('\n').map((line) => line.split(' ')[0]);
    assert.deepEqual(
      ['sonarr', 'radarr', 'plex'].map((id) => ids.includes(id)),
      [true, true, false],
    );
  });

  test('says which are the user’s, what they take the place of, and what is wrong', async () => {
    const { stdout } = await plugins(`plugins: { dir: ${join(home.dir, 'theirs')} }`, 'list', 'grafana');
    assert.match(stdout, /^grafana +My grafana +test +protect +- +- +user, in place of ours$/m);
    assert.match(stdout, /apps, 1 of them yours\n$/);
  });
});

describe('plugins show', () => {
  test('writes the hostname into what to set', async () => {
    const { stdout } = await plugins('', 'show', 'grafana', '--hostname', 'metrics.example.com');
    assert.match(stdout, /^Grafana \(grafana\), monitoring, https:\/\/grafana\.com$/m);
    assert.match(stdout, /GF_SERVER_ROOT_URL=https:\/\/metrics\.example\.com\//);
    assert.match(stdout, /^ {4}sallyport\.access\.bypass=\/api\/$/m);
  });

  test('says of what is never opened why', async () => {
    const { stdout } = await plugins('', 'show', 'portainer');
    assert.match(stdout, /Sensitivity +never: it controls the Docker engine/);
    assert.match(stdout, /nothing of Portainer is opened without login/);
    assert.doesNotMatch(stdout, /access\.bypass=/);
  });

  test('of a name that is none names the nearest', async () => {
    const { stderr, exit } = await plugins('', 'show', 'grafna');
    assert.match(stderr, /error E_INPUT_INVALID: there is no plugin "grafna".*did you mean grafana\?/);
    assert.notEqual(exit, 0);
  });
});

describe('plugins check', () => {
  test('of a folder of plugins checks each', async () => {
    const { stderr, exit } = await plugins('', 'check', join(home.dir, 'theirs'));
    assert.equal(exit, 1);
    assert.match(stderr, /there is no fixture .*theirs\/grafana/);
    assert.match(stderr, /plugin\.yaml: .*theirs\/broken/);
  });

  test('is content with the example of the page on plugins, followed word by word', async () => {
    const page = readFileSync(join(root, 'plugins/README.md'), 'utf8');
    const blocks = [...page.matchAll(/```yaml\n# ([\w./-]+)\n([\s\S]*?)```/g)].map(([, name, text]) => ({
      name,
      text,
    }));
    assert.deepEqual(
      blocks.map(({ name }) => name),
      ['plugins/bookshelf/plugin.yaml', 'plugins/bookshelf/fixtures/default.yaml'],
    );
    mkdirSync(join(home.dir, 'plugins/bookshelf/fixtures'), { recursive: true });
    for (const { name = '', text = '' } of blocks) home.write(name, text);
    const { stdout, stderr, exit } = await plugins('', 'check', join(home.dir, 'plugins/bookshelf'));
    assert.deepEqual({ stdout, stderr, exit }, { stdout: 'OK bookshelf: 1 fixtures\n', stderr: '', exit: 0 });
  });

  test('names a fixture that does not come out', async () => {
    const copy = join(home.dir, 'copy/grafana');
    cpSync(join(root, 'plugins/grafana'), copy, { recursive: true });
    const file = readFileSync(join(copy, 'plugin.yaml'), 'utf8').replace('protocol: http', 'protocol: https');
    home.write('copy/grafana/plugin.yaml', file);
    const { stderr, exit } = await plugins('', 'check', copy);
    assert.equal(exit, 1);
    assert.match(stderr, /fixtures\/default\.yaml: entries: expected .*http:.* got .*https:/);
  });
});
