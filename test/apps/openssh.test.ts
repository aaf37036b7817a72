// Debian's OpenSSH server behind an ssh entry, used by git and rsync through `access ssh`: a clone, a push and a tree of files.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { noEngine } from '../docker/containers.ts';
import { type ServedApp, serveApp } from './app-container.ts';
import { missingPrograms } from './installed.ts';

const run = promisify(execFile);
const main = new URL('../../src/main.ts', import.meta.url).pathname;
const programs = ['/usr/sbin/sshd', '/usr/bin/ssh', '/usr/bin/git', '/usr/bin/rsync'];

const daemon = `
Port 2222
HostKey /data/key
AuthorizedKeysFile /data/id.pub
PermitRootLogin yes
UsePAM no
StrictModes no
`;

describe('OpenSSH', { skip: noEngine() ?? missingPrograms(...programs) ?? false }, () => {
  let served: ServedApp;
  let home: string;
  let env: Record<string, string>;
  before(async () => {
    home = mkdtempSync(join(tmpdir(), 'sallyport-git-'));
    for (const key of ['id', 'key'])
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(home, key)]);
    const file = (name: string) => [name, readFileSync(join(home, name), 'utf8')] as const;
    served = await serveApp({
      name: 'shell',
      image: 'linuxserver/openssh-server:latest',
      ports: [2222],
      files: { sshd_config: daemon, ...Object.fromEntries(['id.pub', 'key'].map(file)) },
      command: ['/bin/sh', '-c', 'chmod 600 /data/key && exec /usr/sbin/sshd -D -e -f /data/sshd_config'],
    });
    env = { PATH: process.env.PATH ?? '', HOME: home, GIT_CONFIG_GLOBAL: '/dev/null', GIT_SSH_COMMAND: sshCommand() };
  });
  after(async () => {
    await served?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  /** ssh as a user sets it up, but for this machine's known hosts. */
  function sshCommand(): string {
    const settings = join(home, 'client.yml');
    const { dataDir, httpsPort } = served.program;
    writeFileSync(settings, `data_dir: ${dataDir}\nembedded_edge: { https: "127.0.0.1:${httpsPort}" }\n`);
    const proxy = `${process.execPath} ${main} --settings ${settings} access ssh --hostname %h`;
    const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'BatchMode=yes', 'LogLevel=ERROR'];
    return `ssh -F none -i ${join(home, 'id')} ${options.map((option) => `-o ${option}`).join(' ')} -o 'ProxyCommand=${proxy}'`;
  }

  const git = async (cwd: string, ...args: string[]) =>
    (await run('git', ['-c', 'user.name=A', '-c', 'user.email=a@example.com', ...args], { cwd, env })).stdout.trim();

  test('is known by its image', () => {
    const service = served.program.status().services.find(({ name }) => name === 'shell');
    assert.equal(service?.plugin, 'ssh');
  });

  test('git pushes megabytes and clones them again', async () => {
    execFileSync('git', ['init', '-q', '--bare', '-b', 'main', join(served.data, 'gate.git')], { env });
    const work = join(home, 'work');
    mkdirSync(work);
    await git(work, 'init', '-q', '-b', 'main');
    const bytes = randomBytes(8 * 1024 * 1024);
    writeFileSync(join(work, 'bytes'), bytes);
    await git(work, 'add', '.');
    await git(work, 'commit', '-q', '-m', 'through the gate');
    await git(work, 'push', '-q', 'root@shell.localhost:/data/gate.git', 'main');
    await git(home, 'clone', '-q', 'root@shell.localhost:/data/gate.git', 'clone');
    assert.deepEqual(readFileSync(join(home, 'clone', 'bytes')), bytes);
    assert.equal(await git(join(home, 'clone'), 'log', '-1', '--format=%s'), 'through the gate');
  });

  test('rsync carries a tree of files there and back', async () => {
    const tree = join(home, 'tree');
    for (let folder = 0; folder < 20; folder++) {
      mkdirSync(join(tree, `${folder}`), { recursive: true });
      for (let file = 0; file < 20; file++) writeFileSync(join(tree, `${folder}`, `${file}`), randomBytes(5_000));
    }
    const rsync = (from: string, to: string) => run('rsync', ['-a', '-e', sshCommand(), from, to], { env });
    await rsync(`${tree}/`, 'root@shell.localhost:/data/tree/');
    await rsync('root@shell.localhost:/data/tree/', `${home}/again/`);
    execFileSync('diff', ['-r', tree, join(home, 'again')]);
  });
});
