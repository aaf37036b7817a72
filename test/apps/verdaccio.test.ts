// Verdaccio from npm, used by npm itself: a package of many megabytes is published and installed through the embedded edge.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { noEngine } from '../docker/containers.ts';
import { nodeInside, type ServedApp, serveApp } from './app-container.ts';
import { missingPrograms, npmApp } from './installed.ts';

const run = promisify(execFile);
const missing = noEngine() ?? missingPrograms('/usr/bin/curl');
// One of its parts asks for a tag that not every mirror of the registry keeps.
const app = missing === undefined ? npmApp('verdaccio', '6.10.4', { 'node-fetch': '2.7.0' }) : { missing };
const folder = 'folder' in app ? app.folder : '';
const preload = new URL('localhost-names.mjs', import.meta.url).href;

const settings = `
storage: /data/storage
auth: { htpasswd: { file: /data/htpasswd, max_users: 10 } }
max_body_size: 200mb
packages: { '**': { access: $all, publish: $authenticated } }
log: { type: stdout, format: pretty, level: warn }
`;

describe('Verdaccio', { skip: 'missing' in app ? app.missing : false }, () => {
  const bytes = randomBytes(20 * 1024 * 1024);
  let served: ServedApp;
  let home: string;
  before(async () => {
    home = mkdtempSync(join(tmpdir(), 'sallyport-npm-'));
    served = await serveApp({
      name: 'npm',
      image: 'verdaccio/verdaccio:6',
      ports: [4873],
      folder,
      files: { 'settings.yaml': settings },
      command: [
        nodeInside,
        '/app/node_modules/verdaccio/bin/verdaccio',
        ...['--config', '/data/settings.yaml', '--listen', '0.0.0.0:4873'],
      ],
    });
  });
  after(async () => {
    await served?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  /** npm as somebody elsewhere has it: nothing of this machine's settings. */
  function npm(cwd: string, ...args: string[]) {
    const options = [
      `--registry=${served.url}/`,
      `--cafile=${served.ca}`,
      '--fetch-retries=0',
      `--userconfig=${join(home, 'npmrc')}`,
      '--loglevel=error',
    ];
    return run('npm', [...args, ...options], {
      cwd,
      env: {
        PATH: process.env.PATH,
        HOME: home,
        NODE_OPTIONS: `--import=${preload}`,
        npm_config_update_notifier: 'false',
      },
    });
  }

  /** What `npm adduser` would ask for and send. */
  async function addUser(): Promise<string> {
    const user = {
      _id: 'org.couchdb.user:guard',
      name: 'guard',
      password: 'a long enough one',
      type: 'user',
      roles: [],
    };
    const { stdout } = await run('curl', [
      ...['-sS', '--fail', '--cacert', served.ca, '-X', 'PUT', '-H', 'content-type: application/json'],
      ...['-d', JSON.stringify(user), `${served.url}/-/user/org.couchdb.user:guard`],
    ]);
    return (JSON.parse(stdout) as { token: string }).token;
  }

  test('is known by its image', () => {
    const service = served.program.status().services.find(({ name }) => name === 'npm');
    assert.equal(service?.plugin, 'verdaccio');
  });

  test('npm publishes twenty megabytes and installs the very same bytes', async () => {
    const host = new URL(served.url).host;
    writeFileSync(join(home, 'npmrc'), `//${host}/:_authToken=${await addUser()}\n`);
    const [from, to] = [join(home, 'from'), join(home, 'to')];
    for (const dir of [from, to]) mkdirSync(dir);
    writeFileSync(join(from, 'package.json'), JSON.stringify({ name: 'heavy', version: '1.0.0' }));
    writeFileSync(join(from, 'bytes'), bytes);
    await npm(from, 'publish');
    writeFileSync(join(to, 'package.json'), '{}');
    await npm(to, 'install', 'heavy', '--no-audit', '--no-fund');
    const sum = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
    assert.equal(sum(readFileSync(join(to, 'node_modules/heavy/bytes'))), sum(bytes));
    const lock = readFileSync(join(to, 'package-lock.json'), 'utf8');
    assert.ok(lock.includes(`${served.url}/heavy/-/heavy-1.0.0.tgz`), 'it names its files by their public address');
  });
});
